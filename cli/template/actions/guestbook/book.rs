//! The topic of the guestbook: its entries, which every reader follows.

use kipo::{Durability, Event, Topic, data, topic};

/// The book. Readers see an entry only after it is stored on disk, so a restart loses none.
#[topic]
pub static BOOK: Topic<BookEvent> = Topic::durable("guestbook", Durability::Fsync).keep(100);

/// An event of the book.
#[derive(Event)]
pub enum BookEvent {
    /// Someone has signed the book.
    Signed(Entry),
}

/// One entry, as all readers see it.
#[data]
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The name of the writer.
    pub name: String,
    /// The text. It is never markup.
    pub message: String,
}
