//! What an engine's own test hands over to the suite.

use std::sync::Arc;

use async_trait::async_trait;

use crate::engine::Engine;

/// An engine to run the suite against, and what its test can do to it.
///
/// Each case begins with [`fresh`](Self::fresh). The other methods concern the contents of the
/// newest `fresh`. A case that needs one that the subject does not have is skipped.
#[async_trait]
pub trait Subject: Send {
    /// Returns an engine with empty contents of its own. The suite has dropped the engines of the
    /// case before; their contents can go.
    ///
    /// # Panics
    ///
    /// Panics if the engine cannot be connected.
    async fn fresh(&mut self) -> Arc<dyn Engine>;

    /// Returns one more node: another engine on the same contents. `None` for an engine of one
    /// process.
    async fn node(&mut self) -> Option<Arc<dyn Engine>> {
        None
    }

    /// Ends what stores the contents, as hard as [`Profile::durability`] allows (`kill -9` from
    /// `Os` on), starts it again on what it had stored, and returns a new engine. The engines of an
    /// engine of one process end with it. `None` if the contents do not survive that.
    ///
    /// [`Profile::durability`]: crate::engine::Profile::durability
    async fn restart(&mut self) -> Option<Arc<dyn Engine>> {
        None
    }

    /// Cuts the engine that `fresh` returned off from the contents; other nodes may be cut off as
    /// well. Returns false if it cannot.
    async fn cut(&mut self) -> bool {
        false
    }

    /// Ends what [`cut`](Self::cut) began.
    async fn mend(&mut self) {}

    /// Copies the contents aside, for [`roll_back`](Self::roll_back). Returns false if it cannot.
    async fn snapshot(&mut self) -> bool {
        false
    }

    /// Replaces the contents by the copy, and returns a new engine on it. The nodes
    /// of an engine of many nodes go on, on the older contents, after a lost connection at most.
    async fn roll_back(&mut self) -> Option<Arc<dyn Engine>> {
        None
    }
}

/// Why a case does not apply to a subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Skipped(pub &'static str);
