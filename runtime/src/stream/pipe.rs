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
    io,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kipo_topic::{Cursor, Delivery, Outlet, Positions, Seat, frame};
use tokio::time::Instant;

use crate::{
    action::{Bounds, ResponseMax},
    header::chunk,
    metrics::StreamMeter,
    stream::socket::Socket,
};

/// The capacity of a pipe in bytes: above it the action waits. A single message may be larger.
const OUTBOX_BYTES_MAX: usize = 64 * 1024;

/// Passes whole frames from an action to its connection.
///
/// What a topic needs to write a message stands together in memory, in two or three cache lines:
/// with many listeners, each line is one that the processor waits for.
#[derive(Debug)]
#[repr(C)]
pub(crate) struct Pipe {
    meter: StreamMeter,
    /// A std lock, never held across an `.await`.
    state: Mutex<State>,
    ping: Duration,
    /// The largest event that the action sends.
    event_max: ResponseMax,
    /// Where the client goes on; nothing if it begins.
    start: Option<Box<Start>>,
}

/// Where a client asks its stream to go on.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) last_event_id: Option<Box<str>>,
    /// The positions in topics that the page of this stream was rendered with.
    pub(crate) page_positions: Option<Positions>,
}

/// In the order in which [`Pipe`] needs it.
#[repr(C)]
struct State {
    /// Whether the connection may be writing frames that it has taken.
    is_writing: bool,
    /// Whether `kipo:ready` was pushed. It is the first frame of a stream.
    opened: bool,
    closed: bool,
    /// Whether a topic writes.
    seat: Seat,
    /// When frames were taken, or when a topic wrote last.
    last_write: Instant,
    /// The rest of a chunk that a topic has begun to write.
    rest: Box<[u8]>,
    /// What the stream is written to; nothing where hyper writes it.
    socket: Option<Socket>,
    outbox: Outbox,
    /// How many events are in the outbox.
    events: u64,
    /// Wakes the connection, if it waits for frames.
    reader: Option<Waker>,
    /// Wakes the tasks that wait for room or for the close.
    writers: Wakers,
}

/// The wakers of some tasks: mostly one, that of the action.
#[derive(Default)]
struct Wakers {
    first: Option<Waker>,
    others: Box<[Waker]>,
}

impl Wakers {
    fn register(&mut self, task: &Task<'_>) {
        let mut all = self.first.iter().chain(&self.others);
        if all.any(|waker| waker.will_wake(task.waker())) {
            return;
        }
        let waker = task.waker().clone();
        if self.first.is_none() {
            self.first = Some(waker);
        } else {
            let mut others = std::mem::take(&mut self.others).into_vec();
            others.push(waker);
            self.others = others.into_boxed_slice();
        }
    }

    fn take(&mut self) -> impl Iterator<Item = Waker> + use<> {
        self.first.take().into_iter().chain(std::mem::take(&mut self.others))
    }
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
    pub(crate) fn new(bounds: &Bounds, start: Option<Start>, meter: StreamMeter) -> Self {
        let state = State {
            is_writing: false,
            opened: false,
            closed: false,
            seat: Seat::Empty,
            last_write: Instant::now(),
            rest: Box::default(),
            socket: None,
            outbox: Outbox::Empty,
            events: 0,
            reader: None,
            writers: Wakers::default(),
        };
        let (ping, event_max) = (bounds.ping, bounds.response_max);
        Self { meter, state: Mutex::new(state), ping, event_max, start: start.map(Box::new) }
    }

    /// Returns the silence after which a stream sends a heartbeat.
    pub(crate) fn ping(&self) -> Duration {
        self.ping
    }

    /// Returns the largest event that the action sends.
    pub(crate) fn event_max(&self) -> ResponseMax {
        self.event_max
    }

    /// Returns where the client goes on; nothing if it begins.
    pub(crate) fn start(&self) -> Option<&Start> {
        self.start.as_deref()
    }

    /// Returns what the stream counts.
    pub(crate) fn meter(&self) -> &StreamMeter {
        &self.meter
    }

    /// Waits until there is room for another frame.
    pub(crate) fn wait_for_room(&self) -> impl Future<Output = ()> + Send {
        self.wait_for_at_most(OUTBOX_BYTES_MAX)
    }

    /// Waits until the connection has taken all frames.
    pub(crate) fn wait_until_empty(&self) -> impl Future<Output = ()> + Send {
        self.wait_for_at_most(0)
    }

    fn wait_for_at_most(&self, bytes: usize) -> impl Future<Output = ()> + Send {
        poll_fn(move |task| {
            let mut state = self.lock();
            // Nobody takes frames from a closed pipe, so nobody may wait for it.
            if state.closed || state.outbox.len() <= bytes {
                return Poll::Ready(());
            }
            state.writers.register(task);
            Poll::Pending
        })
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
        state.last_write = Instant::now();
        self.meter.count_write(std::mem::take(&mut state.events));
        // The task of the connection runs its action again before it waits. A wake-up of that
        // task would run the action once more for nothing.
        let others = state.writers.take().filter(|writer| !writer.will_wake(task.waker()));
        others.for_each(Waker::wake);
        Poll::Ready(bytes)
    }

    /// Passes the socket to the stream. From now on topics write to it as well.
    pub(crate) fn connect(&self, socket: Socket) {
        self.lock().socket = Some(socket);
    }

    /// Uses the socket, while no topic writes to it.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::NotConnected`] if there is none.
    pub(crate) fn with_socket<T>(&self, run: impl FnOnce(&mut Socket) -> T) -> io::Result<T> {
        self.lock().socket.as_mut().map(run).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    /// Notes that the connection has written all that it has taken. Returns what it has to write
    /// next: the rest of a chunk that a topic has begun. Mostly that is nothing.
    pub(crate) fn take_rest(&self) -> Vec<u8> {
        let mut state = self.lock();
        state.is_writing = !state.rest.is_empty();
        std::mem::take(&mut state.rest).into_vec()
    }

    /// Returns when something was written last.
    pub(crate) fn last_write(&self) -> Instant {
        self.lock().last_write
    }

    /// Closes the pipe and wakes all waiting tasks: the connection has ended.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.outbox = Outbox::Empty;
        state.rest = Box::default();
        let socket = state.socket.take();
        state.seat.release();
        state.writers.take().for_each(Waker::wake);
        drop(state);
        // Closing is a system call, for which nobody has to wait.
        drop(socket);
    }

    /// Completes when the pipe is closed.
    pub(crate) fn poll_closed(&self, task: &Task<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed {
            return Poll::Ready(());
        }
        state.writers.register(task);
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
        state.writers.register(task);
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
        let is_writable = self.is_writable();
        let socket = self.socket.as_mut().filter(|_| is_writable);
        let chunk = delivery.encoded(chunk::of);
        let Some(Ok(written)) = socket.map(|socket| socket.try_write(chunk)) else {
            return self.seat.release();
        };
        self.seat.advance(delivery);
        self.last_write = delivery.at().max(self.last_write);
        meter.count_write(delivery.messages());
        if written < chunk.len() {
            self.rest = chunk[written..].into();
            self.seat.release();
        }
    }

    /// Wakes all that wait for the pipe.
    fn wake(&mut self) {
        self.writers.take().chain(self.reader.take()).for_each(Waker::wake);
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
