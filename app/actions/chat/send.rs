//! `chat.Send`

use kipo::{Action, Context, Result, action, data};

use super::{
    hub::{self, Message, ROOM, RoomEvent},
    text::{READABLE, readable},
};

/// Sends one message to the room.
#[action]
pub struct Send {
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
    /// The id under which every listener receives the message.
    pub id: String,
}

impl Action for Send {
    type Output = Sent;

    async fn call(self, cx: Context) -> Result<Sent> {
        let sent_at = hub::now_ms()?;
        let message = Message { username: self.username, message: self.message, sent_at };
        // A page that gets no answer sends the message again with the same key: it is published once.
        let position = ROOM.publish_once(cx.idempotency_key()?, &RoomEvent::Chat(message)).await?;
        Ok(Sent { id: position.to_string() })
    }
}

#[cfg(test)]
mod tests {
    use kipo::{FieldErrors, Input as _};

    use super::*;

    fn send(username: &str, message: &str) -> Send {
        Send { username: username.to_owned(), message: message.to_owned() }
    }

    /// Checks a text both as a name and as a message.
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        for (field, send) in [("username", send(text, "hello")), ("message", send("Ada", text))] {
            let mut errors = FieldErrors::default();
            send.validate(&mut errors);
            assert_eq!(errors.get(field), expected, "{field} {text:?}");
        }
    }

    #[test]
    fn control_characters_are_refused_except_line_breaks() {
        for text in ["a\0", "\u{7}a", "a\u{1b}[31m", "a\tb", "a\u{7f}", "a\u{85}", "a\u{9b}"] {
            check(text, &["must not contain control characters"]);
        }
        check("one\ntwo\r\nthree", &[]);
    }

    #[test]
    fn a_text_of_white_space_is_refused() {
        check(" \n ", &["must not be blank"]);
        check("\u{a0}\u{2003}", &["must not be blank"]);
    }

    #[test]
    fn characters_that_change_the_direction_of_text_are_accepted() {
        check("\u{202e}Ada", &[]);
        check("\u{2067}שלום", &[]);
    }

    #[tokio::test]
    async fn the_answer_is_the_id_of_the_message_in_the_room() {
        kipo::testing::open_topics();
        let sent = send("Ada", "hello").call(Context::test()).await.unwrap();
        let history = ROOM.history().await.unwrap();
        let record = history.iter().find(|record| sent.id.contains(&format!("-{}-", record.seq())));
        let message: Message = record.unwrap().json().unwrap();
        assert_eq!((message.username.as_str(), message.message.as_str()), ("Ada", "hello"));
    }
}
