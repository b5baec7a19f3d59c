//! What clients listen to and publish to, as requests.

use std::{fmt::Display, net::SocketAddr, sync::Arc};

use serde_json::{Value, json};

use load::http::Request;

/// A topic of the app.
#[derive(Clone, Debug, Default)]
pub(crate) enum Feed {
    /// The one room of the page `/`.
    #[default]
    Chat,
    /// A room of the page `/rooms`. Its name has lower-case letters, digits and dashes only.
    Room(Arc<str>),
}

impl Feed {
    /// Returns a request for the stream, in one of the two forms that there are: that of a
    /// browser's `EventSource`, or that of our own client.
    pub(crate) fn listen(&self, node: SocketAddr, by_get: bool, last_event_id: &str) -> Vec<u8> {
        let path = match self {
            Self::Room(room) if by_get => format!("/_kipo/actions/rooms.Listen?room={room}"),
            Self::Room(_) => "/_kipo/actions/rooms.Listen".to_owned(),
            Self::Chat => "/_kipo/actions/chat.Listen".to_owned(),
        };
        let method = if by_get { "GET" } else { "POST" };
        let mut request = Request::new(method, &path, node).header("Accept", "text/event-stream");
        if !last_event_id.is_empty() {
            request = request.header("Last-Event-ID", last_event_id);
        }
        if by_get { request.end() } else { request.json(self.input(json!({})).as_bytes()) }
    }

    /// Returns a request that publishes a text once.
    pub(crate) fn send(&self, node: SocketAddr, text: &str, key: impl Display) -> Vec<u8> {
        let path = match self {
            Self::Room(_) => "/_kipo/actions/rooms.Send",
            Self::Chat => "/_kipo/actions/chat.Send",
        };
        let input = self.input(json!({ "username": "chaos", "message": text }));
        Request::new("POST", path, node)
            .header("Accept", "application/json")
            .header("Idempotency-Key", format_args!("\"{key}\""))
            .header("Connection", "close")
            .json(input.as_bytes())
    }

    fn input(&self, mut input: Value) -> String {
        if let Self::Room(room) = self {
            input["room"] = json!(**room);
        }
        input.to_string()
    }
}

/// Returns a request that makes a room.
pub(crate) fn create(node: SocketAddr, room: &str) -> Vec<u8> {
    Request::new("POST", "/_kipo/actions/rooms.Create", node)
        .header("Accept", "application/json")
        .header("Connection", "close")
        .json(json!({ "room": room }).to_string().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_named_in_the_query_or_in_the_body() {
        let (feed, node) = (Feed::Room("r-1".into()), ([127, 0, 0, 1], 80).into());
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let get = text(feed.listen(node, true, ""));
        assert!(get.starts_with("GET /_kipo/actions/rooms.Listen?room=r-1 HTTP/1.1\r\n"), "{get}");
        let post = text(feed.listen(node, false, "7"));
        assert!(post.contains("Last-Event-ID: 7\r\n"), "{post}");
        assert!(post.ends_with("\r\n\r\n{\"room\":\"r-1\"}"), "{post}");
        let chat = text(Feed::Chat.listen(node, false, ""));
        assert!(chat.ends_with("\r\n\r\n{}"), "{chat}");
    }
}
