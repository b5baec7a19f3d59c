//! Ends the open streams of sessions that have ended: on this node, and by a topic on the others.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use kipo_topic::{Durability, Event, Next, Store, Topic, engine::Engine};
use tokio::sync::Notify;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    error::{Error, Result},
    session::token::Key,
};

/// How long a write may be on its way while a notice of another node overtakes it.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// How long a key stays known as ended: longer than any write is on its way.
const ENDED_TIME: Duration = Duration::from_secs(60);

/// How long a node waits before it follows the notices again after a failure.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// How many notices the topic retains. A node that has missed more asks the store about its streams.
const NOTICES_MAX: usize = 10_000;

/// What waits for the end of sessions and of all sessions of a user.
#[derive(Debug, Default)]
pub(super) struct Ends {
    /// A std lock: held for a look-up, never across an `.await`.
    waiting: Mutex<HashMap<Key, Arc<CancellationToken>>>,
    /// Asks all streams to look whether their sessions are still there.
    recheck: Notify,
}

impl Ends {
    /// Waits for the end of a session or of a user's sessions, from now on.
    pub(super) fn wait(self: &Arc<Self>, key: Key) -> Waiting {
        let ended = Arc::clone(self.waiting().entry(key).or_default());
        Waiting { ends: Arc::clone(self), key, ended }
    }

    /// Wakes what waits for a session or a user.
    pub(super) fn end(&self, key: &Key) {
        // Who comes later finds another token, and the store says that the session has ended.
        let ended = self.waiting().remove(key);
        if let Some(ended) = ended {
            ended.cancel();
        }
    }

    /// Returns a future that completes when a session may have ended without a notice.
    pub(super) fn recheck(&self) -> impl Future<Output = ()> + Send + '_ {
        self.recheck.notified()
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<Key, Arc<CancellationToken>>> {
        // A panic of the allocator leaves the map valid.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of a session or of a user's sessions.
pub(super) struct Waiting {
    ends: Arc<Ends>,
    key: Key,
    ended: Arc<CancellationToken>,
}

impl Waiting {
    pub(super) async fn ended(&self) {
        self.ended.cancelled().await;
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut waiting = self.ends.waiting();
        let is_last = waiting
            .get(&self.key)
            .is_some_and(|ended| Arc::ptr_eq(ended, &self.ended) && Arc::strong_count(ended) == 2);
        if is_last {
            waiting.remove(&self.key);
        }
    }
}

/// The other nodes of an engine.
pub(super) struct Nodes {
    shared: Arc<Notices>,
    /// Aborted with the last handle of the sessions.
    following: OnceLock<AbortOnDropHandle<()>>,
}

struct Notices {
    topic: Topic<Ended>,
    engine: Arc<dyn Engine>,
    ends: Arc<Ends>,
    /// What this node has just written.
    written: Recent,
    /// What has just ended on any node.
    ended: Recent,
}

/// The notice that a session, or all sessions of a user, have ended.
struct Ended(Key);

impl Event for Ended {
    fn name(&self) -> &'static str {
        "ended"
    }

    fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, &self.0.text())
    }
}

impl Nodes {
    /// Returns the nodes of an engine that many share. `prefix` begins the names of sessions.
    pub(super) fn new(engine: &Arc<dyn Engine>, ends: &Arc<Ends>) -> Result<Self> {
        let topic = Topic::durable("kipo-sessions", Durability::Os);
        let topic = topic.keep(NOTICES_MAX).keep_for(ENDED_TIME);
        // A notice that is lost with the engine ends a stream later. It is no reason not to start.
        topic
            .open(&Store::on(Arc::clone(engine)).allow_weaker())
            .map_err(|error| Error::internal(error.to_string()))?;
        let shared = Arc::new(Notices {
            topic,
            engine: Arc::clone(engine),
            ends: Arc::clone(ends),
            written: Recent::new(WRITE_TIME),
            ended: Recent::new(ENDED_TIME),
        });
        Ok(Self { shared, following: OnceLock::new() })
    }

    /// Follows the notices of other nodes from now on. `name` is that of a session in the store.
    pub(super) fn follow(&self, name: fn(&Key) -> String) {
        self.following.get_or_init(|| {
            let notices = Arc::clone(&self.shared);
            AbortOnDropHandle::new(tokio::spawn(async move { notices.follow(name).await }))
        });
    }

    /// Notes that this node writes a session.
    pub(super) fn writes(&self, key: Key) {
        self.shared.written.add(key);
    }

    /// Returns whether a session has just ended, maybe on another node.
    pub(super) fn has_ended(&self, key: &Key) -> bool {
        self.shared.ended.contains(key)
    }

    /// Notifies all nodes that a session, or all sessions of a user, have ended.
    pub(super) async fn notify(&self, key: Key) -> Result<()> {
        self.shared.ended.add(key);
        self.shared.topic.publish(&Ended(key)).await?;
        Ok(())
    }
}

impl Notices {
    async fn follow(&self, name: fn(&Key) -> String) {
        loop {
            // The oldest notice is a minute old: what is read twice does nothing the second time.
            if let Ok(mut notices) = self.topic.subscribe(None).await {
                loop {
                    match notices.next().await {
                        Next::Message(notice) => {
                            let key = notice.json::<String>().ok();
                            if let Some(key) = key.and_then(|text| Key::parse(&text)) {
                                self.take(key, name).await;
                            }
                        }
                        // Notices may have been lost.
                        Next::Gap(_) | Next::Link(_) => self.ends.recheck.notify_waiters(),
                        Next::Removed => break,
                    }
                }
            }
            tokio::time::sleep(RETRY_PAUSE).await;
        }
    }

    /// Takes the notice of the end of a session or of a user's sessions.
    async fn take(&self, key: Key, name: fn(&Key) -> String) {
        self.ended.add(key);
        self.ends.end(&key);
        // A write of this node may have come to the engine after the end of the session.
        if self.written.contains(&key) {
            let _ = self.engine.delete(&name(&key)).await;
        }
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Nodes").field("follows", &self.following.get().is_some()).finish()
    }
}

/// The keys of the last seconds.
struct Recent {
    time: Duration,
    /// A std lock: held for a look-up, never across an `.await`.
    keys: Mutex<HashMap<Key, Instant>>,
}

impl Recent {
    fn new(time: Duration) -> Self {
        Self { time, keys: Mutex::default() }
    }

    fn add(&self, key: Key) {
        let mut keys = self.keys();
        // Old keys are removed before there are twice as many as are needed.
        if keys.len().is_power_of_two() {
            keys.retain(|_, added| added.elapsed() < self.time);
        }
        keys.insert(key, Instant::now());
    }

    fn contains(&self, key: &Key) -> bool {
        self.keys().get(key).is_some_and(|added| added.elapsed() < self.time)
    }

    fn keys(&self) -> MutexGuard<'_, HashMap<Key, Instant>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_end_wakes_all_that_wait_and_nothing_stays() {
        let (ends, key) = (Arc::new(Ends::default()), Key::of_user("ann"));
        let (one, two) = (ends.wait(key), ends.wait(key));
        let other = ends.wait(Key::of_user("bob"));
        ends.end(&key);
        one.ended().await;
        two.ended().await;
        assert!(!other.ended.is_cancelled());
        let later = ends.wait(key);
        drop((one, two));
        assert!(!later.ended.is_cancelled() && ends.waiting().len() == 2);
        drop((other, later));
        assert!(ends.waiting().is_empty());
    }
}
