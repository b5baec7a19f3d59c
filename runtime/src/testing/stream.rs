//! A stream that a test reads.

use std::{fmt, marker::PhantomData, pin::pin, time::Duration};

use axum::body::Body;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;
use tokio::{sync::mpsc, task::JoinHandle, time::timeout};

use crate::{
    action::Input,
    error::ActionError,
    stream::{DecodeEvent, StreamAction},
    testing::{
        message::{Message, RawFrame},
        response::{Problem, Response},
    },
};

/// The longest wait for the next message.
const NEXT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a stream that has just opened may take to send its first frame before the test goes on.
const OPEN_TIMEOUT: Duration = Duration::from_millis(100);

/// How many frames wait for the test. A stream that sends more waits, as for a slow client.
const FRAMES_MAX: usize = 64;

/// A stream that a test reads. Dropping it disconnects its client.
///
/// The stream runs beside the test from the moment in which it is opened: a topic that it follows is
/// followed before [`Client::stream`](crate::testing::Client::stream) returns.
///
/// # Examples
///
/// See [`Client::stream`](crate::testing::Client::stream).
pub struct Stream<A> {
    /// The head of the response, with its body if the stream was refused.
    response: Response,
    frames: mpsc::Receiver<String>,
    reading: Option<JoinHandle<()>>,
    /// The first frame, if it was read before the test asked for a message.
    first: Option<RawFrame>,
    /// What the client has read so far, for the messages of failures.
    read: String,
    resume: Option<String>,
    last_id: Option<String>,
    action: PhantomData<fn() -> A>,
}

impl<A: Input> Stream<A> {
    /// Reads the head and the body of a response.
    pub(super) async fn open(request: String, response: axum::response::Response) -> Self {
        let (head, body) = response.into_parts();
        let is_stream = head.headers.get("content-type").is_some_and(|v| v == "text/event-stream");
        let (sender, frames) = mpsc::channel(FRAMES_MAX);
        let (body, reading) = if is_stream {
            // It ends with the stream, and drop aborts it.
            (bytes::Bytes::new(), Some(tokio::spawn(read(body, sender))))
        } else {
            (body.collect().await.map(|all| all.to_bytes()).unwrap_or_default(), None)
        };
        let mut this = Self {
            response: Response::new(request, head, body),
            frames,
            reading,
            first: None,
            read: String::new(),
            resume: None,
            last_id: None,
            action: PhantomData,
        };
        if is_stream && let Ok(Some(first)) = timeout(OPEN_TIMEOUT, this.frames.recv()).await {
            this.first = Some(this.take(&first));
        }
        this
    }

    /// Returns the head of the response, with its body if the stream was refused.
    #[must_use]
    pub fn response(&self) -> &Response {
        &self.response
    }

    /// Returns the error of a stream that was refused.
    ///
    /// # Panics
    ///
    /// Panics if the stream was opened.
    #[must_use]
    #[track_caller]
    pub fn refusal(&self) -> Problem {
        self.response.error()
    }

    /// Returns how the stream has begun: `fresh`, `resumed` or `gap`. `None` until the client has
    /// read that.
    #[must_use]
    pub fn resume(&self) -> Option<&str> {
        self.resume.as_deref()
    }

    /// Returns the id of the last event, from which another stream resumes:
    /// `.with_header("last-event-id", id)`.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// Returns everything that the client has read so far, as text.
    #[must_use]
    pub fn read(&self) -> &str {
        &self.read
    }

    /// Waits for the next message of any kind; `None` at the end.
    ///
    /// # Panics
    ///
    /// Panics if the stream was refused, if no message arrives within 10 seconds, or if an event is
    /// not one of the action's.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no message.
    pub async fn message<E: ActionError>(&mut self) -> Option<Message<A::Event>>
    where
        A: StreamAction<E>,
        A::Event: DecodeEvent,
    {
        self.message_within(NEXT_TIMEOUT).await.unwrap_or_else(|| {
            self.fail(&format!("no message within {} s", NEXT_TIMEOUT.as_secs()))
        })
    }

    /// Waits for the next event.
    ///
    /// Returns `None` when the action has ended with its output, and when the server has ended the
    /// connection.
    ///
    /// # Panics
    ///
    /// Panics as [`message`](Self::message) does, and if the next message is a gap or an error.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no message.
    pub async fn next<E: ActionError>(&mut self) -> Option<A::Event>
    where
        A: StreamAction<E>,
        A::Event: DecodeEvent,
    {
        loop {
            return match self.message().await? {
                Message::Event(event) => Some(event),
                Message::Engine { .. } => continue,
                Message::Complete(_) | Message::Retry { .. } => None,
                Message::Gap(gap) => self.fail(&format!("a gap instead of an event: {gap:?}")),
                Message::Error(error) => {
                    self.fail(&format!("an error instead of an event: {}", error.message))
                }
            };
        }
    }

    /// Checks that no message arrives within `time`.
    ///
    /// # Panics
    ///
    /// Panics if one arrives, or if the stream ends.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future loses no message.
    pub async fn assert_silent<E: ActionError>(&mut self, time: Duration)
    where
        A: StreamAction<E>,
        A::Event: DecodeEvent,
    {
        if self.message_within(time).await.is_some() {
            self.fail("a message or the end of the stream, where none was expected");
        }
    }

    /// Reads the stream to its end and returns the output of the action.
    ///
    /// # Panics
    ///
    /// Panics as [`message`](Self::message) does, and if the stream ends without an output.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the messages that were read.
    pub async fn output<E: ActionError>(&mut self) -> A::Output
    where
        A: StreamAction<E>,
        A::Event: DecodeEvent,
        A::Output: DeserializeOwned,
    {
        while let Some(message) = self.message().await {
            if let Message::Complete(output) = message {
                return serde_json::from_value(output)
                    .unwrap_or_else(|error| self.fail(&format!("another output ({error})")));
            }
        }
        self.fail("the stream has ended without an output")
    }

    /// Reads the stream to its end and returns the error of the action.
    ///
    /// # Panics
    ///
    /// Panics as [`message`](Self::message) does, and if the stream ends without an error.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses the messages that were read.
    pub async fn error<E: ActionError>(&mut self) -> Problem
    where
        A: StreamAction<E>,
        A::Event: DecodeEvent,
    {
        while let Some(message) = self.message().await {
            if let Message::Error(problem) = message {
                return problem;
            }
        }
        self.fail("the stream has ended without an error")
    }

    /// Returns the next message, `Some(None)` at the end, or `None` if the time is over.
    async fn message_within<E: ActionError>(
        &mut self,
        time: Duration,
    ) -> Option<Option<Message<A::Event>>>
    where
        A: StreamAction<E>,
        A::Event: DecodeEvent,
    {
        if self.reading.is_none() {
            self.fail("the stream was refused");
        }
        let next = async {
            loop {
                let frame = match self.first.take() {
                    Some(first) => first,
                    None => {
                        let text = self.frames.recv().await?;
                        self.take(&text)
                    }
                };
                match frame.message() {
                    Ok(Some(message)) => return Some(message),
                    Ok(None) => {}
                    Err(error) => self.fail(&format!("this is no event of the stream ({error})")),
                }
            }
        };
        timeout(time, next).await.ok()
    }

    /// Takes one frame from the connection.
    fn take(&mut self, text: &str) -> RawFrame {
        self.read.push_str(text);
        let frame = RawFrame::of(text);
        if let Some(resume) = frame.resume() {
            self.resume = Some(resume);
        }
        if frame.id.is_some() {
            self.last_id.clone_from(&frame.id);
        }
        frame
    }

    /// Fails the test, and shows what the client has read.
    fn fail(&self, reason: &str) -> ! {
        panic!("{reason}\n{self}")
    }
}

/// Reads whole frames from a body and passes them on.
async fn read(body: Body, frames: mpsc::Sender<String>) {
    let mut body = pin!(body);
    let mut buffer = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(bytes) = frame.into_data() else { continue };
        buffer.extend_from_slice(&bytes);
        while let Some(end) = buffer.windows(2).position(|pair| pair == b"\n\n") {
            let frame: Vec<u8> = buffer.drain(..end + 2).collect();
            if frames.send(String::from_utf8_lossy(&frame).into_owned()).await.is_err() {
                return;
            }
        }
    }
}

impl<A> Drop for Stream<A> {
    fn drop(&mut self) {
        if let Some(reading) = &self.reading {
            reading.abort();
        }
    }
}

/// The response, and what the client has read.
impl<A> fmt::Display for Stream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.response, self.read)
    }
}

impl<A> fmt::Debug for Stream<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
