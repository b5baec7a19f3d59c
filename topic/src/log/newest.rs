//! The messages of a log that are in memory.

use std::{collections::VecDeque, slice};

use crate::log::record::Record;

/// A queue of them, oldest first. A single one is here and not in an allocation of its own: most
/// topics of a large family have one message.
#[derive(Debug)]
pub(super) enum Newest {
    One(Record),
    Queue(Queue),
}

#[derive(Debug)]
pub(super) struct Queue {
    records: VecDeque<Record>,
    /// The length of their frames together.
    bytes: usize,
    /// When the newest message was published, even if it is no longer here.
    stamp_ms: u64,
}

impl Newest {
    /// Returns none of them, after a message that was published then.
    pub(super) const fn none(stamp_ms: u64) -> Self {
        Self::Queue(Queue { records: VecDeque::new(), bytes: 0, stamp_ms })
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Queue(queue) => queue.records.len(),
        }
    }

    /// Returns the length of their frames together.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::One(record) => record.frame.len(),
            Self::Queue(queue) => queue.bytes,
        }
    }

    /// Returns when the newest message was published, even if it is no longer here.
    pub(super) fn stamp_ms(&self) -> u64 {
        match self {
            Self::One(record) => record.stamp_ms,
            Self::Queue(queue) => queue.stamp_ms,
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Record> {
        match self {
            Self::One(record) => (index == 0).then_some(record),
            Self::Queue(queue) => queue.records.get(index),
        }
    }

    /// Returns those from an index on.
    pub(super) fn from(&self, index: usize) -> impl Iterator<Item = &Record> {
        let (front, back) = match self {
            Self::One(record) => (slice::from_ref(record), &[][..]),
            Self::Queue(queue) => queue.records.as_slices(),
        };
        let in_back = index.saturating_sub(front.len()).min(back.len());
        front[index.min(front.len())..].iter().chain(&back[in_back..])
    }

    pub(super) fn push(&mut self, record: Record) {
        match self {
            // A queue that has had more than one retains its buffer.
            Self::Queue(queue) if queue.records.capacity() == 0 => *self = Self::One(record),
            Self::Queue(queue) => queue.push(record),
            Self::One(_) => {
                let Self::One(first) = std::mem::replace(self, Self::none(0)) else { return };
                if let Self::Queue(queue) = self {
                    queue.push(first);
                    queue.push(record);
                }
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<Record> {
        match self {
            Self::Queue(queue) => {
                let record = queue.records.pop_front()?;
                queue.bytes -= record.frame.len();
                Some(record)
            }
            Self::One(record) => {
                let none = Self::none(record.stamp_ms);
                let Self::One(record) = std::mem::replace(self, none) else { return None };
                Some(record)
            }
        }
    }

    /// Releases memory that no message uses.
    pub(super) fn shrink_to_fit(&mut self) {
        let Self::Queue(queue) = self else { return };
        if queue.records.len() == 1
            && let Some(record) = queue.records.pop_front()
        {
            *self = Self::One(record);
        } else {
            queue.records.shrink_to_fit();
        }
    }
}

impl Queue {
    fn push(&mut self, record: Record) {
        self.bytes += record.frame.len();
        self.stamp_ms = record.stamp_ms;
        self.records.push_back(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_takes_no_more_than_its_record() {
        assert_eq!(size_of::<Newest>(), size_of::<Record>());
    }
}
