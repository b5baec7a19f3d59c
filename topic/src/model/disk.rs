//! Histories of a durable topic against a simple model: a list of the published messages, truncated
//! where a disk lost some.
//!
//! A history publishes, with and without keys; listeners come, read and leave; and it fails: the
//! process is killed, the power fails and takes what was not synced (and sometimes leaves half a
//! record), the disk refuses a write that it may have made, an older copy of the store is
//! restored. In every history each listener that comes back reads the truth, and each acknowledged
//! message is there as far as its durability promises.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    collections::BTreeMap,
    io,
    pin::pin,
    sync::{Arc, Mutex},
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use proptest::prelude::*;
use tokio::time::timeout;

use crate::{
    Cursor, Durability, GapReason, Next, Store, Subscription, Topic,
    engine::local::key_value::{Change, KeyValue, Space},
    topic::tests::N,
};

/// A disk that can fail.
#[derive(Clone, Debug, Default)]
struct Platter {
    synced: Contents,
    /// Batches that are written and not synced.
    written: Vec<Vec<Change>>,
    /// How the next write fails.
    refusal: Option<Refusal>,
}

type Contents = BTreeMap<(Space, Vec<u8>), Vec<u8>>;

/// How a write fails.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// With an error, and nothing is written.
    Honest,
    /// With an error, although it is written.
    Mistaken,
}

fn apply(contents: &mut Contents, changes: &[Change]) {
    for change in changes.iter().cloned() {
        match change {
            Change::Put { space, key, value } => drop(contents.insert((space, key), value)),
            Change::Delete { space, key } => drop(contents.remove(&(space, key))),
        }
    }
}

impl Platter {
    fn contents(&self) -> Contents {
        let mut contents = self.synced.clone();
        self.written.iter().for_each(|changes| apply(&mut contents, changes));
        contents
    }

    /// The power fails: the first `kept` batches had reached the disk, and half a record of the
    /// next one if it is `torn`. Returns how many messages are lost.
    fn lose_power(&mut self, kept: usize, torn: bool) -> usize {
        let lost = self.written.split_off(kept.min(self.written.len()));
        let message =
            |change: &&Change| matches!(change, Change::Put { space: Space::Records, .. });
        let lost_count = lost.iter().flatten().filter(message).count();
        let half = lost.first().filter(|_| torn).and_then(|changes| {
            changes.iter().find_map(|change| match change {
                Change::Put { space: Space::Records, key, value } => {
                    let value = value[..value.len() / 2].to_vec();
                    Some(Change::Put { space: Space::Records, key: key.clone(), value })
                }
                Change::Put { .. } | Change::Delete { .. } => None,
            })
        });
        self.written.extend(half.map(|half| vec![half]));
        self.synced = self.contents();
        self.written.clear();
        lost_count
    }
}

/// A process's view of the platter.
struct Drive(Arc<Mutex<Platter>>);

impl KeyValue for Drive {
    fn get(&self, space: Space, key: &[u8]) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().contents().remove(&(space, key.to_vec())))
    }

    fn scan(
        &self,
        space: Space,
        prefix: &[u8],
        from: &[u8],
        see: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> io::Result<()> {
        for ((at, key), value) in self.0.lock().unwrap().contents() {
            if at == space && key.starts_with(prefix) && *key >= *from && !see(&key, &value) {
                break;
            }
        }
        Ok(())
    }

    fn write(&mut self, changes: &[Change]) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        let refusal = platter.refusal.take();
        if !matches!(refusal, Some(Refusal::Honest)) {
            platter.written.push(changes.to_vec());
        }
        if refusal.is_some() { Err(io::Error::other("no space left")) } else { Ok(()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut platter = self.0.lock().unwrap();
        platter.synced = platter.contents();
        platter.written.clear();
        Ok(())
    }

    fn reopen(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Debug)]
enum Step {
    Publish {
        key: Option<u8>,
    },
    /// Close and open.
    Restart,
    /// End without closing, and open.
    Kill,
    PowerLoss {
        kept: usize,
        torn: bool,
    },
    /// Let the next write fail.
    Refuse(Refusal),
    Copy,
    Restore,
    /// A listener comes, reads everything there is, and leaves.
    Listen(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => prop_oneof![3 => Just(None), 1 => (0u8..4).prop_map(Some)]
            .prop_map(|key| Step::Publish { key }),
        6 => (0usize..3).prop_map(Step::Listen),
        1 => Just(Step::Restart),
        1 => Just(Step::Kill),
        1 => (0usize..4, any::<bool>()).prop_map(|(kept, torn)| Step::PowerLoss { kept, torn }),
        1 => prop_oneof![Just(Refusal::Honest), Just(Refusal::Mistaken)].prop_map(Step::Refuse),
        1 => Just(Step::Copy),
        1 => Just(Step::Restore),
    ]
}

/// What the log must hold: each message with its key, in order from number 1.
type Expected = Vec<(u64, Option<u8>)>;

/// A listener's position, and what the log held up to there.
type Seen = Option<(Cursor, Expected)>;

/// The system under test, with the model beside it.
struct World {
    durability: Durability,
    keep: usize,
    /// How many messages are in memory.
    window: usize,
    platter: Arc<Mutex<Platter>>,
    store: Store,
    topic: Topic<N>,
    expected: Expected,
    copy: Option<(Platter, Expected)>,
    /// A message whose write failed with an error although it was made: the next one publishes it.
    ghost: Option<(u64, Option<u8>)>,
    listeners: [Seen; 3],
    next: u64,
}

impl World {
    async fn new(durability: Durability, keep: usize, window: usize) -> Self {
        let platter = Arc::new(Mutex::new(Platter::default()));
        let (store, topic) = open(&platter, durability, keep, window).await;
        Self {
            durability,
            keep,
            window,
            platter,
            store,
            topic,
            expected: Expected::new(),
            copy: None,
            ghost: None,
            listeners: Default::default(),
            next: 0,
        }
    }

    async fn reopen(&mut self) {
        // The process before is gone, and its thread with it.
        self.store.kill();
        self.platter.lock().unwrap().refusal = None;
        self.expected.extend(self.ghost.take());
        (self.store, self.topic) =
            open(&self.platter, self.durability, self.keep, self.window).await;
    }

    async fn run(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Publish { key } => return self.publish(key).await,
            Step::Restart => {
                // Otherwise the write of closing would fail.
                self.platter.lock().unwrap().refusal = None;
                self.store.close();
                self.reopen().await;
            }
            Step::Kill => self.reopen().await,
            Step::PowerLoss { kept, torn } => {
                let ghosts = usize::from(self.ghost.is_some());
                self.expected.extend(self.ghost.take());
                let lost = self.platter.lock().unwrap().lose_power(kept, torn);
                if self.durability == Durability::Fsync {
                    prop_assert!(lost <= ghosts, "a synced message was lost");
                }
                self.expected.truncate(self.expected.len() - lost);
                self.reopen().await;
            }
            Step::Refuse(refusal) => self.platter.lock().unwrap().refusal = Some(refusal),
            Step::Copy => {
                let mut platter = self.platter.lock().unwrap().clone();
                platter.refusal = None;
                let mut expected = self.expected.clone();
                expected.extend(self.ghost);
                self.copy = Some((platter, expected));
            }
            Step::Restore => {
                let Some((platter, expected)) = self.copy.clone() else { return Ok(()) };
                *self.platter.lock().unwrap() = platter;
                (self.expected, self.ghost) = (expected, None);
                self.reopen().await;
            }
            Step::Listen(who) => return self.listen(who).await,
        }
        Ok(())
    }

    async fn publish(&mut self, key: Option<u8>) -> Result<(), TestCaseError> {
        let refusal = self.platter.lock().unwrap().refusal;
        self.next += 1;
        let (n, text) = (self.next, key.map(|key| key.to_string()));
        let answer = self.topic.publish_once(text.as_deref(), &N(n)).await;
        let known = |(_, used): &(u64, Option<u8>)| key.is_some() && *used == key;
        // Recovering from a failed write publishes the ghost before this message. One whose key is
        // known needs no write.
        if !self.expected.iter().any(known) {
            self.expected.extend(self.ghost.take());
        }
        let first = self.expected.iter().position(known);
        let cursor = match (answer, refusal) {
            (Ok(cursor), None) => cursor,
            // Its key was published before, so nothing had to be written.
            (Ok(cursor), Some(_)) if first.is_some() => cursor,
            (Ok(_), Some(_)) => return Err(TestCaseError::fail("a refused write was confirmed")),
            (Err(error), None) => return Err(TestCaseError::fail(error.to_string())),
            (Err(_), Some(refusal)) => {
                if matches!(refusal, Refusal::Mistaken) && first.is_none() {
                    self.ghost = Some((n, key));
                }
                return Ok(());
            }
        };
        let expected = first.unwrap_or_else(|| {
            self.expected.push((n, key));
            self.expected.len() - 1
        });
        prop_assert_eq!(cursor.seq(), expected as u64 + 1);
        Ok(())
    }

    /// What a listener must read, by the model alone; then what it really reads.
    async fn listen(&mut self, who: usize) -> Result<(), TestCaseError> {
        let log = &self.expected;
        let base = (log.len().saturating_sub(self.keep)) as u64;
        let seen = self.listeners[who].take();
        let (start, expected) = match &seen {
            None => (base, None),
            Some((cursor, _)) if cursor.seq() < base => {
                (base, Some((GapReason::Trimmed, Some(base - cursor.seq()))))
            }
            Some((cursor, before)) if log.starts_with(before) => (cursor.seq(), None),
            Some(_) => (base, Some((GapReason::Diverged, None))),
        };
        let id = seen.map(|(cursor, _)| cursor.to_string());
        let mut subscription = self.topic.subscribe(id.as_deref()).await.unwrap();
        let mut at = subscription.resume().from;
        prop_assert_eq!(at.seq(), start);
        let mut gap = None;
        while let Some(next) = now(&mut subscription).await {
            match next {
                Next::Gap(missed) => {
                    prop_assert!(gap.is_none() && at.seq() == start, "a gap in the middle");
                    prop_assert_eq!(missed.first, start + 1);
                    gap = Some((missed.reason, missed.missed));
                }
                Next::Message(message) => {
                    prop_assert_eq!(message.seq(), at.seq() + 1, "not the next one");
                    let n: u64 = message.json().unwrap();
                    prop_assert_eq!(n, log[usize::try_from(at.seq()).unwrap()].0);
                    at = message.cursor();
                }
                other => return Err(TestCaseError::fail(format!("{other:?}"))),
            }
        }
        prop_assert_eq!(gap, expected);
        prop_assert_eq!(at.seq(), log.len() as u64, "not all of it");
        self.listeners[who] = Some((at, log.clone()));
        Ok(())
    }
}

async fn open(
    platter: &Arc<Mutex<Platter>>,
    durability: Durability,
    keep: usize,
    window: usize,
) -> (Store, Topic<N>) {
    let store = Store::of(Box::new(Drive(Arc::clone(platter))), "platter").unwrap();
    let topic = Topic::durable("t", durability).keep(keep).window(window);
    topic.open(&store).unwrap();
    topic.load().await.unwrap();
    (store, topic)
}

/// Returns what a listener can read now; waits for messages that are not in memory.
async fn now(subscription: &mut Subscription<N>) -> Option<Next> {
    let polled = pin!(subscription.next()).poll(&mut Task::from_waker(Waker::noop()));
    if polled.is_pending() && subscription.is_behind() {
        let read = timeout(Duration::from_secs(10), subscription.next()).await;
        return Some(read.expect("the engine has the messages"));
    }
    match polled {
        Poll::Ready(next) => Some(next),
        Poll::Pending => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn every_listener_reads_the_truth_in_every_history(
        fsync: bool,
        keep in 1usize..12,
        window in prop_oneof![Just(1), Just(2), Just(5), Just(usize::MAX)],
        steps in proptest::collection::vec(step(), 1..80),
    ) {
        let durability = if fsync { Durability::Fsync } else { Durability::Os };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
        let runtime = runtime.unwrap();
        let mut world = runtime.block_on(World::new(durability, keep, window));
        for step in steps {
            runtime.block_on(world.run(step))?;
        }
        world.store.close();
    }
}
