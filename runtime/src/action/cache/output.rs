//! One output in the cache.

use tokio::time::Instant;

use crate::action::cache::{encoded::Encoded, tags::Tag};

/// One output that many callers may read.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) encoded: Encoded,
    pub(super) expires: Instant,
    /// The moment of [`Tags`] at which its computation began.
    pub(super) began: u64,
    pub(super) tags: Box<[Tag]>,
}

impl Output {
    /// Returns for how many more seconds the output is fresh.
    pub(crate) fn ttl(&self) -> u64 {
        self.expires.saturating_duration_since(Instant::now()).as_secs()
    }
}
