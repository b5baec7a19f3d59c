//! What a topic writes to by itself: the connection of a listener that has read everything.

use std::{
    sync::OnceLock,
    task::{Context as Task, Poll},
};

use bytes::Bytes;
use tokio::time::Instant;

use crate::log::cursor::Cursor;

/// A connection that a topic can write to without running the task of its listener.
///
/// [`Subscription::next_batch_through`](crate::Subscription::next_batch_through) lends it to the topic
/// while its listener has read everything. Its methods are called from any thread, so it has one lock,
/// under which it holds a [`Seat`] and writes.
///
/// # Examples
///
/// A connection that is never full:
///
/// ```
/// # use kipo_topic::Event;
/// use std::{sync::{Arc, Mutex}, task::{Context, Poll, Waker}};
/// use kipo_topic::{Batch, Cursor, Delivery, Outlet, Seat, Topic};
/// # struct N(u32);
/// # impl Event for N {
/// #     fn name(&self) -> &'static str { "n" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, &self.0)
/// #     }
/// # }
///
/// #[derive(Default)]
/// struct Memory(Mutex<(Seat, Vec<u8>, Option<Waker>)>);
///
/// impl Outlet for Memory {
///     fn enter(&self, at: Cursor) -> bool {
///         self.0.lock().unwrap().0.enter(at)
///     }
///
///     fn deliver(&self, delivery: &Delivery) {
///         let (seat, written, waker) = &mut *self.0.lock().unwrap();
///         if seat.is_due(delivery) {
///             written.extend_from_slice(delivery.frames());
///             seat.advance(delivery);
///         } else if seat.has_left() {
///             waker.take().map(Waker::wake);
///         }
///     }
///
///     fn release(&self) {
///         let (seat, _, waker) = &mut *self.0.lock().unwrap();
///         seat.release();
///         waker.take().map(Waker::wake);
///     }
///
///     fn leave(&self) -> Option<Cursor> {
///         self.0.lock().unwrap().0.leave()
///     }
///
///     fn poll_left(&self, task: &mut Context<'_>) -> Poll<Cursor> {
///         let (seat, _, waker) = &mut *self.0.lock().unwrap();
///         *waker = Some(task.waker().clone());
///         seat.take_left().map_or(Poll::Pending, Poll::Ready)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let topic = Topic::new("numbers");
/// let outlet = Arc::new(Memory::default());
/// let mut listener = topic.subscribe(None).await?;
/// topic.publish(&N(1)).await?;
/// let (_, batch) = listener.next_batch_through(&(Arc::clone(&outlet) as _)).await;
/// // The listener had not read everything, so it reads by itself.
/// assert!(matches!(batch, Batch::Frames(_)));
/// assert!(outlet.0.lock().unwrap().1.is_empty());
/// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
/// ```
pub trait Outlet: Send + Sync + 'static {
    /// Lends the connection to the topic: its listener has read everything up to `at`. Returns false
    /// if it cannot be written to now.
    fn enter(&self, at: Cursor) -> bool;

    /// Writes what a listener at this position has not read, if all of it can be written or retained
    /// now. Otherwise the seat is [left](Seat::release), and the task of the listener is woken.
    fn deliver(&self, delivery: &Delivery);

    /// Gives the connection back, and wakes the task of its listener.
    fn release(&self);

    /// Takes the connection back. Returns the position of its listener if it was lent.
    fn leave(&self) -> Option<Cursor>;

    /// Completes with the position of the listener when the topic has given the connection back.
    fn poll_left(&self, task: &mut Task<'_>) -> Poll<Cursor>;
}

/// Messages that are written to many connections.
///
/// # Examples
///
/// See [`Outlet`].
#[derive(Debug)]
pub struct Delivery {
    from: Cursor,
    to: Cursor,
    frames: Bytes,
    at: Instant,
    encoded: OnceLock<Vec<u8>>,
}

impl Delivery {
    pub(crate) fn new(from: Cursor, to: Cursor, frames: Bytes) -> Self {
        Self { from, to, frames, at: Instant::now(), encoded: OnceLock::new() }
    }

    /// Returns the whole event-stream frames, in order.
    #[must_use]
    pub fn frames(&self) -> &[u8] {
        &self.frames
    }

    /// Returns how many messages they are.
    #[must_use]
    pub fn messages(&self) -> u64 {
        // Numbers have no holes.
        self.to.seq.saturating_sub(self.from.seq)
    }

    /// Returns when the topic began to write them.
    #[must_use]
    pub fn at(&self) -> Instant {
        self.at
    }

    /// Returns the frames as `encode` writes them, which runs once for all connections.
    pub fn encoded(&self, encode: fn(&[u8]) -> Vec<u8>) -> &[u8] {
        self.encoded.get_or_init(|| encode(&self.frames))
    }
}

/// Whether a connection is lent to its topic, and the position of its listener.
///
/// # Examples
///
/// See [`Outlet`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Seat {
    /// The listener reads by itself.
    #[default]
    Empty,
    /// The topic writes. The listener has read everything up to this position.
    At(Cursor),
    /// The topic has given the connection back at this position.
    Left(Cursor),
}

impl Seat {
    /// Takes the seat, if it is empty.
    pub fn enter(&mut self, at: Cursor) -> bool {
        let is_empty = *self == Self::Empty;
        if is_empty {
            *self = Self::At(at);
        }
        is_empty
    }

    /// Returns whether the listener reads this delivery next. If it has read a part of it, it leaves
    /// the seat.
    pub fn is_due(&mut self, delivery: &Delivery) -> bool {
        let Self::At(at) = *self else { return false };
        // A listener that has read more than its topic wrote keeps the seat: both are positions in
        // the same log, and the topic catches up.
        if at != delivery.from && at.seq < delivery.to.seq {
            *self = Self::Left(at);
        }
        at == delivery.from
    }

    /// Moves the listener to the end of a delivery that is written.
    pub fn advance(&mut self, delivery: &Delivery) {
        if let Self::At(at) | Self::Left(at) = self {
            *at = delivery.to;
        }
    }

    /// Gives the seat back to the listener.
    pub fn release(&mut self) {
        if let Self::At(at) = *self {
            *self = Self::Left(at);
        }
    }

    /// Returns whether the topic has given the seat back.
    #[must_use]
    pub fn has_left(&self) -> bool {
        matches!(self, Self::Left(_))
    }

    /// Empties the seat if the topic has given it back. Returns the position of the listener.
    pub fn take_left(&mut self) -> Option<Cursor> {
        if self.has_left() { self.leave() } else { None }
    }

    /// Empties the seat. Returns the position of the listener.
    pub fn leave(&mut self) -> Option<Cursor> {
        match std::mem::take(self) {
            Self::Empty => None,
            Self::At(at) | Self::Left(at) => Some(at),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(seq: u64) -> Cursor {
        Cursor { generation: 1, seq, fingerprint: 0 }
    }

    fn delivery(from: u64, to: u64) -> Delivery {
        Delivery::new(cursor(from), cursor(to), Bytes::new())
    }

    #[test]
    fn a_listener_reads_what_follows_its_position_and_nothing_twice() {
        let mut seat = Seat::default();
        assert!(!seat.is_due(&delivery(0, 3)), "an empty seat");
        assert!(seat.enter(cursor(3)) && !seat.enter(cursor(3)));
        // It has read these.
        assert!(!seat.is_due(&delivery(0, 2)) && !seat.is_due(&delivery(2, 3)));
        assert!(seat.is_due(&delivery(3, 5)));
        seat.advance(&delivery(3, 5));
        assert_eq!(seat, Seat::At(cursor(5)));
        // It has read one of these three.
        assert!(!seat.is_due(&delivery(4, 7)));
        assert_eq!(seat.take_left(), Some(cursor(5)));
        assert_eq!(seat, Seat::Empty);
    }

    #[test]
    fn a_message_is_encoded_once_for_all_connections() {
        let delivery = Delivery::new(cursor(0), cursor(2), Bytes::from_static(b"ab"));
        let first = delivery.encoded(|frames| [b"<", frames, b">"].concat()).as_ptr();
        assert_eq!(delivery.encoded(|_| unreachable!()).as_ptr(), first);
        assert_eq!((delivery.encoded(|_| unreachable!()), delivery.messages()), (&b"<ab>"[..], 2));
    }
}
