//! Names for content.

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_128;

/// A name for content: 128 bits of a hash, in hex; of SHA-256 unless said otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hash(String);

impl Hash {
    /// How many digits of it stand in a file's name: 64 bits, to tell the versions of one file
    /// apart.
    pub(crate) const SHORT: usize = 16;

    /// Returns the name of one content.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self::hex(&Sha256::digest(bytes))
    }

    /// Returns a name of one content that tells it from others by chance, not against somebody who
    /// makes up both: enough for what a client is asked about what it was sent before, and many
    /// times quicker.
    pub(crate) fn quick(bytes: &[u8]) -> Self {
        Self::hex(&xxh3_128(bytes).to_be_bytes())
    }

    /// Returns the name of named contents together; their order counts.
    pub(crate) fn of_all<'a>(files: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut all = Sha256::new();
        for (name, bytes) in files {
            // Lengths keep two sets apart whose bytes are the same in a row.
            for part in [name.as_bytes(), bytes] {
                all.update((part.len() as u64).to_le_bytes());
                all.update(part);
            }
        }
        Self::hex(&all.finalize())
    }

    fn hex(digest: &[u8]) -> Self {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let digits = digest[..16].iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Self(digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns as much of it as stands in a file's name.
    pub(crate) fn short(&self) -> &str {
        &self.0[..Self::SHORT]
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
