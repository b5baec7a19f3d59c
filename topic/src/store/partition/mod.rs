//! One topic of a store: its channel, and its appends on their way to the engine.
//!
//! At most one append to a topic is in flight; messages that come meanwhile go with the next one
//! (group commit). Listeners see a message only after the engine has answered. An append that was
//! refused, because another node has appended, takes in what there is and is tried again.

use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    channel::{Channel, Check, Taken},
    clock,
    engine::{
        Answer, Append, AppendError, EngineError, Entry, FollowGuard, Follower, Link, Outcome,
    },
    log::{
        cursor::Cursor, durability::Durability, generation, record::Draft, retention::Retention,
    },
    store::shared::{Shared, Watched},
    sync::{Mutex, lock},
};

/// How often an append is tried against other nodes that append as well.
const TRIES_MAX: u32 = 64;

/// The most bytes that an entry has beside its key, its event's name and its data.
const ENTRY_AROUND: usize = 64;

/// How long after a head that went back the engine is asked again: it may have answered with an old
/// one in the middle of a failover.
const DOUBT: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 300 });

/// One topic of a store.
pub(crate) struct Partition {
    name: Arc<str>,
    store: Arc<Shared>,
    channel: Arc<Channel>,
    durability: Durability,
    appends: Mutex<Appends>,
    /// While it is there, the engine passes what other nodes append.
    follow: Mutex<FollowGuard>,
}

#[derive(Default)]
struct Appends {
    waiting: VecDeque<Submission>,
    /// Whether an append is in flight, or is about to be.
    is_busy: bool,
    /// Whether what waits goes on once the engine was asked what it has.
    is_parked: bool,
    /// Whether the engine is asked what it has.
    is_checking: bool,
    /// How often the oldest messages were refused because of others.
    tries: u32,
}

/// A message on its way to the engine.
struct Submission {
    draft: Draft,
    key: Option<Arc<str>>,
    reply: oneshot::Sender<Result<Cursor, EngineError>>,
    /// Released with the answer: it bounds how many messages wait.
    permit: Option<OwnedSemaphorePermit>,
}

impl Submission {
    /// Returns at most how many bytes its entry has.
    fn entry_bytes(&self) -> usize {
        self.draft.len() + self.key.as_deref().map_or(0, str::len) + ENTRY_AROUND
    }
}

/// The publishers that wait for one append.
struct Group {
    partition: Arc<Partition>,
    members: Vec<Member>,
}

/// A publisher whose message is in an append.
struct Member {
    key: Option<Arc<str>>,
    reply: oneshot::Sender<Result<Cursor, EngineError>>,
    permit: Option<OwnedSemaphorePermit>,
    /// The index of its entry: messages with the same key share one.
    entry: usize,
}

impl Partition {
    /// Loads a topic.
    pub(crate) async fn load(
        store: &Arc<Shared>,
        name: Arc<str>,
        durability: Durability,
        retention: Retention,
    ) -> Result<Arc<Self>, EngineError> {
        let loaded = store.engine.load(&name, 0).await?;
        let after = loaded.head.cursor.seq;
        let is_shared = store.engine.profile().shared;
        let partition = Arc::new_cyclic(|partition: &Weak<Self>| {
            let check = is_shared.then(|| partition.clone() as Weak<dyn Check>);
            Self {
                name: Arc::clone(&name),
                store: Arc::clone(store),
                channel: Arc::new(Channel::loaded(retention, loaded, check)),
                durability,
                appends: Mutex::new(Appends::default()),
                follow: Mutex::new(FollowGuard::none()),
            }
        });
        if partition.is_shared() {
            let follower = Arc::new(Tail(Arc::downgrade(&partition)));
            *lock(&partition.follow) = store.engine.follow(name, after, follower);
            store.watch(&partition);
        }
        Ok(partition)
    }

    pub(crate) fn channel(&self) -> &Arc<Channel> {
        &self.channel
    }

    /// Returns whether other processes append to this topic too.
    pub(crate) fn is_shared(&self) -> bool {
        self.store.engine.profile().shared
    }

    /// Publishes a message. Returns once it has reached the topic's durability.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        draft: Draft,
        key: Option<Arc<str>>,
    ) -> Result<Cursor, EngineError> {
        if self.store.link() == Link::Down {
            return Err(EngineError::unavailable("the engine cannot be reached"));
        }
        let permit = Arc::clone(&self.store.permits).acquire_owned().await.ok();
        let (reply, answer) = oneshot::channel();
        let starts = {
            let mut appends = lock(&self.appends);
            appends.waiting.push_back(Submission { draft, key, reply, permit });
            !std::mem::replace(&mut appends.is_busy, true)
        };
        if starts {
            self.append_next();
        }
        answer.await.unwrap_or_else(|_| Err(EngineError::unavailable("the store is closed")))
    }

    /// Passes the messages that wait to the engine, if there are any.
    fn append_next(self: &Arc<Self>) {
        loop {
            let submissions = {
                let mut appends = lock(&self.appends);
                if appends.waiting.is_empty() {
                    appends.is_busy = false;
                    return;
                }
                let profile = self.store.engine.profile();
                let (mut count, mut bytes) = (0, 0);
                for submission in &appends.waiting {
                    bytes += submission.entry_bytes();
                    if count > 0
                        && (count >= profile.append_max || bytes > profile.append_bytes_max)
                    {
                        break;
                    }
                    count += 1;
                }
                appends.waiting.drain(..count).collect::<Vec<_>>()
            };
            if let Some(append) = self.stage(submissions) {
                self.store.engine.append(append);
                return;
            }
        }
    }

    /// Numbers messages. Those whose key was published before are answered at once.
    fn stage(self: &Arc<Self>, submissions: Vec<Submission>) -> Option<Append> {
        let after = self.channel.head();
        let (mut head, now_ms) = (after, clock::now_ms());
        let (mut entries, mut members) = (Vec::<Entry>::new(), Vec::new());
        for Submission { draft, key, reply, permit } in submissions {
            if let Some(cursor) = key.as_deref().and_then(|key| self.channel.cursor_of(key)) {
                // A publisher that has left gets no answer, here and below.
                let _ = reply.send(Ok(cursor));
                continue;
            }
            let staged = key
                .as_deref()
                .and_then(|key| entries.iter().position(|entry| entry.key.as_deref() == Some(key)));
            let entry = staged.unwrap_or_else(|| {
                let before = head.cursor.fingerprint;
                let record = head.number(draft, now_ms);
                let (cursor, key) = (head.cursor, key.clone());
                entries.push(Entry { before, cursor, record, key });
                entries.len() - 1
            });
            members.push(Member { key, reply, permit, entry });
        }
        if entries.is_empty() {
            return None;
        }
        let (topic, durability) = (Arc::clone(&self.name), self.durability);
        let group = Box::new(Group { partition: Arc::clone(self), members });
        Some(Append::with(topic, after, entries, durability, self.channel.oldest(), group))
    }

    /// Asks the engine what it has, and goes on from there. Publishers wait meanwhile.
    fn begin_check(self: &Arc<Self>) {
        {
            let mut appends = lock(&self.appends);
            if std::mem::replace(&mut appends.is_checking, true) {
                return;
            }
        }
        let Some(runtime) = self.store.runtime() else {
            lock(&self.appends).is_checking = false;
            self.refuse(&EngineError::unavailable("there is no tokio runtime"));
            return;
        };
        let partition = Arc::clone(self);
        runtime.spawn(async move {
            let checked = partition.settle().await;
            partition.end_check(checked);
        });
    }

    fn end_check(self: &Arc<Self>, checked: Result<(), EngineError>) {
        lock(&self.appends).is_checking = false;
        match checked {
            Ok(()) => {
                self.go_on();
                // A listener that came meanwhile may be ahead of what the engine answered.
                if self.channel.is_check_wanted() {
                    self.begin_check();
                }
            }
            // The next comparison of heads checks again.
            Err(error) => self.refuse(&error),
        }
    }

    async fn settle(&self) -> Result<(), EngineError> {
        let number = self.channel.begin_check();
        let known = self.channel.head().cursor;
        let mut loaded = self.store.engine.load(&self.name, known.seq).await?;
        // Other nodes were so fast that the engine has trimmed what follows.
        let is_far_behind = loaded.entries.first().is_some_and(|first| {
            let before = first.before();
            before.generation == known.generation && before.seq > known.seq
        });
        if !loaded.holds(known) && !is_far_behind {
            if self.is_shared() {
                tokio::time::sleep(DOUBT).await;
            }
            loaded = self.store.engine.load(&self.name, 0).await?;
        }
        let profile = self.store.engine.profile();
        let has = loaded.head.cursor;
        // A topic that was removed has a generation that was drawn.
        if has.seq() == 0
            && has.generation != known.generation
            && has.generation != generation::derived(profile.id, &self.name)
        {
            self.channel.remove();
        } else if !loaded.holds(known) && !is_far_behind {
            let had = known;
            tracing::warn!(
                topic = %self.name, %had, %has,
                "the log went back: listeners that have seen more read a gap"
            );
        }
        // Otherwise the log has gone on while the engine lost entries: the next check finds that.
        if self.channel.settle(known, loaded) == Taken::All {
            self.channel.end_check(number);
        }
        Ok(())
    }

    /// Appends what waits after a check, if a refused append has left it.
    fn go_on(self: &Arc<Self>) {
        let waits = {
            let mut appends = lock(&self.appends);
            std::mem::replace(&mut appends.is_parked, false)
        };
        if waits {
            self.append_next();
        }
    }

    /// Refuses what waits.
    fn refuse(&self, error: &EngineError) {
        let waiting = {
            let mut appends = lock(&self.appends);
            if !std::mem::replace(&mut appends.is_parked, false) {
                return;
            }
            (appends.is_busy, appends.tries) = (false, 0);
            std::mem::take(&mut appends.waiting)
        };
        for submission in waiting {
            let _ = submission.reply.send(Err(error.clone()));
        }
    }
}

impl Watched for Partition {
    fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    fn head(&self) -> Cursor {
        self.channel.head().cursor
    }

    fn set_link(&self, link: Link) {
        self.channel.set_link(link);
    }

    fn compare(self: Arc<Self>, known: Cursor, engine: Cursor) {
        let went_back = engine.generation != known.generation
            || engine.seq < known.seq
            || (engine.seq == known.seq && engine.fingerprint != known.fingerprint);
        // One that is ahead now, and was ahead when the follower had time to pass it.
        let is_behind = engine.seq > self.channel.head().cursor.seq;
        if went_back || is_behind || self.channel.is_check_wanted() {
            self.begin_check();
        }
    }
}

impl Check for Partition {
    fn check(self: Arc<Self>) {
        self.begin_check();
    }
}

impl Answer for Group {
    fn finish(self: Box<Self>, entries: Vec<Entry>, outcome: Outcome) {
        let Self { partition, members } = *self;
        match outcome {
            Ok(()) => {
                let cursors: Vec<_> = entries.iter().map(Entry::cursor).collect();
                let taken = partition.channel.take(entries);
                for Member { reply, permit, entry, .. } in members {
                    let _ = reply.send(Ok(cursors[entry]));
                    drop(permit);
                }
                lock(&partition.appends).tries = 0;
                if taken == Taken::Astray {
                    partition.park_and_check();
                } else {
                    partition.append_next();
                }
            }
            Err(AppendError::Failed(error)) => {
                for member in members {
                    let _ = member.reply.send(Err(error.clone()));
                }
                partition.append_next();
            }
            Err(AppendError::Moved(others)) => {
                let went_on = !others.is_empty() && partition.channel.take(others) == Taken::All;
                let is_hopeless = {
                    let mut appends = lock(&partition.appends);
                    appends.tries += 1;
                    appends.tries > TRIES_MAX
                };
                if is_hopeless {
                    lock(&partition.appends).tries = 0;
                    let error = EngineError::unavailable("other nodes append too fast");
                    for member in members {
                        let _ = member.reply.send(Err(error.clone()));
                    }
                } else {
                    partition.put_back(members, &entries);
                }
                if went_on { partition.append_next() } else { partition.park_and_check() }
            }
        }
    }
}

impl Partition {
    /// Puts the messages of a refused append before those that wait.
    fn put_back(&self, members: Vec<Member>, entries: &[Entry]) {
        let mut appends = lock(&self.appends);
        for Member { key, reply, permit, entry } in members.into_iter().rev() {
            let entry = &entries[entry];
            let draft = Draft::new(entry.event(), entry.data().as_bytes());
            appends.waiting.push_front(Submission { draft, key, reply, permit });
        }
    }

    /// Lets what waits wait until the engine was asked what it has.
    fn park_and_check(self: &Arc<Self>) {
        lock(&self.appends).is_parked = true;
        self.begin_check();
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        self.store.engine.release(&self.name);
    }
}

impl fmt::Debug for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partition").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Takes what other nodes append.
struct Tail(Weak<Partition>);

impl Follower for Tail {
    fn entries(&self, entries: Vec<Entry>) {
        let Some(partition) = self.0.upgrade() else { return };
        if partition.channel.take(entries) == Taken::Astray {
            partition.begin_check();
        }
    }

    fn uncertain(&self) {
        if let Some(partition) = self.0.upgrade() {
            partition.begin_check();
        }
    }
}

#[cfg(all(test, not(kipo_loom)))]
mod tests {
    use std::{
        pin::pin,
        task::{Context, Waker},
    };

    use tokio::task::{JoinHandle, yield_now};

    use super::*;
    use crate::{
        engine::{
            Engine, Head, Profile,
            conformance::{Deliveries, Fault, Model, ModelEngine},
        },
        store::Store,
    };

    /// A node, and what it has appended: the data of each append.
    struct Node {
        model: Model,
        engine: ModelEngine,
        store: Store,
        partition: Arc<Partition>,
        appended: Arc<Groups>,
        _follow: FollowGuard,
    }

    #[derive(Default)]
    struct Groups(Mutex<Vec<Vec<String>>>);

    impl Follower for Groups {
        fn entries(&self, entries: Vec<Entry>) {
            lock(&self.0).push(entries.iter().map(|entry| entry.data().to_owned()).collect());
        }

        fn uncertain(&self) {}
    }

    type Answered = JoinHandle<Result<Cursor, EngineError>>;

    impl Node {
        async fn new(append_max: usize, append_bytes_max: usize) -> Self {
            let profile = Profile::new("model", 1, Durability::Os);
            let model = Model::of(profile.shared(append_max, append_bytes_max));
            let engine = model.node();
            let store = Store::on(Arc::new(engine.clone()));
            let partition =
                Partition::load(store.shared(), "t".into(), Durability::Os, Retention::DEFAULT);
            let partition = partition.await.expect("the model answers");
            let appended = Arc::new(Groups::default());
            let follow = model.node().follow("t".into(), 0, Arc::clone(&appended) as _);
            Self { model, engine, store, partition, appended, _follow: follow }
        }

        fn publish(&self, n: usize, key: Option<&str>) -> Answered {
            self.publish_data(&n.to_string(), key)
        }

        fn publish_data(&self, data: &str, key: Option<&str>) -> Answered {
            let draft = Draft::new("e", data.as_bytes());
            let (partition, key) = (Arc::clone(&self.partition), key.map(Arc::from));
            tokio::spawn(async move { partition.publish(draft, key).await })
        }

        fn groups(&self) -> Vec<Vec<String>> {
            lock(&self.appended.0).clone()
        }

        /// Checks that nobody waits, and that no permit is lost.
        fn assert_idle(&self) {
            let appends = lock(&self.partition.appends);
            assert!(appends.waiting.is_empty() && !appends.is_busy && !appends.is_parked);
            let other = Store::on(Arc::new(self.engine.clone()));
            let permits = |store: &Store| store.shared().permits.available_permits();
            assert_eq!(permits(&self.store), permits(&other));
        }
    }

    /// Returns the numbers of all messages.
    async fn numbers(publishers: Vec<Answered>) -> Vec<u64> {
        let mut numbers = Vec::new();
        for publisher in publishers {
            let answer = publisher.await.expect("a publisher that goes on");
            numbers.push(answer.expect("a published message").seq());
        }
        numbers
    }

    #[tokio::test]
    async fn messages_that_wait_go_together_as_many_as_an_append_may_have() {
        let node = Node::new(3, usize::MAX).await;
        let publishers = (1..=8).map(|n| node.publish(n, None)).collect();
        assert_eq!(numbers(publishers).await, [1, 2, 3, 4, 5, 6, 7, 8]);
        // The first one found nothing in flight.
        let expected: [&[&str]; 4] = [&["1"], &["2", "3", "4"], &["5", "6", "7"], &["8"]];
        assert_eq!(node.groups(), expected);
        node.assert_idle();
    }

    #[tokio::test]
    async fn an_append_stays_within_its_bytes_with_keys_and_all() {
        let node = Node::new(usize::MAX, 1000).await;
        let key = |n: usize| format!("{n:0>128}");
        let publish = |n: usize| node.publish(n, Some(key(n).as_str()));
        let mut publishers: Vec<_> = (1..20).map(publish).collect();
        let large = "1".repeat(2000);
        publishers.push(node.publish_data(&large, None));
        publishers.push(node.publish(21, None));
        assert_eq!(numbers(publishers).await, (1..=21).collect::<Vec<_>>());
        let groups = node.groups();
        for group in &groups {
            let entry = |data: &String| {
                let (head, key) = (Head::of_generation(1), "0".repeat(128));
                Entry::next(&head, Some(&key), "e", data.as_bytes(), 0).unwrap().encoded_len()
            };
            let bytes: usize = group.iter().map(entry).sum();
            assert!(bytes <= 1000 || *group == [large.clone()], "{group:?} has {bytes} bytes");
        }
        assert!(groups.iter().any(|group| group.len() > 3), "{groups:?}");
        node.assert_idle();
    }

    #[tokio::test]
    async fn a_refused_append_keeps_the_order_of_its_publishers() {
        let node = Node::new(64, usize::MAX).await;
        // This node does not see what the others append.
        node.engine.set_deliveries(Deliveries::Held);
        for round in 0..3 {
            node.model.write("t", |head| Entry::next(head, None, "e", b"0", 0));
            let all = (1..=5).map(|n| node.publish(n, None)).collect();
            let first = round * 6 + 2;
            assert_eq!(numbers(all).await, (first..first + 5).collect::<Vec<_>>());
        }
        let data: Vec<_> = node.groups().concat();
        assert_eq!(data, ["0", "1", "2", "3", "4", "5"].repeat(3));
        node.assert_idle();
    }

    #[tokio::test]
    async fn publishers_wait_in_order_while_the_engine_is_asked_what_it_has() {
        let node = Node::new(2, usize::MAX).await;
        assert_eq!(numbers((1..=3).map(|n| node.publish(n, None)).collect()).await, [1, 2, 3]);
        node.model.lose_tail("t", 2);
        let publishers = (4..=8).map(|n| node.publish(n, None)).collect();
        assert_eq!(numbers(publishers).await, [2, 3, 4, 5, 6]);
        let data = node.partition.channel.look(|log| {
            let records = log.retained().filter_map(|seq| log.get(seq));
            records.map(|record| record.data_str().to_owned()).collect::<Vec<_>>()
        });
        assert_eq!(data, ["1", "4", "5", "6", "7", "8"]);
        node.assert_idle();
    }

    #[tokio::test]
    async fn messages_with_one_key_are_one_message_for_all_publishers() {
        let node = Node::new(64, usize::MAX).await;
        node.engine.set_deliveries(Deliveries::Held);
        node.model.write("t", |head| Entry::next(head, Some("other"), "e", b"0", clock::now_ms()));
        let keys = ["own", "other", "own", "own", "other"];
        let publishers = keys.iter().enumerate().map(|(n, key)| node.publish(n, Some(key)));
        assert_eq!(numbers(publishers.collect()).await, [2, 1, 2, 2, 1]);
        assert_eq!(node.groups().concat(), ["0", "0"]);
        node.assert_idle();
    }

    #[tokio::test]
    async fn a_key_that_another_node_used_twice_stays_that_of_the_first_message() {
        let node = Node::new(64, usize::MAX).await;
        let now_ms = clock::now_ms();
        let write = |key, stamp_ms| {
            node.model.write("t", |head| Entry::next(head, Some(key), "e", b"0", stamp_ms));
        };
        write("k", now_ms);
        write("k", now_ms);
        assert_eq!(numbers(vec![node.publish(1, Some("k"))]).await, [1]);
        // Later both are forgotten.
        let later_ms = now_ms + 3_600_000;
        write("later", later_ms);
        write("k", later_ms);
        assert_eq!(node.partition.channel.head().cursor.seq(), 4);
        assert_eq!(numbers(vec![node.publish(1, Some("k"))]).await, [4]);
        let loaded =
            Partition::load(node.store.shared(), "t".into(), Durability::Os, Retention::DEFAULT);
        assert_eq!(loaded.await.unwrap().channel.cursor_of("k").unwrap().seq(), 4);
    }

    #[tokio::test]
    async fn a_publisher_that_leaves_holds_up_nobody() {
        let node = Node::new(64, usize::MAX).await;
        node.engine.set_deliveries(Deliveries::Held);
        node.model.write("t", |head| Entry::next(head, None, "e", b"0", 0));
        let publish = |data| node.partition.publish(Draft::new("e", data), None);
        let mut first = pin!(Some(publish(b"1")));
        let mut second = pin!(publish(b"2"));
        let mut third = pin!(Some(publish(b"3")));
        let fourth = publish(b"4");
        {
            // They wait: the first for the engine, the others for the first.
            let mut task = Context::from_waker(Waker::noop());
            assert!(first.as_mut().as_pin_mut().unwrap().poll(&mut task).is_pending());
            assert!(second.as_mut().poll(&mut task).is_pending());
            assert!(third.as_mut().as_pin_mut().unwrap().poll(&mut task).is_pending());
        }
        first.set(None);
        third.set(None);
        let (second, fourth) = (second.await.unwrap(), fourth.await.unwrap());
        assert_eq!((second.seq(), fourth.seq()), (3, 5));
        assert_eq!(node.groups().concat(), ["0", "1", "2", "3", "4"]);
        node.assert_idle();
    }

    #[tokio::test]
    async fn a_publisher_that_leaves_before_its_turn_publishes_nothing() {
        let node = Node::new(64, usize::MAX).await;
        let permits = &node.store.shared().permits;
        let all = u32::try_from(permits.available_permits()).unwrap();
        let taken = Arc::clone(permits).acquire_many_owned(all).await.unwrap();
        let publisher = node.publish(1, None);
        yield_now().await;
        publisher.abort();
        let other = node.publish(2, None);
        yield_now().await;
        drop(taken);
        assert_eq!(other.await.unwrap().unwrap().seq(), 1);
        assert_eq!(node.groups(), [["2"]]);
        node.assert_idle();
    }

    #[tokio::test]
    async fn a_failure_answers_all_publishers_of_its_append_and_no_others() {
        let node = Node::new(3, usize::MAX).await;
        for fault in [Fault::Refused, Fault::Unacknowledged] {
            node.engine.fail_next(fault);
        }
        let publishers: Vec<_> = (1..=6).map(|n| node.publish(n, None)).collect();
        let mut answers = Vec::new();
        for publisher in publishers {
            answers.push(publisher.await.unwrap().ok().map(|cursor| cursor.seq()));
        }
        // The second append was written, although it failed.
        assert_eq!(answers, [None, None, None, None, Some(4), Some(5)]);
        assert_eq!(node.groups().concat(), ["2", "3", "4", "5", "6"]);
        node.assert_idle();
    }

    #[tokio::test]
    async fn an_engine_that_cannot_be_asked_answers_all_publishers() {
        let node = Node::new(2, usize::MAX).await;
        assert_eq!(numbers(vec![node.publish(1, None)]).await, [1]);
        node.model.lose_tail("t", 1);
        let publishers: Vec<_> = (2..=6).map(|n| node.publish(n, None)).collect();
        // The append was refused, and the check has not begun.
        while !lock(&node.partition.appends).is_parked {
            yield_now().await;
        }
        node.engine.set_link(Link::Down);
        for publisher in publishers {
            assert!(publisher.await.unwrap().is_err());
        }
        node.assert_idle();
        node.engine.set_link(Link::Up);
        let publishers = (7..=9).map(|n| node.publish(n, None)).collect();
        assert_eq!(numbers(publishers).await, [1, 2, 3]);
        node.assert_idle();
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_misses_an_entry_asks_the_engine_at_once() {
        let node = Node::new(2, usize::MAX).await;
        let write = || node.model.write("t", |head| Entry::next(head, None, "e", b"0", 0));
        node.engine.set_deliveries(Deliveries::Lost);
        write();
        node.engine.set_deliveries(Deliveries::InOrder);
        write();
        yield_now().await;
        assert_eq!(node.partition.channel.head().cursor.seq(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_listener_that_comes_during_a_check_gets_one_of_its_own() {
        let node = Node::new(2, usize::MAX).await;
        node.engine.set_deliveries(Deliveries::Lost);
        lock(&node.partition.appends).is_checking = true;
        let mut ahead = Head::of_generation(node.partition.channel.head().cursor.generation);
        node.model.write("t", |head| {
            let entry = Entry::next(head, None, "e", b"0", 0)?;
            ahead = entry.head();
            Some(entry)
        });
        let id = ahead.cursor.to_string();
        let entered = node.partition.channel.enter(Some(&id));
        assert_eq!(entered.resume.from, ahead.cursor);
        assert!(entered.unconfirmed.is_some() && node.partition.channel.is_check_wanted());

        // The check that was running has not seen the entry.
        node.partition.end_check(Ok(()));
        yield_now().await;
        assert_eq!(node.partition.channel.head(), ahead);
        assert!(!node.partition.channel.is_check_wanted());
    }

    #[tokio::test]
    async fn publishers_and_checks_do_not_disturb_each_other() {
        let node = Node::new(3, usize::MAX).await;
        let mut publishers = Vec::new();
        for round in 0..50 {
            publishers.extend((0..round % 5).map(|n| node.publish(round * 10 + n, None)));
            // The followers are uncertain.
            node.engine.set_link(Link::Down);
            node.engine.set_link(Link::Up);
            if round % 3 == 0 {
                node.model.write("t", |head| Entry::next(head, None, "e", b"-1", 0));
            }
            if round % 2 == 0 {
                yield_now().await;
            }
        }
        let count = publishers.len();
        let numbers = numbers(publishers).await;
        assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
        let data = node.groups().concat();
        let ours: Vec<u64> = data.iter().filter_map(|data| data.parse().ok()).collect();
        assert_eq!(ours.len(), count);
        assert!(ours.is_sorted_by(|a, b| a < b), "{ours:?}");
        node.assert_idle();
    }
}

#[cfg(all(test, kipo_loom))]
mod loom_tests {
    use std::{
        pin::{Pin, pin},
        task::{Context, Poll, Waker},
    };

    use loom::thread::{self, JoinHandle};

    use super::*;
    use crate::{
        engine::{Engine, conformance::Model},
        store::Store,
    };

    type Answered = Result<Cursor, EngineError>;

    /// A publisher that nobody wakes: outside a runtime the model answers before an append returns,
    /// so all answers are there once no thread runs.
    struct Publisher {
        publishing: Pin<Box<dyn Future<Output = Answered> + Send>>,
        answer: Poll<Answered>,
    }

    impl Publisher {
        fn new(partition: &Arc<Partition>, key: Option<&str>) -> Self {
            let (partition, key) = (Arc::clone(partition), key.map(Arc::from));
            let draft = Draft::new("e", b"1");
            let publishing = Box::pin(async move { partition.publish(draft, key).await });
            Self { publishing, answer: Poll::Pending }
        }

        fn poll(&mut self) {
            if self.answer.is_pending() {
                let mut task = Context::from_waker(Waker::noop());
                self.answer = self.publishing.as_mut().poll(&mut task);
            }
        }

        /// Publishes on a thread.
        fn spawn(mut self) -> JoinHandle<Self> {
            thread::spawn(move || {
                self.poll();
                self
            })
        }

        fn answer(mut self) -> Answered {
            self.poll();
            let Poll::Ready(answer) = self.answer else { panic!("a publisher has no answer") };
            answer
        }
    }

    fn partition(model: &Model) -> Arc<Partition> {
        let store = Store::on(Arc::new(model.node()));
        ready(Partition::load(store.shared(), "t".into(), Durability::Os, Retention::DEFAULT))
            .unwrap()
    }

    /// Returns the output of a future that waits for nothing.
    fn ready<T>(future: impl Future<Output = T>) -> T {
        let Poll::Ready(output) = pin!(future).poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("the model answers at once")
        };
        output
    }

    fn assert_idle(partition: &Partition) {
        let appends = lock(&partition.appends);
        assert!(appends.waiting.is_empty() && !appends.is_busy && !appends.is_parked);
    }

    #[test]
    fn loom_publishers_hand_over_the_append() {
        loom::model(|| {
            let partition = partition(&Model::new());
            let mut own = Publisher::new(&partition, None);
            let others = [None, Some("k")].map(|key| Publisher::new(&partition, key).spawn());
            own.poll();
            let others = others.map(|other| other.join().unwrap());
            let mut numbers: Vec<_> = others.into_iter().map(Publisher::answer).collect();
            numbers.push(own.answer());
            let mut numbers: Vec<_> =
                numbers.into_iter().map(|answer| answer.unwrap().seq()).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, [1, 2, 3]);
            assert_idle(&partition);
        });
    }

    /// A refused append leaves its publishers to the check that is running. It goes on with them,
    /// whenever it ends and whoever comes meanwhile.
    #[test]
    fn loom_a_check_goes_on_with_those_who_wait() {
        loom::model(|| {
            let model = Model::new();
            let partition = partition(&model);
            Publisher::new(&partition, None).answer().unwrap();
            model.lose_tail("t", 1);
            lock(&partition.appends).is_checking = true;
            let check = {
                let (partition, engine) = (Arc::clone(&partition), model.node());
                thread::spawn(move || {
                    let known = partition.channel.head().cursor;
                    partition.channel.settle(known, ready(engine.load("t", 0)).unwrap());
                    partition.end_check(Ok(()));
                })
            };
            let mut own = Publisher::new(&partition, None);
            let other = Publisher::new(&partition, None).spawn();
            own.poll();
            let other = other.join().unwrap();
            check.join().unwrap();
            // Without a runtime there is no second check: an append that was refused after the end
            // of the first one has failed.
            let answers = [own.answer(), other.answer()];
            let mut numbers: Vec<_> = answers.iter().flatten().map(Cursor::seq).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, (1..=numbers.len() as u64).collect::<Vec<_>>());
            assert_idle(&partition);
        });
    }

    #[test]
    fn loom_a_check_that_fails_answers_those_who_wait() {
        loom::model(|| {
            let model = Model::new();
            let partition = partition(&model);
            Publisher::new(&partition, None).answer().unwrap();
            model.lose_tail("t", 1);
            lock(&partition.appends).is_checking = true;
            let check = {
                let partition = Arc::clone(&partition);
                thread::spawn(move || {
                    partition.end_check(Err(EngineError::unavailable("cut off")));
                })
            };
            let mut own = Publisher::new(&partition, None);
            let other = Publisher::new(&partition, None).spawn();
            own.poll();
            let other = other.join().unwrap();
            check.join().unwrap();
            assert!(own.answer().is_err() && other.answer().is_err());
            assert_idle(&partition);
        });
    }
}
