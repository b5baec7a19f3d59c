//! `guestbook.Sign`

use kipo::{Action, Context, Result, action, data};

use super::book::{BOOK, BookEvent, Entry};

/// Writes one entry into the book.
#[action]
pub struct Sign {
    #[validate(length(min = 1, max = 40))]
    name: String,
    #[validate(length(min = 1, max = 200))]
    message: String,
}

/// What the one who signed is told.
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
        // A page that was not answered sends it again, with the same key: one entry.
        let place = BOOK
            .publish_once(cx.idempotency_key()?, &BookEvent::Signed(entry))
            .await?;
        Ok(Signed {
            number: place.seq(),
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

        let history = BOOK.history();
        let kept = history
            .iter()
            .find(|entry| entry.seq() == signed.number)
            .unwrap();
        let expected = Entry {
            name: "Ann".into(),
            message: "I was here.".into(),
        };
        assert_eq!(kept.json::<Entry>().unwrap(), expected);
    }

    #[tokio::test]
    async fn what_is_sent_again_is_one_entry() {
        kipo::testing::open_topics();
        let cx = || Context::test().with_header("idempotency-key", "\"7f3a\"");
        let first = sign().call(cx()).await.unwrap();
        let again = sign().call(cx()).await.unwrap();
        assert_eq!(first.number, again.number);
    }
}
