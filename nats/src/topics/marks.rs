//! Where some of a topic's entries are in its stream: those that this node has appended. A trim goes
//! there instead of searching.

use std::collections::VecDeque;

use kipo_topic::{Cursor, engine::Entry};

/// How many marks the retained entries of a topic have.
const MARKS: u64 = 16;

/// How many marks there are at most, if no trim removes them.
const MARKS_MAX: usize = 64;

/// A message of the stream: its position, and that of its first entry in the topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) first: Cursor,
    pub(crate) seq: u64,
}

/// The marks of one topic, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Marks(VecDeque<Mark>);

impl Mark {
    /// Returns whether a message with these entries is the one of the mark.
    pub(crate) fn is_of(&self, entries: &[Entry]) -> bool {
        entries.first().is_some_and(|first| first.cursor() == self.first)
    }
}

impl Marks {
    /// Adds a mark to a topic with so many retained entries, unless there is one near it.
    pub(crate) fn add(&mut self, mark: Mark, retained: u64) {
        let (number, step) = (mark.first.seq(), retained / MARKS);
        if self.0.back().is_some_and(|last| number < last.first.seq() + step) {
            return;
        }
        if self.0.len() == MARKS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(mark);
    }

    /// Returns the newest mark whose first entry has at most this number.
    pub(crate) fn at(&self, number: u64) -> Option<Mark> {
        let after = self.0.partition_point(|mark| mark.first.seq() <= number);
        self.0.get(after.checked_sub(1)?).copied()
    }

    /// Removes the marks below this number.
    pub(crate) fn trim(&mut self, number: u64) {
        let below = self.0.partition_point(|mark| mark.first.seq() < number);
        self.0.drain(..below);
    }
}

#[cfg(test)]
mod tests {
    use kipo_topic::engine::Head;

    use super::*;

    #[test]
    fn marks_are_spread_and_bounded() {
        let (mut marks, mut head) = (Marks::default(), Head::start(7, "board"));
        for seq in 1..=2_000 {
            let entry = Entry::next(&head, None, "said", b"1", 9).unwrap();
            head = entry.head();
            marks.add(Mark { first: entry.cursor(), seq: 10 * seq }, 160);
        }
        assert_eq!(marks.0.len(), MARKS_MAX);
        // One for every tenth entry: 1, 11, 21 and so on.
        assert_eq!(marks.at(1_998).map(|mark| (mark.first.seq(), mark.seq)), Some((1_991, 19_910)));
        assert_eq!(marks.at(1_991).map(|mark| mark.seq), Some(19_910));
        assert_eq!(marks.at(1_000), None);
        marks.trim(1_991);
        assert_eq!((marks.0.len(), marks.at(1_990)), (1, None));
    }
}
