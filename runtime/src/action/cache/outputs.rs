//! The outputs of one app, within a bound of bytes.

use std::{fmt, sync::Arc};

use quick_cache::{
    DefaultHashBuilder, OptionsBuilder, Weighter,
    sync::{Cache, DefaultLifecycle},
};
use tokio::time::Instant;

use crate::action::cache::{
    encoded::Encoded,
    flight::{Flights, Join, Landed, Lead},
    key::Digest,
    output::Output,
    tags::{Tag, Tags},
};

/// The default of [`App::output_cache_bytes_max`](crate::App::output_cache_bytes_max): some ten
/// thousand outputs of a few KiB, and little beside the memory of a server.
pub(crate) const OUTPUT_CACHE_BYTES_MAX: usize = 32 << 20;

/// How many bytes a part of the cache with a lock of its own has at least. An output that is larger
/// than a part is not stored, so the parts must not be small.
const SHARD_BYTES_MIN: usize = 4 << 20;

/// The most parts of the cache: more than the cores of most servers.
const SHARDS_MAX: usize = 16;

/// About how many bytes an output has. It decides only how much the tables of the cache reserve.
const OUTPUT_BYTES_TYPICAL: usize = 4096;

/// What an entry takes besides the bytes of its output and its tags: the key in the cache and in its
/// history, the entry, and the counters of both allocations.
const ENTRY_BYTES: usize = 256;

/// The outputs of all actions of an app that are cached.
pub(crate) struct Outputs {
    outputs: Cache<Digest, Arc<Output>, Bytes>,
    tags: Tags,
    flights: Flights,
}

/// A computation that its caller may share with others.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(super) lead: Lead,
    pub(super) began: u64,
    pub(super) lifetime: std::time::Duration,
    pub(super) tags: Box<[Tag]>,
}

impl Outputs {
    /// Returns an empty cache that holds so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let shards = (bytes_max / SHARD_BYTES_MIN).clamp(1, SHARDS_MAX);
        let options = OptionsBuilder::new()
            .shards(shards)
            .estimated_items_capacity(bytes_max / OUTPUT_BYTES_TYPICAL)
            .weight_capacity(bytes_max as u64)
            .build()
            .expect("the capacities are given");
        let hash = DefaultHashBuilder::default();
        Self {
            outputs: Cache::with_options(options, Bytes, hash, DefaultLifecycle::default()),
            tags: Tags::default(),
            flights: Flights::default(),
        }
    }

    /// Returns the output of a key, if there is one that is fresh.
    pub(crate) fn get(&self, key: &Digest) -> Option<Arc<Output>> {
        let output = self.outputs.get(key)?;
        if output.expires > Instant::now() && self.is_valid(&output) {
            return Some(output);
        }
        // Another caller may have stored a newer one since.
        self.outputs.remove_if(key, |stored| Arc::ptr_eq(stored, &output));
        None
    }

    /// Returns whether no tag of an output has been invalidated since its computation began.
    pub(crate) fn is_valid(&self, output: &Output) -> bool {
        !self.tags.is_stale(output.began, &output.tags)
    }

    /// Joins the computation of a key, or begins one.
    pub(crate) fn join(&self, key: Digest) -> Join {
        self.flights.join(key)
    }

    /// Returns the moment that a computation begins at.
    pub(super) fn now(&self) -> u64 {
        self.tags.now()
    }

    /// Stores an output, and passes it to all who wait for it.
    pub(crate) fn land(&self, pending: Pending, encoded: Encoded) {
        let Pending { lead, began, lifetime, tags } = pending;
        let output = Output { encoded, expires: Instant::now() + lifetime, began, tags };
        let output = Arc::new(output);
        // Stored before the flight ends: a caller finds the one or the other.
        self.outputs.insert(lead.key(), Arc::clone(&output));
        lead.land(Landed::Output(output));
    }

    /// Makes all outputs with a tag stale.
    pub(super) fn invalidate(&self, tag: &str) {
        self.tags.invalidate(Tag::of(tag));
    }
}

impl Pending {
    /// Ends a computation whose response belongs to its caller alone.
    pub(crate) fn keep_private(self) {
        self.lead.land(Landed::Private);
    }
}

impl fmt::Debug for Outputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Outputs({} bytes)", self.outputs.weight())
    }
}

/// Weighs an output by the bytes that it takes.
#[derive(Clone)]
struct Bytes;

impl Weighter<Digest, Arc<Output>> for Bytes {
    fn weight(&self, _: &Digest, output: &Arc<Output>) -> u64 {
        let json = output.encoded.json.as_ref().map_or(0, bytes::Bytes::len);
        (ENTRY_BYTES + json + size_of_val(&*output.tags)) as u64
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn land(outputs: &Outputs, key: &str, bytes: usize) {
        let Join::Lead(lead) = outputs.join(Digest::of_input("", key.as_bytes())) else {
            unreachable!("nobody else computes")
        };
        let lifetime = Duration::from_secs(60);
        let pending = Pending { lead, began: outputs.now(), lifetime, tags: Box::default() };
        let json = Some(vec![b' '; bytes].into());
        outputs.land(pending, Encoded { json });
    }

    #[test]
    fn all_outputs_together_are_bounded_by_bytes() {
        let outputs = Outputs::new(1 << 20);
        for n in 0..5000 {
            land(&outputs, &n.to_string(), 1000);
        }
        assert!(outputs.outputs.weight() <= 1 << 20, "{outputs:?}");
        assert!(outputs.outputs.len() > 500, "{}", outputs.outputs.len());
    }

    #[tokio::test(start_paused = true)]
    async fn an_output_is_fresh_for_its_lifetime() {
        let outputs = Outputs::new(1 << 20);
        land(&outputs, "a", 1);
        let key = Digest::of_input("", b"a");
        tokio::time::advance(Duration::from_secs(59)).await;
        assert_eq!(outputs.get(&key).unwrap().ttl(), 1);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(outputs.get(&key).is_none());
        assert_eq!(outputs.outputs.len(), 0);
    }

    #[test]
    fn an_output_that_is_larger_than_the_cache_is_not_stored() {
        let outputs = Outputs::new(1000);
        land(&outputs, "a", 2000);
        assert!(outputs.get(&Digest::of_input("", b"a")).is_none());
        assert_eq!(outputs.outputs.weight(), 0);
    }
}
