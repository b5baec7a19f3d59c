//! Numbers that many threads add to, without a lock and without waiting for each other.

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::available_parallelism,
};

/// The most copies of each number. More threads than these share some.
const SHARDS_MAX: usize = 16;

/// How many numbers are on one line of a cache.
const LINE: usize = 8;

/// The numbers of one line of a cache. Threads that write to one line wait for each other.
#[derive(Default)]
#[repr(align(64))]
struct Line([AtomicU64; LINE]);

/// Some numbers that begin with 0. Each shard has all of them, and a thread adds to its own shard.
pub(super) struct Cells {
    lines: Box<[Line]>,
    lines_per_shard: usize,
}

impl Cells {
    /// Returns `count` numbers.
    pub(super) fn new(count: usize) -> Self {
        let lines_per_shard = count.div_ceil(LINE);
        let lines = (0..lines_per_shard * shards()).map(|_| Line::default()).collect();
        Self { lines, lines_per_shard }
    }

    /// Adds to the number at `index`, and wraps around. An index that is too large adds to none.
    pub(super) fn add(&self, index: usize, by: u64) {
        thread_local! {
            static SHARD: usize = next_shard();
        }
        let line = SHARD.with(|shard| shard * self.lines_per_shard) + index / LINE;
        if index / LINE < self.lines_per_shard
            && let Some(Line(cells)) = self.lines.get(line)
        {
            cells[index % LINE].fetch_add(by, Ordering::Relaxed);
        }
    }

    /// Returns the number at `index`.
    pub(super) fn sum(&self, index: usize) -> u64 {
        let shards = self.lines.chunks(self.lines_per_shard);
        let cells = shards.map(|lines| &lines[index / LINE].0[index % LINE]);
        cells.fold(0, |sum, cell| sum.wrapping_add(cell.load(Ordering::Relaxed)))
    }
}

/// Returns how many shards there are: one for each processor.
fn shards() -> usize {
    static SHARDS: OnceLock<usize> = OnceLock::new();
    *SHARDS.get_or_init(|| available_parallelism().map_or(1, usize::from).min(SHARDS_MAX))
}

/// Returns the shard of a new thread.
fn next_shard() -> usize {
    static THREADS: AtomicUsize = AtomicUsize::new(0);
    THREADS.fetch_add(1, Ordering::Relaxed) % shards()
}

impl fmt::Debug for Cells {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cells")
            .field("lines_per_shard", &self.lines_per_shard)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_threads_add_to_one_number() {
        let cells = Cells::new(LINE + 1);
        std::thread::scope(|scope| {
            for _ in 0..2 * SHARDS_MAX {
                scope.spawn(|| {
                    for _ in 0..1000 {
                        cells.add(0, 1);
                        cells.add(LINE, 2);
                    }
                });
            }
        });
        assert_eq!((cells.sum(0), cells.sum(1), cells.sum(LINE)), (32_000, 0, 64_000));
    }

    #[test]
    fn a_number_goes_down_by_the_wrapped_value() {
        let cells = Cells::new(1);
        cells.add(0, 3);
        std::thread::scope(|scope| _ = scope.spawn(|| cells.add(0, 1_u64.wrapping_neg())));
        assert_eq!(cells.sum(0), 2);
    }

    #[test]
    fn an_index_that_is_too_large_adds_to_no_number() {
        let cells = Cells::new(1);
        cells.add(LINE, 1);
        assert!((0..LINE).all(|index| cells.sum(index) == 0));
    }
}
