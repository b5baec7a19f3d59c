//! The bounded buffer between an action and its connection.
//!
//! While the buffer is full, the action waits. So a client that reads slowly slows its own action
//! (backpressure), and holds a bounded amount of memory.

use std::{
    fmt,
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kipo_topic::frame;

use crate::metrics::StreamMeter;

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

#[derive(Debug, Default)]
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
        self.meter.count_write(std::mem::take(&mut state.events));
        // The task of the connection runs its action again before it waits. A wake-up of that
        // task would run the action once more for nothing.
        for writer in state.writers.drain(..).filter(|writer| !writer.will_wake(task.waker())) {
            writer.wake();
        }
        Poll::Ready(bytes)
    }

    /// Closes the pipe and wakes all waiting tasks: the connection has ended.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.outbox = Outbox::Empty;
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

impl State {
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
            self.writers.push(task.waker().clone());
        }
    }
}
