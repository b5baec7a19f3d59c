//! Histories of topics on several nodes against a ledger of what the engine stored.
//!
//! The nodes share one engine, a model that fails when a history says so: appends fail although
//! they are written, or are written later; connections are cut; deliveries are held, lost, repeated
//! or reversed; the newest entries get lost; an older copy is restored; nodes are killed. Listeners
//! move between the nodes. In every history each message that a listener reads follows the one
//! before, or a gap reports what is missing, and why. Five seconds after the last fault every
//! listener has read everything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    collections::{HashMap, HashSet},
    env,
    pin::pin,
    sync::{Arc, Mutex, Weak},
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use proptest::prelude::*;
use tokio::{
    task::{JoinHandle, yield_now},
    time::{Instant, sleep},
};

use crate::{
    Cursor, Durability, Gap, GapReason, Keyed, Next, PublishError, Store, Subscription, Topic,
    Topics, Verdict,
    engine::{
        Engine, Entry, FollowGuard, Follower, Head, Link, Profile,
        conformance::{Deliveries, Fault, Model, ModelEngine, Snapshot},
    },
    store::Shared,
    topic::tests::N,
};

const NODES: usize = 3;
const LISTENERS: usize = 5;

/// The topics of all histories: two families, which have a key in common.
const TOPICS: [(Family, &str); 3] =
    [(Family::Rooms, "a"), (Family::Rooms, "b"), (Family::Boards, "a")];

/// Within this time a node notices that the log went back, and a listener has read everything.
const NOTICED: Duration = Duration::from_secs(5);

#[derive(Clone, Copy, Debug)]
enum Family {
    Rooms,
    Boards,
}

/// What the engine has stored, as a follower without faults reads it.
#[derive(Debug, Default)]
struct Ledger {
    logs: Vec<Log>,
    /// Every entry that was ever stored.
    ever: HashMap<Cursor, Stored>,
    /// The positions that the engine has lost at least once.
    lost: HashSet<Cursor>,
    /// The generations that have ended at least once.
    ended: HashSet<u64>,
    /// How often each topic has lost entries.
    losses: [usize; TOPICS.len()],
    /// The largest number of each generation.
    highest: HashMap<u64, u64>,
    /// What the nodes stored against the rules.
    errors: Vec<String>,
}

/// The history of one topic, from number 1 on.
#[derive(Clone, Debug)]
struct Log {
    start: Cursor,
    entries: Vec<Stored>,
}

#[derive(Clone, Debug)]
struct Stored {
    before: Cursor,
    cursor: Cursor,
    n: u64,
    key: Option<String>,
}

impl Log {
    fn head(&self) -> Cursor {
        self.entries.last().map_or(self.start, |stored| stored.cursor)
    }

    fn holds(&self, cursor: Cursor) -> bool {
        self.start == cursor || self.entries.iter().any(|stored| stored.cursor == cursor)
    }
}

impl Ledger {
    fn record(&mut self, topic: usize, entry: &Entry) {
        let log = &mut self.logs[topic];
        let stored = Stored {
            before: entry.before(),
            cursor: entry.cursor(),
            n: entry.data().parse().unwrap(),
            key: entry.key().map(str::to_owned),
        };
        if stored.before != log.head() {
            self.errors.push(format!("{stored:?} does not follow {}", log.head()));
        }
        if log.entries.iter().any(|other| other.n == stored.n) {
            self.errors.push(format!("{stored:?} is stored twice"));
        }
        if stored.key.is_some() && log.entries.iter().any(|other| other.key == stored.key) {
            self.errors.push(format!("the key of {stored:?} is published twice"));
        }
        let highest = self.highest.entry(stored.cursor.generation).or_default();
        *highest = stored.cursor.seq.max(*highest);
        self.ever.insert(stored.cursor, stored.clone());
        log.entries.push(stored);
    }

    /// Sets what the engine has of a topic after a loss.
    fn rewind(&mut self, topic: usize, log: Log) {
        let before = std::mem::replace(&mut self.logs[topic], log);
        let log = &self.logs[topic];
        let lost = before.entries.iter().map(|stored| stored.cursor);
        let lost: Vec<_> = lost.filter(|cursor| !log.holds(*cursor)).collect();
        self.losses[topic] += usize::from(!lost.is_empty() || before.start != log.start);
        self.lost.extend(lost);
        if before.start != log.start {
            self.ended.insert(before.start.generation);
        }
    }
}

/// Records what is appended to one topic.
struct Recorder(Arc<Mutex<Ledger>>, usize);

impl Follower for Recorder {
    fn entries(&self, entries: Vec<Entry>) {
        let mut ledger = self.0.lock().unwrap();
        entries.iter().for_each(|entry| ledger.record(self.1, entry));
    }

    fn uncertain(&self) {}
}

/// One message to publish.
#[derive(Clone, Copy, Debug)]
struct Message {
    node: usize,
    topic: usize,
    key: Option<u8>,
}

#[derive(Clone, Debug)]
enum Step {
    Publish(Message),
    /// Publishes several messages at once, and waits for all answers.
    Race(Vec<Message>),
    /// Publishes without waiting for the answer.
    Begin(Message),
    /// Drops the publisher that waits for the longest time.
    Cancel,
    Fail(usize, Fault),
    /// Late appends of a node reach the engine.
    Arrive(usize),
    SetLink(usize, bool),
    SetDeliveries(usize, Deliveries),
    LoseTail(usize, usize),
    Copy,
    Restore,
    Wipe,
    Restart(usize),
    Remove(usize, usize),
    Read(usize),
    /// A listener connects to a node, and leaves the one that it was connected to.
    Move(usize, usize),
    /// Other tasks run for a while.
    Yield(usize),
    /// Time passes until every node must have noticed what happened.
    Settle,
}

fn message() -> impl Strategy<Value = Message> {
    let key = prop_oneof![2 => Just(None), 1 => (0u8..6).prop_map(Some)];
    (0..NODES, 0..TOPICS.len(), key).prop_map(|(node, topic, key)| Message { node, topic, key })
}

fn step() -> impl Strategy<Value = Step> {
    let fault = prop_oneof![Just(Fault::Refused), Just(Fault::Unacknowledged), Just(Fault::Late)];
    let deliveries = prop_oneof![
        Just(Deliveries::InOrder),
        Just(Deliveries::Held),
        Just(Deliveries::Repeated),
        Just(Deliveries::Reversed),
        Just(Deliveries::Lost),
    ];
    prop_oneof![
        12 => message().prop_map(Step::Publish),
        5 => proptest::collection::vec(message(), 2..12).prop_map(Step::Race),
        4 => message().prop_map(Step::Begin),
        1 => Just(Step::Cancel),
        3 => (0..NODES, fault).prop_map(|(node, fault)| Step::Fail(node, fault)),
        2 => (0..NODES).prop_map(Step::Arrive),
        4 => (0..NODES, any::<bool>()).prop_map(|(node, up)| Step::SetLink(node, up)),
        3 => (0..NODES, deliveries).prop_map(|(node, way)| Step::SetDeliveries(node, way)),
        2 => (0..TOPICS.len(), 1usize..5).prop_map(|(topic, count)| Step::LoseTail(topic, count)),
        1 => Just(Step::Copy),
        1 => Just(Step::Restore),
        1 => Just(Step::Wipe),
        2 => (0..NODES).prop_map(Step::Restart),
        1 => (0..NODES, 0..TOPICS.len()).prop_map(|(node, topic)| Step::Remove(node, topic)),
        8 => (0..LISTENERS).prop_map(Step::Read),
        8 => (0..LISTENERS, 0..NODES).prop_map(|(who, node)| Step::Move(who, node)),
        2 => (1usize..4).prop_map(Step::Yield),
        3 => Just(Step::Settle),
    ]
}

#[derive(Clone, Copy, Debug)]
struct Settings {
    keep: usize,
    replay_max: u64,
    /// How many topics of a family are in memory.
    loaded_max: usize,
    /// How many entries one append has.
    append_max: usize,
}

fn settings() -> impl Strategy<Value = Settings> {
    let replay_max = prop_oneof![3 => Just(u64::MAX), 1 => 1u64..6];
    let loaded_max = prop_oneof![Just(1), Just(9)];
    let all = (1usize..10, replay_max, loaded_max, 1usize..5);
    all.prop_map(|(keep, replay_max, loaded_max, append_max)| Settings {
        keep,
        replay_max,
        loaded_max,
        append_max,
    })
}

/// One process.
struct Node {
    engine: ModelEngine,
    store: Store,
    rooms: Topics<String, N>,
    boards: Topics<String, N>,
    link: Link,
    /// At most so many appends of this node will fail.
    faults: usize,
}

impl Node {
    fn start(model: &Model, settings: Settings) -> Self {
        let engine = model.node();
        let store = Store::on(Arc::new(engine.clone()));
        let family = |name, durability| {
            let Settings { keep, replay_max, loaded_max, .. } = settings;
            let family = Topics::durable(name, durability).keep(keep);
            let family = family.replay_max(replay_max).loaded_max(loaded_max);
            family.open(&store).unwrap();
            family
        };
        let rooms = family("room", Durability::Fsync);
        let boards = family("board", Durability::Os);
        Self { engine, store, rooms, boards, link: Link::Up, faults: 0 }
    }

    fn family(&self, topic: usize) -> &Topics<String, N> {
        match TOPICS[topic].0 {
            Family::Rooms => &self.rooms,
            Family::Boards => &self.boards,
        }
    }

    fn topic(&self, topic: usize) -> Keyed<N> {
        self.family(topic).of(TOPICS[topic].1)
    }

    fn set_link(&mut self, link: Link) {
        self.link = link;
        self.engine.set_link(link);
    }
}

struct Listener {
    topic: usize,
    /// The position that it shows when it connects.
    at: Option<Cursor>,
    connection: Option<Connection>,
}

struct Connection {
    node: usize,
    subscription: Subscription<N>,
    /// What was reported to the listener.
    link: Link,
    /// How many losses the topic had when the listener came.
    losses: usize,
    /// How often the listener has read here that the history is another one.
    breaks: usize,
}

/// A publisher that waits for its answer.
struct Publisher {
    n: u64,
    key: Option<String>,
    answer: JoinHandle<Result<Cursor, PublishError>>,
}

/// The system under test, with the ledger beside it.
struct World {
    settings: Settings,
    model: Model,
    nodes: Vec<Node>,
    ledger: Arc<Mutex<Ledger>>,
    observer: ModelEngine,
    recorders: Vec<FollowGuard>,
    listeners: Vec<Listener>,
    publishers: Vec<Publisher>,
    copy: Option<(Snapshot, Vec<Log>)>,
    /// The topics that were removed or wiped.
    removed: HashSet<usize>,
    /// The stores of nodes that were killed.
    killed: Vec<Weak<Shared>>,
    next: u64,
}

type Checked = Result<(), TestCaseError>;

fn topic_name(topic: usize) -> Arc<str> {
    let (family, key) = TOPICS[topic];
    let family = match family {
        Family::Rooms => "room",
        Family::Boards => "board",
    };
    format!("{family}/{key}").into()
}

impl World {
    async fn new(settings: Settings) -> Self {
        let profile = Profile::new("model", 7, Durability::Fsync);
        let model = Model::of(profile.shared(settings.append_max, 64 * 1024));
        let listener = |who| Listener { topic: who % TOPICS.len(), at: None, connection: None };
        let mut world = Self {
            settings,
            nodes: (0..NODES).map(|_| Node::start(&model, settings)).collect(),
            ledger: Arc::default(),
            observer: model.node(),
            model,
            recorders: Vec::new(),
            listeners: (0..LISTENERS).map(listener).collect(),
            publishers: Vec::new(),
            copy: None,
            removed: HashSet::new(),
            killed: Vec::new(),
            next: 0,
        };
        let logs = world.heads().await.into_iter();
        let logs = logs.map(|head| Log { start: head.cursor, entries: Vec::new() }).collect();
        world.ledger.lock().unwrap().logs = logs;
        world.observe();
        world
    }

    async fn heads(&self) -> Vec<Head> {
        let names: Vec<_> = (0..TOPICS.len()).map(topic_name).collect();
        self.observer.heads(&names).await.unwrap()
    }

    /// Records what is appended from now on.
    fn observe(&mut self) {
        let follow = |topic| {
            let recorder = Arc::new(Recorder(Arc::clone(&self.ledger), topic));
            let head = self.ledger.lock().unwrap().logs[topic].head();
            self.observer.follow(topic_name(topic), head.seq, recorder)
        };
        let recorders = (0..TOPICS.len()).map(follow).collect();
        self.recorders = recorders;
    }

    /// Takes the state of the engine after it has lost something: `known` is what it was put back
    /// to, if it was put back.
    async fn rewind(&mut self, known: Option<Vec<Log>>) -> Checked {
        for (topic, head) in self.heads().await.into_iter().enumerate() {
            let mut ledger = self.ledger.lock().unwrap();
            let mut log = known.as_ref().map_or(&ledger.logs, |logs| logs)[topic].clone();
            if log.start.generation == head.cursor.generation {
                log.entries.truncate(usize::try_from(head.cursor.seq).unwrap());
            } else {
                log = Log { start: head.cursor, entries: Vec::new() };
            }
            prop_assert_eq!(log.head(), head.cursor);
            ledger.rewind(topic, log);
        }
        self.observe();
        Ok(())
    }

    async fn run(&mut self, step: Step) -> Checked {
        match step {
            Step::Publish(message) => self.publish(&[message]).await?,
            Step::Race(messages) => self.publish(&messages).await?,
            Step::Begin(message) => {
                let publisher = self.begin(message);
                self.publishers.push(publisher);
            }
            Step::Cancel => {
                if !self.publishers.is_empty() {
                    self.publishers.remove(0).answer.abort();
                }
            }
            Step::Fail(node, fault) => {
                self.nodes[node].engine.fail_next(fault);
                self.nodes[node].faults += 1;
            }
            Step::Arrive(node) => drop(self.nodes[node].engine.arrive()),
            Step::SetLink(node, true) => self.nodes[node].set_link(Link::Up),
            Step::SetLink(node, false) => self.nodes[node].set_link(Link::Down),
            Step::SetDeliveries(node, way) => self.nodes[node].engine.set_deliveries(way),
            Step::LoseTail(topic, count) => {
                self.recorders.clear();
                self.model.lose_tail(&topic_name(topic), count);
                self.rewind(None).await?;
            }
            Step::Copy => {
                let logs = self.ledger.lock().unwrap().logs.clone();
                self.copy = Some((self.model.snapshot(), logs));
            }
            Step::Restore => {
                let Some((snapshot, logs)) = self.copy.clone() else { return Ok(()) };
                self.recorders.clear();
                self.model.restore(&snapshot);
                self.rewind(Some(logs)).await?;
            }
            Step::Wipe => {
                self.recorders.clear();
                self.model.wipe();
                self.removed.extend(0..TOPICS.len());
                self.rewind(None).await?;
            }
            Step::Restart(node) => self.restart(node).await,
            Step::Remove(node, topic) => {
                self.recorders.clear();
                let node = &self.nodes[node];
                let removed = node.family(topic).remove(TOPICS[topic].1).await;
                prop_assert_eq!(removed.is_ok(), node.link == Link::Up);
                self.removed.insert(topic);
                self.rewind(None).await?;
            }
            Step::Read(who) => self.read(who)?,
            Step::Move(who, node) => self.connect(who, node).await?,
            Step::Yield(times) => {
                for _ in 0..times {
                    yield_now().await;
                }
            }
            Step::Settle => self.settle().await?,
        }
        let errors = &self.ledger.lock().unwrap().errors;
        prop_assert!(errors.is_empty(), "{errors:?}");
        Ok(())
    }

    async fn restart(&mut self, node: usize) {
        self.nodes[node].engine.close().await;
        for listener in &mut self.listeners {
            listener.connection.take_if(|connection| connection.node == node);
        }
        self.killed.push(Arc::downgrade(self.nodes[node].store.shared()));
        self.nodes[node] = Node::start(&self.model, self.settings);
    }

    fn begin(&mut self, message: Message) -> Publisher {
        self.next += 1;
        let (n, key) = (self.next, message.key.map(|key| key.to_string()));
        let (topic, used) = (self.nodes[message.node].topic(message.topic), key.clone());
        let publish = async move { topic.publish_once(used.as_deref(), &N(n)).await };
        Publisher { n, key, answer: tokio::spawn(publish) }
    }

    /// Publishes messages at once, and waits for the answers.
    async fn publish(&mut self, messages: &[Message]) -> Checked {
        let began = Instant::now();
        let publishers: Vec<_> = messages.iter().map(|message| self.begin(*message)).collect();
        let mut failed = [false; NODES];
        for (publisher, message) in publishers.into_iter().zip(messages) {
            let node = &self.nodes[message.node];
            let answer = publisher.answer.await.unwrap();
            prop_assert_eq!(began.elapsed(), Duration::ZERO, "a publisher waited");
            match answer {
                Ok(cursor) => {
                    prop_assert_eq!(node.link, Link::Up, "a node without an engine published");
                    self.check_answer(publisher.n, publisher.key.as_deref(), cursor)?;
                    let ledger = self.ledger.lock().unwrap();
                    let is_there = ledger.logs[message.topic].holds(cursor);
                    // A node that has not noticed a loss knows the keys of lost messages.
                    let is_known = publisher.key.is_some() && ledger.lost.contains(&cursor);
                    prop_assert!(is_there || is_known, "{cursor} was confirmed and is not there");
                }
                Err(error) => {
                    let may_fail = node.link == Link::Down || node.faults > 0;
                    prop_assert!(may_fail, "{:?}: {}", message, error);
                    let is_retryable = matches!(error, PublishError::EngineUnavailable(_));
                    prop_assert!(is_retryable, "{:?}", error);
                    failed[message.node] = node.link == Link::Up;
                }
            }
        }
        for (node, failed) in self.nodes.iter_mut().zip(failed) {
            node.faults -= usize::from(failed);
        }
        Ok(())
    }

    /// Checks an acknowledgement.
    fn check_answer(&self, n: u64, key: Option<&str>, cursor: Cursor) -> Checked {
        let ledger = self.ledger.lock().unwrap();
        let stored = ledger.ever.get(&cursor);
        let stored = stored.ok_or_else(|| TestCaseError::fail(format!("{cursor} is invented")))?;
        match key {
            None => prop_assert_eq!(stored.n, n, "the position of another message"),
            Some(_) => prop_assert_eq!(stored.key.as_deref(), key, "the position of another key"),
        }
        Ok(())
    }

    async fn connect(&mut self, who: usize, node: usize) -> Checked {
        let listener = &mut self.listeners[who];
        listener.connection = None;
        let id = listener.at.map(|at| at.to_string());
        let subscribed = self.nodes[node].topic(listener.topic).subscribe(id.as_deref()).await;
        let Ok(subscription) = subscribed else {
            prop_assert_eq!(self.nodes[node].link, Link::Down, "a listener was refused");
            return Ok(());
        };
        let resume = subscription.resume();
        match resume.verdict {
            Verdict::Fresh => {
                prop_assert!(listener.at.is_none());
                listener.at = Some(resume.from);
            }
            Verdict::Resumed => prop_assert_eq!(listener.at, Some(resume.from)),
            Verdict::Gap(_) => prop_assert!(listener.at.is_some()),
        }
        let losses = self.ledger.lock().unwrap().losses[listener.topic];
        let connection = Connection { node, subscription, link: Link::Up, losses, breaks: 0 };
        listener.connection = Some(connection);
        Ok(())
    }

    /// A listener reads what there is.
    fn read(&mut self, who: usize) -> Checked {
        let ledger = self.ledger.lock().unwrap();
        let listener = &mut self.listeners[who];
        let Some(connection) = &mut listener.connection else { return Ok(()) };
        while let Some(next) = now(&mut connection.subscription) {
            let (before, at) = (listener.at.unwrap(), connection.subscription.position());
            match next {
                Next::Message(message) => {
                    let stored = ledger.ever.get(&message.cursor());
                    let Some(stored) = stored else {
                        return Err(TestCaseError::fail(format!("{message:?} was never stored")));
                    };
                    prop_assert_eq!(stored.before, before, "not the next message");
                    prop_assert_eq!(message.json::<u64>().unwrap(), stored.n);
                    prop_assert_eq!(message.cursor(), at);
                }
                Next::Gap(gap) => {
                    check_gap(&ledger, self.settings, gap, before, at)?;
                    // One for each loss, and one for all losses that the node had not noticed.
                    connection.breaks += usize::from(gap.missed.is_none());
                    let losses = ledger.losses[listener.topic] - connection.losses;
                    prop_assert!(connection.breaks <= losses + 1, "{:?} once more", gap);
                }
                Next::Link(link) => {
                    prop_assert_ne!(link, connection.link, "a state was reported twice");
                    connection.link = link;
                }
                Next::Removed => {
                    prop_assert!(self.removed.contains(&listener.topic));
                    listener.connection = None;
                    return Ok(());
                }
            }
            listener.at = Some(at);
        }
        Ok(())
    }

    /// Time passes until every node must have noticed what happened. Then all publishers have their
    /// answers, and all listeners whose node reaches the engine have read everything.
    async fn settle(&mut self) -> Checked {
        sleep(NOTICED).await;
        for publisher in std::mem::take(&mut self.publishers) {
            prop_assert!(publisher.answer.is_finished(), "a publisher has no answer");
            if let Ok(cursor) = publisher.answer.await.unwrap() {
                self.check_answer(publisher.n, publisher.key.as_deref(), cursor)?;
            }
        }
        for who in 0..LISTENERS {
            self.read(who)?;
            let Listener { topic, at, connection, .. } = &self.listeners[who];
            let Some(connection) = connection else { continue };
            let link = self.nodes[connection.node].link;
            prop_assert_eq!(connection.link, link, "what was reported to listener {}", who);
            if link == Link::Up {
                let head = self.ledger.lock().unwrap().logs[*topic].head();
                prop_assert_eq!(*at, Some(head), "listener {} is not at the head", who);
            }
        }
        Ok(())
    }

    /// All faults end. Then everything is as if there had been none.
    async fn heal(&mut self) -> Checked {
        for node in &mut self.nodes {
            node.set_link(Link::Up);
            node.engine.set_deliveries(Deliveries::InOrder);
            node.engine.arrive();
        }
        self.settle().await?;
        for who in 0..LISTENERS {
            self.connect(who, who % NODES).await?;
        }
        self.settle().await?;
        for node in 0..NODES {
            for topic in 0..TOPICS.len() {
                let history = self.nodes[node].topic(topic).history().await.unwrap();
                prop_assert!(history.len() <= self.settings.keep);
                let ledger = self.ledger.lock().unwrap();
                let stored = ledger.logs[topic].entries.iter().rev().map(|stored| stored.cursor);
                let read = history.iter().rev().map(crate::Message::cursor);
                prop_assert!(read.zip(stored).all(|(read, stored)| read == stored));
            }
            let permits = |store: &Store| store.shared().permits.available_permits();
            let unused = Store::on(Arc::new(self.observer.clone()));
            prop_assert_eq!(permits(&self.nodes[node].store), permits(&unused), "permits are lost");
        }
        let is_alive = |store: &Weak<Shared>| store.strong_count() > 0;
        prop_assert!(!self.killed.iter().any(is_alive), "a killed node is in memory");
        Ok(())
    }
}

/// Checks that a gap between two positions is true.
fn check_gap(ledger: &Ledger, settings: Settings, gap: Gap, from: Cursor, to: Cursor) -> Checked {
    prop_assert_eq!(gap.first, to.seq + 1);
    let is_start = to == Head::of_generation(to.generation).cursor;
    prop_assert!(is_start || ledger.ever.contains_key(&to), "a gap to nowhere: {}", to);
    let retained = (settings.keep as u64).min(settings.replay_max);
    match gap.reason {
        GapReason::Trimmed | GapReason::TooMany => {
            prop_assert_eq!(from.generation, to.generation);
            prop_assert!(from.seq < to.seq);
            prop_assert_eq!(gap.missed, Some(to.seq - from.seq));
            let highest = ledger.highest[&to.generation];
            prop_assert!(to.seq + retained <= highest, "{:?} of {} messages", gap, highest);
        }
        GapReason::Diverged => {
            prop_assert_eq!((from.generation, gap.missed), (to.generation, None));
            prop_assert!(ledger.lost.contains(&from), "{} was not lost", from);
        }
        GapReason::NewGeneration => {
            prop_assert_eq!(gap.missed, None);
            prop_assert_ne!(from.generation, to.generation);
            prop_assert!(ledger.ended.contains(&from.generation), "{} goes on", from);
        }
    }
    Ok(())
}

/// Returns what a listener can read now.
fn now(subscription: &mut Subscription<N>) -> Option<Next> {
    match pin!(subscription.next()).poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(next) => Some(next),
        Poll::Pending => None,
    }
}

/// Returns the world of a history that is written out.
async fn world() -> World {
    let settings = Settings { keep: 9, replay_max: u64::MAX, loaded_max: 9, append_max: 4 };
    World::new(settings).await
}

const fn message_on(node: usize) -> Message {
    Message { node, topic: 0, key: None }
}

#[tokio::test(start_paused = true)]
async fn a_listener_waits_for_a_node_that_is_behind() {
    let mut world = world().await;
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::SetDeliveries(1, Deliveries::Lost)).await.unwrap();
    world.run(Step::Move(0, 0)).await.unwrap();
    world.run(Step::Publish(message_on(0))).await.unwrap();
    world.run(Step::Read(0)).await.unwrap();
    let head = world.listeners[0].at.unwrap();
    assert_eq!(head.seq(), 1);

    // Node 1 knows of no message. It asks the engine, and so it has the message at once.
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::Yield(3)).await.unwrap();
    assert_eq!(world.nodes[1].topic(0).position().await.unwrap(), head);
    world.run(Step::Publish(message_on(1))).await.unwrap();
    world.run(Step::Read(0)).await.unwrap();
    assert_eq!(world.listeners[0].at.unwrap().seq(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listener_waits_while_a_node_that_is_behind_cannot_ask() {
    let mut world = world().await;
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::SetLink(1, false)).await.unwrap();
    world.run(Step::Move(0, 0)).await.unwrap();
    world.run(Step::Publish(message_on(0))).await.unwrap();
    world.run(Step::Read(0)).await.unwrap();
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::Settle).await.unwrap();
    assert_eq!(world.listeners[0].connection.as_ref().unwrap().link, Link::Down);
    assert_eq!(world.listeners[0].at.unwrap().seq(), 1);

    // The history went back meanwhile: that is a gap once the engine answers.
    world.run(Step::LoseTail(0, 1)).await.unwrap();
    world.run(Step::SetLink(1, true)).await.unwrap();
    world.run(Step::Settle).await.unwrap();
    assert_eq!(world.listeners[0].connection.as_ref().unwrap().link, Link::Up);
    assert_eq!(world.listeners[0].at.unwrap().seq(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_changes_while_heads_are_checked_is_reported() {
    let mut world = world().await;
    world.run(Step::Move(0, 0)).await.unwrap();
    for round in 0..40 {
        world.run(Step::SetLink(0, round % 2 == 1)).await.unwrap();
        // The timer of the check and the change are due at the same time.
        world.run(Step::Settle).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_of_a_wiped_engine_goes_on_for_new_listeners() {
    let model = Model::new();
    let topic = Topic::durable("t", Durability::Fsync);
    topic.open(&Store::on(Arc::new(model.node()))).unwrap();
    let seen = topic.publish(&N(1)).await.unwrap().to_string();
    let mut before = topic.subscribe(Some(&seen)).await.unwrap();
    model.wipe();
    sleep(NOTICED).await;
    assert!(matches!(now(&mut before), Some(Next::Gap(_))));
    assert!(matches!(now(&mut before), Some(Next::Removed)));

    let mut after = topic.subscribe(Some(&seen)).await.unwrap();
    yield_now().await;
    assert!(matches!(now(&mut after), Some(Next::Gap(_))));
    assert!(now(&mut after).is_none(), "a new listener waits for the next message");
    topic.publish(&N(2)).await.unwrap();
    assert!(matches!(now(&mut after), Some(Next::Message(message)) if message.seq() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_removed_ends_the_listeners_of_all_nodes() {
    let mut world = world().await;
    world.run(Step::Publish(message_on(0))).await.unwrap();
    for (who, node) in [(0, 0), (3, 1)] {
        world.run(Step::Move(who, node)).await.unwrap();
    }
    world.run(Step::Remove(0, 0)).await.unwrap();
    world.run(Step::Settle).await.unwrap();
    assert!(world.listeners.iter().all(|listener| listener.connection.is_none()));
    for node in 0..2 {
        world.run(Step::Publish(message_on(node))).await.unwrap();
    }
    world.heal().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_far_behind_reports_how_many_messages_are_gone() {
    let mut world = world().await;
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::SetDeliveries(1, Deliveries::Held)).await.unwrap();
    for _ in 0..40 {
        world.run(Step::Publish(message_on(0))).await.unwrap();
    }
    sleep(NOTICED).await;
    let subscription = &mut world.listeners[0].connection.as_mut().unwrap().subscription;
    let Some(Next::Gap(gap)) = now(subscription) else { panic!("a gap") };
    assert_eq!(gap, Gap { reason: GapReason::Trimmed, missed: Some(31), first: 32 });
}

/// Returns how many histories to run: as many as `KIPO_HISTORIES` says.
fn histories() -> u32 {
    env::var("KIPO_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(), ..ProptestConfig::default() })]

    #[test]
    fn every_listener_reads_the_truth_on_every_node(
        settings in settings(),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(settings).await;
            for step in steps {
                world.run(step).await?;
            }
            world.heal().await
        })?;
    }
}
