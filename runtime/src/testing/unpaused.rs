//! A store for tests whose clock is paused.

use std::{
    sync::{Arc, mpsc},
    time::Duration,
};

use async_trait::async_trait;
use kipo_topic::{
    Store,
    engine::{
        Append, Engine, EngineError, Entry, FollowGuard, Follower, Head, Link, Loaded, Profile,
    },
};
use tokio::{runtime::Handle, sync::watch};

/// The engine of a store, which a paused clock waits for.
///
/// A store works on a thread of its own. A runtime whose clock is paused sees no task that can run
/// meanwhile, so it would advance the clock to the next timer, such as the time limit of the call.
#[derive(Debug)]
pub(super) struct Unpaused(Store);

impl Unpaused {
    pub(super) fn new(store: Store) -> Self {
        Self(store)
    }

    fn engine(&self) -> &Arc<dyn Engine> {
        self.0.engine()
    }
}

/// Stops a paused clock until it is dropped.
struct Hold {
    runtime: Option<Handle>,
    _ends_the_task: mpsc::Sender<()>,
}

impl Hold {
    fn new() -> Self {
        let (end, ended) = mpsc::channel();
        // tokio does not advance a paused clock while a blocking task runs. The task ends when the
        // sender is dropped.
        let runtime = Handle::try_current().ok();
        if let Some(runtime) = &runtime {
            runtime.spawn_blocking(move || ended.recv());
        }
        Self { runtime, _ends_the_task: end }
    }
}

async fn holding<F: Future>(work: F) -> F::Output {
    let _hold = Hold::new();
    work.await
}

#[async_trait]
impl Engine for Unpaused {
    fn profile(&self) -> &Profile {
        self.engine().profile()
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.engine().link()
    }

    fn append(&self, append: Append) {
        let hold = Hold::new();
        let (topic, entries) = (Arc::clone(&append.topic), append.entries.clone());
        let (after, durability) = (append.after, append.durability);
        let (keep_from, keys_from) = (append.keep_from, append.keys_from);
        let mut passed_on = Append::new(topic, after, entries, durability, move |outcome| {
            // The topic may pass the next append on from here, on the thread of the store. Its hold
            // is in the same runtime, and begins before this one ends.
            let runtime = hold.runtime.as_ref().map(Handle::enter);
            append.finish(outcome);
            drop(runtime);
            drop(hold);
        });
        (passed_on.keep_from, passed_on.keys_from) = (keep_from, keys_from);
        self.engine().append(passed_on);
    }

    async fn load(&self, topic: &str, after: u64) -> Result<Loaded, EngineError> {
        holding(self.engine().load(topic, after)).await
    }

    async fn read(&self, topic: &str, after: u64, bytes: usize) -> Result<Vec<Entry>, EngineError> {
        holding(self.engine().read(topic, after, bytes)).await
    }

    async fn heads(&self, topics: &[Arc<str>]) -> Result<Vec<Head>, EngineError> {
        holding(self.engine().heads(topics)).await
    }

    fn follow(&self, topic: Arc<str>, after: u64, follower: Arc<dyn Follower>) -> FollowGuard {
        self.engine().follow(topic, after, follower)
    }

    async fn trim(&self, topic: &str, before: u64) -> Result<(), EngineError> {
        holding(self.engine().trim(topic, before)).await
    }

    async fn remove(&self, topic: &str) -> Result<(), EngineError> {
        holding(self.engine().remove(topic)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, EngineError> {
        holding(self.engine().list(prefix, after, limit)).await
    }

    fn release(&self, topic: &str) {
        self.engine().release(topic);
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), EngineError> {
        holding(self.engine().put(key, value, ttl)).await
    }

    async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, EngineError> {
        holding(self.engine().get(key)).await
    }

    async fn delete(&self, key: &str) -> Result<(), EngineError> {
        holding(self.engine().delete(key)).await
    }

    async fn count(&self, key: &str, by: u64, window: Duration) -> Result<u64, EngineError> {
        holding(self.engine().count(key, by, window)).await
    }

    async fn close(&self) {
        self.engine().close().await;
    }
}

#[cfg(test)]
mod tests {
    use kipo_topic::{Durability, Topic};
    use tokio::time::{Instant, timeout};

    use super::*;

    #[derive(crate::Event)]
    enum Count {
        Number(u32),
    }

    #[tokio::test(start_paused = true)]
    async fn a_paused_clock_waits_for_the_store() {
        let store = Store::on(Arc::new(Unpaused::new(Store::in_memory())));
        let topic: Topic<Count> = Topic::durable("unpaused", Durability::Fsync).keep(100);
        topic.open(&store).unwrap();
        let began = Instant::now();
        for n in 1..=100 {
            let number = Count::Number(n);
            let publish = timeout(Duration::from_secs(30), topic.publish(&number));
            let cursor = publish.await.unwrap().unwrap();
            assert_eq!(cursor.seq(), u64::from(n));
        }
        let history = timeout(Duration::from_secs(30), topic.history()).await.unwrap().unwrap();
        assert_eq!(history.len(), 100);
        assert_eq!(began.elapsed(), Duration::ZERO, "the clock has advanced");
    }
}
