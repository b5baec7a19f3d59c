//! Hashes that name content.

use http::HeaderValue;
use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_128;

/// 128 bits of a hash in hex: of SHA-256, or of XXH3 for [`quick`](Self::quick).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hash([u8; DIGITS]);

/// The digits of 128 bits.
const DIGITS: usize = 32;

impl Hash {
    /// The number of digits in the name of a file: 64 bits tell the versions of one file apart.
    pub(crate) const SHORT: usize = 16;

    /// Returns the hash of one content.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::hex(&Sha256::digest(bytes))
    }

    /// Returns a hash that is many times quicker, and not safe against made-up collisions: enough to
    /// compare a response with the one that the same client received before.
    pub(crate) fn quick(bytes: &[u8]) -> Self {
        Self::hex(&xxh3_128(bytes).to_be_bytes())
    }

    /// Returns the hash of named contents together; their order counts.
    pub(crate) fn of_all<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut all = Sha256::new();
        for (name, bytes) in files {
            // The lengths tell two sets apart that are equal when joined.
            for part in [name.as_bytes(), bytes] {
                all.update((part.len() as u64).to_le_bytes());
                all.update(part);
            }
        }
        Self::hex(&all.finalize())
    }

    fn hex(digest: &[u8]) -> Self {
        const DIGIT: &[u8; 16] = b"0123456789abcdef";
        let mut hex = [0; DIGITS];
        for (pair, byte) in hex.as_chunks_mut::<2>().0.iter_mut().zip(digest) {
            *pair = [DIGIT[usize::from(byte >> 4)], DIGIT[usize::from(byte & 15)]];
        }
        Self(hex)
    }

    pub(crate) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("digits are ASCII")
    }

    /// Returns the digits that are part of a file's name.
    pub(crate) fn short(&self) -> &str {
        &self.as_str()[..Self::SHORT]
    }

    /// Returns the hash in quotes, as an entity tag.
    pub(crate) fn etag(&self) -> HeaderValue {
        let mut tag = [b'"'; DIGITS + 2];
        tag[1..=DIGITS].copy_from_slice(&self.0);
        HeaderValue::from_bytes(&tag).expect("quotes and digits are a header value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_set_keeps_names_and_contents_apart() {
        let a = Hash::of_all([("a", b"bc".as_slice())]);
        assert_ne!(a, Hash::of_all([("ab", b"c".as_slice())]));
        assert_eq!(a, Hash::of_all([("a", b"bc".as_slice())]));
    }
}
