//! The positions of topics that one request has taken.

use kipo_topic::Cursor;

/// The positions that a request has taken. It holds at most one of them: what is wanted is the only
/// one, and a stream may take positions for as long as it runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Positions {
    #[default]
    None,
    One(Cursor),
    OfSeveralTopics,
}

impl Positions {
    /// Adds a position. Of two positions of one topic the first counts: what was read after it may
    /// lack the messages between the two.
    pub(crate) fn add(&mut self, position: Cursor) {
        *self = match *self {
            Self::None => Self::One(position),
            Self::One(first) if first.generation() == position.generation() => Self::One(first),
            Self::One(_) | Self::OfSeveralTopics => Self::OfSeveralTopics,
        };
    }

    /// Returns the position, if all are of one topic.
    pub(crate) fn only(self) -> Option<Cursor> {
        match self {
            Self::One(position) => Some(position),
            Self::None | Self::OfSeveralTopics => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_position_of_one_topic_counts() {
        let cursor = |text: &str| text.parse::<Cursor>().unwrap();
        let first = cursor("5f3a09c2e1b47d60-1-00000001");
        let mut positions = Positions::default();
        assert_eq!(positions.only(), None);
        positions.add(first);
        positions.add(cursor("5f3a09c2e1b47d60-2-00000002"));
        assert_eq!(positions, Positions::One(first));
        positions.add(cursor("0123456789abcdef-0-00000000"));
        positions.add(first);
        assert_eq!((positions, positions.only()), (Positions::OfSeveralTopics, None));
    }
}
