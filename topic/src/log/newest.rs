//! The messages of a log that are in memory.

use std::{collections::VecDeque, slice};

use crate::log::record::Record;

/// A queue of them, oldest first. A single one is here and not in an allocation of its own: most
/// topics of a large family have one message.
#[derive(Debug)]
pub(super) enum Newest {
    One(Record),
    Queue(VecDeque<Record>),
}

impl Newest {
    pub(super) const fn new() -> Self {
        Self::Queue(VecDeque::new())
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Queue(records) => records.len(),
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&Record> {
        match self {
            Self::One(record) => (index == 0).then_some(record),
            Self::Queue(records) => records.get(index),
        }
    }

    /// Returns those from an index on.
    pub(super) fn from(&self, index: usize) -> impl Iterator<Item = &Record> {
        let (front, back) = match self {
            Self::One(record) => (slice::from_ref(record), &[][..]),
            Self::Queue(records) => records.as_slices(),
        };
        let in_back = index.saturating_sub(front.len()).min(back.len());
        front[index.min(front.len())..].iter().chain(&back[in_back..])
    }

    pub(super) fn push(&mut self, record: Record) {
        match self {
            // One that has had more retains its buffer.
            Self::Queue(records) if records.capacity() == 0 => *self = Self::One(record),
            Self::Queue(records) => records.push_back(record),
            Self::One(_) => {
                if let Self::One(first) = std::mem::replace(self, Self::new()) {
                    *self = Self::Queue(VecDeque::from([first, record]));
                }
            }
        }
    }

    pub(super) fn pop(&mut self) -> Option<Record> {
        match self {
            Self::Queue(records) => records.pop_front(),
            Self::One(_) => match std::mem::replace(self, Self::new()) {
                Self::One(record) => Some(record),
                Self::Queue(_) => None,
            },
        }
    }

    /// Releases memory that no message uses.
    pub(super) fn shrink_to_fit(&mut self) {
        if let Self::Queue(records) = self {
            if records.len() == 1
                && let Some(record) = records.pop_front()
            {
                *self = Self::One(record);
            } else {
                records.shrink_to_fit();
            }
        }
    }
}
