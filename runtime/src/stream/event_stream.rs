//! What a [`StreamAction`](crate::StreamAction) writes its events to.
//!
//! Between the action and the connection lies one small outbox. Whoever fills it waits while it
//! is full, so a reader that is slow slows its own action and holds a bounded amount.

use std::{fmt, future::poll_fn, marker::PhantomData, sync::Arc};

use bytes::Bytes;
use kipo_topic::{Batch, Cursor, Event, Gap, Topic, Verdict, frame};

use crate::{
    error::{Error, Result},
    stream::pipe::Pipe,
};

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
