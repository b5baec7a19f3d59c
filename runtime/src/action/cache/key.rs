//! The key of an output: a digest of everything that the output may depend on.

use http::{HeaderMap, HeaderName, header};
use sha2::{Digest as _, Sha256};

/// The fields that say who asks, if an action says nothing else: a session is in a cookie, a token in
/// `Authorization`.
///
/// This is the one place that decides what a caller's identity is. It takes the whole `Cookie` field,
/// because it cannot know which cookie names the user: a caller with one more cookie is another caller.
pub(super) const CALLER: [HeaderName; 2] = [header::COOKIE, header::AUTHORIZATION];

/// A key, or the part of it that is known so far.
///
/// It is a cryptographic hash: a caller who chooses the input must not find one that has the key of
/// another caller's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Digest([u8; 32]);

impl Digest {
    /// Returns the digest of an input as it was sent: its encoding and its bytes.
    pub(crate) fn of_input(encoding: &str, bytes: &[u8]) -> Self {
        Writer::default().part(encoding.as_bytes()).part(bytes).finish()
    }
}

/// Writes parts into a digest. The length of each part is a part as well, so two lists of parts never
/// have the same digest because their bytes are equal when joined.
#[derive(Default)]
pub(super) struct Writer(Sha256);

impl Writer {
    pub(super) fn part(mut self, bytes: &[u8]) -> Self {
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
        self
    }

    pub(super) fn digest(self, digest: &Digest) -> Self {
        self.part(&digest.0)
    }

    /// Writes all values of a field. A missing field differs from an empty one.
    pub(super) fn field(mut self, headers: &HeaderMap, name: &HeaderName) -> Self {
        let values = headers.get_all(name);
        self.0.update((values.iter().count() as u64).to_le_bytes());
        values.iter().fold(self, |writer, value| writer.part(value.as_bytes()))
    }

    pub(super) fn finish(self) -> Digest {
        Digest(self.0.finalize().into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(parts: &[&[u8]]) -> Digest {
        parts.iter().fold(Writer::default(), |writer, part| writer.part(part)).finish()
    }

    #[test]
    fn parts_that_are_equal_when_joined_are_two_keys() {
        assert_ne!(of(&[b"ab", b"c"]), of(&[b"a", b"bc"]));
        assert_eq!(of(&[b"ab", b"c"]), of(&[b"ab", b"c"]));
    }

    #[test]
    fn a_missing_field_is_not_an_empty_one() {
        let mut headers = HeaderMap::new();
        let missing = Writer::default().field(&headers, &header::COOKIE).finish();
        headers.insert(header::COOKIE, http::HeaderValue::from_static(""));
        assert_ne!(Writer::default().field(&headers, &header::COOKIE).finish(), missing);
    }
}
