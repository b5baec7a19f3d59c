//! `chat.Send`

use std::time::{SystemTime, UNIX_EPOCH};

use kipo::{Action, Context, Result, action, data};

use super::hub::{Message, ROOM, RoomEvent};

/// Posts one message to the room.
#[action]
pub struct Send {
    /// Who says it: 1 to 20 characters.
    #[validate(length(min = 1, max = 20), custom(function = not_blank))]
    username: String,
    /// What is said: 1 to 500 characters.
    #[validate(length(min = 1, max = 500), custom(function = not_blank))]
    message: String,
}

/// The receipt of a message.
#[data]
pub struct Sent {
    /// The id that the message has at every listener.
    pub id: String,
}

impl Action for Send {
    type Output = Sent;

    async fn call(self, cx: Context) -> Result<Sent> {
        let since = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let sent_at = u64::try_from(since.as_millis())?;
        let message = Message { username: self.username, message: self.message, sent_at };
        // A page that was not answered sends it again, with the same key: one message.
        let place = ROOM.publish_once(cx.idempotency_key()?, &RoomEvent::Chat(message)).await?;
        Ok(Sent { id: place.to_string() })
    }
}

/// A text of spaces would look like none.
fn not_blank(text: &str) -> std::result::Result<(), &'static str> {
    if text.trim().is_empty() { Err("must not be blank") } else { Ok(()) }
}
