//! `rooms.Send`

use kipo::{Action, Context, Result, action, data};

use crate::actions::chat::{
    hub::{Message, now_ms},
    text::{READABLE, readable},
};

use super::hub::{self, ROOMS, RoomEvent};

/// Sends one message to a room.
#[action]
pub struct Send {
    /// The name of the room.
    room: String,
    /// The name of the sender: 1 to 20 characters.
    #[validate(length(min = 1, max = 20), custom(function = readable))]
    #[schemars(regex(pattern = READABLE))]
    username: String,
    /// The text: 1 to 500 characters.
    #[validate(length(min = 1, max = 500), custom(function = readable))]
    #[schemars(regex(pattern = READABLE))]
    message: String,
}

/// The receipt of a message.
#[data]
pub struct Sent {
    /// The id under which every listener of the room receives the message.
    pub id: String,
}

impl Action for Send {
    type Output = Sent;

    async fn call(self, cx: Context) -> Result<Sent> {
        hub::must_be_open(&self.room).await?;
        let sent_at = now_ms()?;
        let message = Message { username: self.username, message: self.message, sent_at };
        // A page that gets no answer sends the message again with the same key: it is published once.
        let key = cx.idempotency_key()?;
        let position = ROOMS.of(&self.room).publish_once(key, &RoomEvent::Chat(message)).await?;
        Ok(Sent { id: position.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use kipo::Code;

    use super::*;
    use crate::actions::rooms::hub::Opened;

    #[tokio::test]
    async fn a_message_goes_to_its_room_alone() {
        kipo::testing::open_topics();
        for room in ["sent to", "not sent to"] {
            let opened = RoomEvent::Opened(Opened { opened_at: 0 });
            ROOMS.of(room).publish(&opened).await.unwrap();
        }
        let (room, username, message) = ("sent to".into(), "Ada".into(), "hello".into());
        let sent = Send { room, username, message }.call(Context::test()).await.unwrap();
        let history = hub::history("sent to").await.unwrap();
        assert_eq!(history.last().unwrap().cursor().to_string(), sent.id);
        assert_eq!(history.last().unwrap().json::<Message>().unwrap().message, "hello");
        assert_eq!(hub::history("not sent to").await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_message_makes_no_room() {
        kipo::testing::open_topics();
        for room in ["not made", "", "a/b", &"x".repeat(200)] {
            let send = Send { room: room.into(), username: "Ada".into(), message: "hello".into() };
            let refused = send.call(Context::test()).await.err().map(|error| error.code());
            assert_eq!(refused, Some(Code::NotFound), "{room:?}");
        }
        assert_eq!(ROOMS.list("not made", None, 10).await.unwrap(), [""; 0]);
    }
}
