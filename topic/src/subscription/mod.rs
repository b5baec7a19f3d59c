//! A listener's position in a topic, and what it reads from there.

#[cfg(test)]
mod connection;
mod deliverer;
mod direct;
#[cfg(all(test, kipo_loom))]
mod loom_tests;
mod reader;
#[cfg(all(test, not(kipo_loom)))]
mod tests;

use std::{fmt, future::poll_fn, marker::PhantomData, sync::Arc};

pub use self::reader::{Batch, Next};
use self::{direct::Direct, reader::Reader};
use crate::{
    channel::{Outlet, Owner},
    event::Event,
    log::{
        cursor::Cursor,
        verdict::{Gap, Resume, Verdict},
    },
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
    reader: Reader,
    /// Where it started.
    from: Cursor,
    verdict: Started,
    events: PhantomData<fn() -> E>,
}

/// The verdict on where a listener started. A gap is in a box, as most listeners have none.
enum Started {
    Fresh,
    Resumed,
    After(Box<Gap>),
}

impl<E: Event> Subscription<E> {
    pub(crate) fn new(topic: Arc<dyn Owner>, from: Option<&str>) -> Self {
        let (reader, Resume { from, verdict }) = Reader::new(topic, from);
        let verdict = match verdict {
            Verdict::Fresh => Started::Fresh,
            Verdict::Resumed => Started::Resumed,
            Verdict::Gap(gap) => Started::After(Box::new(gap)),
        };
        Self { reader, from, verdict, events: PhantomData }
    }

    /// Waits for the next message, or for the report that some are missing.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the position moves when the future completes, and not before.
    pub async fn next(&mut self) -> Next {
        poll_fn(|task| self.reader.poll_next(task)).await
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
        poll_fn(|task| self.reader.poll_batch(task)).await
    }

    /// Waits as [`next_batch`](Self::next_batch) does, and lends `outlet` to the topic meanwhile: the
    /// topic then writes the next messages to it by itself, with those of many other listeners, and
    /// without running this task. Completes with a batch that the listener has to read by itself, and
    /// with the position before it.
    ///
    /// Lends nothing while the topic has few listeners, or outside of a tokio runtime. The runtime has
    /// its timer enabled: a task of it writes, and pauses for publishers that wait for it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a dropped future takes the outlet back, and
    /// [`position`](Self::position) counts what the topic has written.
    ///
    /// # Examples
    ///
    /// See [`Outlet`].
    pub fn next_batch_through<'a>(
        &'a mut self,
        outlet: &'a Arc<dyn Outlet>,
    ) -> impl Future<Output = (Cursor, Batch)> + Send + 'a {
        Direct::new(&mut self.reader, outlet)
    }

    /// Returns the position that the listener started from, and why it is that one.
    ///
    /// Over an engine that many nodes share, a cursor that this node does not know is
    /// [`Verdict::Resumed`](crate::Verdict::Resumed) at first: another node may be ahead. The listener reads what follows it
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
        let verdict = match &self.verdict {
            Started::Fresh => Verdict::Fresh,
            Started::Resumed => Verdict::Resumed,
            Started::After(gap) => Verdict::Gap(**gap),
        };
        Resume { from: self.from, verdict }
    }

    /// Returns the position after the last message that was read.
    #[must_use]
    pub fn position(&self) -> Cursor {
        self.reader.position()
    }

    /// Returns whether the listener waits for a page or reads one.
    #[cfg(all(test, not(kipo_loom)))]
    pub(crate) fn is_behind(&self) -> bool {
        self.reader.is_behind()
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").field("reader", &self.reader).finish_non_exhaustive()
    }
}
