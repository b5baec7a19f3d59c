//! A model of an engine of many nodes: it keeps topics in memory and fails when it is asked to.
//!
//! It is the first subject of the suite, and the engine below tests of what nodes do when an
//! engine fails.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    fmt,
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use tokio::{runtime::Handle, sync::watch, time::Instant};

use crate::{
    engine::{
        Append, AppendError, Engine, EngineError, Entry, FollowGuard, Follower, Head, Link, Loaded,
        Mailbox, Outcome, Profile, RECORD_BYTES_MAX,
    },
    log::{cursor::Cursor, durability::Durability, generation},
    sync::{Mutex, lock},
};

/// The contents of an engine in memory, and the nodes that share them.
///
/// # Examples
///
/// ```
/// use kipo_topic::engine::{Engine, Entry, Follower, Head, conformance::Model};
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let model = Model::new();
/// let (a, b) = (model.node(), model.node());
/// let start = Head::start(a.profile().id, "room");
/// assert_eq!(b.heads(&["room".into()]).await.unwrap(), [start]);
///
/// // Older contents are put back.
/// let snapshot = model.snapshot();
/// model.write("room", |head| Entry::next(head, None, "said", b"1", 1_000));
/// assert_eq!(b.load("room", 0).await.unwrap().head.cursor.seq(), 1);
/// model.restore(&snapshot);
/// assert_eq!(a.load("room", 0).await.unwrap().head, start);
/// # });
/// ```
#[derive(Clone)]
pub struct Model(Arc<Shared>);

/// One node of a [`Model`]: an engine, with switches for what goes wrong on its way.
///
/// Within a Tokio runtime it answers an append from a task, otherwise before
/// [`append`](Engine::append) returns. It passes entries to followers before it answers, one
/// delivery at a time.
#[derive(Clone)]
pub struct ModelEngine {
    node: Arc<Node>,
    shared: Arc<Shared>,
}

/// The contents of a [`Model`] at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot(Contents);

/// What goes wrong with one append.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The engine answers that it failed, and writes nothing.
    Refused,
    /// The engine writes the entries, but answers that it failed.
    Unacknowledged,
    /// The engine answers that it failed, and writes the entries at
    /// [`ModelEngine::arrive`], if the head still fits.
    Late,
}

/// How entries reach the followers of one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Deliveries {
    /// Each once and in order.
    #[default]
    InOrder,
    /// Not at all, until another way is set.
    Held,
    /// Each delivery is passed twice.
    Repeated,
    /// The newest entry of a delivery comes first.
    Reversed,
    /// Not at all: these entries are lost for the followers.
    Lost,
}

/// How the messages of other nodes ([`Engine::send`]) reach one node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Messages {
    /// Not at all, and it sends none: as in an engine without messages.
    #[default]
    None,
    /// Each once and in order.
    InOrder,
    /// Not at all, until another way is set.
    Held,
    /// Each is passed twice, and those that were held in the opposite order.
    Repeated,
    /// Not at all: these messages are lost.
    Lost,
}

/// When a node answers reads of entries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reads {
    /// At once.
    #[default]
    AtOnce,
    /// Once [`Reads::AtOnce`] is set, with what the contents were when they were read.
    Held,
}

struct Shared {
    profile: Profile,
    state: Mutex<State>,
}

struct State {
    contents: Contents,
    following: BTreeMap<u64, Following>,
    following_next: u64,
    /// In the order in which they are passed.
    deliveries: VecDeque<(u64, Delivery)>,
    /// Whether a thread passes deliveries.
    is_delivering: bool,
    mailboxes: BTreeMap<u64, (Arc<Node>, Arc<dyn Mailbox>)>,
}

/// A message for a mailbox.
type Letter = (Arc<dyn Mailbox>, Vec<u8>);

#[derive(Clone, Debug)]
struct Contents {
    id: u64,
    topics: BTreeMap<String, Log>,
    records: HashMap<String, (Vec<u8>, Instant)>,
    counters: HashMap<String, (u64, Instant)>,
}

#[derive(Clone, Debug)]
struct Log {
    /// The head without entries.
    start: Head,
    /// Sorted by number, without holes. Empty once the topic is removed.
    entries: VecDeque<Entry>,
}

struct Following {
    node: Arc<Node>,
    topic: Arc<str>,
    /// The number of the newest entry that is delivered.
    passed: u64,
    follower: Arc<dyn Follower>,
}

enum Delivery {
    Entries(Vec<Entry>),
    Uncertain,
}

struct Node {
    link: watch::Sender<Link>,
    reads: watch::Sender<Reads>,
    switches: Mutex<Switches>,
}

#[derive(Default)]
struct Switches {
    is_closed: bool,
    faults: VecDeque<Fault>,
    late: Vec<(Arc<str>, Head, Vec<Entry>)>,
    deliveries: Deliveries,
    messages: Messages,
    /// Messages that have not reached the node.
    letters: Vec<Letter>,
    /// How many reads of entries there were.
    read_count: usize,
}

impl Model {
    /// Returns empty contents whose appends survive a power loss, 64 entries and 256 KiB at a time.
    #[must_use]
    pub fn new() -> Self {
        let profile = Profile::new("model", generation::random("model"), Durability::Fsync);
        Self::of(profile.shared(64, 256 * 1024))
    }

    /// Returns empty contents of an engine with this profile.
    #[must_use]
    pub fn of(profile: Profile) -> Self {
        let state = State {
            contents: Contents::new(profile.id),
            following: BTreeMap::new(),
            following_next: 0,
            deliveries: VecDeque::new(),
            is_delivering: false,
            mailboxes: BTreeMap::new(),
        };
        Self(Arc::new(Shared { profile, state: Mutex::new(state) }))
    }

    /// Returns one more node.
    #[must_use]
    pub fn node(&self) -> ModelEngine {
        let (link, reads) = (watch::Sender::new(Link::Up), watch::Sender::new(Reads::AtOnce));
        let node = Node { link, reads, switches: Mutex::default() };
        ModelEngine { node: Arc::new(node), shared: Arc::clone(&self.0) }
    }

    /// Appends the entry that `next` makes, as another node does.
    ///
    /// # Panics
    ///
    /// Panics if `next` makes none.
    pub fn write(&self, topic: &str, next: impl FnOnce(&Head) -> Option<Entry>) {
        self.change(|contents| {
            let entry = next(&contents.head(topic)).expect("an entry");
            contents.log(topic).entries.push_back(entry);
        });
    }

    /// Takes the newest `count` entries of a topic away. Followers are not notified.
    pub fn lose_tail(&self, topic: &str, count: usize) {
        self.change(|contents| {
            let entries = &mut contents.log(topic).entries;
            entries.truncate(entries.len().saturating_sub(count));
        });
    }

    /// Returns the contents as they are now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(lock(&self.0.state).contents.clone())
    }

    /// Puts older contents back. Followers are not notified.
    pub fn restore(&self, snapshot: &Snapshot) {
        self.change(|contents| *contents = snapshot.0.clone());
    }

    /// Empties the contents, with a new id. Followers are not notified.
    pub fn wipe(&self) {
        self.change(|contents| *contents = Contents::new(generation::random("model")));
    }

    fn change(&self, change: impl FnOnce(&mut Contents)) {
        self.0.change(change);
    }
}

impl Default for Model {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Model").field(&lock(&self.0.state).contents).finish()
    }
}

impl ModelEngine {
    /// Makes the next append go wrong; after several calls, as many appends.
    pub fn fail_next(&self, fault: Fault) {
        lock(&self.node.switches).faults.push_back(fault);
    }

    /// Tries the late appends ([`Fault::Late`]) of this node. Returns how many were written.
    pub fn arrive(&self) -> usize {
        let late = std::mem::take(&mut lock(&self.node.switches).late);
        let write = |(topic, after, entries): &(Arc<str>, Head, Vec<Entry>)| {
            self.shared.change(|contents| contents.append(topic, after, entries)).is_ok()
        };
        late.iter().filter(|late| write(late)).count()
    }

    /// Cuts this node off, or connects it again. Then its followers go on after the last entry
    /// that was passed.
    pub fn set_link(&self, link: Link) {
        let before = self.node.link.send_replace(link);
        if (before, link) == (Link::Down, Link::Up) {
            let mut state = lock(&self.shared.state);
            let State { following, deliveries, .. } = &mut *state;
            let ours = following.iter().filter(|(_, one)| Arc::ptr_eq(&one.node, &self.node));
            deliveries.extend(ours.map(|(id, _)| (*id, Delivery::Uncertain)));
        }
        self.shared.change(|_| ());
    }

    /// Sets how entries reach the followers of this node from now on.
    pub fn set_deliveries(&self, deliveries: Deliveries) {
        lock(&self.node.switches).deliveries = deliveries;
        self.shared.change(|_| ());
    }

    /// Sets how messages reach this node from now on.
    pub fn set_messages(&self, messages: Messages) {
        let mut switches = lock(&self.node.switches);
        switches.messages = messages;
        if messages == Messages::Held {
            return;
        }
        let mut letters = std::mem::take(&mut switches.letters);
        drop(switches);
        match messages {
            Messages::None | Messages::Held | Messages::Lost => letters.clear(),
            Messages::Repeated => letters.reverse(),
            Messages::InOrder => {}
        }
        letters.into_iter().for_each(|letter| self.node.take_letter(letter));
    }

    /// Sets when this node answers reads of entries.
    pub fn set_reads(&self, reads: Reads) {
        self.node.reads.send_replace(reads);
    }

    /// Returns how many reads of entries this node was asked for.
    #[must_use]
    pub fn read_count(&self) -> usize {
        lock(&self.node.switches).read_count
    }

    /// Returns the contents if this node can reach them.
    fn contents<T>(&self, use_it: impl FnOnce(&mut Contents) -> T) -> Result<T, EngineError> {
        self.node.is_reachable()?;
        Ok(use_it(&mut lock(&self.shared.state).contents))
    }

    fn try_append(&self, append: &Append) -> Outcome {
        self.node.is_reachable().map_err(AppendError::Failed)?;
        let Append { topic, after, entries, .. } = append;
        let fault = lock(&self.node.switches).faults.pop_front();
        let failed = || Err(AppendError::Failed(EngineError::unavailable("the model fails")));
        match fault {
            Some(Fault::Refused) => return failed(),
            Some(Fault::Late) => {
                let late = (Arc::clone(topic), *after, entries.clone());
                lock(&self.node.switches).late.push(late);
                return failed();
            }
            Some(Fault::Unacknowledged) | None => {}
        }
        self.shared.change(|contents| {
            contents.append(topic, after, entries)?;
            contents.log(topic).trim(append.keep_from.min(append.keys_from));
            Ok(())
        })?;
        if fault.is_some() { failed() } else { Ok(()) }
    }
}

impl fmt::Debug for ModelEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelEngine")
            .field("link", &*self.node.link.borrow())
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Engine for ModelEngine {
    fn profile(&self) -> &Profile {
        &self.shared.profile
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.node.link.subscribe()
    }

    fn append(&self, append: Append) {
        let engine = self.clone();
        let answer = move || {
            let outcome = engine.try_append(&append);
            append.finish(outcome);
        };
        match Handle::try_current() {
            // The task ends by itself.
            Ok(runtime) => drop(runtime.spawn(async { answer() })),
            Err(_) => answer(),
        }
    }

    async fn load(&self, topic: &str, after: u64) -> Result<Loaded, EngineError> {
        self.contents(|contents| {
            let entries = contents.after(topic, after).cloned().collect();
            Loaded { head: contents.head(topic), entries, keys: Vec::new() }
        })
    }

    async fn read(&self, topic: &str, after: u64, bytes: usize) -> Result<Vec<Entry>, EngineError> {
        lock(&self.node.switches).read_count += 1;
        let entries = self.contents(|contents| {
            let mut left = Some(bytes);
            let next = |entry: &&Entry| {
                let goes_on = left.is_some();
                left = left.and_then(|left| left.checked_sub(entry.encoded_len()));
                goes_on
            };
            contents.after(topic, after).take_while(next).cloned().collect()
        });
        // The sender lives as long as the node.
        let _ = self.node.reads.subscribe().wait_for(|reads| *reads == Reads::AtOnce).await;
        entries
    }

    async fn heads(&self, topics: &[Arc<str>]) -> Result<Vec<Head>, EngineError> {
        self.contents(|contents| topics.iter().map(|topic| contents.head(topic)).collect())
    }

    fn follow(&self, topic: Arc<str>, after: u64, follower: Arc<dyn Follower>) -> FollowGuard {
        if !self.shared.profile.shared {
            return FollowGuard::none();
        }
        let one = Following { node: Arc::clone(&self.node), topic, passed: after, follower };
        let id = {
            let mut state = lock(&self.shared.state);
            let id = state.following_next;
            state.following_next += 1;
            state.following.insert(id, one);
            id
        };
        self.shared.change(|_| ());
        let shared = Arc::clone(&self.shared);
        FollowGuard::new(move || {
            let ended = lock(&shared.state).following.remove(&id);
            // The follower is dropped without the lock.
            drop(ended);
        })
    }

    fn listen(&self, node: u64, mailbox: Arc<dyn Mailbox>) -> FollowGuard {
        let one = (Arc::clone(&self.node), mailbox);
        lock(&self.shared.state).mailboxes.insert(node, one);
        let shared = Arc::clone(&self.shared);
        FollowGuard::new(move || {
            let ended = lock(&shared.state).mailboxes.remove(&node);
            // The mailbox is dropped without the lock.
            drop(ended);
        })
    }

    fn send(&self, to: Option<u64>, message: Vec<u8>) -> bool {
        let sends = lock(&self.node.switches).messages != Messages::None;
        if !sends || self.node.is_reachable().is_err() {
            return false;
        }
        let those: Vec<_> = {
            let state = lock(&self.shared.state);
            let those = state.mailboxes.iter().filter(|(node, _)| to.is_none_or(|to| to == **node));
            those.map(|(_, (node, mailbox))| (Arc::clone(node), Arc::clone(mailbox))).collect()
        };
        for (node, mailbox) in those {
            node.take_letter((mailbox, message.clone()));
        }
        true
    }

    async fn trim(&self, topic: &str, before: u64) -> Result<(), EngineError> {
        self.contents(|contents| {
            if let Some(log) = contents.topics.get_mut(topic) {
                log.trim(before);
            }
        })
    }

    async fn remove(&self, topic: &str) -> Result<(), EngineError> {
        self.contents(|contents| {
            if let Some(log) = contents.topics.get_mut(topic) {
                let start = Head::of_generation(generation::random(topic));
                *log = Log { start, entries: VecDeque::new() };
            }
        })
    }

    async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, EngineError> {
        self.contents(|contents| {
            let exist = contents.topics.iter().filter(|(_, log)| !log.entries.is_empty());
            let names = exist.map(|(name, _)| name);
            let fit = names.filter(|name| name.starts_with(prefix) && name.as_str() > after);
            fit.take(limit).cloned().collect()
        })
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), EngineError> {
        if value.len() > RECORD_BYTES_MAX {
            return Err(EngineError::unavailable("the record is larger than 64 KiB"));
        }
        self.contents(|contents| {
            let now = Instant::now();
            contents.records.retain(|_, (_, end)| *end > now);
            contents.records.insert(key.to_owned(), (value.to_vec(), now + ttl));
        })
    }

    async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, EngineError> {
        self.contents(|contents| {
            let (value, end) = contents.records.get(key)?;
            let left = end.checked_duration_since(Instant::now())?;
            (!left.is_zero()).then(|| (value.clone(), left))
        })
    }

    async fn delete(&self, key: &str) -> Result<(), EngineError> {
        self.contents(|contents| drop(contents.records.remove(key)))
    }

    async fn count(&self, key: &str, by: u64, window: Duration) -> Result<u64, EngineError> {
        self.contents(|contents| {
            let now = Instant::now();
            contents.counters.retain(|_, (_, end)| *end > now);
            let counter = contents.counters.entry(key.to_owned()).or_insert((0, now + window));
            counter.0 += by;
            counter.0
        })
    }

    async fn close(&self) {
        lock(&self.node.switches).is_closed = true;
        self.set_reads(Reads::AtOnce);
        let ended: Vec<Following> = {
            let mut state = lock(&self.shared.state);
            let ours = |one: &mut Following| Arc::ptr_eq(&one.node, &self.node);
            state.following.extract_if(.., |_, one| ours(one)).map(|(_, one)| one).collect()
        };
        // Followers are dropped without the lock.
        drop(ended);
    }
}

impl Shared {
    /// Changes the contents, and passes what followers wait for.
    fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> T {
        let mut state = lock(&self.state);
        let changed = change(&mut state.contents);
        state.collect();
        if std::mem::replace(&mut state.is_delivering, true) {
            // Another caller, or this one further up, passes them.
            return changed;
        }
        while let Some((id, delivery)) = state.deliveries.pop_front() {
            let Some(one) = state.following.get(&id) else { continue };
            let follower = Arc::clone(&one.follower);
            drop(state);
            match delivery {
                Delivery::Entries(entries) => follower.entries(entries),
                Delivery::Uncertain => follower.uncertain(),
            }
            drop(follower);
            state = lock(&self.state);
        }
        state.is_delivering = false;
        changed
    }
}

impl State {
    /// Collects what was appended since the last time, for each follower.
    fn collect(&mut self) {
        for (id, one) in &mut self.following {
            let way = lock(&one.node.switches).deliveries;
            if way == Deliveries::Held || *one.node.link.borrow() == Link::Down {
                continue;
            }
            let mut entries: Vec<Entry> =
                self.contents.after(&one.topic, one.passed).cloned().collect();
            let Some(newest) = entries.last() else { continue };
            one.passed = newest.seq();
            let times = match way {
                Deliveries::InOrder | Deliveries::Held => 1,
                Deliveries::Repeated => 2,
                Deliveries::Reversed => {
                    entries.reverse();
                    1
                }
                Deliveries::Lost => 0,
            };
            let copies = std::iter::repeat_n(entries, times);
            self.deliveries.extend(copies.map(|entries| (*id, Delivery::Entries(entries))));
        }
    }
}

impl Contents {
    fn new(id: u64) -> Self {
        let topics = BTreeMap::new();
        Self { id, topics, records: HashMap::new(), counters: HashMap::new() }
    }

    fn log(&mut self, topic: &str) -> &mut Log {
        let start = Head::start(self.id, topic);
        let log = || Log { start, entries: VecDeque::new() };
        self.topics.entry(topic.to_owned()).or_insert_with(log)
    }

    fn head(&self, topic: &str) -> Head {
        let log = self.topics.get(topic);
        let head = log.map(|log| log.entries.back().map_or(log.start, Entry::head));
        head.unwrap_or_else(|| Head::start(self.id, topic))
    }

    fn after(&self, topic: &str, seq: u64) -> impl Iterator<Item = &Entry> {
        let entries = self.topics.get(topic).into_iter().flat_map(|log| &log.entries);
        entries.skip_while(move |entry| entry.seq() <= seq)
    }

    fn append(&mut self, topic: &str, after: &Head, entries: &[Entry]) -> Outcome {
        if self.head(topic).cursor == after.cursor {
            self.log(topic).entries.extend(entries.iter().cloned());
            return Ok(());
        }
        let goes_on = |cursor: Cursor| cursor == after.cursor;
        let mut newer = self.after(topic, after.cursor.seq()).peekable();
        let fits = newer.peek().is_some_and(|entry| goes_on(entry.before()));
        Err(AppendError::Moved(if fits { newer.cloned().collect() } else { Vec::new() }))
    }
}

impl Log {
    fn trim(&mut self, before: u64) {
        while self.entries.len() > 1 && self.entries[0].seq() < before {
            self.entries.pop_front();
        }
    }
}

impl Node {
    /// Takes a message as the node's switches say; a mailbox gets it from a task.
    fn take_letter(&self, letter: Letter) {
        if self.is_reachable().is_err() {
            return;
        }
        let times = {
            let mut switches = lock(&self.switches);
            match switches.messages {
                Messages::Held => {
                    switches.letters.push(letter);
                    return;
                }
                Messages::None | Messages::Lost => return,
                Messages::InOrder => 1,
                Messages::Repeated => 2,
            }
        };
        let Ok(runtime) = Handle::try_current() else { return };
        for (mailbox, message) in std::iter::repeat_n(letter, times) {
            // The task ends by itself.
            runtime.spawn(async move { mailbox.deliver(&message) });
        }
    }

    fn is_reachable(&self) -> Result<(), EngineError> {
        if lock(&self.switches).is_closed {
            return Err(EngineError::unavailable("the engine is closed"));
        }
        match *self.link.borrow() {
            Link::Up => Ok(()),
            Link::Down => Err(EngineError::unavailable("the engine cannot be reached")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(head: &Head, data: &str) -> Entry {
        Entry::next(head, None, "said", data.as_bytes(), 1).unwrap()
    }

    /// Appends one entry after the head. Outside a runtime the answer comes at once.
    fn append(engine: &ModelEngine, head: &Head, data: &str) -> Outcome {
        let outcome = Arc::new(Mutex::new(None));
        let answer = Arc::clone(&outcome);
        let entries = vec![next(head, data)];
        let level = Durability::Os;
        engine.append(Append::new("room", *head, entries, level, move |outcome| {
            *lock(&answer) = Some(outcome);
        }));
        lock(&outcome).take().unwrap()
    }

    fn head(model: &Model) -> Head {
        lock(&model.0.state).contents.head("room")
    }

    #[test]
    fn an_append_that_fails_is_written_not_at_all_or_later() {
        let model = Model::new();
        let engine = model.node();
        let start = head(&model);
        for fault in [Fault::Refused, Fault::Late, Fault::Unacknowledged] {
            engine.fail_next(fault);
        }
        assert!(append(&engine, &start, "1").is_err());
        assert_eq!(head(&model), start, "a refused append is not written");
        assert!(append(&engine, &start, "2").is_err());
        assert_eq!(head(&model), start, "a late append is not written yet");
        assert!(append(&engine, &start, "3").is_err());
        assert_eq!(head(&model).cursor.seq(), 1, "an unacknowledged append is written");
        assert_eq!(engine.arrive(), 0, "the late append does not fit any more");
        engine.fail_next(Fault::Late);
        let now = head(&model);
        assert!(append(&engine, &now, "4").is_err());
        assert_eq!((engine.arrive(), engine.arrive()), (1, 0));
        assert_eq!(head(&model).cursor.seq(), 2);
    }

    #[derive(Default)]
    struct Numbers(Mutex<Vec<u64>>);

    impl Follower for Numbers {
        fn entries(&self, entries: Vec<Entry>) {
            lock(&self.0).extend(entries.iter().map(Entry::seq));
        }

        fn uncertain(&self) {
            lock(&self.0).push(0);
        }
    }

    #[test]
    fn deliveries_go_wrong_as_they_are_set() {
        let model = Model::new();
        let engine = model.node();
        let numbers = Arc::new(Numbers::default());
        let write = || model.write("room", |head| Some(next(head, "1")));
        let _guard = engine.follow("room".into(), 0, Arc::clone(&numbers) as Arc<dyn Follower>);
        write();
        engine.set_deliveries(Deliveries::Held);
        write();
        write();
        assert_eq!(*lock(&numbers.0), [1], "held entries are not passed");
        engine.set_deliveries(Deliveries::Reversed);
        engine.set_deliveries(Deliveries::Repeated);
        write();
        engine.set_deliveries(Deliveries::Lost);
        write();
        engine.set_deliveries(Deliveries::InOrder);
        engine.set_link(Link::Down);
        write();
        engine.set_link(Link::Up);
        assert_eq!(*lock(&numbers.0), [1, 3, 2, 4, 4, 0, 6]);
    }

    impl Mailbox for Numbers {
        fn deliver(&self, message: &[u8]) {
            lock(&self.0).push(message.len() as u64);
        }
    }

    #[tokio::test]
    async fn messages_go_wrong_as_they_are_set() {
        let model = Model::new();
        let (a, b) = (model.node(), model.node());
        let numbers = Arc::new(Numbers::default());
        let guard = b.listen(7, Arc::clone(&numbers) as Arc<dyn Mailbox>);
        assert!(!a.send(Some(7), vec![0; 9]), "an engine without messages");
        a.set_messages(Messages::InOrder);
        let mut next = 0;
        let mut send = |to, messages| {
            b.set_messages(messages);
            next += 1;
            assert!(a.send(to, vec![0; next]));
        };
        send(None, Messages::None);
        send(None, Messages::InOrder);
        send(Some(8), Messages::InOrder);
        send(Some(7), Messages::Held);
        send(Some(7), Messages::Held);
        send(Some(7), Messages::Repeated);
        send(Some(7), Messages::Lost);
        send(Some(7), Messages::InOrder);
        tokio::task::yield_now().await;
        assert_eq!(*lock(&numbers.0), [2, 5, 5, 4, 4, 6, 6, 8]);
        drop(guard);
        send(Some(7), Messages::InOrder);
        tokio::task::yield_now().await;
        assert_eq!(lock(&numbers.0).len(), 8);
    }

    #[test]
    fn contents_get_older_or_new() {
        let model = Model::new();
        let start = head(&model);
        for data in ["1", "2", "3"] {
            model.write("room", |head| Some(next(head, data)));
        }
        let snapshot = model.snapshot();
        model.lose_tail("room", 2);
        assert_eq!(head(&model).cursor.seq(), 1);
        model.restore(&snapshot);
        assert_eq!(head(&model).cursor.seq(), 3);
        model.wipe();
        let anew = head(&model).cursor;
        assert_eq!(anew.seq(), 0);
        assert_ne!(anew.generation, start.cursor.generation);
    }
}
