//! One topic of a store: its channel, and its appends on their way to the engine.
//!
//! At most one append to a topic is in flight; messages that come meanwhile go with the next one
//! (group commit). Listeners see a message only after the engine has answered. An append that was
//! refused, because another node has appended, takes in what there is and is tried again. If that
//! happens often, one of the nodes appends for the others (`forwarding`).
//!
//! Start with `publish`; `appending` has the way to the engine and back.

mod appending;
mod check;
mod forwarding;
#[cfg(all(test, kipo_loom))]
mod loom_tests;
mod older;
mod others;
mod submission;
#[cfg(all(test, not(kipo_loom)))]
mod tests;
mod turns;
mod waiting;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::Duration,
};

use tokio::{sync::oneshot, time::Instant};

use self::{
    submission::{Reply, Submission},
    waiting::Waiting,
};
use crate::{
    channel::{Channel, Owner, Source, Taken},
    clock,
    engine::{EngineError, Entry, Follower, Link},
    log::{
        cursor::Cursor,
        durability::Durability,
        record::Draft,
        retention::{Retention, Window},
    },
    store::shared::Shared,
    sync::{Mutex, lock},
};

/// One topic of a store.
pub(crate) struct Partition {
    name: Arc<str>,
    store: Arc<Shared>,
    channel: Channel,
    waiting: Mutex<Waiting>,
}

impl Partition {
    /// Loads a topic.
    pub(crate) async fn load(
        store: &Arc<Shared>,
        name: Arc<str>,
        durability: Durability,
        retention: impl Into<Arc<Retention>>,
    ) -> Result<Arc<Self>, EngineError> {
        let mut retention = retention.into();
        if store.runtime().is_none() {
            // Reading older messages takes a task.
            Arc::make_mut(&mut retention).window = Window::ALL;
        }
        let loaded = store.engine.load(&name, 0).await?;
        let after = loaded.head.cursor.seq;
        let is_shared = store.engine.profile().shared;
        let mut waiting = Waiting::new(durability);
        let age_ms = clock::now_ms().saturating_sub(loaded.head.stamp_ms);
        if is_shared && Duration::from_millis(age_ms) < turns::LATELY {
            // Most likely another node.
            waiting.others_appended(Instant::now());
        }
        let partition = Arc::new_cyclic(|partition: &Weak<Self>| {
            let source = partition.clone() as Weak<dyn Source>;
            Self {
                name: Arc::clone(&name),
                store: Arc::clone(store),
                channel: Channel::loaded(retention, loaded, source, is_shared),
                waiting: Mutex::new(waiting),
            }
        });
        if partition.is_shared() {
            let follower = Arc::new(Tail(Arc::downgrade(&partition)));
            let follow = store.engine.follow(name, after, follower);
            lock(&partition.waiting).follow = follow;
            store.watch(&partition);
        }
        Ok(partition)
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// Returns what the messages survive.
    pub(crate) fn durability(&self) -> Durability {
        lock(&self.waiting).durability
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
        let reply = Reply::Publisher(reply);
        let submission = Submission { draft, key, reply, permit, number: None };
        let begins = lock(&self.waiting).submit(submission);
        if begins {
            self.begin_append();
        }
        answer.await.unwrap_or_else(|_| Err(EngineError::unavailable("the store is closed")))
    }
}

impl Owner for Partition {
    fn channel(&self) -> &Channel {
        &self.channel
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
        let head = partition.channel.head().cursor;
        let are_of_others = lock(&partition.waiting).are_of_others(&entries, head);
        let taken = partition.channel.take(entries);
        partition.answer_appended();
        if are_of_others {
            lock(&partition.waiting).others_appended(Instant::now());
        }
        if taken == Taken::Astray {
            partition.begin_check();
        }
    }

    fn uncertain(&self) {
        if let Some(partition) = self.0.upgrade() {
            partition.begin_check();
        }
    }
}
