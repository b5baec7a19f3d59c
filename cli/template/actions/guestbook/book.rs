//! The guestbook itself: what was written, and everybody who reads.

use kipo::{Durability, Event, Topic, data, topic};

/// Every entry is on the disk before anybody sees it: a restart shows the same book.
#[topic]
pub static BOOK: Topic<BookEvent> = Topic::durable("guestbook", Durability::Fsync).keep(100);

/// What happens in the book.
#[derive(Event)]
pub enum BookEvent {
    /// Somebody signed it.
    Signed(Entry),
}

/// One entry, as everybody sees it.
#[data]
#[derive(Debug, PartialEq)]
pub struct Entry {
    /// Who wrote it.
    pub name: String,
    /// What they wrote: text, never markup.
    pub message: String,
}
