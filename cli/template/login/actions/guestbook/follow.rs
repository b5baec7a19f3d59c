//! `guestbook.Follow`

use kipo::{Context, EventStream, Result, StreamAction, action};

use super::book::{BOOK, BookEvent};
use crate::user::User;

/// Streams the entries that this reader has not seen. The stream ends with the reader's session.
#[action]
pub struct Follow {
    #[context]
    _reader: User,
}

impl StreamAction for Follow {
    type Event = BookEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<BookEvent>) -> Result<()> {
        out.follow(&BOOK).await
    }
}

#[cfg(test)]
mod tests {
    use kipo::testing::json;

    use super::*;
    use crate::{
        actions::{
            account::{sign_out::SignOut, sign_up::SignUp},
            guestbook::book::Entry,
        },
        tests::start,
    };

    #[tokio::test]
    async fn a_reader_receives_the_entries_until_the_session_ends() {
        let app = start().await;
        let account = json!({ "name": "ann", "password": "correct horse" });
        app.call::<SignUp>(account).await.output();
        let mut book = app.stream::<Follow>(json!({})).await;
        let entry = Entry {
            name: "Bea".into(),
            message: "So was I.".into(),
        };
        BOOK.publish(&BookEvent::Signed(entry.clone()))
            .await
            .unwrap();
        // Other tests sign the same book.
        while let Some(BookEvent::Signed(read)) = book.next().await {
            if read == entry {
                break;
            }
        }

        app.call::<SignOut>(json!({})).await.output();
        assert_eq!(book.error().await.status, 401, "{book}");
    }
}
