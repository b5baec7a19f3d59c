//! What a [`StreamAction`](crate::StreamAction) writes its events to.
//!
//! Between the action and the connection lies one small outbox. Whoever fills it waits while it
//! is full, so a reader that is slow slows its own action and holds a bounded amount.

use std::{
    fmt,
    future::poll_fn,
    marker::PhantomData,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use kipo_topic::{Batch, Cursor, Event, Gap, Topic, Verdict, frame};

use crate::error::{Error, Result};

/// How many bytes wait for a connection before its action waits too; one message may be larger.
const OUTBOX_BYTES_MAX: usize = 64 * 1024;

/// The longest id that an action may give an event: clients send it back in a header.
const ID_BYTES_MAX: usize = 128;

/// The events of one stream, on their way to one client.
///
/// Each event reaches the client whole or not at all. Nothing is lost while the stream lives;
/// for what must survive a dropped connection, [`follow`](Self::follow) a [`Topic`].
pub struct EventStream<E> {
    pipe: Arc<Pipe>,
    last_event_id: Option<Arc<str>>,
    events: PhantomData<fn(E)>,
}

impl<E: Event> EventStream<E> {
    pub(crate) fn new(pipe: Arc<Pipe>, last_event_id: Option<&str>) -> Self {
        Self { pipe, last_event_id: last_event_id.map(Arc::from), events: PhantomData }
    }

    /// Sends an event without an id.
    ///
    /// # Errors
    ///
    /// When the payload has no form in JSON.
    ///
    /// # Cancel safety
    ///
    /// The event is sent as a whole or not at all.
    pub async fn send(&self, event: E) -> Result<()> {
        self.pipe.room().await;
        self.pipe.push(encode(&event, None)?);
        Ok(())
    }

    /// Sends an event with an id of its own, which a client that comes back shows as its
    /// [`last_event_id`](Self::last_event_id).
    ///
    /// # Errors
    ///
    /// When the id holds a line break or a NUL, is empty, is not visible ASCII or is longer than
    /// 128 bytes (a browser could not send it back); when the payload has no form in JSON.
    ///
    /// # Cancel safety
    ///
    /// The event is sent as a whole or not at all.
    pub async fn send_with_id(&self, id: &str, event: E) -> Result<()> {
        if !frame::is_one_line(id) {
            return Err(Error::internal(format!(
                "the event id {id:?} holds a line break or a NUL"
            )));
        }
        let sendable = !id.is_empty() && id.bytes().all(|b| matches!(b, b' '..=b'~'));
        if !sendable || id.len() > ID_BYTES_MAX {
            return Err(Error::internal(format!(
                "the event id {id:?} is not 1 to {ID_BYTES_MAX} ASCII characters"
            )));
        }
        self.pipe.room().await;
        self.pipe.push(encode(&event, Some(id))?);
        Ok(())
    }

    /// Returns the id of the last event that the client saw before it came back.
    #[must_use]
    pub fn last_event_id(&self) -> Option<&str> {
        self.last_event_id.as_deref()
    }

    /// Sends a comment, which clients ignore. Streams do so by themselves when they are silent.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn heartbeat(&self) {
        self.pipe.room().await;
        self.pipe.push(Bytes::from_static(frame::PING));
    }

    /// Waits until the client has left. The stream's own future is dropped then; this is for
    /// tasks that were started beside it.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn closed(&self) {
        poll_fn(|task| self.pipe.poll_closed(task)).await;
    }

    /// Follows a topic for as long as the client stays: what it has missed since it left off,
    /// then what is published, each message once and in order, or one `kipo:gap` that says what
    /// is missing.
    ///
    /// # Errors
    ///
    /// None today; the result makes it the last line of an action.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: what was not written is read again by whoever resumes.
    pub async fn follow<T: Event>(&self, topic: &Topic<T>) -> Result<()> {
        let mut subscription = topic.subscribe(self.last_event_id());
        let resume = subscription.resume();
        let word = match resume.verdict {
            Verdict::Fresh => "fresh",
            Verdict::Resumed => "resumed",
            Verdict::Gap(_) => "gap",
        };
        // A client that is cut off before it was told of its gap comes back with its old id, and
        // is told then. So only the gap itself carries the place that it leads to.
        match resume.verdict {
            Verdict::Gap(_) => self.pipe.push_ready(word, None),
            Verdict::Fresh | Verdict::Resumed => {
                self.pipe.push_ready(word, Some(format_args!("{}", resume.from)));
            }
        }
        loop {
            // Taken as late as can be: everything that came meanwhile is one write.
            self.pipe.drained().await;
            let bytes = match subscription.next_batch().await {
                Batch::Frames(bytes) => bytes,
                Batch::Gap(gap, to) => gap_frame(gap, to),
            };
            self.pipe.push(bytes);
        }
    }
}

impl<E> Clone for EventStream<E> {
    fn clone(&self) -> Self {
        Self {
            pipe: Arc::clone(&self.pipe),
            last_event_id: self.last_event_id.clone(),
            events: PhantomData,
        }
    }
}

impl<E> fmt::Debug for EventStream<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventStream")
            .field("last_event_id", &self.last_event_id)
            .finish_non_exhaustive()
    }
}

fn encode<E: Event>(event: &E, id: Option<&str>) -> Result<Bytes> {
    let mut data = Vec::new();
    event.write_data(&mut data)?;
    Ok(match id {
        None => frame::event(event.name(), &data, None),
        Some(id) => frame::event(event.name(), &data, Some(format_args!("{id}"))),
    })
}

fn gap_frame(gap: Gap, to: Cursor) -> Bytes {
    let missed = gap.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
    let (reason, first) = (gap.reason.as_str(), gap.first);
    let data = format!(r#"{{"reason":"{reason}","missed":{missed},"first":{first}}}"#);
    frame::event(frame::GAP, data.as_bytes(), Some(format_args!("{to}")))
}

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
    async fn room(&self) {
        self.at_most(OUTBOX_BYTES_MAX).await;
    }

    /// Waits until the connection has taken everything.
    async fn drained(&self) {
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

    fn push_ready(&self, resume: &str, id: Option<fmt::Arguments<'_>>) {
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

    fn poll_closed(&self, task: &Task<'_>) -> Poll<()> {
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
