//! `guestbook.Sign`

use kipo::{Action, Context, Result, action, data};

use super::book::{BOOK, BookEvent, Entry};
use crate::user::User;

/// Adds one entry to the book, under the name of the user.
#[action]
pub struct Sign {
    /// Who signs. A stranger is refused with a 401 before the body is read.
    #[context]
    user: User,
    #[validate(length(min = 1, max = 200))]
    message: String,
}

/// The receipt of an entry.
#[data]
pub struct Signed {
    /// The number of the entry, from 1.
    pub number: u64,
}

impl Action for Sign {
    type Output = Signed;

    async fn call(self, cx: Context) -> Result<Signed> {
        let entry = Entry {
            name: self.user.name,
            message: self.message,
        };
        // A page that gets no answer sends the entry again with the same key: it is added once.
        let position = BOOK
            .publish_once(cx.idempotency_key()?, &BookEvent::Signed(entry))
            .await?;
        Ok(Signed {
            number: position.seq(),
        })
    }
}

#[cfg(test)]
mod tests {
    use kipo::testing::{App, Client, json};

    use super::*;
    use crate::tests::start;

    /// Returns a client whose requests are those of a user, without a session.
    fn client_of(app: &App, name: &str) -> Client {
        let name = name.to_owned();
        app.client().with_value(User { id: 1, name })
    }

    #[tokio::test]
    async fn an_entry_is_in_the_book_under_its_number_and_the_name_of_the_user() {
        let app = start().await;
        let ann = client_of(&app, "Ann");
        let entry = json!({ "name": "Bob", "message": "I was here." });
        let signed = ann.call::<Sign>(entry).await.output();

        let history = BOOK.history().await.unwrap();
        let stored = history
            .iter()
            .find(|entry| entry.seq() == signed.number)
            .unwrap();
        let expected = Entry {
            name: "Ann".into(),
            message: "I was here.".into(),
        };
        assert_eq!(stored.json::<Entry>().unwrap(), expected);
    }

    #[tokio::test]
    async fn an_entry_without_a_message_is_refused() {
        let app = start().await;
        let ann = client_of(&app, "Ann");
        let error = ann.call::<Sign>(json!({ "message": "" })).await.error();
        assert_eq!(error.code, "validation_failed");
        assert_eq!(
            error.fields.get("message"),
            ["must have 1 to 200 characters"]
        );
    }

    #[tokio::test]
    async fn an_entry_that_is_sent_again_is_added_once() {
        let app = start().await;
        let page = client_of(&app, "Cem").with_header("idempotency-key", "\"7f3a\"");
        let entry = json!({ "message": "Me too." });
        let first = page.call::<Sign>(&entry).await.output();
        let again = page.call::<Sign>(&entry).await.output();
        assert_eq!(first.number, again.number);
    }
}
