//! A position in a topic, as the id of an event shows it: `<16 hex>-<number>-<8 hex>`.

use std::fmt;
use std::str::FromStr;

use memchr::memchr;

/// The position right after one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// One generation of the topic.
    pub generation: u64,
    /// The message's number; 0 is before the first.
    pub seq: u64,
    /// Chained over all messages up to this one.
    pub fingerprint: u32,
}

impl Cursor {
    /// Returns the number of the message with this id, and checks nothing else of the id: a load
    /// reads millions of them.
    #[must_use]
    pub fn seq_of(id: &[u8]) -> Option<u64> {
        let rest = &id[memchr(b'-', id)? + 1..];
        let seq = &rest[..memchr(b'-', rest)?];
        str::from_utf8(seq).ok()?.parse().ok()
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}-{:08x}", self.generation, self.seq, self.fingerprint)
    }
}

impl FromStr for Cursor {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parse = || {
            let [generation, seq, fingerprint] = text.split('-').collect::<Vec<_>>()[..] else {
                return None;
            };
            let cursor = Self {
                generation: u64::from_str_radix(generation, 16).ok()?,
                seq: seq.parse().ok()?,
                fingerprint: u32::from_str_radix(fingerprint, 16).ok()?,
            };
            // One position has one text.
            (cursor.to_string() == text).then_some(cursor)
        };
        parse().ok_or_else(|| format!("{text:?} is not the id of a message"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, is_valid: bool) {
        assert_eq!(text.parse::<Cursor>().is_ok(), is_valid, "{text:?}");
    }

    #[test]
    fn one_position_has_one_text() {
        check("5f3a09c2e1b47d60-42-9ac41f03", true);
        check("0000000000000000-0-00000000", true);
        check("5f3a09c2e1b47d60-042-9ac41f03", false);
        check("5F3A09C2E1B47D60-42-9ac41f03", false);
        check("5f3a09c2e1b47d60-42-9ac41f03-1", false);
        check("5f3a09c2e1b47d60-42", false);
        check("", false);
    }

    #[test]
    fn the_number_of_an_id_is_between_its_hyphens() {
        assert_eq!(Cursor::seq_of(b"5f3a09c2e1b47d60-42-9ac41f03"), Some(42));
        assert_eq!(Cursor::seq_of(b"42"), None);
        assert_eq!(Cursor::seq_of(b"5f3a09c2e1b47d60-x-9ac41f03"), None);
    }
}
