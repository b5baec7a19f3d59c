//! The other nodes of a store, as far as they append to the same topics: who they are, and the letters
//! between them.
//!
//! A node reads letters from the first time on that others append to a topic of its own at the same time.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::sync::Semaphore;

use super::letter::{Content, Drafts, Letter};
use crate::{
    engine::{Engine, FollowGuard, Mailbox},
    log::generation,
    sync::{Mutex, lock},
};

/// How many bytes of the drafts of other nodes a store holds. A node whose drafts are refused appends
/// them by itself.
const HELD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// This node among those that share an engine.
pub(crate) struct Peers {
    /// This node. Drawn anew by each store, so no letter to an earlier one is read.
    pub(crate) node: u64,
    engine: Arc<dyn Engine>,
    /// The number of the next draft.
    next: AtomicU64,
    /// One permit for each byte of drafts that this node holds for others.
    pub(crate) held: Arc<Semaphore>,
    /// The topics that letters may be about.
    topics: Arc<Mutex<Topics>>,
    listening: OnceLock<FollowGuard>,
}

type Topics = HashMap<Arc<str>, Weak<dyn Peer>>;

/// A topic that other nodes append to as well.
pub(crate) trait Peer: Send + Sync + 'static {
    /// Takes the news that a node appends to the topic, and would append for others.
    fn appends(self: Arc<Self>, node: u64);

    /// Takes drafts that a node asks this one to append.
    fn drafts(self: Arc<Self>, node: u64, drafts: Drafts<'_>);

    /// Takes the news that a node does not append drafts of this one.
    fn refused(self: Arc<Self>, node: u64, numbers: &[u64], is_final: bool);
}

impl Peers {
    pub(crate) fn new(engine: Arc<dyn Engine>) -> Self {
        Self {
            node: generation::random("node"),
            engine,
            next: AtomicU64::new(1),
            held: Arc::new(Semaphore::new(HELD_BYTES_MAX)),
            topics: Arc::default(),
            listening: OnceLock::new(),
        }
    }

    /// Passes letters about a topic to it from now on.
    pub(crate) fn join(&self, topic: &Arc<str>, peer: &Arc<impl Peer>) {
        let peer = Arc::downgrade(peer) as Weak<dyn Peer>;
        {
            let mut topics = lock(&self.topics);
            topics.retain(|_, peer| peer.strong_count() > 0);
            topics.insert(Arc::clone(topic), peer);
        }
        self.listening.get_or_init(|| {
            let letters = Letters { node: self.node, topics: Arc::clone(&self.topics) };
            self.engine.listen(self.node, Arc::new(letters))
        });
    }

    /// Returns the first of so many numbers for drafts, which are used once.
    pub(crate) fn numbers(&self, count: usize) -> u64 {
        self.next.fetch_add(count as u64, Ordering::Relaxed)
    }

    /// Writes to a node, or to all.
    pub(crate) fn write(&self, to: Option<u64>, topic: &str, content: Content<'_>) {
        // One that is not sent is like one that is lost.
        self.send(to, self.letter(topic, content));
    }

    /// Returns a letter of this node.
    pub(crate) fn letter(&self, topic: &str, content: Content<'_>) -> Vec<u8> {
        Letter { from: self.node, topic, content }.encode()
    }

    /// Sends a letter to a node, or to all. Returns whether it is on its way.
    pub(crate) fn send(&self, to: Option<u64>, letter: Vec<u8>) -> bool {
        self.engine.send(to, letter)
    }
}

impl fmt::Debug for Peers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peers").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Reads letters. It holds nothing of the store, which may end while the engine goes on.
struct Letters {
    node: u64,
    topics: Arc<Mutex<Topics>>,
}

impl Mailbox for Letters {
    fn deliver(&self, message: &[u8]) {
        let Some(Letter { from, topic, content }) = Letter::decode(message) else { return };
        let peer = lock(&self.topics).get(topic).and_then(Weak::upgrade);
        let Some(peer) = peer.filter(|_| from != self.node) else { return };
        match content {
            Content::Appends => peer.appends(from),
            Content::Drafts(drafts) => peer.drafts(from, drafts),
            Content::Refusal { numbers, is_final } => peer.refused(from, &numbers, is_final),
        }
    }
}
