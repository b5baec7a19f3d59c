//! The engine of one process: a directory, or memory. One thread takes all appends that wait,
//! writes them as one batch and syncs it (group commit); then it answers them.
//!
//! While the thread waits for the disk the next batch gathers, so the slower the disk, the larger
//! the batches. All topics share a batch and its sync.

mod contents;
#[cfg(feature = "disk")]
pub(crate) mod disk;
pub(crate) mod key_value;
pub(crate) mod memory;
mod queue;
mod records;

use std::{fmt, io, sync::Arc, thread::JoinHandle, time::Duration};

use async_trait::async_trait;
use tokio::sync::{oneshot, watch};

use self::{
    contents::Contents,
    key_value::KeyValue,
    queue::{Job, Queue},
};
use crate::{
    engine::{
        Append, AppendError, Engine, EngineError, Entry, FollowGuard, Follower, Head, Link, Loaded,
        Profile,
    },
    log::durability::Durability,
    sync::{Mutex, lock},
};

/// The engine of one process.
pub(crate) struct Local {
    profile: Profile,
    queue: Arc<Queue>,
    link: watch::Sender<Link>,
    thread: Mutex<Option<JoinHandle<Contents>>>,
}

impl Local {
    /// Returns an engine over a database. `name` is for people: a path, or `memory`.
    pub(crate) fn new(database: Box<dyn KeyValue>, name: &str) -> io::Result<Self> {
        let mut contents = Contents::open(database, name)?;
        let profile = Profile::new(name, contents.id(), Durability::Fsync);
        let queue = Arc::new(Queue::new());
        let taking = Arc::clone(&queue);
        // `close` joins it; it ends by itself when the engine is dropped.
        let thread = std::thread::Builder::new().name("kipo-log".into()).spawn(move || {
            while let Some(jobs) = taking.take() {
                work(&mut contents, jobs);
            }
            contents
        })?;
        let link = watch::Sender::new(Link::Up);
        Ok(Self { profile, queue, link, thread: Mutex::new(Some(thread)) })
    }

    /// Ends the thread as the end of the process would: the database is not marked as closed.
    #[cfg(all(test, not(kipo_loom)))]
    pub(crate) fn kill(&self) {
        self.queue.close();
        if let Some(thread) = lock(&self.thread).take() {
            drop(thread.join());
        }
    }

    /// Ends the thread after it has done what waits, and releases the database. Blocks until then.
    pub(crate) fn close_now(&self) {
        self.queue.close();
        let Some(thread) = lock(&self.thread).take() else { return };
        match thread.join() {
            Ok(contents) => contents.close(),
            Err(_) => tracing::error!(store = self.profile.name, "the committing thread panicked"),
        }
    }

    /// Runs `job` on the thread.
    async fn ask<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Contents) -> io::Result<T> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (reply, answer) = oneshot::channel();
        let job = Job::Run(Box::new(move |contents| {
            let done = contents.recover().and_then(|()| {
                let done = job(contents);
                done.map_err(|error| contents.fail(&error))
            });
            // One that has left gets no answer.
            let _ = reply.send(done);
        }));
        self.queue.push(job).map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

/// Does jobs in their order; appends that follow each other are one batch.
fn work(contents: &mut Contents, jobs: Vec<Job>) {
    let mut batch = Vec::new();
    for job in jobs {
        match job {
            Job::Append(append) => batch.push(append),
            Job::Run(run) => {
                contents.append(std::mem::take(&mut batch));
                run(contents);
            }
        }
    }
    contents.append(batch);
}

fn closed() -> EngineError {
    EngineError::unavailable("the store is closed")
}

impl Drop for Local {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Local").field("name", &self.profile.name).finish_non_exhaustive()
    }
}

#[async_trait]
impl Engine for Local {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.link.subscribe()
    }

    fn append(&self, append: Append) {
        if let Err(Job::Append(append)) = self.queue.push(Job::Append(append)) {
            append.finish(Err(AppendError::Failed(closed())));
        }
    }

    async fn load(&self, topic: &str, after: u64) -> Result<Loaded, EngineError> {
        let name = topic.to_owned();
        let (loaded, notes) = self.ask(move |contents| contents.load(&name, after)).await?;
        notes.log(topic, loaded.head.cursor.seq);
        Ok(loaded)
    }

    async fn read(&self, topic: &str, after: u64, bytes: usize) -> Result<Vec<Entry>, EngineError> {
        let topic = topic.to_owned();
        self.ask(move |contents| contents.read(&topic, after, bytes)).await
    }

    async fn heads(&self, topics: &[Arc<str>]) -> Result<Vec<Head>, EngineError> {
        let topics = topics.to_vec();
        self.ask(move |contents| topics.iter().map(|topic| contents.head(topic)).collect()).await
    }

    fn follow(&self, _: Arc<str>, _: u64, _: Arc<dyn Follower>) -> FollowGuard {
        FollowGuard::none()
    }

    async fn trim(&self, topic: &str, before: u64) -> Result<(), EngineError> {
        let topic = topic.to_owned();
        self.ask(move |contents| contents.trim(&topic, before)).await
    }

    async fn remove(&self, topic: &str) -> Result<(), EngineError> {
        let topic = topic.to_owned();
        self.ask(move |contents| contents.remove(&topic)).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, EngineError> {
        let (prefix, after) = (prefix.to_owned(), after.to_owned());
        self.ask(move |contents| contents.list(&prefix, &after, limit)).await
    }

    fn release(&self, topic: &str) {
        let topic = topic.to_owned();
        // A closed engine has forgotten it already.
        let _ = self.queue.push(Job::Run(Box::new(move |contents| contents.release(&topic))));
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), EngineError> {
        let (key, value) = (key.to_owned(), value.to_owned());
        self.ask(move |contents| contents.put(&key, &value, ttl)).await
    }

    async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, EngineError> {
        let key = key.to_owned();
        self.ask(move |contents| contents.get(&key)).await
    }

    async fn delete(&self, key: &str) -> Result<(), EngineError> {
        let key = key.to_owned();
        self.ask(move |contents| contents.delete(&key)).await
    }

    async fn count(&self, key: &str, by: u64, window: Duration) -> Result<u64, EngineError> {
        let key = key.to_owned();
        self.ask(move |contents| Ok(contents.count(&key, by, window))).await
    }

    async fn close(&self) {
        self.close_now();
    }
}
