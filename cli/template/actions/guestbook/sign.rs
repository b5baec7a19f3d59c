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
    use super::*;

    fn sign() -> Sign {
        Sign {
            name: "Ann".into(),
            message: "I was here.".into(),
        }
    }

    #[tokio::test]
    async fn an_entry_is_in_the_book_under_its_number() {
        kipo::testing::open_topics();
        let signed = sign().call(Context::test()).await.unwrap();

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
    async fn an_entry_that_is_sent_again_is_added_once() {
        kipo::testing::open_topics();
        let cx = || Context::test().with_header("idempotency-key", "\"7f3a\"");
        let first = sign().call(cx()).await.unwrap();
        let again = sign().call(cx()).await.unwrap();
        assert_eq!(first.number, again.number);
    }
}
