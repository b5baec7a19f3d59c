//! What this process has read of the store, where no other process writes to it.

use std::{
    collections::HashMap,
    fmt, mem,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::session::token::Key;

/// How many values each half holds. A record has at most [`RECORD_BYTES_MAX`] here, so a cache has at
/// most 32 MiB, and mostly less than 3 MiB.
const HALF_MAX: usize = 4096;

/// The largest data of a session that is cached, in bytes.
pub(super) const RECORD_BYTES_MAX: usize = 4096;

/// A bounded cache of values. When the newer half is full, the older one is dropped.
pub(super) struct Cache<V> {
    /// A std lock: held for a look-up, never across an `.await`.
    halves: Mutex<Halves<V>>,
}

struct Halves<V> {
    newer: HashMap<Key, V>,
    older: HashMap<Key, V>,
}

impl<V: Clone> Cache<V> {
    pub(super) fn new() -> Self {
        Self { halves: Mutex::new(Halves { newer: HashMap::new(), older: HashMap::new() }) }
    }

    pub(super) fn get(&self, key: &Key) -> Option<V> {
        let mut halves = self.halves();
        if let Some(value) = halves.newer.get(key) {
            return Some(value.clone());
        }
        let value = halves.older.remove(key)?;
        halves.insert(*key, value.clone());
        Some(value)
    }

    pub(super) fn insert(&self, key: Key, value: V) {
        let mut halves = self.halves();
        halves.older.remove(&key);
        halves.insert(key, value);
    }

    pub(super) fn remove(&self, key: &Key) {
        let mut halves = self.halves();
        halves.newer.remove(key);
        halves.older.remove(key);
    }

    fn halves(&self) -> MutexGuard<'_, Halves<V>> {
        // A panic of the allocator leaves the maps valid.
        self.halves.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<V> Halves<V> {
    fn insert(&mut self, key: Key, value: V) {
        if self.newer.len() >= HALF_MAX {
            self.older = mem::take(&mut self.newer);
        }
        self.newer.insert(key, value);
    }
}

impl<V> fmt::Debug for Cache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Cache")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: usize) -> Key {
        Key::of_user(&n.to_string())
    }

    #[test]
    fn it_is_bounded_and_keeps_what_is_used() {
        let cache = Cache::new();
        cache.insert(key(0), 0);
        for n in 1..=3 * HALF_MAX {
            cache.insert(key(n), n);
            assert_eq!(cache.get(&key(0)), Some(0));
        }
        let halves = cache.halves();
        assert!(halves.newer.len() + halves.older.len() <= 2 * HALF_MAX);
        assert!(!halves.newer.contains_key(&key(1)) && !halves.older.contains_key(&key(1)));
    }

    #[test]
    fn what_is_removed_is_in_neither_half() {
        let cache = Cache::new();
        cache.insert(key(0), 0);
        (1..=HALF_MAX).for_each(|n| cache.insert(key(n), n));
        cache.insert(key(0), 1);
        cache.remove(&key(0));
        assert_eq!(cache.get(&key(0)), None);
    }
}
