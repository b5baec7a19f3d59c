//! A log's generation: it tells one life of a log, from being made to being lost, from all others.

use std::hash::{BuildHasher, RandomState};

/// Returns a new generation for the log of this name.
pub(crate) fn new(name: &str) -> u64 {
    // The keys of `RandomState` come from the system's randomness.
    RandomState::new().hash_one(name)
}
