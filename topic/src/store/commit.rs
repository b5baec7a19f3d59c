//! Group commit: one thread takes all messages that wait, writes them as one batch and syncs it.
//! Only then listeners see the messages and publishers get their answers.
//!
//! While the thread waits for the disk the next batch gathers, so the slower the disk, the larger
//! the batches. Listeners see a message only after it has reached its topic's durability: a
//! listener that has seen it finds it again after a restart.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    channel::Channel,
    clock,
    engine::{Change, Engine},
    log::{
        cursor::Cursor,
        durability::Durability,
        record::{Draft, Head, Record},
        retention::Retention,
    },
    store::partition::{Found, Partition},
    sync::{Condvar, Mutex, lock},
};

/// How long the store waits after a failure before it tries again. Tests do not wait.
const REOPEN_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 500 });

/// A message on its way into a store.
#[derive(Debug)]
pub(crate) struct Submission {
    /// The id of its topic.
    pub(crate) partition: u32,
    pub(crate) draft: Draft,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) reply: Reply,
    /// Released with the answer: it bounds how many messages wait.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// Sends a publisher the outcome of its message.
pub(crate) type Reply = oneshot::Sender<Result<Cursor, NotCommitted>>;

/// Why a message was not published.
#[derive(Clone, Debug)]
pub(crate) struct NotCommitted(pub(crate) Arc<str>);

/// The messages that wait for the committing thread.
#[derive(Debug)]
pub(crate) struct Queue {
    waiting: Mutex<Waiting>,
    filled: Condvar,
}

#[derive(Debug, Default)]
struct Waiting {
    submissions: Vec<Submission>,
    closed: bool,
}

impl Queue {
    pub(crate) fn new() -> Self {
        Self { waiting: Mutex::new(Waiting::default()), filled: Condvar::new() }
    }

    /// Adds a message; after [`close`](Self::close) returns it.
    pub(crate) fn push(&self, submission: Submission) -> Result<(), Submission> {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return Err(submission);
        }
        waiting.submissions.push(submission);
        drop(waiting);
        self.filled.notify_one();
        Ok(())
    }

    /// Ends the thread after it has taken the messages that wait.
    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.filled.notify_one();
    }

    /// Waits for messages, and takes all of them. Returns nothing once closed and empty.
    pub(crate) fn take(&self) -> Option<Vec<Submission>> {
        let mut waiting = lock(&self.waiting);
        while waiting.submissions.is_empty() {
            if waiting.closed {
                return None;
            }
            waiting = self.filled.wait(waiting).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
        Some(std::mem::take(&mut waiting.submissions))
    }
}

/// The partitions of a store, one for each topic, and the engine that holds them.
pub(crate) struct Partitions {
    pub(crate) engine: Box<dyn Engine>,
    topics: BTreeMap<u32, Topic>,
    /// When and why the engine failed, until it has recovered.
    failed: Option<(Instant, NotCommitted)>,
}

struct Topic {
    partition: Partition,
    durability: Durability,
}

/// One topic's part of a batch.
struct Stage {
    head: Head,
    records: Vec<Record>,
    keys: Vec<(Arc<str>, Cursor)>,
    /// Each with the permit of its publisher, which is released with the answer.
    answers: Vec<(Reply, Cursor, Option<OwnedSemaphorePermit>)>,
}

impl Partitions {
    pub(crate) fn new(engine: Box<dyn Engine>) -> Self {
        Self { engine, topics: BTreeMap::new(), failed: None }
    }

    /// Adds a topic that was read from the engine.
    pub(crate) fn add(&mut self, partition: Partition, durability: Durability) {
        self.topics.insert(partition.id, Topic { partition, durability });
    }

    /// Returns whether a topic with this id was added.
    pub(crate) fn has(&self, id: u32) -> bool {
        self.topics.contains_key(&id)
    }

    /// Commits a batch: each message reaches its topic's durability, or is refused.
    pub(crate) fn commit(&mut self, batch: Vec<Submission>) {
        if let Err(not_committed) = self.recover() {
            for submission in batch {
                // A publisher that has left gets no answer, here and below.
                let _ = submission.reply.send(Err(not_committed.clone()));
            }
            return;
        }
        let mut changes = Vec::new();
        let mut stages: BTreeMap<(Durability, u32), Stage> = BTreeMap::new();
        for submission in batch {
            let Some(Topic { partition, durability }) = self.topics.get_mut(&submission.partition)
            else {
                continue;
            };
            let key = (*durability, partition.id);
            let stage = stages.entry(key).or_insert_with(|| Stage::new(partition.channel.head()));
            stage.add(submission, partition, &mut changes);
        }
        for Topic { partition, .. } in self.topics.values_mut() {
            partition.erase(&mut changes);
        }
        // A batch whose keys were all published before has nothing to write.
        let mut committed = if changes.is_empty() { Ok(()) } else { self.engine.write(&changes) };
        let mut synced = changes.is_empty();
        // In the order of the levels: a message of a lower level does not wait for the sync.
        for ((durability, id), stage) in stages {
            if durability == Durability::Fsync && committed.is_ok() && !synced {
                committed = self.engine.sync();
                synced = true;
            }
            match &committed {
                Ok(()) => stage.publish(&self.topics[&id].partition.channel),
                Err(error) => {
                    let not_committed = self.fail(error);
                    stage.refuse(&not_committed);
                }
            }
        }
    }

    /// Records that the engine failed.
    fn fail(&mut self, error: &io::Error) -> NotCommitted {
        let not_committed = NotCommitted(error.to_string().into());
        if self.failed.is_none() {
            tracing::error!(%error, "the store failed: durable topics refuse messages");
        }
        self.failed = Some((Instant::now(), not_committed.clone()));
        not_committed
    }

    /// Reopens the engine, if it failed.
    fn recover(&mut self) -> Result<(), NotCommitted> {
        let Some((since, not_committed)) = &self.failed else { return Ok(()) };
        if since.elapsed() < REOPEN_PAUSE {
            return Err(not_committed.clone());
        }
        if let Err(error) = self.reopen() {
            return Err(self.fail(&error));
        }
        self.failed = None;
        tracing::info!("the store has recovered");
        Ok(())
    }

    /// Reopens the engine and reads what it really holds. A message whose publisher got an error
    /// may be there; then it is published now.
    fn reopen(&mut self) -> io::Result<()> {
        self.engine.reopen()?;
        let mut found = Vec::new();
        for Topic { partition, .. } in self.topics.values() {
            let head = partition.channel.head().cursor;
            let stored =
                Found::read(&*self.engine, partition.id, head.generation, &Retention::ALL)?;
            if stored.log.head().cursor.seq < head.seq || stored.log.cursor(head.seq) != head {
                return Err(io::Error::other("the store has lost messages that were published"));
            }
            let torn = stored.truncation(partition.id);
            if !torn.is_empty() {
                self.engine.write(&torn)?;
            }
            found.push(stored);
        }
        // Listeners see recovered messages only after a sync, whatever their level.
        self.engine.sync()?;
        for (Topic { partition, .. }, stored) in self.topics.values_mut().zip(found) {
            partition.catch_up(stored);
        }
        Ok(())
    }
}

impl Stage {
    fn new(head: Head) -> Self {
        Self { head, records: Vec::new(), keys: Vec::new(), answers: Vec::new() }
    }

    /// Numbers a message, unless its key was used before.
    fn add(
        &mut self,
        submission: Submission,
        partition: &mut Partition,
        changes: &mut Vec<Change>,
    ) {
        let Submission { draft, key, reply, permit, .. } = submission;
        let published = key.as_deref().and_then(|key| self.cursor_of(key, &partition.channel));
        if let Some(cursor) = published {
            self.answers.push((reply, cursor, permit));
            return;
        }
        let before = self.head.cursor;
        let record = self.head.number(draft, clock::now_ms());
        let cursor = self.head.cursor;
        partition.put(changes, before, &record);
        self.records.push(record);
        if let Some(key) = key {
            partition.put_key(changes, &key, cursor, self.head.stamp_ms);
            self.keys.push((key, cursor));
        }
        self.answers.push((reply, cursor, permit));
    }

    /// Returns the position of a message with this key, published or in this batch.
    fn cursor_of(&self, key: &str, channel: &Channel) -> Option<Cursor> {
        let staged = self.keys.iter().find(|(known, _)| **known == *key);
        staged.map(|(_, cursor)| *cursor).or_else(|| channel.cursor_of(key))
    }

    fn publish(self, channel: &Channel) {
        channel.commit(self.records, self.keys);
        for (reply, cursor, _permit) in self.answers {
            let _ = reply.send(Ok(cursor));
        }
    }

    fn refuse(self, not_committed: &NotCommitted) {
        for (reply, _, _permit) in self.answers {
            let _ = reply.send(Err(not_committed.clone()));
        }
    }
}

impl fmt::Debug for Partitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partitions").field("failed", &self.failed).finish_non_exhaustive()
    }
}

#[cfg(all(test, kipo_loom))]
mod loom_tests {
    use super::*;
    use crate::{
        engine::memory::Memory,
        log::{Log, keys::Keys},
    };

    fn submission(
        key: Option<&str>,
    ) -> (Submission, oneshot::Receiver<Result<Cursor, NotCommitted>>) {
        let (reply, answer) = oneshot::channel();
        let draft = Draft::new("e", b"1");
        (Submission { partition: 0, draft, key: key.map(Arc::from), reply, permit: None }, answer)
    }

    fn partitions() -> (Partitions, Arc<Channel>) {
        let log = Log::after(Head::start(1));
        let channel = Arc::new(Channel::new(Retention::DEFAULT, log, Keys::default()));
        let mut partitions = Partitions::new(Box::new(Memory::default()));
        let partition = Partition::new(0, Arc::clone(&channel), Default::default());
        partitions.add(partition, Durability::Fsync);
        (partitions, channel)
    }

    /// Two publishers and one committing thread that ends: every publisher gets an answer, and
    /// every message that was answered is published once.
    #[test]
    fn loom_every_message_is_answered() {
        loom::model(|| {
            let queue = loom::sync::Arc::new(Queue::new());
            let publishers: Vec<_> = (0..2)
                .map(|_| {
                    let queue = queue.clone();
                    loom::thread::spawn(move || {
                        let (submission, answer) = submission(None);
                        (queue.push(submission).is_ok(), answer)
                    })
                })
                .collect();
            let committing = {
                let queue = queue.clone();
                loom::thread::spawn(move || {
                    let (mut partitions, channel) = partitions();
                    while let Some(batch) = queue.take() {
                        partitions.commit(batch);
                    }
                    channel.head().cursor.seq
                })
            };
            let mut answers = Vec::new();
            for publisher in publishers {
                let (pushed, answer) = publisher.join().unwrap();
                assert!(pushed);
                answers.push(answer);
            }
            queue.close();
            assert_eq!(committing.join().unwrap(), 2);
            let mut numbers: Vec<_> =
                answers.iter_mut().map(|answer| answer.try_recv().unwrap().unwrap().seq).collect();
            numbers.sort_unstable();
            assert_eq!(numbers, [1, 2]);
        });
    }

    /// Closing meets publishing: a message is taken and answered, or returned to its publisher.
    #[test]
    fn loom_a_message_is_never_left_in_a_closed_queue() {
        loom::model(|| {
            let queue = loom::sync::Arc::new(Queue::new());
            let publisher = {
                let queue = queue.clone();
                loom::thread::spawn(move || queue.push(submission(None).0).is_ok())
            };
            queue.close();
            let taken = queue.take().map_or(0, |batch| batch.len());
            let pushed = publisher.join().unwrap();
            let left = queue.take().map_or(0, |batch| batch.len());
            assert_eq!(taken + left, usize::from(pushed));
        });
    }
}
