//! The position in a topic, or in several, that a page is rendered with.

use std::sync::MutexGuard;

use kipo_topic::{Cursor, Event, MERGED_MAX, Positions, Topic};

use crate::{
    action::{
        context::{Context, lock},
        positions::TakenPosition,
    },
    error::{Error, Result},
};

impl Context {
    /// Returns the position after the newest message of a topic.
    ///
    /// A page takes the position before it reads its data. A stream that starts after it brings
    /// every message that the data may lack. If the data of a page is what the topic retains, the
    /// page shows only the messages up to the position. So each message is on the page or in the
    /// stream, once.
    ///
    /// If a page takes exactly one position, Kipo writes it into the head of the page, and the
    /// streams of the page that follow this topic start there by themselves. If the topic is made
    /// anew by then, such a stream gets a gap. For other streams the page's script passes a position
    /// to `.from(…)`.
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
        let mut positions = Positions::default();
        positions.add(topic.name(), position);
        self.taken().add(vec![topic.name().to_owned()], positions);
        Ok(position)
    }

    /// Returns the position after the newest messages of up to 8 topics, as one: for a page whose
    /// stream follows them all ([`EventStream::follow_all`](crate::EventStream::follow_all)).
    ///
    /// It counts as one position: if the page takes no other, Kipo writes it into the head of the
    /// page. Each stream of the page that follows some of these topics then starts there. A script
    /// passes its text to `.from(…)`.
    ///
    /// # Errors
    ///
    /// As for [`position`](Self::position); and a 400 for more than 8 topics.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has taken no position.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Event, PageContext, Result, Topics, data, page};
    ///
    /// #[derive(Event)]
    /// pub enum Board {
    ///     Card(String),
    /// }
    ///
    /// static BOARDS: Topics<u64, Board> = Topics::new("board");
    ///
    /// #[data]
    /// pub struct Desk {
    ///     cards: usize,
    /// }
    ///
    /// #[page("desk")]
    /// async fn desk(cx: PageContext) -> Result<Desk> {
    ///     let boards = [BOARDS.of(&1), BOARDS.of(&2)];
    ///     let positions = cx.positions(&boards).await?;
    ///     let mut cards = 0;
    ///     for board in &boards {
    ///         let messages = board.history().await?.into_iter();
    ///         // What was published after the position comes with the stream.
    ///         let shown = messages.filter(|card| positions.includes(board.name(), card.cursor()));
    ///         cards += shown.count();
    ///     }
    ///     Ok(Desk { cards })
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// BOARDS.of(&1).publish(&Board::Card("tea".into())).await.unwrap();
    /// assert_eq!(desk(Context::test().into()).await.unwrap().cards, 1);
    /// # });
    /// ```
    pub async fn positions<E: Event>(&self, topics: &[impl AsRef<Topic<E>>]) -> Result<Positions> {
        if topics.len() > MERGED_MAX {
            let message = format!("a position is in at most {MERGED_MAX} topics");
            return Err(Error::bad_request(message));
        }
        let (mut names, mut positions) = (Vec::with_capacity(topics.len()), Positions::default());
        for topic in topics.iter().map(AsRef::as_ref) {
            positions.add(topic.name(), topic.position().await?);
            names.push(topic.name().to_owned());
        }
        self.taken().add(names, positions.clone());
        Ok(positions)
    }

    /// Returns the position that this request has taken.
    pub(crate) fn taken_position(&self) -> TakenPosition {
        let additions = self.0.additions.get();
        additions.map(|additions| lock(&additions.position).clone()).unwrap_or_default()
    }

    fn taken(&self) -> MutexGuard<'_, TakenPosition> {
        lock(&self.additions().position)
    }
}
