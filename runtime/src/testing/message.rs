//! What a stream sends, as its client reads it.

use kipo_topic::frame;
use serde::Deserialize;
use serde_json::Value;

use crate::{stream::DecodeEvent, testing::response::Problem};

/// One message of a stream.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Message<E> {
    /// An event of the action.
    Event(E),
    /// The listener misses messages of a topic.
    Gap(Gap),
    /// Whether the engine of a topic can be reached.
    Engine {
        /// It answers.
        reachable: bool,
    },
    /// The action has ended with this output.
    Complete(Value),
    /// The action has failed.
    Error(Problem),
    /// The server ends the connection and asks the client to reconnect, as in a drain.
    Retry {
        /// The delay before the client reconnects, in milliseconds.
        ms: u64,
    },
}

/// The report that a listener misses messages.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Gap {
    /// Why, such as `trimmed` or `new_generation`.
    pub reason: String,
    /// How many messages it misses, if that is known.
    pub missed: Option<u64>,
    /// The number of the first message that follows.
    pub first: u64,
    /// The topic, if the stream follows several.
    #[serde(default)]
    pub topic: Option<String>,
}

/// One frame of a stream as text: its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RawFrame {
    pub(super) event: String,
    pub(super) data: String,
    pub(super) id: Option<String>,
    retry: Option<u64>,
}

impl RawFrame {
    /// Reads the fields of one frame. Comments have none.
    pub(super) fn of(text: &str) -> Self {
        let mut raw = Self::default();
        for (field, value) in text.lines().filter_map(|line| line.split_once(':')) {
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "event" => value.clone_into(&mut raw.event),
                "data" => raw.data.push_str(value),
                "id" => raw.id = Some(value.to_owned()),
                "retry" => raw.retry = value.parse().ok(),
                _ => {}
            }
        }
        raw
    }

    /// Returns how the stream has begun, if the frame reports that.
    pub(super) fn resume(&self) -> Option<String> {
        if self.event != frame::READY {
            return None;
        }
        let ready = serde_json::from_str::<Value>(&self.data).ok()?;
        ready["resume"].as_str().map(str::to_owned)
    }

    /// Returns the message, or `None` for a frame without one: a comment, an id, `kipo:ready`.
    ///
    /// # Errors
    ///
    /// Returns an error if the data is not what its event announces.
    pub(super) fn message<E: DecodeEvent>(&self) -> serde_json::Result<Option<Message<E>>> {
        let json = || serde_json::from_str::<Value>(&self.data);
        Ok(Some(match self.event.as_str() {
            "" => match self.retry {
                Some(ms) => Message::Retry { ms },
                None => return Ok(None),
            },
            frame::READY => return Ok(None),
            frame::GAP => Message::Gap(serde_json::from_str(&self.data)?),
            frame::ENGINE => Message::Engine { reachable: json()?["reachable"] == true },
            frame::COMPLETE => Message::Complete(json()?),
            frame::ERROR => match Problem::of(&json()?) {
                Some(problem) => Message::Error(problem),
                None => {
                    return Err(serde::de::Error::custom("an error without its problem document"));
                }
            },
            name => Message::Event(E::decode(name, &self.data)?),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, crate::Event)]
    enum News {
        Headline(String),
    }

    #[track_caller]
    fn check(text: &str, expected: Option<&Message<News>>) {
        assert_eq!(RawFrame::of(text).message::<News>().unwrap().as_ref(), expected, "{text}");
    }

    #[test]
    fn each_frame_of_a_stream_is_a_message() {
        let headline = Message::Event(News::Headline("tea".to_owned()));
        check("event: headline\ndata: \"tea\"\nid: 7", Some(&headline));
        check("event: kipo:ready\ndata: {\"resume\":\"fresh\",\"ping_ms\":1}", None);
        check(": ping", None);
        check("id: 7", None);
        check("retry: 1500", Some(&Message::Retry { ms: 1500 }));
        check("event: complete\ndata: null", Some(&Message::Complete(Value::Null)));
        let gap = Gap { reason: "trimmed".to_owned(), missed: None, first: 3, topic: None };
        let text = "event: kipo:gap\ndata: {\"reason\":\"trimmed\",\"missed\":null,\"first\":3}";
        check(text, Some(&Message::Gap(gap)));
        assert!(RawFrame::of("event: headline\ndata: 7").message::<News>().is_err());
        assert!(RawFrame::of("event: error\ndata: {}").message::<News>().is_err());
    }
}
