//! A store as its topics know it: the engine, and the task that compares heads with it.

use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
};

use crate::{
    engine::{Engine, Link},
    log::cursor::Cursor,
    store::{
        loading::{Loading, Loads},
        peers::Peers,
    },
    sync::{Mutex, lock},
};

/// How many messages wait for the engine. Publishers of more wait in turn: that is the backpressure.
const WAITING_MAX: usize = 4096;

/// How many pages of older messages are read at the same time, so that listeners that catch up do not
/// hold up publishers.
const READS_MAX: usize = 16;

/// How often an engine of many nodes is asked for the heads of the topics that are in use. With
/// this a log that went back is noticed within 5 seconds.
const HEADS_EVERY: Duration = Duration::from_secs(2);

/// How many heads one request asks for.
const HEADS_MAX: usize = 256;

/// A store, as its topics know it.
pub(crate) struct Shared {
    pub(crate) engine: Arc<dyn Engine>,
    link: watch::Receiver<Link>,
    /// One permit for each message that may wait.
    pub(crate) permits: Arc<Semaphore>,
    /// One permit for each page of older messages that is being read.
    pub(crate) reads: Semaphore,
    loading: Loading,
    /// The other nodes that append to the same topics.
    pub(crate) peers: Peers,
    /// Where checks of the engine run: the runtime of the first topic that was loaded.
    runtime: OnceLock<Handle>,
    /// The topics of an engine of many nodes that are loaded: their heads are checked.
    watched: Mutex<Watching>,
}

/// A topic that is loaded from an engine of many nodes.
pub(crate) trait Watched: Send + Sync + 'static {
    fn name(&self) -> Arc<str>;

    /// Returns the position after the newest message here.
    fn head(&self) -> Cursor;

    /// Compares a head of the engine with `known`, the head here before the engine was asked.
    fn compare(self: Arc<Self>, known: Cursor, engine: Cursor);

    /// Reports to the listeners whether the engine can be reached.
    fn set_link(&self, link: Link);
}

#[derive(Default)]
struct Watching {
    is_running: bool,
    topics: Vec<Weak<dyn Watched>>,
}

impl Shared {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            link: engine.link(),
            peers: Peers::new(Arc::clone(&engine)),
            engine,
            permits: Arc::new(Semaphore::new(WAITING_MAX)),
            reads: Semaphore::new(READS_MAX),
            loading: Loading::default(),
            runtime: OnceLock::new(),
            watched: Mutex::default(),
        }
    }

    /// Returns whether the engine can be reached.
    pub(crate) fn link(&self) -> Link {
        *self.link.borrow()
    }

    /// Returns how many messages wait for the engine.
    pub(crate) fn waiting(&self) -> usize {
        WAITING_MAX.saturating_sub(self.permits.available_permits())
    }

    /// Waits for the turn to load the topic of this name.
    pub(crate) async fn loads(&self, name: Arc<str>) -> Loads<'_> {
        self.loading.turn(name).await
    }

    /// Returns the runtime for work that outlives a call.
    pub(crate) fn runtime(&self) -> Option<&Handle> {
        if self.runtime.get().is_none()
            && let Ok(handle) = Handle::try_current()
        {
            return Some(self.runtime.get_or_init(|| handle));
        }
        self.runtime.get()
    }

    /// Checks the head of a topic from now on, and reports to its listeners whether the engine can
    /// be reached.
    pub(crate) fn watch(self: &Arc<Self>, topic: &Arc<impl Watched>) {
        let mut watched = lock(&self.watched);
        watched.topics.push(Arc::downgrade(topic) as Weak<dyn Watched>);
        // A change from now on finds the topic among the others.
        topic.set_link(self.link());
        let Some(runtime) = self.runtime().filter(|_| !watched.is_running) else { return };
        watched.is_running = true;
        runtime.spawn(check_heads(Arc::downgrade(self), self.link.clone()));
    }

    /// Returns the topics that are loaded. What is returned keeps none of them in memory.
    fn watched(&self) -> Vec<Weak<dyn Watched>> {
        let mut watched = lock(&self.watched);
        watched.topics.retain(|topic| topic.strong_count() > 0);
        watched.topics.clone()
    }
}

/// Compares the heads of all loaded topics with those of the engine, now and then and when the
/// engine is back.
async fn check_heads(store: Weak<Shared>, mut link: watch::Receiver<Link>) {
    loop {
        tokio::select! {
            // Otherwise the engine is gone.
            changed = link.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(HEADS_EVERY) => {}
        }
        let now = *link.borrow_and_update();
        let Some(store) = store.upgrade() else { return };
        let topics = store.watched();
        if now == Link::Up {
            for some in topics.chunks(HEADS_MAX) {
                // Only these are kept in memory while the engine is asked.
                let some: Vec<_> = some.iter().filter_map(Weak::upgrade).collect();
                let known: Vec<_> = some.iter().map(|topic| topic.head()).collect();
                let names: Vec<_> = some.iter().map(|topic| topic.name()).collect();
                // The next round asks again.
                let Ok(heads) = store.engine.heads(&names).await else { break };
                for ((topic, known), head) in some.iter().zip(known).zip(heads) {
                    Arc::clone(topic).compare(known, head.cursor);
                }
            }
        }
        topics.iter().filter_map(Weak::upgrade).for_each(|topic| topic.set_link(now));
    }
}
