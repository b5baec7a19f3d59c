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
    use super::*;
    use crate::actions::guestbook::book::Entry;

    #[tokio::test]
    async fn a_reader_receives_the_entries() {
        kipo::testing::open_topics();
        let entry = Entry {
            name: "Bea".into(),
            message: "So was I.".into(),
        };
        BOOK.publish(&BookEvent::Signed(entry)).await.unwrap();

        let text = kipo::testing::stream_until(Follow, Context::test(), "So was I.").await;
        assert!(text.contains("event: signed\n"));
        assert!(text.contains(r#"data: {"name":"Bea","message":"So was I."}"#));
    }
}
