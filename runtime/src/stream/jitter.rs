//! Random delays: those who were sent away together shall not come back together.

use std::{
    hash::{BuildHasher, RandomState},
    ops::RangeInclusive,
};

/// Returns a number of the range, each as likely as any other.
pub(crate) fn among(range: RangeInclusive<u64>) -> u64 {
    let (from, to) = range.into_inner();
    // The keys of `RandomState` come from the system's randomness, and differ with each call.
    let random = RandomState::new().hash_one(0);
    // The remainder favours the lowest numbers by far less than a client could notice.
    from + random % (to - from + 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_number_of_the_range_comes_up_and_no_other() {
        let seen: BTreeSet<u64> = (0..1000).map(|_| among(3..=7)).collect();
        assert_eq!(seen, BTreeSet::from([3, 4, 5, 6, 7]));
        assert_eq!(among(9..=9), 9);
    }
}
