//! A place in a topic, as the id of a frame says it: `<16 hex>-<number>-<8 hex>`.
//!
//! Read here once more, and not borrowed from the library: what is checked does not check itself.

use std::{fmt, str::FromStr};

/// The place right after one message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// One life of the topic.
    pub generation: u64,
    /// The message's number; 0 is before the first.
    pub seq: u64,
    /// Chained over all messages up to this one.
    pub fingerprint: u32,
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
            // One place has one text.
            (cursor.to_string() == text).then_some(cursor)
        };
        parse().ok_or_else(|| format!("{text:?} is not the id of a message"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, right: bool) {
        assert_eq!(text.parse::<Cursor>().is_ok(), right, "{text:?}");
    }

    #[test]
    fn one_place_has_one_text() {
        check("5f3a09c2e1b47d60-42-9ac41f03", true);
        check("0000000000000000-0-00000000", true);
        check("5f3a09c2e1b47d60-042-9ac41f03", false);
        check("5F3A09C2E1B47D60-42-9ac41f03", false);
        check("5f3a09c2e1b47d60-42-9ac41f03-1", false);
        check("5f3a09c2e1b47d60-42", false);
        check("", false);
    }
}
