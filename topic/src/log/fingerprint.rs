//! The 32 bits that tell two histories with the same numbers apart.
//!
//! The values go into cursors that clients keep, so the functions never change. FNV-1a is from
//! the IETF draft "The FNV Non-Cryptographic Hash Algorithm", the final mixing step is the
//! published finaliser of MurmurHash3. Neither resists an attacker, and none is expected: who can
//! write the log can write anything.

/// The fingerprint of a log's history up to some message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fingerprint(pub(crate) u32);

impl Fingerprint {
    /// The history without messages.
    pub(crate) const SEED: Self = Self(0);

    /// Returns the fingerprint of this history and one message more, published at `stamp_ms`.
    ///
    /// The time is part of it: the same event published again, after the first one was lost, is
    /// another message.
    pub(crate) fn chain(self, stamp_ms: u64, digest: u64) -> Self {
        let before = u64::from(self.0) << 17 | 0x9e37_79b9;
        let mixed = mix(mix(digest ^ before) ^ stamp_ms);
        #[expect(clippy::cast_possible_truncation, reason = "a fingerprint is the lower half")]
        Self((mixed ^ mixed >> 32) as u32)
    }
}

/// Returns the digest of one message; the part of the work that needs no lock.
pub(crate) fn digest(event: &str, data: &[u8]) -> u64 {
    // A NUL between the two: no name holds one.
    let bytes = event.bytes().chain([0]).chain(data.iter().copied());
    bytes
        .fold(0xcbf2_9ce4_8422_2325, |hash, b| (hash ^ u64::from(b)).wrapping_mul(0x0100_0000_01b3))
}

/// Mixes all bits of a number into all others.
pub(super) const fn mix(mut x: u64) -> u64 {
    x ^= x >> 33;
    x = x.wrapping_mul(0xff51_afd7_ed55_8ccd);
    x ^= x >> 33;
    x = x.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    x ^ x >> 33
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_never_change() {
        let first = Fingerprint::SEED.chain(1_000, digest("chat", b"{\"n\":1}"));
        let second = first.chain(2_000, digest("chat", b"{\"n\":2}"));
        assert_eq!((first, second), (Fingerprint(FIRST), Fingerprint(SECOND)));
    }

    const FIRST: u32 = 0xc358_4b8a;
    const SECOND: u32 = 0xc4ac_4e4b;

    #[test]
    fn the_order_of_messages_matters() {
        let (a, b) = (digest("e", b"1"), digest("e", b"2"));
        let chain = |first, second| Fingerprint::SEED.chain(1, first).chain(1, second);
        assert_ne!(chain(a, b), chain(b, a));
    }

    #[test]
    fn the_same_message_at_another_time_is_another() {
        let words = digest("e", b"1");
        assert_ne!(Fingerprint::SEED.chain(1, words), Fingerprint::SEED.chain(2, words));
    }
}
