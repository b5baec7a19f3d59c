//! `guestbook.Sign`

use kipo::{Action, Context, Result, action, data};

use super::book::{BOOK, BookEvent, Entry};

/// Adds one entry to the book.
#[action]
pub struct Sign {
    #[validate(length(min = 1, max = 40))]
    name: String,
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
            name: self.name,
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
    use kipo::testing::{self, json};

    use super::*;

    #[tokio::test]
    async fn an_entry_is_in_the_book_under_its_number() {
        let app = testing::App::start(crate::app()).await;
        let entry = json!({ "name": "Ann", "message": "I was here." });
        let signed = app.call::<Sign>(entry).await.output();

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
    async fn an_entry_without_a_name_is_refused() {
        let app = testing::App::start(crate::app()).await;
        let entry = json!({ "name": "", "message": "I was here." });
        let error = app.call::<Sign>(entry).await.error();
        assert_eq!(error.code, "validation_failed");
        assert_eq!(error.fields.get("name"), ["must have 1 to 40 characters"]);
    }

    #[tokio::test]
    async fn an_entry_that_is_sent_again_is_added_once() {
        let app = testing::App::start(crate::app()).await;
        let page = app.client().with_header("idempotency-key", "\"7f3a\"");
        let entry = json!({ "name": "Cem", "message": "Me too." });
        let first = page.call::<Sign>(&entry).await.output();
        let again = page.call::<Sign>(&entry).await.output();
        assert_eq!(first.number, again.number);
    }
}
