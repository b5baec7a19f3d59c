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
    store::{Shared, Watched},
    sync::{Mutex, lock},
};

/// How often an append is tried against other nodes that append as well.
const TRIES_MAX: u32 = 64;

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
                    bytes += submission.draft.len();
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
            lock(&partition.appends).is_checking = false;
            match checked {
                Ok(()) => {
                    partition.go_on();
                    // A listener that came meanwhile may be ahead of what the engine answered.
                    if partition.channel.is_check_wanted() {
                        partition.begin_check();
                    }
                }
                // The next comparison of heads checks again.
                Err(error) => partition.refuse(&error),
            }
        });
    }

    async fn settle(&self) -> Result<(), EngineError> {
        let number = self.channel.begin_check();
        let known = self.channel.head().cursor;
        let mut loaded = self.store.engine.load(&self.name, 0).await?;
        if !loaded.holds(known) && self.is_shared() {
            tokio::time::sleep(DOUBT).await;
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
        } else if !loaded.holds(known) {
            let had = known;
            tracing::warn!(
                topic = %self.name, %had, %has,
                "the log went back: listeners that have seen more read a gap"
            );
        }
        self.channel.settle(known, loaded);
        self.channel.end_check(number);
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
            appends.is_busy = false;
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
