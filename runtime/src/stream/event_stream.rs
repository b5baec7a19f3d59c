//! What a [`StreamAction`](crate::StreamAction) writes its events to.
//!
//! A bounded `Pipe` passes the events to the connection. While it is full, the action waits.

use std::{borrow::Cow, fmt, future::poll_fn, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use kipo_topic::{
    Batch, Event, Gap, GapReason, MERGED_MAX, Merged, MergedNext, Message, Next, Outlet, Positions,
    Subscription, Topic, Verdict, frame,
};

use crate::{
    error::{Error, Result},
    stream::{decode_event::DecodeEvent, frames, pipe::Pipe, translate::Translated},
};

/// After how many messages that the client does not read it is sent its position: so that it does not
/// miss them when they are trimmed.
const SKIPPED_MAX: u32 = 64;

/// The reasons of gaps, by which they are counted.
pub(crate) const GAP_REASONS: [GapReason; 4] =
    [GapReason::Trimmed, GapReason::NewGeneration, GapReason::Diverged, GapReason::TooMany];

/// The longest event id in bytes: clients send it back in a header field.
const ID_BYTES_MAX: usize = 128;

/// Sends the events of one stream to one client. Clones send to the same client.
///
/// Each event reaches the client whole or not at all. While the connection is open, no event is
/// lost. Events that must survive a lost connection belong in a [`Topic`], which
/// [`follow`](Self::follow) sends.
///
/// An action waits in [`send`](Self::send) while its client reads too slowly (backpressure).
///
/// # Examples
///
/// ```
/// use kipo::{Context, Event, EventStream, Result, StreamAction, action, testing};
///
/// #[derive(Event)]
/// pub enum Progress {
///     Percent(u8),
/// }
///
/// #[action]
/// pub struct Import;
///
/// impl StreamAction for Import {
///     type Event = Progress;
///     type Output = ();
///
///     async fn stream(self, _cx: Context, out: EventStream<Progress>) -> Result<()> {
///         out.send(Progress::Percent(50)).await?;
///         out.send(Progress::Percent(100)).await
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let read = testing::stream(Import, Context::test()).await;
/// assert!(read.contains("event: percent\ndata: 50\n\nevent: percent\ndata: 100\n\n"));
/// # });
/// ```
pub struct EventStream<E> {
    pipe: Arc<Pipe>,
    events: PhantomData<fn(E)>,
}

impl<E: Event> EventStream<E> {
    pub(crate) fn new(pipe: Arc<Pipe>) -> Self {
        Self { pipe, events: PhantomData }
    }

    /// Sends an event without an id. Waits while the client reads too slowly.
    ///
    /// # Errors
    ///
    /// Returns a 500 if JSON cannot represent the payload, or if it is larger than
    /// [`Limits::response_bytes_max`](crate::Limits::response_bytes_max).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has sent nothing.
    ///
    /// # Examples
    ///
    /// See [`EventStream`].
    pub async fn send(&self, event: E) -> Result<()> {
        self.pipe.wait_for_room().await;
        self.pipe.push_events(frames::event(&event, None, self.pipe.event_max())?, 1);
        Ok(())
    }

    /// Sends an event with an id. A client that reconnects sends the id of the last event back, as
    /// [`last_event_id`](Self::last_event_id).
    ///
    /// # Errors
    ///
    /// Returns a 500 if the id is empty, longer than 128 bytes or not visible ASCII, because a
    /// browser cannot send such an id back. Returns a 500 if JSON cannot represent the payload, or if
    /// it is larger than [`Limits::response_bytes_max`](crate::Limits::response_bytes_max).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has sent nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Event, EventStream, Result, StreamAction, action, testing};
    ///
    /// #[derive(Event)]
    /// pub enum Row {
    ///     Number(u32),
    /// }
    ///
    /// /// Sends the rows 1 to 3, and resumes after the last one that the client has read.
    /// #[action]
    /// pub struct Rows;
    ///
    /// impl StreamAction for Rows {
    ///     type Event = Row;
    ///     type Output = ();
    ///
    ///     async fn stream(self, _cx: Context, out: EventStream<Row>) -> Result<()> {
    ///         let last: u32 = out.last_event_id().and_then(|id| id.parse().ok()).unwrap_or(0);
    ///         for n in last + 1..=3 {
    ///             out.send_with_id(&n.to_string(), Row::Number(n)).await?;
    ///         }
    ///         Ok(())
    ///     }
    /// }
    ///
    /// # let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    /// # runtime.block_on(async {
    /// let cx = Context::test().with_header("last-event-id", "2");
    /// let read = testing::stream(Rows, cx).await;
    /// assert!(read.contains("event: number\ndata: 3\nid: 3\n\n"));
    /// assert!(!read.contains("id: 2\n"));
    /// # });
    /// ```
    pub async fn send_with_id(&self, id: &str, event: E) -> Result<()> {
        if !frame::is_one_line(id) {
            return Err(Error::internal(format!(
                "the event id {id:?} contains a line break or a NUL"
            )));
        }
        let is_visible = !id.is_empty() && id.bytes().all(|b| matches!(b, b' '..=b'~'));
        if !is_visible || id.len() > ID_BYTES_MAX {
            return Err(Error::internal(format!(
                "the event id {id:?} is not 1 to {ID_BYTES_MAX} ASCII characters"
            )));
        }
        self.pipe.wait_for_room().await;
        self.pipe.push_events(frames::event(&event, Some(id), self.pipe.event_max())?, 1);
        Ok(())
    }

    /// Returns the id of the last event that the client read before it reconnected, if any.
    ///
    /// See [`send_with_id`](Self::send_with_id) for an example.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.pipe.start()?.last_event_id.as_deref()
    }

    /// Sends a comment, which clients ignore. A stream also sends one by itself after a silence of
    /// [`Limits::ping`](crate::Limits::ping).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future has sent nothing.
    pub async fn heartbeat(&self) {
        self.pipe.wait_for_room().await;
        self.pipe.push(Bytes::from_static(frame::PING));
    }

    /// Waits until the client disconnects.
    ///
    /// The future of [`StreamAction::stream`](crate::StreamAction::stream) is dropped at that
    /// moment, so only a task that the action has spawned needs this.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses nothing.
    pub async fn closed(&self) {
        poll_fn(|task| self.pipe.poll_closed(task)).await;
    }

    /// Sends the messages of a topic until the client disconnects.
    ///
    /// A client that reconnects first reads the messages that it has missed, then new ones. It
    /// reads each message once and in order. On its first connection it starts after the position
    /// of this topic that its page was rendered with
    /// ([`Context::position`](crate::Context::position)), or else with the oldest retained message.
    /// If the topic was made anew since the page was rendered, that is a gap.
    /// If the topic no longer retains a missed message, the
    /// client reads one `kipo:gap` that says what is missing. While the engine of the topic cannot be
    /// reached, the client stays, and reads a `kipo:engine` at its beginning and its end.
    ///
    /// Returns when the topic was removed.
    ///
    /// # Errors
    ///
    /// Returns a 503 if the engine of the topic cannot be reached and nothing is in memory yet, and a
    /// 400 for a key that can be none.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a client that resumes reads again the messages that were not written.
    ///
    /// # Examples
    ///
    /// See [`testing::stream_until`](crate::testing::stream_until).
    pub async fn follow<T: Event>(&self, topic: &Topic<T>) -> Result<()> {
        // In a box: the stream would hold the room for this future for as long as it runs.
        let mut subscription = Box::pin(self.open(topic)).await?;
        let outlet: Arc<dyn Outlet> = Arc::clone(&self.pipe) as _;
        loop {
            // The batch is taken as late as possible, so all messages until then are one write.
            self.pipe.wait_until_empty().await;
            let (from, batch) = subscription.next_batch_through(&outlet).await;
            match batch {
                Batch::Frames(bytes) => {
                    // Numbers have no holes.
                    let messages = subscription.position().seq().saturating_sub(from.seq());
                    self.pipe.push_events(bytes, messages);
                }
                Batch::Gap(gap, to) => self.push_gap(gap, None, &to.to_string()),
                Batch::Link(link) => self.pipe.push(frames::engine(link)),
                Batch::Removed => return Ok(()),
            }
        }
    }

    /// Sends what `translate` makes of the events of a topic, until the client disconnects.
    ///
    /// `translate` gets each event, and the [`Message`] that carried it: its id, its number, its time.
    /// It returns whether the client reads the message (a `bool`), or the event that the client reads
    /// instead, if any (an `Option` of an event). Messages that the client does not read keep their
    /// numbers: positions and gaps are those of the topic, and a gap counts them as well.
    ///
    /// # Errors
    ///
    /// As for [`follow`](Self::follow); and the errors of `translate`, which end the stream. So does a
    /// message that is no event of type `T`, with a 500: another version of the app has published it.
    ///
    /// # Cancel safety
    ///
    /// As for `follow`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Event, EventStream, Result, StreamAction, Topic, action, testing};
    ///
    /// #[derive(Event)]
    /// pub enum Bid {
    ///     Offered(u32),
    ///     Closed,
    /// }
    ///
    /// static BIDS: Topic<Bid> = Topic::new("bids");
    ///
    /// /// Streams the bids from 100 on, and the end.
    /// #[action]
    /// pub struct HighBids;
    ///
    /// impl StreamAction for HighBids {
    ///     type Event = Bid;
    ///     type Output = ();
    ///
    ///     async fn stream(self, _cx: Context, out: EventStream<Bid>) -> Result<()> {
    ///         out.follow_with(&BIDS, |bid, _| Ok(matches!(bid, Bid::Offered(100..) | Bid::Closed))).await
    ///     }
    /// }
    ///
    /// /// Streams how many bids there were, at each tenth.
    /// #[derive(Event)]
    /// pub enum Count {
    ///     Bids(u64),
    /// }
    ///
    /// #[action]
    /// pub struct CountBids;
    ///
    /// impl StreamAction for CountBids {
    ///     type Event = Count;
    ///     type Output = ();
    ///
    ///     async fn stream(self, _cx: Context, out: EventStream<Count>) -> Result<()> {
    ///         out.follow_with(&BIDS, |_, message| {
    ///             let count = message.seq();
    ///             Ok((count % 10 == 0).then_some(Count::Bids(count)))
    ///         })
    ///         .await
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// BIDS.publish(&Bid::Offered(20)).await.unwrap();
    /// let high = BIDS.publish(&Bid::Offered(120)).await.unwrap();
    /// let read = testing::stream_until(HighBids, Context::test(), "data: 120").await;
    /// assert!(read.contains(&format!("event: offered\ndata: 120\nid: {high}\n\n")));
    /// assert!(!read.contains("data: 20\n"));
    ///
    /// for _ in 0..8 {
    ///     BIDS.publish(&Bid::Offered(1)).await.unwrap();
    /// }
    /// testing::stream_until(CountBids, Context::test(), "event: bids\ndata: 10\n").await;
    /// # });
    /// ```
    pub async fn follow_with<T: DecodeEvent, R: Translated<E>>(
        &self,
        topic: &Topic<T>,
        mut translate: impl FnMut(T, &Message) -> Result<R>,
    ) -> Result<()> {
        // In a box: the stream would hold the room for this future for as long as it runs.
        let mut subscription = Box::pin(self.open(topic)).await?;
        let mut skipped = 0;
        loop {
            self.pipe.wait_for_room().await;
            match subscription.next().await {
                Next::Message(message) => {
                    let id = message.cursor().to_string();
                    let event = decode(topic.name(), &message)?;
                    let event_max = self.pipe.event_max().0;
                    match translate(event, &message)?.frame(&message, &id, event_max)? {
                        Some(frame) => self.pipe.push_events(frame, 1),
                        None if skipped < SKIPPED_MAX => {
                            skipped += 1;
                            continue;
                        }
                        None => self.pipe.push(frame::position(format_args!("{id}"))),
                    }
                }
                Next::Gap(gap) => {
                    self.push_gap(gap, None, &subscription.position().to_string());
                }
                Next::Link(link) => self.pipe.push(frames::engine(link)),
                Next::Removed => return Ok(()),
            }
            skipped = 0;
        }
    }

    /// Sends the messages of up to 8 topics until the client disconnects.
    ///
    /// The client reads each topic once and in order, and at most one `kipo:gap` for each, which
    /// names the topic (`"topic"` in its data). The id of an event is the position in all of them, in
    /// at most 128 characters. On its first connection the client starts at the positions of these
    /// topics that its page was rendered with ([`Context::positions`](crate::Context::positions)).
    /// A topic without a position starts with its oldest retained message. Ends when all topics were
    /// removed.
    ///
    /// # Errors
    ///
    /// As for [`follow`](Self::follow); and a 400 for more than 8 topics.
    ///
    /// # Cancel safety
    ///
    /// As for `follow`.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Event, EventStream, Result, StreamAction, Topics, action, testing};
    ///
    /// #[derive(Event)]
    /// pub enum Board {
    ///     Card(String),
    /// }
    ///
    /// static BOARDS: Topics<u64, Board> = Topics::new("board");
    ///
    /// #[action]
    /// pub struct Watch {
    ///     boards: Vec<u64>,
    /// }
    ///
    /// impl StreamAction for Watch {
    ///     type Event = Board;
    ///     type Output = ();
    ///
    ///     async fn stream(self, _cx: Context, out: EventStream<Board>) -> Result<()> {
    ///         let boards: Vec<_> = self.boards.iter().map(|id| BOARDS.of(id)).collect();
    ///         out.follow_all(&boards).await
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// BOARDS.of(&1).publish(&Board::Card("one".into())).await.unwrap();
    /// BOARDS.of(&2).publish(&Board::Card("two".into())).await.unwrap();
    /// let watch = Watch { boards: vec![1, 2] };
    /// let read = testing::stream_until(watch, Context::test(), "two").await;
    /// assert!(read.contains("one"));
    /// # });
    /// ```
    pub async fn follow_all<T: Event>(&self, topics: &[impl AsRef<Topic<T>>]) -> Result<()> {
        if topics.len() > MERGED_MAX {
            let message = format!("one stream follows at most {MERGED_MAX} topics");
            return Err(Error::bad_request(message));
        }
        let of_page = || self.page_positions().map(|positions| positions.to_string().into());
        let from: Option<Cow<'_, str>> = self.last_event_id().map(Into::into).or_else(of_page);
        let mut merged = Merged::of(topics, from.as_deref()).await?;
        let worst = merged.resume().map(|(_, resume)| resume.verdict).reduce(|one, other| {
            if matches!(one, Verdict::Gap(_)) || other == Verdict::Fresh { one } else { other }
        });
        self.push_ready(worst.unwrap_or(Verdict::Fresh), &merged.position());
        loop {
            self.pipe.wait_for_room().await;
            let next = merged.next().await;
            let id = merged.position();
            match next {
                MergedNext::Message(_, message) => {
                    self.pipe.push_events(frames::message(&message, &id), 1);
                }
                MergedNext::Gap(topic, gap) => self.push_gap(gap, Some(&topic), &id),
                MergedNext::Link(link) => self.pipe.push(frames::engine(link)),
                MergedNext::Removed => return Ok(()),
            }
        }
    }

    /// Returns the positions in topics that the page of this stream was rendered with.
    fn page_positions(&self) -> Option<&Positions> {
        self.pipe.start()?.page_positions.as_ref()
    }

    /// Subscribes to a topic where the client goes on, and opens the stream there.
    async fn open<T: Event>(&self, topic: &Topic<T>) -> Result<Subscription<T>> {
        let subscription = topic.subscribe(self.start(topic).await?.as_deref()).await?;
        let resume = subscription.resume();
        self.push_ready(resume.verdict, &resume.from.to_string());
        Ok(subscription)
    }

    /// Sends the report of a gap; with the topic's name if the stream follows several.
    fn push_gap(&self, gap: Gap, topic: Option<&str>, id: &str) {
        if let Some(reason) = GAP_REASONS.iter().position(|reason| *reason == gap.reason) {
            self.pipe.meter().count_gap(reason);
        }
        self.pipe.push(frames::gap(gap, topic, id));
    }

    /// Opens the stream at a position.
    fn push_ready(&self, verdict: Verdict, position: &str) {
        // A client that disconnects before it has read the gap reconnects with its old id and
        // reads the gap then. So the id after the gap is on the gap itself, not on `kipo:ready`.
        let word = match verdict {
            Verdict::Gap(_) => return self.pipe.push_ready("gap", None),
            Verdict::Fresh => "fresh",
            Verdict::Resumed => "resumed",
        };
        self.pipe.push_ready(word, Some(format_args!("{position}")));
    }

    /// Returns the cursor that the client goes on after, if it has one for this topic.
    async fn start<T: Event>(&self, topic: &Topic<T>) -> Result<Option<Cow<'_, str>>> {
        if let Some(id) = self.last_event_id() {
            return Ok(Some(id.into()));
        }
        let Some(positions) = self.page_positions() else { return Ok(None) };
        // A page may have streams of several topics. The position of one is none in the others. One
        // of an earlier generation of this topic is a gap.
        let position = positions.of(topic.name(), topic.position().await?.generation());
        Ok(position.map(|position| position.to_string().into()))
    }
}

/// Returns the event of a message.
fn decode<T: DecodeEvent>(topic: &str, message: &Message) -> Result<T> {
    T::decode(message.event(), message.data()).map_err(|error| {
        let (id, event) = (message.cursor(), message.event());
        Error::internal(format!("message {id} of topic `{topic}`: no event `{event}`: {error}"))
    })
}

impl<E> Clone for EventStream<E> {
    fn clone(&self) -> Self {
        Self { pipe: Arc::clone(&self.pipe), events: PhantomData }
    }
}

impl<E> fmt::Debug for EventStream<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream").field("start", &self.pipe.start()).finish_non_exhaustive()
    }
}
