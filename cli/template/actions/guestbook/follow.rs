//! `guestbook.Follow`

use kipo::{Context, EventStream, Result, StreamAction, action};

use super::book::{BOOK, BookEvent};

/// Streams the entries that this reader has not seen.
#[action]
pub struct Follow;

impl StreamAction for Follow {
    type Event = BookEvent;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<BookEvent>) -> Result<()> {
        out.follow(&BOOK).await
    }
}

#[cfg(test)]
mod tests {
    use kipo::testing::{self, json};

    use super::*;
    use crate::actions::guestbook::book::Entry;

    #[tokio::test]
    async fn a_reader_receives_the_entries() {
        let app = testing::App::start(crate::app()).await;
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
                return;
            }
        }
        panic!("the stream has ended\n{book}");
    }
}
