//! A listener's position in a topic, and what it reads from there.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    task::{Context as Task, Poll},
};

use bytes::Bytes;

use crate::{
    channel::Channel,
    event::Event,
    log::{
        Log, Read,
        cursor::Cursor,
        gap::{Gap, Resume, Verdict},
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
/// let mut listener = topic.subscribe(None);
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
pub struct Subscription<'t, E: Event> {
    name: &'static str,
    channel: &'t Channel,
    /// Its slot among the waiters.
    slot: usize,
    /// The number of the last message that the listener has read.
    seq: u64,
    /// What the listener reads before the next message.
    gap: Option<Gap>,
    resume: Resume,
    events: PhantomData<fn() -> E>,
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
}

impl<'t, E: Event> Subscription<'t, E> {
    pub(crate) fn new(name: &'static str, channel: &'t Channel, from: Option<&str>) -> Self {
        let (slot, resume) = channel.enter(from);
        let gap = match resume.verdict {
            Verdict::Gap(gap) => Some(gap),
            Verdict::Fresh | Verdict::Resumed => None,
        };
        let seq = resume.from.seq();
        Self { name, channel, slot, seq, gap, resume, events: PhantomData }
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
            self.poll(task, |seq, log| match log.read(*seq) {
                Read::Frames { .. } => {
                    *seq += 1;
                    Message::of(log, *seq).map(Next::Message)
                }
                Read::Trimmed { gap, to } => {
                    *seq = to;
                    Some(Next::Gap(gap))
                }
                Read::Empty => None,
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
    /// let mut listener = topic.subscribe(None);
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
            self.poll(task, |seq, log| {
                let (batch, to) = match log.read(*seq) {
                    Read::Frames { bytes, to } => (Batch::Frames(bytes), to),
                    Read::Trimmed { gap, to } => (Batch::Gap(gap, log.cursor(to)), to),
                    Read::Empty => return None,
                };
                *seq = to;
                Some(batch)
            })
        })
        .await
    }

    /// Returns the position that the listener started from, and why it is that one.
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
    /// let topic: Topic<N> = Topic::new("numbers");
    /// assert_eq!(topic.subscribe(None).resume().verdict, Verdict::Fresh);
    ///
    /// // A cursor of another topic, or one that is none, is a gap and not an error.
    /// let Verdict::Gap(gap) = topic.subscribe(Some("42")).resume().verdict else { panic!() };
    /// assert_eq!(gap.reason, GapReason::NewGeneration);
    /// ```
    #[must_use]
    pub fn resume(&self) -> Resume {
        self.resume
    }

    /// Reads, or registers the waker until there is something to read. Both happen under one
    /// lock, so that no message falls in between.
    fn poll<T>(
        &mut self,
        task: &Task<'_>,
        read: impl FnOnce(&mut u64, &Log) -> Option<T>,
    ) -> Poll<T> {
        let seq = &mut self.seq;
        self.channel.poll(self.slot, task.waker(), |log| read(seq, log))
    }
}

impl<E: Event> Drop for Subscription<'_, E> {
    fn drop(&mut self) {
        self.channel.leave(self.slot);
    }
}

impl<E: Event> fmt::Debug for Subscription<'_, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription")
            .field("topic", &self.name)
            .field("seq", &self.seq)
            .finish_non_exhaustive()
    }
}
