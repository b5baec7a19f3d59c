//! Random delays, so that clients that disconnect together do not reconnect together.

use std::{
    hash::{BuildHasher, RandomState},
    ops::RangeInclusive,
};

/// Returns a random number from the range. Every number is equally likely.
pub(crate) fn among(range: RangeInclusive<u64>) -> u64 {
    let (from, to) = range.into_inner();
    // The keys of `RandomState` come from the system's randomness, and differ with each call.
    let random = RandomState::new().hash_one(0);
    // The remainder prefers low numbers, but by far too little to matter here.
    from + random % (to - from + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_of_the_range_occurs_and_no_other() {
        let seen: BTreeSet<u64> = (0..1000).map(|_| among(3..=7)).collect();
        assert_eq!(seen, BTreeSet::from([3, 4, 5, 6, 7]));
        assert_eq!(among(9..=9), 9);
    }
}
