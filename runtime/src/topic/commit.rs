//! Group commit: one thread takes whatever is waiting, writes it as one batch, makes it safe,
//! and only then lets listeners see it and publishers go on.
//!
//! While it waits for the disk the next batch gathers, so the slower the disk, the larger the
//! batches. Nobody sees a message that is not yet as safe as its topic promises: a listener that
//! has seen it will find it again.

use std::{
    collections::BTreeMap,
    fmt, io,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::{
    Durability,
    channel::Channel,
    clock,
    cursor::Cursor,
    engine::{Change, Engine},
    log::{Draft, Head, Record},
    retention::Retention,
    shelf::{Found, Shelf},
};
use crate::sync::{Condvar, Mutex, lock};

/// How long a store that failed is left alone before it is tried again. Tests do not wait.
const REOPEN_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 500 });

/// A message on its way into a store.
#[derive(Debug)]
pub(crate) struct Submission {
    /// The id of its topic.
    pub(crate) shelf: u32,
    pub(crate) draft: Draft,
    pub(crate) key: Option<Arc<str>>,
    pub(crate) reply: Reply,
    /// Given back with the answer: it bounds how many wait.
    pub(crate) permit: Option<OwnedSemaphorePermit>,
}

/// Tells a publisher what became of its message.
pub(crate) type Reply = oneshot::Sender<Result<Cursor, Unsaved>>;

/// Why a message was not published.
#[derive(Clone, Debug)]
pub(crate) struct Unsaved(pub(crate) Arc<str>);

/// What waits for the committing thread.
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

    /// Adds a message; after [`close`](Self::close) gives it back.
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

    /// Ends the thread once it has taken what is there.
    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.filled.notify_one();
    }

    /// Waits for messages, and takes all there are. Returns nothing once closed and empty.
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

/// The store's topics, and the engine that holds them.
pub(crate) struct Stacks {
    pub(crate) engine: Box<dyn Engine>,
    topics: BTreeMap<u32, Topic>,
    /// When the engine failed, until it is well again.
    failed: Option<(Instant, Unsaved)>,
}

struct Topic {
    shelf: Shelf,
    durability: Durability,
}

/// One topic's part of a batch.
struct Stage {
    head: Head,
    records: Vec<Record>,
    keys: Vec<(Arc<str>, Cursor)>,
    /// Each with the permit of its publisher, which is given back with the answer.
    answers: Vec<(Reply, Cursor, Option<OwnedSemaphorePermit>)>,
}

impl Stacks {
    pub(crate) fn new(engine: Box<dyn Engine>) -> Self {
        Self { engine, topics: BTreeMap::new(), failed: None }
    }

    /// Adds a topic that was read from the engine.
    pub(crate) fn add(&mut self, shelf: Shelf, durability: Durability) {
        self.topics.insert(shelf.id, Topic { shelf, durability });
    }

    /// Returns whether a topic with this id was added.
    pub(crate) fn has(&self, id: u32) -> bool {
        self.topics.contains_key(&id)
    }

    /// Publishes a batch: each message as safe as its topic promises, or not at all.
    pub(crate) fn commit(&mut self, batch: Vec<Submission>) {
        if let Err(unsaved) = self.recover() {
            for submission in batch {
                // A publisher that left needs no answer, here and below.
                let _ = submission.reply.send(Err(unsaved.clone()));
            }
            return;
        }
        let mut changes = Vec::new();
        let mut stages: BTreeMap<(Durability, u32), Stage> = BTreeMap::new();
        for submission in batch {
            let Some(Topic { shelf, durability }) = self.topics.get_mut(&submission.shelf) else {
                continue;
            };
            let place = (*durability, shelf.id);
            let stage = stages.entry(place).or_insert_with(|| Stage::new(shelf.channel.head()));
            stage.add(submission, shelf, &mut changes);
        }
        for Topic { shelf, .. } in self.topics.values_mut() {
            shelf.erase(&mut changes);
        }
        // A batch of messages that were published before has nothing to write.
        let mut saved = if changes.is_empty() { Ok(()) } else { self.engine.write(&changes) };
        let mut synced = changes.is_empty();
        // In the order of the levels: who was promised less does not wait for the disk.
        for ((durability, id), stage) in stages {
            if durability == Durability::Fsync && saved.is_ok() && !synced {
                saved = self.engine.sync();
                synced = true;
            }
            match &saved {
                Ok(()) => stage.publish(&self.topics[&id].shelf.channel),
                Err(error) => {
                    let unsaved = self.fail(error);
                    stage.refuse(&unsaved);
                }
            }
        }
    }

    /// Notes that the engine failed.
    fn fail(&mut self, error: &io::Error) -> Unsaved {
        let unsaved = Unsaved(error.to_string().into());
        if self.failed.is_none() {
            tracing::error!(%error, "the store failed: durable topics take no messages");
        }
        self.failed = Some((Instant::now(), unsaved.clone()));
        unsaved
    }

    /// Makes the engine well again, if it failed.
    fn recover(&mut self) -> Result<(), Unsaved> {
        let Some((since, unsaved)) = &self.failed else { return Ok(()) };
        if since.elapsed() < REOPEN_PAUSE {
            return Err(unsaved.clone());
        }
        if let Err(error) = self.reopen() {
            return Err(self.fail(&error));
        }
        self.failed = None;
        tracing::info!("the store is well again");
        Ok(())
    }

    /// Opens the engine anew and looks what it really has. A message whose publisher was told
    /// of a failure may be there all the same; then it is published now.
    fn reopen(&mut self) -> io::Result<()> {
        self.engine.reopen()?;
        let mut found = Vec::new();
        for Topic { shelf, .. } in self.topics.values() {
            let head = shelf.channel.head().cursor;
            let there = Found::read(&*self.engine, shelf.id, head.generation, &Retention::ALL)?;
            if there.log.head().cursor.seq < head.seq || there.log.cursor(head.seq) != head {
                return Err(io::Error::other("the store has lost messages that were published"));
            }
            let torn = there.cut(shelf.id);
            if !torn.is_empty() {
                self.engine.write(&torn)?;
            }
            found.push(there);
        }
        // Only what is as safe as can be is shown to listeners.
        self.engine.sync()?;
        for (Topic { shelf, .. }, there) in self.topics.values_mut().zip(found) {
            shelf.catch_up(there);
        }
        Ok(())
    }
}

impl Stage {
    fn new(head: Head) -> Self {
        Self { head, records: Vec::new(), keys: Vec::new(), answers: Vec::new() }
    }

    /// Gives a message its number, unless its key was used before.
    fn add(&mut self, submission: Submission, shelf: &mut Shelf, changes: &mut Vec<Change>) {
        let Submission { draft, key, reply, permit, .. } = submission;
        if let Some(place) = key.as_deref().and_then(|key| self.place_of(key, &shelf.channel)) {
            self.answers.push((reply, place, permit));
            return;
        }
        let before = self.head.cursor;
        let record = self.head.number(draft, clock::now_ms());
        let place = self.head.cursor;
        shelf.put(changes, before, &record);
        self.records.push(record);
        if let Some(key) = key {
            shelf.put_key(changes, &key, place, self.head.stamp_ms);
            self.keys.push((key, place));
        }
        self.answers.push((reply, place, permit));
    }

    /// Returns the place of a message with this key, published or in this batch.
    fn place_of(&self, key: &str, channel: &Channel) -> Option<Cursor> {
        let staged = self.keys.iter().find(|(known, _)| **known == *key);
        staged.map(|(_, place)| *place).or_else(|| channel.place_of(key))
    }

    fn publish(self, channel: &Channel) {
        channel.commit(self.records, self.keys);
        for (reply, place, _permit) in self.answers {
            let _ = reply.send(Ok(place));
        }
    }

    fn refuse(self, unsaved: &Unsaved) {
        for (reply, _, _permit) in self.answers {
            let _ = reply.send(Err(unsaved.clone()));
        }
    }
}

impl fmt::Debug for Stacks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stacks").field("failed", &self.failed).finish_non_exhaustive()
    }
}

#[cfg(all(test, kipo_loom))]
mod loom_tests {
    use super::*;
    use crate::topic::{engine::Memory, keys::Keys, log::Log};

    fn submission(key: Option<&str>) -> (Submission, oneshot::Receiver<Result<Cursor, Unsaved>>) {
        let (reply, answer) = oneshot::channel();
        let draft = Draft::new("e", b"1");
        (Submission { shelf: 0, draft, key: key.map(Arc::from), reply, permit: None }, answer)
    }

    fn stacks() -> (Stacks, Arc<Channel>) {
        let log = Log::after(Head::start(1));
        let channel = Arc::new(Channel::new(Retention::DEFAULT, log, Keys::default()));
        let mut stacks = Stacks::new(Box::new(Memory::default()));
        let shelf = Shelf::new(0, Arc::clone(&channel), Default::default());
        stacks.add(shelf, Durability::Fsync);
        (stacks, channel)
    }

    /// Two publishers, one committing thread, and the end of it: nobody is left without an
    /// answer, and what was answered is published, each once.
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
                    let (mut stacks, channel) = stacks();
                    while let Some(batch) = queue.take() {
                        stacks.commit(batch);
                    }
                    channel.head().cursor.seq
                })
            };
            let mut places = Vec::new();
            for publisher in publishers {
                let (pushed, answer) = publisher.join().unwrap();
                assert!(pushed);
                places.push(answer);
            }
            queue.close();
            assert_eq!(committing.join().unwrap(), 2);
            let mut places: Vec<_> =
                places.iter_mut().map(|answer| answer.try_recv().unwrap().unwrap().seq).collect();
            places.sort_unstable();
            assert_eq!(places, [1, 2]);
        });
    }

    /// Closing meets publishing: a message is taken and answered, or given back.
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
