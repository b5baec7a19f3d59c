//! One listener: follows a topic, comes back after every end, and records what it reads.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    ops::Range,
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
    time::{Instant, sleep, timeout, timeout_at},
};

use crate::{
    actor::{backoff::Backoff, feed::Feed},
    record::{Entry, Messages, Record, Tally},
};
use load::{
    Cursor,
    http::Decoder,
    sse::{Event, Item, Reader},
};

/// How long connecting may take.
pub(crate) const CONNECT: Duration = Duration::from_secs(10);

/// The longest silence: the server sends at least a heartbeat every 15 s.
const SILENCE: Duration = Duration::from_secs(20);

/// How long a nap lasts, in seconds: the room retains the messages of some 10 s.
const NAP_SECONDS: Range<u64> = 12..20;

/// What all listeners of a run share.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    pub(crate) messages: Messages,
    pub(crate) tally: Arc<Tally>,
    /// Whether a server has to listen: a refusal is a breach then.
    pub(crate) is_listening: AtomicBool,
}

/// How long a listener goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Goal {
    /// It has no end.
    Follow,
    /// Until it holds this position. A connection that does not deliver the message within this
    /// time ends the listener: its record then lacks the message.
    Reach { position: Cursor, within: Duration },
    /// It ends now.
    Stop,
}

/// A listener, connected or not.
#[derive(Debug)]
pub(crate) struct Listener {
    scene: Arc<Scene>,
    feed: Feed,
    /// Never empty.
    nodes: Arc<[SocketAddr]>,
    /// The node of the next connection.
    node: usize,
    source: Option<IpAddr>,
    record: Record,
    /// What the next connection shows; empty is nothing.
    last_event_id: String,
    backoff: Backoff,
    rng: Rng,
    /// Whether it naps now and then.
    is_sleeper: bool,
    /// When it was last seen to have reached its goal.
    reached: Option<Instant>,
    /// When it last read a gap.
    gap_at: Option<Instant>,
}

/// Why a connection ended.
enum End {
    /// The goal is reached or given up, or the connection is late.
    Done,
    Closed,
}

impl Listener {
    /// Returns a listener that has seen nothing.
    pub(crate) fn new(number: usize, target: SocketAddr, scene: &Arc<Scene>, seed: u64) -> Self {
        let mut rng = Rng::with_seed(seed ^ (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Self {
            scene: Arc::clone(scene),
            feed: Feed::Chat,
            nodes: Arc::from([target]),
            node: 0,
            source: None,
            record: Record { listener: number, entries: Vec::new() },
            last_event_id: String::new(),
            backoff: Backoff::new(rng.fork()),
            rng,
            is_sleeper: false,
            reached: None,
            gap_at: None,
        }
    }

    /// Makes it follow another topic than the chat.
    pub(crate) fn on(mut self, feed: Feed) -> Self {
        self.feed = feed;
        self
    }

    /// Makes it begin at one of these nodes, and take another one for each further connection.
    pub(crate) fn among(mut self, nodes: &Arc<[SocketAddr]>, first: usize) -> Self {
        (self.nodes, self.node) = (Arc::clone(nodes), first % nodes.len());
        self
    }

    /// Makes it connect from an address of its own: one has some 28,000 ports.
    pub(crate) fn from(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Makes it nap now and then: it stays away for longer than the room retains its messages.
    pub(crate) fn sleeper(mut self) -> Self {
        self.is_sleeper = true;
        self
    }

    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    pub(crate) fn into_record(self) -> Record {
        self.record
    }

    /// Returns when it last read a gap, if it ever did.
    pub(crate) fn gap_at(&self) -> Option<Instant> {
        self.gap_at
    }

    /// Returns when it reached its goal, if it did.
    pub(crate) fn reached(&self) -> Option<Instant> {
        self.reached
    }

    /// Follows the topic until the goal is reached or given up, or a connection is late. It can be
    /// called again, and goes on where it left off.
    pub(crate) async fn follow(&mut self, goal: &mut watch::Receiver<Goal>) {
        self.reached = None;
        loop {
            match self.connection(goal).await {
                Ok(End::Done) => return,
                Ok(End::Closed) => {}
                Err(_) => self.scene.tally.failed.add(),
            }
            self.pause(goal).await;
            self.take_another_node();
        }
    }

    fn take_another_node(&mut self) {
        let count = self.nodes.len();
        if count > 1 {
            self.node = (self.node + self.rng.usize(1..count)) % count;
        }
    }

    /// Waits before the next connection. A new goal ends the wait.
    async fn pause(&mut self, goal: &mut watch::Receiver<Goal>) {
        let wait = self.next_wait(*goal.borrow_and_update());
        tokio::select! {
            () = sleep(wait) => {}
            _ = goal.changed() => {}
        }
    }

    /// Returns how long to wait before the next connection. A sleeper naps only while it has no
    /// goal: a nap is longer than the time it has to reach one.
    fn next_wait(&mut self, goal: Goal) -> Duration {
        let wait = self.backoff.wait();
        let naps = self.is_sleeper && goal == Goal::Follow && self.rng.u8(0..3) == 0;
        if naps { Duration::from_secs(self.rng.u64(NAP_SECONDS)) } else { wait }
    }

    /// Runs one connection. An error is one that never became a stream.
    async fn connection(&mut self, goal: &mut watch::Receiver<Goal>) -> io::Result<End> {
        self.scene.tally.connections.add();
        let mut stream = tokio::select! {
            biased;
            () = stopped(goal) => return Ok(End::Done),
            stream = timeout(CONNECT, self.connect()) => stream??,
        };
        let scene = Arc::clone(&self.scene);
        let showed = self.last_event_id.parse().ok();
        let mut reader = Reader::after(&self.last_event_id);
        let (mut decoder, mut body) = (Decoder::default(), Vec::new());
        let mut buffer = vec![0; 4096];
        let (mut open, mut due) = (None, None);
        loop {
            let current = *goal.borrow_and_update();
            if self.is_done(current) {
                return Ok(End::Done);
            }
            if let Goal::Reach { within, .. } = current {
                due.get_or_insert_with(|| Instant::now() + within);
            }
            let silent = Instant::now() + SILENCE;
            let read = tokio::select! {
                read = timeout_at(due.map_or(silent, |due| due.min(silent)), stream.read(&mut buffer)) => read,
                changed = goal.changed() => match changed {
                    Ok(()) => continue,
                    Err(_) => return Ok(End::Done),
                },
            };
            if read.is_err() && due.is_some_and(|due| due <= Instant::now()) {
                return Ok(End::Done);
            }
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
            decoder.feed(&buffer[..count], |part| body.extend_from_slice(part))?;
            let Some(head) = decoder.head() else { continue };
            if head.status() != 200 {
                if let Some(seconds) = head.header("retry-after").and_then(|text| text.parse().ok())
                {
                    self.backoff.ask(self.rng.u64(0..=u64::saturating_mul(seconds, 1_000)));
                }
                return Err(io::Error::other(format!("status {}", head.status())));
            }
            reader.feed(&body, |item| {
                if self.heard(showed, item) && open.is_none() {
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
        let request = self.feed.listen(self.nodes[self.node], by_get, &self.last_event_id);
        stream.write_all(&request).await?;
        Ok(stream)
    }

    async fn dial(&self) -> io::Result<TcpStream> {
        let node = self.nodes[self.node];
        let Some(source) = self.source else { return TcpStream::connect(node).await };
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(source, 0))?;
        socket.connect(node).await
    }

    /// Records what was read, and returns whether it was an event.
    fn heard(&mut self, showed: Option<Cursor>, item: Item<'_>) -> bool {
        let event = match item {
            Item::Event(event) => event,
            Item::Retry(ms) => {
                self.backoff.ask(ms);
                return false;
            }
        };
        let Event { name, data, last_event_id } = event;
        let [name, data, id] = [name, data, last_event_id].map(String::from_utf8_lossy);
        let held = id.parse().ok();
        self.last_event_id = id.into_owned();
        let entry = Entry::of(&name, &data, showed, held, &self.scene.messages);
        let Some(entry) = entry else { return true };
        match entry {
            Entry::Message(_) => self.scene.tally.deliveries.add(),
            Entry::Gap(_) => {
                self.scene.tally.gaps.add();
                self.gap_at = Some(Instant::now());
            }
            Entry::Engine { is_reachable: false } => self.scene.tally.engine_lost.add(),
            Entry::Engine { is_reachable: true } => self.scene.tally.engine_back.add(),
            Entry::Ready(_) | Entry::Wrong(_) => {}
        }
        self.record.entries.push(entry);
        self.backoff.reset();
        true
    }

    fn is_done(&mut self, goal: Goal) -> bool {
        let is_reached = matches!(goal, Goal::Reach { position, .. } if self.last_event_id.parse() == Ok(position));
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
    // A goal whose sender is gone is given up too.
    let _ = goal.wait_for(|goal| *goal == Goal::Stop).await;
}

fn eof() -> io::Error {
    io::ErrorKind::UnexpectedEof.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actor::stage::{Stage, position},
        record::{Expected, Kind, Rules, verify},
    };

    const WITHIN: Duration = Duration::from_secs(12);

    fn sleeper(seed: u64, target: SocketAddr) -> Listener {
        Listener::new(0, target, &Arc::default(), seed).sleeper()
    }

    fn nowhere() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 9))
    }

    fn reach(seq: u64) -> Goal {
        Goal::Reach { position: position(seq), within: WITHIN }
    }

    #[test]
    fn a_sleeper_naps_only_while_it_has_no_goal() {
        let mut listener = sleeper(1, nowhere());
        let mut longest = |goal| (0..200).map(|_| listener.next_wait(goal)).max().unwrap();
        let nap = Duration::from_secs(NAP_SECONDS.start);
        assert!(longest(Goal::Follow) >= nap);
        assert!(longest(reach(1)) < nap);
        assert!(longest(Goal::Stop) < nap);
    }

    #[tokio::test(start_paused = true)]
    async fn a_nap_ends_when_the_goal_is_set() {
        let began = Instant::now();
        for seed in 0..32 {
            let goal = watch::Sender::new(Goal::Follow);
            let (mut listener, mut watching) = (sleeper(seed, nowhere()), goal.subscribe());
            let set = async { goal.send_replace(reach(1)) };
            // The pause begins first.
            tokio::join!(biased; listener.pause(&mut watching), set);
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    /// The connection ends after the listener has seen its goal, and before the last message.
    #[tokio::test(start_paused = true)]
    async fn a_sleeper_that_is_cut_after_the_goal_was_set_comes_back_at_once() {
        for seed in 0..16 {
            let stage = Stage::start().await;
            let goal = watch::Sender::new(Goal::Follow);
            let (mut listener, mut watching) = (sleeper(seed, stage.address()), goal.subscribe());
            let scene = Arc::clone(&listener.scene);
            let server = async {
                let mut guest = stage.accept().await;
                guest.ready(None).await;
                goal.send_replace(reach(2));
                guest.message(1).await;
                while scene.tally.deliveries.value() == 0 {
                    tokio::task::yield_now().await;
                }
                drop(guest);
                let mut guest = stage.accept().await;
                guest.ready(Some(1)).await;
                guest.message(2).await;
                guest
            };
            let began = Instant::now();
            tokio::join!(listener.follow(&mut watching), server);
            assert!(listener.reached().is_some());
            assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
        }
    }

    /// A lost wake-up: the stream goes on, and only heartbeats come.
    #[tokio::test(start_paused = true)]
    async fn a_connection_that_does_not_deliver_the_last_message_is_a_loss() {
        let stage = Stage::start().await;
        let goal = watch::Sender::new(reach(1));
        let (mut listener, mut watching) = (sleeper(1, stage.address()), goal.subscribe());
        let server = async {
            let mut guest = stage.accept().await;
            guest.ready(None).await;
            while guest.heartbeat().await {
                sleep(Duration::from_secs(5)).await;
            }
        };
        let began = Instant::now();
        tokio::select! {
            () = listener.follow(&mut watching) => {}
            () = server => {}
        }
        assert_eq!(listener.reached(), None);
        assert_eq!(began.elapsed().as_secs(), WITHIN.as_secs());
        let rules = Rules { reasons: &[], is_shared: false };
        let expected = Expected { messages: &[], acknowledged: &[], rules, last: position(1) };
        assert_eq!(verify(&[listener.into_record()], &expected).count(Kind::Loss), 1);
    }
}
