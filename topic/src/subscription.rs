//! A listener's position in a topic, and what it reads from there.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    sync::Arc,
    task::{Context as Task, Poll},
};

use bytes::Bytes;

use crate::{
    channel::{self, Behind, Channel, Entered, State, Unconfirmed, View},
    engine::Link,
    event::Event,
    log::{
        Follows, Log,
        cursor::Cursor,
        retention::Retention,
        verdict::{Gap, Resume, Verdict},
    },
    message::Message,
};

/// A listener's position in a topic.
///
/// [`next`](Self::next) reads one message at a time; [`next_batch`](Self::next_batch) reads all
/// that is pending as event-stream frames, for a connection.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::{GapReason, Next, Topic};
/// # struct N(u32);
/// # impl Event for N {
/// #     fn name(&self) -> &'static str { "n" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, &self.0)
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let topic = Topic::new("numbers").keep(2);
/// let mut listener = topic.subscribe(None).await?;
/// for n in 1..=3 {
///     topic.publish(&N(n)).await?;
/// }
///
/// // The topic retains two messages: this listener misses the first one, and is told so.
/// let Next::Gap(gap) = listener.next().await else { panic!("a gap") };
/// assert_eq!((gap.reason, gap.missed, gap.first), (GapReason::Trimmed, Some(1), 2));
/// let Next::Message(message) = listener.next().await else { panic!("a message") };
/// assert_eq!(message.seq(), 2);
/// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
/// ```
pub struct Subscription<E> {
    channel: Arc<Channel>,
    /// Keeps the topic loaded while it has listeners.
    _topic: Arc<dyn Send + Sync>,
    at: Position,
    /// Its slot among the waiters.
    slot: usize,
    /// What the listener reads before the next message.
    gap: Option<Gap>,
    resume: Resume,
    events: PhantomData<fn() -> E>,
}

/// Where a listener is, and what it was told.
#[derive(Debug)]
struct Position {
    /// The position after the last message that the listener has read.
    cursor: Cursor,
    /// What the listener knows of the channel.
    state: State,
    /// What confirms the position, if the log did not know it when the listener came.
    unconfirmed: Option<Unconfirmed>,
    /// What it reads from while the next message is not in memory.
    behind: Option<Behind>,
}

/// What a listener reads next.
///
/// # Examples
///
/// See [`Subscription`].
#[derive(Clone, Debug)]
pub enum Next {
    /// The next message.
    Message(Message),
    /// Messages that the listener will not read.
    Gap(Gap),
    /// The topic's engine cannot be reached any more ([`Link::Down`]), so messages may be late; or
    /// it can again. All messages that it has are read after that, in order.
    Link(Link),
    /// The topic was removed. There is nothing to read any more.
    Removed,
}

/// What a connection writes next: whole frames at once.
///
/// # Examples
///
/// See [`Subscription::next_batch`].
#[derive(Clone, Debug)]
pub enum Batch {
    /// One or more whole event-stream frames, in order.
    Frames(Bytes),
    /// Messages that the listener will not read, and the position that follows them.
    Gap(Gap, Cursor),
    /// See [`Next::Link`].
    Link(Link),
    /// See [`Next::Removed`].
    Removed,
}

impl<E: Event> Subscription<E> {
    pub(crate) fn new(
        channel: Arc<Channel>,
        topic: Arc<dyn Send + Sync>,
        from: Option<&str>,
    ) -> Self {
        let Entered { slot, resume, state, unconfirmed } = channel.enter(from);
        let gap = match resume.verdict {
            Verdict::Gap(gap) => Some(gap),
            Verdict::Fresh | Verdict::Resumed => None,
        };
        // A listener that comes while the engine is away is told so.
        let state = State { link: Link::Up, ..state };
        let at = Position { cursor: resume.from, state, unconfirmed, behind: None };
        Self { channel, _topic: topic, at, slot, gap, resume, events: PhantomData }
    }

    /// Waits for the next message, or for the report that some are missing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the position moves when the future completes, and not before.
    pub async fn next(&mut self) -> Next {
        if let Some(gap) = self.gap.take() {
            return Next::Gap(gap);
        }
        poll_fn(|task| {
            self.poll(task, |at, view| {
                Some(match at.catch_up(view)? {
                    News::Messages => {
                        let message = Message::of(at.source(view.log), at.cursor.seq + 1)?;
                        at.advance(message.cursor());
                        Next::Message(message)
                    }
                    News::Gap(gap) => Next::Gap(gap),
                    News::Link(link) => Next::Link(link),
                    News::Removed => Next::Removed,
                })
            })
        })
        .await
    }

    /// Waits for frames, and returns all that are pending, up to 64 KiB, as one piece. A single
    /// larger message comes alone.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the position moves when the future completes, and not before.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo_topic::Event;
    /// use kipo_topic::{Batch, Topic};
    /// # struct N(u32);
    /// # impl Event for N {
    /// #     fn name(&self) -> &'static str { "n" }
    /// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
    /// #         serde_json::to_writer(out, &self.0)
    /// #     }
    /// # }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic = Topic::new("numbers");
    /// let mut listener = topic.subscribe(None).await?;
    /// let first = topic.publish(&N(1)).await?;
    /// let second = topic.publish(&N(2)).await?;
    ///
    /// let Batch::Frames(bytes) = listener.next_batch().await else { panic!("no gap") };
    /// let text = format!("event: n\ndata: 1\nid: {first}\n\nevent: n\ndata: 2\nid: {second}\n\n");
    /// assert_eq!(bytes, text);
    /// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
    /// ```
    pub async fn next_batch(&mut self) -> Batch {
        if let Some(gap) = self.gap.take() {
            return Batch::Gap(gap, self.resume.from);
        }
        poll_fn(|task| {
            self.poll(task, |at, view| {
                Some(match at.catch_up(view)? {
                    News::Messages => {
                        let (bytes, to) = at.source(view.log).frames(at.cursor.seq)?;
                        at.advance(to);
                        Batch::Frames(bytes)
                    }
                    News::Gap(gap) => Batch::Gap(gap, at.cursor),
                    News::Link(link) => Batch::Link(link),
                    News::Removed => Batch::Removed,
                })
            })
        })
        .await
    }

    /// Returns the position that the listener started from, and why it is that one.
    ///
    /// Over an engine that many nodes share, a cursor that this node does not know is
    /// [`Verdict::Resumed`] at first: another node may be ahead. The listener reads what follows it
    /// once this node has caught up, or a gap once the engine has answered that it has no such
    /// position.
    ///
    /// # Examples
    ///
    /// ```
    /// # use kipo_topic::Event;
    /// use kipo_topic::{GapReason, Topic, Verdict};
    /// # struct N;
    /// # impl Event for N {
    /// #     fn name(&self) -> &'static str { "n" }
    /// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
    /// #         serde_json::to_writer(out, &())
    /// #     }
    /// # }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let topic: Topic<N> = Topic::new("numbers");
    /// assert_eq!(topic.subscribe(None).await?.resume().verdict, Verdict::Fresh);
    ///
    /// // A cursor of another topic, or one that is none, is a gap and not an error.
    /// let Verdict::Gap(gap) = topic.subscribe(Some("42")).await?.resume().verdict else { panic!() };
    /// assert_eq!(gap.reason, GapReason::NewGeneration);
    /// # Ok::<_, kipo_topic::ReadError>(()) }).unwrap();
    /// ```
    #[must_use]
    pub fn resume(&self) -> Resume {
        self.resume
    }

    /// Returns the position after the last message that was read.
    #[must_use]
    pub fn position(&self) -> Cursor {
        self.at.cursor
    }

    /// Returns whether the listener waits for a page or reads one.
    #[cfg(all(test, not(kipo_loom)))]
    pub(crate) fn is_behind(&self) -> bool {
        self.at.behind.is_some()
    }

    /// Reads, or registers the waker until there is something to read. Both happen under one
    /// lock, so that no message falls in between.
    fn poll<T>(
        &mut self,
        task: &Task<'_>,
        read: impl FnOnce(&mut Position, &mut View<'_>) -> Option<T>,
    ) -> Poll<T> {
        let at = &mut self.at;
        self.channel.poll(self.slot, task.waker(), |view| read(at, view))
    }
}

/// What there is for a listener.
enum News {
    /// The next message, in what [`Position::source`] returns.
    Messages,
    Gap(Gap),
    Link(Link),
    Removed,
}

impl Position {
    /// Returns what there is for a listener at this position, if anything.
    fn catch_up(&mut self, view: &mut View<'_>) -> Option<News> {
        let (log, state) = (view.log, view.state);
        if let Some(Unconfirmed { check, retention }) = self.unconfirmed {
            let resume = log.resume_at(&retention, self.cursor);
            if channel::is_unknown(resume.verdict) && state.checked < check {
                return self.link_news(state);
            }
            (self.unconfirmed, self.state.epoch) = (None, state.epoch);
            self.cursor = resume.from;
            if let Verdict::Gap(gap) = resume.verdict {
                return Some(News::Gap(gap));
            }
        }
        if self.state.epoch != state.epoch {
            self.state.epoch = state.epoch;
            view.catch_up(&mut self.behind);
            // It is connected, so it reads all of the new log that it has not seen.
            let resume = log.resume_at(&Retention::ALL, self.cursor);
            self.cursor = resume.from;
            if let Verdict::Gap(gap) = resume.verdict {
                return Some(News::Gap(gap));
            }
        }
        let is_removed = self.state.removals != state.removals;
        match log.follows(self.cursor.seq) {
            Follows::Record => {
                view.catch_up(&mut self.behind);
                Some(News::Messages)
            }
            Follows::Trimmed { gap, to } => {
                self.cursor = to;
                Some(News::Gap(gap))
            }
            // The engine does not have the older messages any more.
            Follows::Older | Follows::Nothing if is_removed => Some(News::Removed),
            Follows::Older if view.find_page(&mut self.behind, self.cursor) => Some(News::Messages),
            Follows::Older => self.link_news(state),
            Follows::Nothing => {
                view.catch_up(&mut self.behind);
                self.link_news(state)
            }
        }
    }

    /// Returns what has the message after the position: the page that the listener reads, or the
    /// log.
    fn source<'a>(&'a self, log: &'a Log) -> &'a Log {
        self.behind.as_ref().and_then(Behind::messages).unwrap_or(log)
    }

    fn advance(&mut self, cursor: Cursor) {
        self.cursor = cursor;
        if let Some(behind) = &mut self.behind {
            behind.advance(cursor);
        }
    }

    /// Returns whether the engine can be reached, if that has changed.
    fn link_news(&mut self, state: State) -> Option<News> {
        let before = std::mem::replace(&mut self.state.link, state.link);
        (before != state.link).then_some(News::Link(state.link))
    }
}

impl<E> Drop for Subscription<E> {
    fn drop(&mut self) {
        self.channel.leave(self.slot, self.at.behind.is_some());
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("at", &self.at).finish_non_exhaustive()
    }
}
