//! What a log knows of the messages that are not in memory.

use std::collections::VecDeque;

use crate::log::{fingerprint::Fingerprint, record::Record};

/// What a log knows of a message that is not in memory: 16 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Older {
    pub(super) fingerprint: Fingerprint,
    /// The length of its frame, which is below 4 GiB.
    pub(super) frame_len: u32,
    pub(super) stamp_ms: u64,
}

impl From<&Record> for Older {
    fn from(record: &Record) -> Self {
        let frame_len = u32::try_from(record.frame.len()).unwrap_or(u32::MAX);
        Self { fingerprint: record.fingerprint, frame_len, stamp_ms: record.stamp_ms }
    }
}

/// A queue of them, oldest first. Takes one word while it has none: most topics have all that they
/// retain in memory.
#[expect(clippy::box_collection, reason = "the box makes an empty queue 24 bytes smaller")]
#[derive(Debug, Default)]
pub(super) struct Queue(Option<Box<VecDeque<Older>>>);

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |queue| queue.len())
    }

    pub(super) fn get(&self, index: usize) -> Option<Older> {
        self.0.as_ref()?.get(index).copied()
    }

    pub(super) fn push(&mut self, older: Older) {
        self.0.get_or_insert_default().push_back(older);
    }

    pub(super) fn pop(&mut self) -> Option<Older> {
        self.0.as_mut()?.pop_front()
    }

    pub(super) fn shrink_to_fit(&mut self) {
        if let Some(queue) = &mut self.0 {
            queue.shrink_to_fit();
        }
    }
}
