//! The connection: requests, their answers, and whether the server can be reached.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering},
    time::Duration,
};

use async_nats::{Client, HeaderMap, Message, Request, RequestErrorKind};
use bytes::Bytes;
use kipo_topic::engine::{EngineError, Link};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    sync::watch,
    time::{Instant, sleep, timeout},
};

/// How long one request may take.
pub(crate) const REQUEST_TIME: Duration = Duration::from_secs(5);

/// How long one attempt of a request may take that is repeated within [`REQUEST_TIME`].
const ATTEMPT_TIME: Duration = Duration::from_millis(1_500);

/// How often a server that left a request without an answer is asked whether it is back.
const PROBE_INTERVAL: Duration = Duration::from_millis(250);

/// The pause before a request is repeated that no server took.
const RETRY_PAUSE: Duration = Duration::from_millis(50);

/// The codes of the errors that the engine handles. JetStream has a number for each kind.
pub(crate) mod code {
    pub(crate) const NO_PEERS: u16 = 10_005;
    pub(crate) const NOT_AVAILABLE: u16 = 10_008;
    pub(crate) const NO_MESSAGE: u16 = 10_037;
    pub(crate) const NOT_ENABLED_FOR_ACCOUNT: u16 = 10_039;
    pub(crate) const NAME_IN_USE: u16 = 10_058;
    pub(crate) const NO_STREAM: u16 = 10_059;
    pub(crate) const SUBJECTS_OVERLAP: u16 = 10_065;
    pub(crate) const WRONG_LAST: [u16; 2] = [10_071, IN_FLIGHT];
    /// Another write to the subject is on its way.
    pub(crate) const IN_FLIGHT: u16 = 10_164;
    pub(crate) const NOT_CLUSTERED: u16 = 10_074;
    pub(crate) const NOT_ENABLED: u16 = 10_076;
    pub(crate) const BATCH_INCOMPLETE: [u16; 2] = [10_176, 10_179];
    pub(crate) const TOO_MANY_BATCHES: u16 = 10_210;
}

/// Why a request has no result.
#[derive(Clone, Debug)]
pub(crate) enum Failure {
    /// JetStream answered with an error: nothing was done.
    Refused { code: u16, text: String },
    /// No server took the request: nothing was done.
    NotTaken,
    /// The connection is down: nothing was sent.
    Down,
    /// There was no answer in time: it may have been done.
    NoAnswer,
    /// The connection was lost, or the answer cannot be read: it may have been done.
    Unknown(String),
}

impl Failure {
    pub(crate) fn is(&self, codes: &[u16]) -> bool {
        matches!(self, Self::Refused { code, .. } if codes.contains(code))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { code, text } => write!(f, "JetStream refused: {text} (error {code})"),
            Self::NotTaken => f.write_str("no JetStream server took the request"),
            Self::Down => f.write_str("the connection to NATS is down"),
            Self::NoAnswer => {
                write!(f, "NATS JetStream did not answer in {} s", REQUEST_TIME.as_secs())
            }
            Self::Unknown(text) => f.write_str(text),
        }
    }
}

impl From<Failure> for EngineError {
    fn from(failure: Failure) -> Self {
        Self::unavailable(failure)
    }
}

/// Whether the connection is there, and whether JetStream answers on it.
#[derive(Debug)]
pub(crate) struct LinkState {
    connected: watch::Sender<bool>,
    /// Whether a request was left without an answer, and the server is asked whether it is back.
    doubted: Mutex<bool>,
    link: watch::Sender<Link>,
    /// How many times a connection was made.
    connections: watch::Sender<u64>,
}

impl LinkState {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            connected: watch::Sender::new(false),
            doubted: Mutex::new(false),
            link: watch::Sender::new(Link::Down),
            connections: watch::Sender::new(0),
        })
    }

    pub(crate) fn set_connected(&self, connected: bool) {
        let doubted = lock(&self.doubted);
        self.connected.send_replace(connected);
        if connected {
            self.connections.send_modify(|count| *count += 1);
        }
        self.show(connected && !*doubted);
    }

    /// Returns whether the state has changed.
    fn set_doubted(&self, new: bool) -> bool {
        let mut doubted = lock(&self.doubted);
        let changed = std::mem::replace(&mut *doubted, new) != new;
        self.show(*self.connected.borrow() && !new);
        changed
    }

    fn show(&self, up: bool) {
        let link = if up { Link::Up } else { Link::Down };
        self.link.send_if_modified(|old| std::mem::replace(old, link) != link);
    }
}

/// A connection to a server of the cluster; clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Server {
    pub(crate) client: Client,
    link: Arc<LinkState>,
}

/// The answer of JetStream to a message that it has stored.
#[derive(Debug, Deserialize)]
pub(crate) struct Stored {
    pub(crate) stream: String,
    /// The position in the stream of the message, or of the last one of a batch.
    pub(crate) seq: u64,
}

#[derive(Deserialize)]
struct Envelope {
    error: Option<ApiError>,
}

#[derive(Deserialize)]
struct ApiError {
    #[serde(default)]
    err_code: u16,
    #[serde(default)]
    description: String,
}

impl Server {
    pub(crate) fn new(client: Client, link: Arc<LinkState>) -> Self {
        Self { client, link }
    }

    pub(crate) fn link(&self) -> watch::Receiver<Link> {
        self.link.link.subscribe()
    }

    /// Returns how many times a connection was made, and how that changes.
    pub(crate) fn connections(&self) -> watch::Receiver<u64> {
        self.link.connections.subscribe()
    }

    /// Returns the number of the present connection, which no earlier one had.
    ///
    /// A server may have lost messages only if it was started anew, so a position that was seen on
    /// another connection may be one of another history, in which another message has that position.
    pub(crate) fn connection(&self) -> u64 {
        self.client.statistics().connects.load(Ordering::Acquire)
    }

    pub(crate) fn is_up(&self) -> bool {
        *self.link.link.borrow() == Link::Up
    }

    /// Asks JetStream; `subject` is without `$JS.API.`.
    pub(crate) async fn api<R: DeserializeOwned>(
        &self,
        subject: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<R, Failure> {
        let body = serde_json::to_vec(body).map_err(|e| Failure::Unknown(e.to_string()))?;
        let subject = format!("$JS.API.{subject}");
        let message = self.request(subject, HeaderMap::new(), body.into(), ATTEMPT_TIME).await?;
        read_json(&message)
    }

    /// Asks JetStream what may be asked twice: again and again while no server takes the request,
    /// while the cluster elects, and if there is no answer, for at most [`REQUEST_TIME`].
    pub(crate) async fn api_patient<R: DeserializeOwned>(
        &self,
        subject: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<R, Failure> {
        let patience = Patience::new();
        loop {
            match self.api(subject, body).await {
                // A request to a leader that was just lost has no answer.
                Err(Failure::NoAnswer) if patience.pause().await => {}
                Err(failure) if patience.allows(&failure).await => {}
                Err(Failure::NoAnswer) => {
                    self.doubt(subject);
                    return Err(Failure::NoAnswer);
                }
                result => return result,
            }
        }
    }

    /// Publishes a message into a stream.
    pub(crate) async fn publish(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<Stored, Failure> {
        let message = self.request(subject.to_owned(), headers, payload, REQUEST_TIME).await;
        if matches!(message, Err(Failure::NoAnswer)) {
            self.doubt(subject);
        }
        read_json(&message?)
    }

    /// Publishes a message that nobody answers.
    pub(crate) async fn send(
        &self,
        subject: &str,
        headers: HeaderMap,
        payload: Bytes,
    ) -> Result<(), Failure> {
        if !self.is_up() {
            return Err(Failure::Down);
        }
        let sending = self.client.publish_with_headers(subject.to_owned(), headers, payload);
        match timeout(REQUEST_TIME, sending).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Unknown(error.to_string())),
            Err(_) => Err(Failure::Unknown("the connection to NATS takes no data".to_owned())),
        }
    }

    async fn request(
        &self,
        subject: String,
        headers: HeaderMap,
        payload: Bytes,
        time: Duration,
    ) -> Result<Message, Failure> {
        let mut connected = self.link.connected.subscribe();
        if !self.is_up() {
            return Err(Failure::Down);
        }
        let size = payload.len();
        let request = Request::new().headers(headers).payload(payload).timeout(Some(time));
        let request = self.client.send_request(subject, request);
        let result = tokio::select! {
            result = request => result,
            _ = connected.wait_for(|connected| !connected) => {
                let text = "the connection to NATS was lost before the answer";
                return Err(Failure::Unknown(text.to_owned()));
            }
        };
        result.map_err(|error| match error.kind() {
            RequestErrorKind::NoResponders => Failure::NotTaken,
            RequestErrorKind::TimedOut => Failure::NoAnswer,
            RequestErrorKind::MaxPayloadExceeded => Failure::Refused {
                code: 0,
                text: format!(
                    "{size} bytes are more than the server's max_payload of {}",
                    self.client.max_payload()
                ),
            },
            RequestErrorKind::InvalidSubject | RequestErrorKind::Other => {
                Failure::Unknown(error.to_string())
            }
        })
    }

    /// Takes the link for down until JetStream answers again.
    fn doubt(&self, subject: &str) {
        if !self.link.set_doubted(true) {
            return;
        }
        tracing::warn!(subject, "NATS JetStream does not answer");
        let server = self.clone();
        tokio::spawn(async move {
            loop {
                sleep(PROBE_INTERVAL).await;
                // The answer of a server that leads nothing has an error in it, and is no answer.
                let probe = server.client.request("$JS.API.INFO", Bytes::new());
                // A probe that was sent while the cluster elects is never answered: the next one may be.
                if let Ok(Ok(message)) = timeout(ATTEMPT_TIME, probe).await
                    && read_json::<serde_json::Value>(&message).is_ok()
                {
                    break;
                }
            }
            server.link.set_doubted(false);
            tracing::info!("NATS JetStream answers again");
        });
    }
}

/// Repeats requests that certainly did nothing, for a while.
#[derive(Debug)]
pub(crate) struct Patience(Instant);

impl Patience {
    pub(crate) fn new() -> Self {
        Self(Instant::now() + REQUEST_TIME)
    }

    /// Waits a little, and returns whether to try again after this failure.
    pub(crate) async fn allows(&self, failure: &Failure) -> bool {
        let passes = matches!(failure, Failure::NotTaken) || failure.is(&[code::NOT_AVAILABLE]);
        passes && self.pause().await
    }

    /// Waits a little, and returns whether there is time to try again.
    pub(crate) async fn pause(&self) -> bool {
        sleep(RETRY_PAUSE.mul_f32(0.5 + fastrand::f32())).await;
        Instant::now() < self.0
    }
}

fn read_json<R: DeserializeOwned>(message: &Message) -> Result<R, Failure> {
    let unread = |error: serde_json::Error| {
        Failure::Unknown(format!("the answer on {} cannot be read: {error}", message.subject))
    };
    let envelope: Envelope = serde_json::from_slice(&message.payload).map_err(unread)?;
    match envelope.error {
        Some(error) => Err(Failure::Refused { code: error.err_code, text: error.description }),
        None => serde_json::from_slice(&message.payload).map_err(unread),
    }
}

/// Locks a mutex whose holders leave no value half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
