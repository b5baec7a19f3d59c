//! The position that one request has taken, for the head of its page.

use kipo_topic::Positions;

/// The position that a request has taken, in one topic or in several. It holds at most one: what is
/// wanted is the only one, and a stream may take positions for as long as it runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum TakenPosition {
    #[default]
    None,
    Only {
        /// The names of the topics.
        topics: Vec<String>,
        positions: Positions,
    },
    /// Which of them a stream starts at is for the script of the page to say.
    OneOfMany,
}

impl TakenPosition {
    /// Adds a position in these topics. Of two positions in the same topics the first counts: what
    /// was read after it may lack the messages between the two.
    pub(crate) fn add(&mut self, topics: Vec<String>, positions: Positions) {
        match self {
            Self::None => *self = Self::Only { topics, positions },
            Self::Only { topics: first, .. } if *first == topics => {}
            Self::Only { .. } | Self::OneOfMany => *self = Self::OneOfMany,
        }
    }

    /// Returns the position, if it is the only one.
    pub(crate) fn only(self) -> Option<Positions> {
        match self {
            Self::Only { positions, .. } => Some(positions),
            Self::None | Self::OneOfMany => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn positions(topics: &[&str], cursor: &str) -> (Vec<String>, Positions) {
        let mut positions = Positions::default();
        for topic in topics {
            positions.add(topic, cursor.parse().unwrap());
        }
        (topics.iter().copied().map(str::to_owned).collect(), positions)
    }

    #[test]
    fn the_first_position_in_the_same_topics_counts() {
        for topics in [&["a"][..], &["a", "b"]] {
            let mut taken = TakenPosition::default();
            assert_eq!(taken.clone().only(), None);
            let (names, first) = positions(topics, "5f3a09c2e1b47d60-1-00000001");
            taken.add(names.clone(), first.clone());
            taken.add(names.clone(), positions(topics, "5f3a09c2e1b47d60-2-00000002").1);
            assert_eq!(taken.clone().only(), Some(first.clone()));

            let (others, other) = positions(&["c"], "0123456789abcdef-0-00000000");
            taken.add(others, other);
            taken.add(names, first);
            assert_eq!((&taken, taken.clone().only()), (&TakenPosition::OneOfMany, None));
        }
    }
}
