//! A message that is to be appended, and who waits for that: a publisher of this node, or another node.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    engine::EngineError,
    log::{cursor::Cursor, record::Draft},
};

/// The most bytes that an entry has beside its key, its event's name and its data.
const ENTRY_AROUND: usize = 64;

/// A message on its way to the engine.
pub(super) struct Submission {
    pub(super) draft: Draft,
    pub(super) key: Option<Arc<str>>,
    pub(super) reply: Reply,
    /// Released with the answer: it bounds how many messages wait. Those of another node share one.
    pub(super) permit: Option<OwnedSemaphorePermit>,
    /// Its number, once another node was asked to append it. It may be in the log then.
    pub(super) number: Option<u64>,
}

impl Submission {
    /// Returns at most how many bytes its entry has.
    pub(super) fn entry_bytes(&self) -> usize {
        self.draft.len() + self.key.as_deref().map_or(0, str::len) + ENTRY_AROUND
    }
}

/// Who gets the answer about a message.
pub(super) enum Reply {
    Publisher(oneshot::Sender<Result<Cursor, EngineError>>),
    Node(Origin),
}

/// The draft of another node, apart from what is appended.
pub(super) struct Origin {
    pub(super) letter: Arc<Received>,
    pub(super) number: u64,
}

/// The letter that drafts of another node came with.
pub(super) struct Received {
    pub(super) node: u64,
    /// The position that the other node had read up to.
    pub(super) after: Cursor,
    /// Released with the last of the drafts: it bounds how many messages wait.
    pub(super) _permits: OwnedSemaphorePermit,
    /// Released with the last of the drafts: it bounds how many bytes this node holds for others.
    pub(super) _bytes: OwnedSemaphorePermit,
    /// Dropped with the last of the drafts: it counts letters.
    pub(super) _held: Arc<()>,
}

impl Reply {
    /// Answers a publisher. A node reads in the log that its draft was appended; if it was not, this
    /// returns what it has to be told about.
    pub(super) fn answer(self, answer: Result<Cursor, EngineError>) -> Option<Origin> {
        match self {
            Self::Publisher(reply) => {
                // One that has left gets none.
                let _ = reply.send(answer);
                None
            }
            Self::Node(origin) => answer.is_err().then_some(origin),
        }
    }
}
