//! The buckets of all callers of one node: a table that never grows beyond its size.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::action::limits::{
    bucket::{Bucket, Empty, Level},
    rate::Rate,
};

/// How many parts the table has, each with a lock of its own.
const SHARDS: usize = 64;

/// How many buckets share a set. A caller's key names one set, and its bucket is anywhere in it.
const WAYS: usize = 16;

/// The buckets by key.
///
/// The table is an array of sets. A new caller takes the bucket of its set that is full, or else the
/// one that is full soonest: what is forgotten is the least. So a flood of new callers does not free
/// a caller that has used up its permits while there are others that have used fewer.
pub(super) struct Table {
    /// Each is empty until one of its keys is used first.
    shards: Box<[Mutex<Vec<Set>>]>,
    /// The number of sets in a shard. Never zero.
    sets: usize,
}

/// The buckets that share a set.
type Set = [Entry; WAYS];

/// The bucket of one key.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    key: u64,
    bucket: Bucket,
    /// What an engine has granted of one window.
    grant: Grant,
}

/// What an engine has granted to this node in one window, for one key.
#[derive(Clone, Copy, Debug, Default)]
struct Grant {
    window: u64,
    permits: u32,
    /// Whether all permits of the window are taken.
    is_used_up: bool,
}

/// What a node knows about a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Granted {
    /// The engine had granted a permit, which is taken now.
    Permit,
    /// All permits of the window are taken.
    UsedUp,
    /// The engine has to be asked.
    Unknown,
}

impl Table {
    /// Returns a table for so many keys, rounded up to a multiple of 1,024.
    pub(super) fn new(keys_max: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, sets: keys_max.div_ceil(SHARDS * WAYS).max(1) }
    }

    /// Takes a permit from the bucket of a key.
    pub(super) fn take(&self, key: u64, rate: &Rate, now: u64) -> Result<Level, Empty> {
        let (mut shard, at) = self.shard(key);
        let set = &mut shard[at];
        let entry = match set.iter().position(|entry| entry.key == key) {
            Some(at) => &mut set[at],
            None => {
                let entry = set.iter_mut().min_by_key(|entry| entry.bucket.full_at);
                let entry = entry.expect("a set is not empty");
                *entry = Entry { key, ..Entry::default() };
                entry
            }
        };
        entry.bucket.take(rate, now)
    }

    /// Takes a permit of those that the engine has granted to this node in a window.
    pub(super) fn take_granted(&self, key: u64, window: u64) -> Granted {
        let (mut shard, at) = self.shard(key);
        let entry = shard[at].iter_mut().find(|entry| entry.key == key);
        let Some(Grant { permits, is_used_up, .. }) =
            entry.map(|entry| &mut entry.grant).filter(|grant| grant.window == window)
        else {
            return Granted::Unknown;
        };
        match permits.checked_sub(1) {
            Some(rest) => {
                *permits = rest;
                Granted::Permit
            }
            None if *is_used_up => Granted::UsedUp,
            None => Granted::Unknown,
        }
    }

    /// Adds permits that the engine has granted in a window.
    pub(super) fn grant(&self, key: u64, window: u64, permits: u32, is_used_up: bool) {
        let (mut shard, at) = self.shard(key);
        let Some(entry) = shard[at].iter_mut().find(|entry| entry.key == key) else { return };
        let before = if entry.grant.window == window { entry.grant.permits } else { 0 };
        entry.grant = Grant { window, permits: before.saturating_add(permits), is_used_up };
    }

    /// Returns how many buckets are not full, and how many there is room for.
    #[cfg(test)]
    pub(super) fn usage(&self, now: u64) -> (usize, usize) {
        let shards = self.shards.iter().map(|shard| shard.lock().unwrap());
        let of = |shard: MutexGuard<'_, Vec<Set>>| {
            let entries = shard.iter().flatten();
            (entries.filter(|entry| entry.bucket.full_at > now).count(), shard.len() * WAYS)
        };
        shards.map(of).fold((0, 0), |(used, room), (u, r)| (used + u, room + r))
    }

    /// Returns the part of the table that holds a key, and the number of its set.
    fn shard(&self, key: u64) -> (MutexGuard<'_, Vec<Set>>, usize) {
        // A std lock: held for one look at a set, never across an `.await`. A panic under it leaves
        // the buckets valid.
        let shard = &self.shards[(key >> 32) as usize % SHARDS];
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        if shard.is_empty() {
            shard.resize(self.sets, Set::default());
        }
        (shard, key as u32 as usize % self.sets)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    const RATE: Rate = Rate::per_hour(5);

    /// Uses up the permits of a key.
    fn drain(table: &Table, key: u64) {
        while table.take(key, &RATE, 0).is_ok() {}
    }

    #[test]
    fn a_million_keys_take_bounded_memory() {
        let (table, hash) = (Table::new(100_000), RandomState::new());
        let victim = hash.hash_one("ann");
        drain(&table, victim);
        for n in 0..1_000_000_u32 {
            table.take(hash.hash_one(n), &RATE, u64::from(n)).unwrap();
        }
        let (_, room) = table.usage(0);
        assert_eq!(room, 98 * SHARDS * WAYS);
        assert!(size_of::<Set>() / WAYS <= 40, "{}", size_of::<Set>());
        assert!(
            table.take(victim, &RATE, 1_000_000).is_err(),
            "a flood of new callers frees none that has used up its permits"
        );
    }

    #[test]
    fn a_full_bucket_leaves_first_and_the_one_that_is_full_soonest_next() {
        let table = Table::new(1);
        // With one set in each shard, these keys share a set.
        let keys: Vec<u64> = (1..=WAYS as u64).collect();
        for &key in &keys[1..] {
            drain(&table, key);
        }
        table.take(keys[0], &RATE, 0).unwrap();
        table.take(99, &RATE, 0).unwrap();
        for &key in &keys[1..] {
            assert!(table.take(key, &RATE, 0).is_err());
        }
        assert_eq!(table.take(keys[0], &RATE, 0).unwrap().remaining, 4, "it was forgotten");
    }

    #[test]
    fn a_table_takes_no_memory_before_its_first_key() {
        let table = Table::new(100_000);
        assert_eq!(table.usage(0), (0, 0));
        table.take(7, &RATE, 0).unwrap();
        assert_eq!(table.usage(0), (1, 98 * WAYS));
    }

    #[test]
    fn granted_permits_belong_to_one_window() {
        let table = Table::new(1);
        table.take(7, &RATE, 0).unwrap();
        assert_eq!(table.take_granted(7, 3), Granted::Unknown);
        table.grant(7, 3, 1, true);
        assert_eq!(table.take_granted(7, 3), Granted::Permit);
        assert_eq!(table.take_granted(7, 3), Granted::UsedUp);
        assert_eq!(table.take_granted(7, 4), Granted::Unknown);
    }
}
