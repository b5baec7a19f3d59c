//! The bounded buffer between an action and its connection.
//!
//! While the buffer is full, the action waits. So a client that reads slowly slows its own action
//! (backpressure), and holds a bounded amount of memory.
//!
//! A stream that follows a topic and has read everything lends its socket to the topic
//! ([`Outlet`]), which writes the next messages past the buffer. It does so under the lock of the
//! pipe, and only while nothing else is to be written: so frames never mix.

use std::{
    fmt,
    future::poll_fn,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kipo_topic::{Cursor, Delivery, Outlet, Seat, frame};
use tokio::time::Instant;

use crate::{header::chunk, metrics::StreamMeter, stream::socket::Socket};

/// The capacity of a pipe in bytes: above it the action waits. A single message may be larger.
const OUTBOX_BYTES_MAX: usize = 64 * 1024;

/// Passes whole frames from an action to its connection.
#[derive(Debug)]
pub(crate) struct Pipe {
    ping: Duration,
    meter: StreamMeter,
    /// A std lock, never held across an `.await`.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    outbox: Outbox,
    /// How many events are in the outbox.
    events: u64,
    /// Whether `kipo:ready` was pushed. It is the first frame of a stream.
    opened: bool,
    closed: bool,
    /// Wakes the tasks that wait for room or for the close. Mostly that is only the action.
    writers: Vec<Waker>,
    /// Wakes the connection, if it waits for frames.
    reader: Option<Waker>,
    /// What a topic can write to; nothing where hyper writes the stream.
    socket: Option<Arc<dyn Socket>>,
    /// Whether the connection may be writing frames that it has taken.
    is_writing: bool,
    /// The rest of a chunk that a topic has begun to write.
    rest: Vec<u8>,
    /// Whether a topic writes.
    seat: Seat,
    /// When a topic wrote last.
    last_delivery: Option<Instant>,
}

/// Whole frames that are not written yet.
#[derive(Debug, Default)]
enum Outbox {
    #[default]
    Empty,
    /// One piece. Other connections may share it, so it is not copied.
    One(Bytes),
    Many(BytesMut),
}

impl Outbox {
    fn push(&mut self, bytes: Bytes) {
        *self = match std::mem::take(self) {
            Self::Empty => Self::One(bytes),
            Self::One(first) => {
                let mut all = BytesMut::with_capacity(first.len() + bytes.len());
                all.extend_from_slice(&first);
                all.extend_from_slice(&bytes);
                Self::Many(all)
            }
            Self::Many(mut all) => {
                all.extend_from_slice(&bytes);
                Self::Many(all)
            }
        };
    }

    fn len(&self) -> usize {
        match self {
            Self::Empty => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }
}

impl Pipe {
    pub(crate) fn new(ping: Duration, meter: StreamMeter) -> Self {
        Self { ping, meter, state: Mutex::default() }
    }

    /// Returns what the stream counts.
    pub(crate) fn meter(&self) -> &StreamMeter {
        &self.meter
    }

    /// Waits until there is room for another frame.
    pub(crate) async fn wait_for_room(&self) {
        self.wait_for_at_most(OUTBOX_BYTES_MAX).await;
    }

    /// Waits until the connection has taken all frames.
    pub(crate) async fn wait_until_empty(&self) {
        self.wait_for_at_most(0).await;
    }

    async fn wait_for_at_most(&self, bytes: usize) {
        poll_fn(|task| {
            let mut state = self.lock();
            // Nobody takes frames from a closed pipe, so nobody may wait for it.
            if state.closed || state.outbox.len() <= bytes {
                return Poll::Ready(());
            }
            state.register_writer(task);
            Poll::Pending
        })
        .await;
    }

    /// Returns the `kipo:ready` frame. Its id is the cursor from which a topic is followed, if any.
    fn ready(&self, resume: &str, id: Option<fmt::Arguments<'_>>) -> Bytes {
        let data = format!(r#"{{"resume":"{resume}","ping_ms":{}}}"#, self.ping.as_millis());
        frame::event(frame::READY, data.as_bytes(), id)
    }

    /// Adds the `kipo:ready` frame.
    pub(crate) fn push_ready(&self, resume: &str, id: Option<fmt::Arguments<'_>>) {
        let ready = self.ready(resume, id);
        let mut state = self.lock();
        state.opened = true;
        state.push(ready);
    }

    /// Adds one or more whole frames.
    pub(crate) fn push(&self, frames: Bytes) {
        let mut state = self.lock();
        self.ensure_opened(&mut state);
        state.push(frames);
    }

    /// Adds the frames of so many events.
    pub(crate) fn push_events(&self, frames: Bytes, events: u64) {
        let mut state = self.lock();
        self.ensure_opened(&mut state);
        state.events += events;
        state.push(frames);
    }

    /// Adds the frame that ends a stream. If the stream is not open yet, this adds no
    /// `kipo:ready`: the position of the client is not known.
    pub(crate) fn push_last(&self, frame: Bytes) {
        let mut state = self.lock();
        state.opened = true;
        state.push(frame);
    }

    /// Adds the `kipo:ready` frame of a stream that follows no topic, unless the stream is open.
    fn ensure_opened(&self, state: &mut State) {
        if !state.opened {
            state.opened = true;
            state.push(self.ready("fresh", None));
        }
    }

    /// Notes that the connection does not wait for frames now.
    pub(crate) fn clear_reader(&self) {
        self.lock().reader = None;
    }

    /// Takes all frames, or waits for the next one. The first call returns at once with
    /// `kipo:ready`, so the stream opens before the action writes anything.
    pub(crate) fn poll_take(&self, task: &Task<'_>) -> Poll<Bytes> {
        let mut state = self.lock();
        self.ensure_opened(&mut state);
        let bytes = match std::mem::take(&mut state.outbox) {
            Outbox::Empty => {
                state.reader = Some(task.waker().clone());
                return Poll::Pending;
            }
            Outbox::One(bytes) => bytes,
            Outbox::Many(bytes) => bytes.freeze(),
        };
        state.is_writing = true;
        self.meter.count_write(std::mem::take(&mut state.events));
        // The task of the connection runs its action again before it waits. A wake-up of that
        // task would run the action once more for nothing.
        for writer in state.writers.drain(..).filter(|writer| !writer.will_wake(task.waker())) {
            writer.wake();
        }
        Poll::Ready(bytes)
    }

    /// Lets topics write to the socket from now on.
    pub(crate) fn connect(&self, socket: Arc<dyn Socket>) {
        self.lock().socket = Some(socket);
    }

    /// Notes that the connection has written all that it has taken. Returns what it has to write
    /// next: the rest of a chunk that a topic has begun. Mostly that is nothing.
    pub(crate) fn take_rest(&self) -> Vec<u8> {
        let mut state = self.lock();
        state.is_writing = !state.rest.is_empty();
        std::mem::take(&mut state.rest)
    }

    /// Returns when a topic wrote last.
    pub(crate) fn last_delivery(&self) -> Option<Instant> {
        self.lock().last_delivery
    }

    /// Closes the pipe and wakes all waiting tasks: the connection has ended.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.outbox = Outbox::Empty;
        (state.socket, state.rest) = (None, Vec::new());
        state.seat.release();
        state.writers.drain(..).for_each(Waker::wake);
    }

    /// Completes when the pipe is closed.
    pub(crate) fn poll_closed(&self, task: &Task<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed {
            return Poll::Ready(());
        }
        state.register_writer(task);
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Outlet for Pipe {
    fn enter(&self, at: Cursor) -> bool {
        let mut state = self.lock();
        state.is_writable() && state.seat.enter(at)
    }

    fn deliver(&self, delivery: &Delivery) {
        let mut state = self.lock();
        if state.seat.is_due(delivery) {
            state.write(delivery, &self.meter);
        }
        if state.seat.has_left() {
            state.wake();
        }
    }

    fn release(&self) {
        let mut state = self.lock();
        state.seat.release();
        state.wake();
    }

    fn leave(&self) -> Option<Cursor> {
        self.lock().seat.leave()
    }

    fn poll_left(&self, task: &mut Task<'_>) -> Poll<Cursor> {
        let mut state = self.lock();
        if let Some(at) = state.seat.take_left() {
            return Poll::Ready(at);
        }
        state.register_writer(task);
        Poll::Pending
    }
}

impl State {
    /// Returns whether nothing is to be written before the next message of a topic.
    fn is_writable(&self) -> bool {
        let nothing_before = !self.is_writing && self.rest.is_empty() && self.outbox.len() == 0;
        self.socket.is_some() && nothing_before
    }

    /// Writes messages, if the socket takes them now. Otherwise the stream goes on by itself: also
    /// after an error, which it then meets.
    fn write(&mut self, delivery: &Delivery, meter: &StreamMeter) {
        let socket = self.socket.as_ref().filter(|_| self.is_writable());
        let chunk = delivery.encoded(chunk::of);
        let Some(Ok(written)) = socket.map(|socket| socket.try_write(chunk)) else {
            return self.seat.release();
        };
        self.seat.advance(delivery);
        self.last_delivery = Some(delivery.at());
        meter.count_write(delivery.messages());
        if written < chunk.len() {
            self.rest = chunk[written..].to_vec();
            self.seat.release();
        }
    }

    /// Wakes all that wait for the pipe.
    fn wake(&mut self) {
        self.writers.drain(..).chain(self.reader.take()).for_each(Waker::wake);
    }

    fn push(&mut self, frames: Bytes) {
        if self.closed {
            return;
        }
        self.outbox.push(frames);
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }

    fn register_writer(&mut self, task: &Task<'_>) {
        if !self.writers.iter().any(|waker| waker.will_wake(task.waker())) {
            // Mostly that is the action alone, for as long as the stream is idle.
            self.writers.reserve_exact(1);
            self.writers.push(task.waker().clone());
        }
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State")
            .field("outbox", &self.outbox)
            .field("seat", &self.seat)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}
