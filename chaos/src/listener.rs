//! One listener: follows the room, comes back after every end, and writes down what it is told.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    sync::watch,
    time::{Instant, sleep, timeout},
};

use crate::{
    backoff::Backoff,
    cursor::Cursor,
    http::{Decoder, Request},
    record::{Entry, Messages, Record},
    sse::{Item, Parser},
    tally::Tally,
};

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(10);

/// The longest silence: the server says something every 15 s.
const SILENCE: Duration = Duration::from_secs(20);

/// What all listeners of a run share.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    pub(crate) messages: Messages,
    pub(crate) tally: Tally,
    /// Whether somebody is meant to listen: a refusal is a breach then.
    pub(crate) is_listening: AtomicBool,
}

/// How long a listener goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// For ever.
    Follow,
    /// Until it holds this place.
    Reach(Cursor),
    /// Now.
    Stop,
}

/// A listener, connected or not.
#[derive(Debug)]
pub(crate) struct Listener {
    scene: Arc<Scene>,
    target: SocketAddr,
    source: Option<IpAddr>,
    record: Record,
    /// What the next connection shows; empty is nothing.
    last_event_id: String,
    backoff: Backoff,
    rng: Rng,
    /// Whether it sleeps now and then for longer than the room keeps its messages.
    sleeps: bool,
    /// When it was last seen to have reached its goal.
    reached: Option<Instant>,
}

/// Why a connection ended.
enum End {
    /// The goal is reached, or given up.
    Done,
    Closed,
}

impl Listener {
    /// Returns a listener that has seen nothing.
    pub(crate) fn new(number: usize, target: SocketAddr, scene: &Arc<Scene>, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            scene: Arc::clone(scene),
            target,
            source: None,
            record: Record { listener: number, entries: Vec::new() },
            last_event_id: String::new(),
            backoff: Backoff::new(rng.fork()),
            rng,
            sleeps: false,
            reached: None,
        }
    }

    /// Makes it connect from an address of its own: one has some 28,000 ports.
    pub(crate) fn from(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Makes it sleep now and then for longer than the room keeps its messages.
    pub(crate) fn sleeping(mut self) -> Self {
        self.sleeps = true;
        self
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    pub(crate) fn into_record(self) -> Record {
        self.record
    }

    /// Returns when it reached its goal, if it did.
    pub(crate) fn reached(&self) -> Option<Instant> {
        self.reached
    }

    /// Follows the room until the goal is reached or given up. It can be called again, and goes
    /// on where it left off.
    pub(crate) async fn follow(&mut self, goal: &mut watch::Receiver<Goal>) {
        self.reached = None;
        loop {
            let end = self.connection(goal).await;
            if let Ok(End::Done) = end {
                return;
            }
            if end.is_err() {
                self.scene.tally.failed.add();
            }
            let nap = self.sleeps && self.rng.u8(0..3) == 0;
            let wait = self.backoff.wait();
            let wait = if nap { Duration::from_secs(self.rng.u64(12..20)) } else { wait };
            tokio::select! {
                () = sleep(wait) => {}
                // A sleeper wakes up when things come to their end.
                _ = goal.changed() => if *goal.borrow() == Goal::Stop { return },
            }
        }
    }

    /// Runs one connection. An error is one that never became a stream.
    async fn connection(&mut self, goal: &mut watch::Receiver<Goal>) -> io::Result<End> {
        self.scene.tally.connections.add();
        let mut stream = tokio::select! {
            stream = timeout(CONNECT, self.connect()) => stream??,
            () = stopped(goal) => return Ok(End::Done),
        };
        let scene = Arc::clone(&self.scene);
        let showed = self.last_event_id.parse().ok();
        let mut parser = Parser::after(&self.last_event_id);
        let (mut decoder, mut body) = (Decoder::new(), Vec::new());
        let mut buffer = vec![0; 4096];
        let mut open = None;
        loop {
            if self.is_done(*goal.borrow_and_update()) {
                return Ok(End::Done);
            }
            let read = tokio::select! {
                read = timeout(SILENCE, stream.read(&mut buffer)) => read,
                changed = goal.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(End::Done),
                },
            };
            // Silence and resets are ends like any other, once it is a stream.
            let count = match read {
                Ok(Ok(count)) => count,
                Ok(Err(error)) if open.is_none() => return Err(error),
                Err(_) if open.is_none() => return Err(io::ErrorKind::TimedOut.into()),
                Ok(Err(_)) | Err(_) => 0,
            };
            if count == 0 {
                let ended = if open.is_some() { Ok(End::Closed) } else { Err(eof()) };
                return ended;
            }
            decoder.feed(&buffer[..count], &mut body)?;
            let Some(head) = decoder.head() else { continue };
            if head.status != 200 {
                if let Some(seconds) = head.header("retry-after").and_then(|text| text.parse().ok())
                {
                    self.backoff.ask(self.rng.u64(0..=u64::saturating_mul(seconds, 1_000)));
                }
                return Err(io::Error::other(format!("status {}", head.status)));
            }
            parser.feed(&body, |parser, item| {
                if self.heard(parser.last_event_id(), showed, item) && open.is_none() {
                    open = Some(Open::new(&scene));
                }
            });
            body.clear();
        }
    }

    async fn connect(&self) -> io::Result<TcpStream> {
        let is_listening = self.scene.is_listening.load(Ordering::Acquire);
        let mut stream = match self.dial().await {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                let tally = &self.scene.tally;
                if is_listening { &tally.refused_wrongly } else { &tally.refused }.add();
                return Err(error);
            }
            dialed => dialed?,
        };
        // Every second one as a browser's EventSource does it, the others as our client does.
        let by_get = self.record.listener.is_multiple_of(2);
        let method = if by_get { "GET" } else { "POST" };
        let mut request = Request::new(method, "chat.Listen").header("Accept", "text/event-stream");
        if !self.last_event_id.is_empty() {
            request = request.header("Last-Event-ID", &self.last_event_id);
        }
        let request = if by_get { request.end() } else { request.json("{}") };
        stream.write_all(request.as_bytes()).await?;
        Ok(stream)
    }

    async fn dial(&self) -> io::Result<TcpStream> {
        let Some(source) = self.source else { return TcpStream::connect(self.target).await };
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(self.target).await
    }

    /// Writes down what was said, and returns whether it was an event.
    fn heard(&mut self, last_event_id: &str, showed: Option<Cursor>, item: Item) -> bool {
        let (name, data) = match item {
            Item::Event { name, data } => (name, data),
            Item::Retry(ms) => {
                self.backoff.ask(ms);
                return false;
            }
        };
        last_event_id.clone_into(&mut self.last_event_id);
        let held = last_event_id.parse().ok();
        let entry = Entry::of(&name, &data, showed, held, &self.scene.messages);
        if matches!(entry, Entry::Message(_)) {
            self.scene.tally.deliveries.add();
        }
        self.record.entries.push(entry);
        self.backoff.reset();
        true
    }

    fn is_done(&mut self, goal: Goal) -> bool {
        let is_reached =
            matches!(goal, Goal::Reach(place) if self.last_event_id.parse() == Ok(place));
        if is_reached {
            self.reached = Some(Instant::now());
        }
        is_reached || goal == Goal::Stop
    }
}

/// Counts a stream for as long as it is open.
struct Open(Arc<Scene>);

impl Open {
    fn new(scene: &Arc<Scene>) -> Self {
        scene.tally.open.add();
        Self(Arc::clone(scene))
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.tally.open.take_away();
    }
}

/// Waits until the goal is given up.
async fn stopped(goal: &mut watch::Receiver<Goal>) {
    // A goal that nobody can change any more is given up too.
    let _ = goal.wait_for(|goal| *goal == Goal::Stop).await;
}

fn eof() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}
