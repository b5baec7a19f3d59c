//! What lies between an action and its connection: one small outbox.

use std::{
    fmt,
    future::poll_fn,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kipo_topic::frame;

/// How many bytes wait for a connection before its action waits too; one message may be larger.
const OUTBOX_BYTES_MAX: usize = 64 * 1024;

/// The outbox between an action and its connection.
#[derive(Debug)]
pub(crate) struct Pipe {
    ping: Duration,
    /// A std lock: no `.await` happens under it.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    outbox: Outbox,
    /// Whether `kipo:ready` was sent; no other frame goes before it.
    opened: bool,
    closed: bool,
    /// Those who wait for room, and those who wait for the end. Few: mostly the action alone.
    writers: Vec<Waker>,
    /// The connection, while it waits for frames.
    reader: Option<Waker>,
}

/// Whole frames that wait to be written.
#[derive(Debug, Default)]
enum Outbox {
    #[default]
    Empty,
    /// One piece, which may be shared with other connections: it is not copied.
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
    pub(crate) fn new(ping: Duration) -> Self {
        Self { ping, state: Mutex::default() }
    }

    /// Waits until there is room for another frame.
    pub(crate) async fn room(&self) {
        self.at_most(OUTBOX_BYTES_MAX).await;
    }

    /// Waits until the connection has taken everything.
    pub(crate) async fn drained(&self) {
        self.at_most(0).await;
    }

    async fn at_most(&self, bytes: usize) {
        poll_fn(|task| {
            let mut state = self.lock();
            // Nobody will take anything from a closed pipe, and nothing may be kept waiting.
            if state.closed || state.outbox.len() <= bytes {
                return Poll::Ready(());
            }
            state.wait(task);
            Poll::Pending
        })
        .await;
    }

    /// Returns the frame that opens a stream; with the place that a followed topic is read from.
    fn ready(&self, resume: &str, id: Option<fmt::Arguments<'_>>) -> Bytes {
        let data = format!(r#"{{"resume":"{resume}","ping_ms":{}}}"#, self.ping.as_millis());
        frame::event(frame::READY, data.as_bytes(), id)
    }

    pub(crate) fn push_ready(&self, resume: &str, id: Option<fmt::Arguments<'_>>) {
        let ready = self.ready(resume, id);
        let mut state = self.lock();
        state.opened = true;
        state.push(ready);
    }

    /// Adds a whole frame, or several.
    pub(crate) fn push(&self, frames: Bytes) {
        let mut state = self.lock();
        self.open(&mut state);
        state.push(frames);
    }

    /// Adds the frame that ends a stream. One that was not open is not opened for it: what it
    /// would say of the client's place is not known.
    pub(crate) fn push_last(&self, frame: Bytes) {
        let mut state = self.lock();
        state.opened = true;
        state.push(frame);
    }

    /// Opens a stream that follows no topic, if nothing has yet.
    fn open(&self, state: &mut State) {
        if !state.opened {
            state.opened = true;
            state.push(self.ready("fresh", None));
        }
    }

    /// Notes that the connection is awake.
    pub(crate) fn awake(&self) {
        self.lock().reader = None;
    }

    /// Takes all that waits, or sleeps until something does. The first piece is there at once:
    /// whatever the action does, the stream is open.
    pub(crate) fn poll_take(&self, task: &Task<'_>) -> Poll<Bytes> {
        let mut state = self.lock();
        self.open(&mut state);
        let bytes = match std::mem::take(&mut state.outbox) {
            Outbox::Empty => {
                state.reader = Some(task.waker().clone());
                return Poll::Pending;
            }
            Outbox::One(bytes) => bytes,
            Outbox::Many(bytes) => bytes.freeze(),
        };
        // The connection's own task runs its action again before it sleeps; a wake-up would run
        // the whole of it once more for nothing.
        for writer in state.writers.drain(..).filter(|writer| !writer.will_wake(task.waker())) {
            writer.wake();
        }
        Poll::Ready(bytes)
    }

    /// Lets go of all who wait: the connection is gone.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.closed = true;
        state.outbox = Outbox::Empty;
        state.writers.drain(..).for_each(Waker::wake);
    }

    pub(crate) fn poll_closed(&self, task: &Task<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.closed {
            return Poll::Ready(());
        }
        state.wait(task);
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

    fn wait(&mut self, task: &Task<'_>) {
        if !self.writers.iter().any(|waker| waker.will_wake(task.waker())) {
            self.writers.push(task.waker().clone());
        }
    }
}
