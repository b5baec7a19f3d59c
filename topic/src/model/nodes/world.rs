//! The system under test, with the ledger beside it.

use std::{
    collections::HashSet,
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

use super::{
    ledger::{Checked, Ledger, Log, Recorder, check_gap},
    step::{Family, LISTENERS, Message, NODES, Settings, Step, TOPICS},
};
use crate::{
    Cursor, Durability, Keyed, Next, PublishError, Store, Subscription, Topics, Verdict,
    engine::{
        Engine, FollowGuard, Head, Link, Profile,
        conformance::{Deliveries, Messages, Model, ModelEngine, Reads, Snapshot},
    },
    store::Shared,
    topic::tests::N,
};

/// Within this time a node notices that the log went back, and a listener has read everything.
pub(super) const NOTICED: Duration = Duration::from_secs(5);

/// Within this time a node appends by itself what another one does not append for it.
const AWAY: Duration = Duration::from_millis(1_100);

/// The error of a publisher whose message another node may have appended.
const UNKNOWN: &str = "another node may have appended the message";

/// One process.
pub(super) struct Node {
    pub(super) engine: ModelEngine,
    pub(super) store: Store,
    pub(super) rooms: Topics<String, N>,
    pub(super) boards: Topics<String, N>,
    pub(super) link: Link,
    pub(super) reads: Reads,
    /// At most so many appends of this node will fail.
    pub(super) faults: usize,
}

impl Node {
    pub(super) fn start(model: &Model, settings: Settings) -> Self {
        let engine = model.node();
        if settings.has_messages {
            engine.set_messages(Messages::InOrder);
        }
        let store = Store::on(Arc::new(engine.clone()));
        let family = |name, durability| {
            let Settings { keep, replay_max, window, loaded_max, .. } = settings;
            let family = Topics::durable(name, durability).keep(keep).window(window);
            let family = family.replay_max(replay_max).loaded_max(loaded_max);
            family.open(&store).unwrap();
            family
        };
        let rooms = family("room", Durability::Fsync);
        let boards = family("board", Durability::Os);
        Self { engine, store, rooms, boards, link: Link::Up, reads: Reads::AtOnce, faults: 0 }
    }

    pub(super) fn family(&self, topic: usize) -> &Topics<String, N> {
        match TOPICS[topic].0 {
            Family::Rooms => &self.rooms,
            Family::Boards => &self.boards,
        }
    }

    pub(super) fn topic(&self, topic: usize) -> Keyed<N> {
        self.family(topic).of(TOPICS[topic].1)
    }

    fn set_reads(&mut self, reads: Reads) {
        self.reads = reads;
        self.engine.set_reads(reads);
    }

    pub(super) fn set_link(&mut self, link: Link) {
        self.link = link;
        self.engine.set_link(link);
    }
}

pub(super) struct Listener {
    pub(super) topic: usize,
    /// The position that it shows when it connects.
    pub(super) at: Option<Cursor>,
    pub(super) connection: Option<Connection>,
}

pub(super) struct Connection {
    pub(super) node: usize,
    pub(super) subscription: Subscription<N>,
    /// What was reported to the listener.
    pub(super) link: Link,
    /// How many losses the topic had when the listener came.
    pub(super) losses: usize,
    /// How often the listener has read here that the history is another one.
    pub(super) breaks: usize,
}

/// A publisher that waits for its answer.
pub(super) struct Publisher {
    pub(super) n: u64,
    pub(super) key: Option<String>,
    pub(super) answer: JoinHandle<Result<Cursor, PublishError>>,
}

/// The system under test, with the ledger beside it.
pub(super) struct World {
    pub(super) settings: Settings,
    pub(super) model: Model,
    pub(super) nodes: Vec<Node>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
    pub(super) observer: ModelEngine,
    pub(super) recorders: Vec<FollowGuard>,
    pub(super) listeners: Vec<Listener>,
    pub(super) publishers: Vec<Publisher>,
    pub(super) copy: Option<(Snapshot, Vec<Log>)>,
    /// The topics that were removed or wiped.
    pub(super) removed: HashSet<usize>,
    /// The stores of nodes that were killed.
    pub(super) killed: Vec<Weak<Shared>>,
    pub(super) next: u64,
}

pub(super) fn topic_name(topic: usize) -> Arc<str> {
    let (family, key) = TOPICS[topic];
    let family = match family {
        Family::Rooms => "room",
        Family::Boards => "board",
    };
    format!("{family}/{key}").into()
}

impl World {
    pub(super) async fn new(settings: Settings) -> Self {
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

    pub(super) async fn heads(&self) -> Vec<Head> {
        let names: Vec<_> = (0..TOPICS.len()).map(topic_name).collect();
        self.observer.heads(&names).await.unwrap()
    }

    /// Records what is appended from now on.
    pub(super) fn observe(&mut self) {
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
    pub(super) async fn rewind(&mut self, known: Option<Vec<Log>>) -> Checked {
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

    pub(super) async fn run(&mut self, step: Step) -> Checked {
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
            Step::SetReads(node, when) => self.nodes[node].set_reads(when),
            Step::SetMessages(node, way) if self.settings.has_messages => {
                self.nodes[node].engine.set_messages(way);
            }
            Step::SetMessages(..) => {}
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
            Step::Read(who) => self.read(who).await?,
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

    pub(super) async fn restart(&mut self, node: usize) {
        self.nodes[node].engine.close().await;
        for listener in &mut self.listeners {
            listener.connection.take_if(|connection| connection.node == node);
        }
        self.killed.push(Arc::downgrade(self.nodes[node].store.shared()));
        self.nodes[node] = Node::start(&self.model, self.settings);
    }

    pub(super) fn begin(&mut self, message: Message) -> Publisher {
        self.next += 1;
        let (n, key) = (self.next, message.key.map(|key| key.to_string()));
        let (topic, used) = (self.nodes[message.node].topic(message.topic), key.clone());
        let publish = async move { topic.publish_once(used.as_deref(), &N(n)).await };
        Publisher { n, key, answer: tokio::spawn(publish) }
    }

    /// Publishes messages at once, and waits for the answers.
    pub(super) async fn publish(&mut self, messages: &[Message]) -> Checked {
        let began = Instant::now();
        let publishers: Vec<_> = messages.iter().map(|message| self.begin(*message)).collect();
        let mut failed = [false; NODES];
        for (publisher, message) in publishers.into_iter().zip(messages) {
            let node = &self.nodes[message.node];
            let answer = publisher.answer.await.unwrap();
            // A node that appends for another may be gone.
            let wait_max = if self.settings.has_messages { AWAY } else { Duration::ZERO };
            prop_assert!(began.elapsed() <= wait_max, "a publisher waited");
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
                    // What another node has appended, and was trimmed before this one has read it.
                    let is_unknown =
                        self.settings.has_messages && error.to_string().contains(UNKNOWN);
                    prop_assert!(may_fail || is_unknown, "{:?}: {}", message, error);
                    let is_retryable = matches!(error, PublishError::EngineUnavailable(_));
                    prop_assert!(is_retryable, "{:?}", error);
                    failed[message.node] = node.link == Link::Up && !is_unknown;
                }
            }
        }
        for (node, failed) in self.nodes.iter_mut().zip(failed) {
            node.faults -= usize::from(failed);
        }
        Ok(())
    }

    /// Checks an acknowledgement.
    pub(super) fn check_answer(&self, n: u64, key: Option<&str>, cursor: Cursor) -> Checked {
        let ledger = self.ledger.lock().unwrap();
        let stored = ledger.ever.get(&cursor);
        let stored = stored.ok_or_else(|| TestCaseError::fail(format!("{cursor} is invented")))?;
        match key {
            None => prop_assert_eq!(stored.n, n, "the position of another message"),
            Some(_) => prop_assert_eq!(stored.key.as_deref(), key, "the position of another key"),
        }
        Ok(())
    }

    pub(super) async fn connect(&mut self, who: usize, node: usize) -> Checked {
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

    /// A listener reads what there is, messages that are not in memory too.
    pub(super) async fn read(&mut self, who: usize) -> Checked {
        let mut unmoved = 0;
        while unmoved < 6 {
            let before = self.listeners[who].at;
            self.read_now(who)?;
            let Listener { at, connection, .. } = &self.listeners[who];
            if connection.as_ref().is_none_or(|connection| !connection.subscription.is_behind()) {
                break;
            }
            unmoved = if *at == before { unmoved + 1 } else { 0 };
            // A task reads the next page.
            yield_now().await;
        }
        Ok(())
    }

    fn read_now(&mut self, who: usize) -> Checked {
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
    pub(super) async fn settle(&mut self) -> Checked {
        sleep(NOTICED).await;
        for publisher in std::mem::take(&mut self.publishers) {
            prop_assert!(publisher.answer.is_finished(), "a publisher has no answer");
            if let Ok(cursor) = publisher.answer.await.unwrap() {
                self.check_answer(publisher.n, publisher.key.as_deref(), cursor)?;
            }
        }
        for who in 0..LISTENERS {
            self.read(who).await?;
            let Listener { topic, at, connection, .. } = &self.listeners[who];
            let Some(connection) = connection else { continue };
            let Node { link, reads, .. } = self.nodes[connection.node];
            prop_assert_eq!(connection.link, link, "what was reported to listener {}", who);
            if link == Link::Up && reads == Reads::AtOnce {
                let head = self.ledger.lock().unwrap().logs[*topic].head();
                prop_assert_eq!(*at, Some(head), "listener {} is not at the head", who);
            }
        }
        Ok(())
    }

    /// All faults end. Then everything is as if there had been none.
    pub(super) async fn heal(&mut self) -> Checked {
        for node in &mut self.nodes {
            node.set_link(Link::Up);
            node.engine.set_deliveries(Deliveries::InOrder);
            node.set_reads(Reads::AtOnce);
            if self.settings.has_messages {
                node.engine.set_messages(Messages::InOrder);
            }
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
                let engine = self.observer.load(&topic_name(topic), 0).await.unwrap().entries;
                let listener = self.nodes[node].topic(topic).subscribe(None).await.unwrap();
                let start = listener.resume().from.seq();
                let ledger = self.ledger.lock().unwrap();
                let stored = ledger.logs[topic].entries.iter().rev().map(|stored| stored.cursor);
                let read = history.iter().rev().map(crate::Message::cursor);
                prop_assert!(read.zip(stored).all(|(read, stored)| read == stored));
                if self.settings.replay_max == u64::MAX {
                    // The engine may have trimmed more than this node, and less after a restore.
                    let retained = (ledger.logs[topic].head().seq() - start) as usize;
                    prop_assert!((retained.min(engine.len())..=retained).contains(&history.len()));
                }
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

/// Returns what a listener can read now.
pub(super) fn now(subscription: &mut Subscription<N>) -> Option<Next> {
    match pin!(subscription.next()).poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(next) => Some(next),
        Poll::Pending => None,
    }
}
