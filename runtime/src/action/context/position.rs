//! The position in a topic that a page is rendered with.

use std::sync::{MutexGuard, PoisonError};

use kipo_topic::{Cursor, Event, Topic};

use crate::{
    action::{context::Context, positions::Positions},
    error::Result,
};

impl Context {
    /// Returns the position after the newest message of a topic.
    ///
    /// A page takes the position before it reads its data. A stream that starts after it brings
    /// every message that the data may lack. If the data of a page is what the topic retains, the
    /// page shows only the messages up to the position. So each message is on the page or in the
    /// stream, once.
    ///
    /// If a page takes the position of exactly one topic, Kipo writes it into the head of the page,
    /// and the streams of the page that follow this topic start there by themselves. For other
    /// streams the page's script passes a position to `.from(…)`.
    ///
    /// # Errors
    ///
    /// Returns a 503 if the engine of the topic cannot be reached and nothing is in memory yet, and
    /// a 400 for a key that can be none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no position.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Event, PageContext, Result, Topic, data, page};
    ///
    /// #[derive(Event)]
    /// pub enum RoomEvent {
    ///     Said(String),
    /// }
    ///
    /// static ROOM: Topic<RoomEvent> = Topic::new("room");
    ///
    /// #[data]
    /// pub struct Room {
    ///     lines: Vec<String>,
    /// }
    ///
    /// #[page("room")]
    /// async fn room(cx: PageContext) -> Result<Room> {
    ///     let position = cx.position(&ROOM).await?;
    ///     let messages = ROOM.history().await?.into_iter();
    ///     // What was published after the position comes with the stream.
    ///     let shown = messages.filter(|message| message.seq() <= position.seq());
    ///     let lines = shown.map(|message| message.json());
    ///     Ok(Room { lines: lines.collect::<Result<_, _>>()? })
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// ROOM.publish(&RoomEvent::Said("hello".into())).await.unwrap();
    /// assert_eq!(room(Context::test().into()).await.unwrap().lines, ["hello"]);
    /// # });
    /// ```
    pub async fn position<E: Event>(&self, topic: &Topic<E>) -> Result<Cursor> {
        let position = topic.position().await?;
        self.taken().add(position);
        Ok(position)
    }

    /// Returns the positions that this request has taken.
    pub(crate) fn positions(&self) -> Positions {
        *self.taken()
    }

    fn taken(&self) -> MutexGuard<'_, Positions> {
        // A panic while a position is added leaves them valid.
        self.0.positions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
