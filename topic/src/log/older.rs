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
#[derive(Debug, Default)]
pub(super) struct Queue(Option<Box<Messages>>);

#[derive(Debug, Default)]
struct Messages {
    queue: VecDeque<Older>,
    /// The length of their frames together.
    bytes: usize,
}

impl Queue {
    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |messages| messages.queue.len())
    }

    /// Returns the length of their frames together.
    pub(super) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |messages| messages.bytes)
    }

    pub(super) fn get(&self, index: usize) -> Option<Older> {
        self.0.as_ref()?.queue.get(index).copied()
    }

    pub(super) fn push(&mut self, older: Older) {
        let messages = self.0.get_or_insert_default();
        messages.bytes += older.frame_len as usize;
        messages.queue.push_back(older);
    }

    pub(super) fn pop(&mut self) -> Option<Older> {
        let messages = self.0.as_mut()?;
        let older = messages.queue.pop_front()?;
        messages.bytes -= older.frame_len as usize;
        Some(older)
    }

    pub(super) fn shrink_to_fit(&mut self) {
        if let Some(messages) = &mut self.0 {
            messages.queue.shrink_to_fit();
        }
    }
}
