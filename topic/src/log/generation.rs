//! A log's generation: it tells one life of a log, from being made to being lost, from all others.

use std::hash::{BuildHasher, RandomState};

use crate::log::fingerprint::{digest, mix};

/// Returns a new generation for the log of this name.
pub(crate) fn random(name: &str) -> u64 {
    // The keys of `RandomState` come from the system's randomness.
    RandomState::new().hash_one(name)
}

/// Returns the generation of a log that was never written, in the engine with this id: the same in
/// every process, so that a cursor of the empty log is resumed on any node. The values go into
/// cursors, so the function never changes.
pub(crate) fn derived(engine: u64, name: &str) -> u64 {
    mix(engine ^ digest(name, b""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_values_never_change() {
        assert_eq!(derived(1, "room"), FIRST);
        assert_ne!(derived(2, "room"), FIRST);
        assert_ne!(derived(1, "hall"), FIRST);
    }

    const FIRST: u64 = 14_317_087_791_400_252_659;
}
