//! A position in a log, and its text form: the id of a frame.

use std::{fmt, str::FromStr};

/// The position right after one message of one generation of a log.
///
/// Three parts: the log's *generation* (from being made to being lost), the message's
/// dense *sequence number*, and a *fingerprint* chained over all messages up to this one. A log
/// that lost its tail and grew another one has the same generation and the same numbers, but
/// not the same fingerprints.
///
/// The text form is the SSE id: `<16 hex>-<decimal>-<8 hex>`.
///
/// # Examples
///
/// ```
/// use kipo_topic::Cursor;
///
/// let cursor: Cursor = "5f3a09c2e1b47d60-42-9ac41f03".parse().unwrap();
/// assert_eq!(cursor.seq(), 42);
/// assert_eq!(cursor.to_string(), "5f3a09c2e1b47d60-42-9ac41f03");
/// assert!("42".parse::<Cursor>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    pub(crate) generation: u64,
    pub(crate) seq: u64,
    pub(crate) fingerprint: u32,
}

impl Cursor {
    /// Returns the generation of the log.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns the fingerprint of the history up to here.
    #[must_use]
    pub fn fingerprint(&self) -> u32 {
        self.fingerprint
    }

    /// Returns the number of the message that this is the position after; 0 is before the first.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }
}

/// How many bytes the text of a cursor has at most: 16, 20 and 8 digits and two dashes.
pub(crate) const CURSOR_LEN_MAX: usize = text_len(u64::MAX);

/// Returns how many bytes the text of a cursor with this number has.
pub(crate) const fn text_len(seq: u64) -> usize {
    let digits = match seq.checked_ilog10() {
        Some(log) => log as usize + 1,
        None => 1,
    };
    16 + 1 + digits + 1 + 8
}

impl Cursor {
    /// Writes the text: faster than by the formatter, because each message has one.
    pub(crate) fn text<'b>(&self, buffer: &'b mut [u8; CURSOR_LEN_MAX]) -> &'b str {
        let len = text_len(self.seq);
        let text = &mut buffer[..len];
        let (generation, rest) = text.split_at_mut(16);
        let (seq, fingerprint) = rest.split_at_mut(rest.len() - 9);
        put_hex(generation, self.generation);
        (seq[0], fingerprint[0]) = (b'-', b'-');
        let mut left = self.seq;
        for digit in seq[1..].iter_mut().rev() {
            *digit = DIGITS[(left % 10) as usize];
            left /= 10;
        }
        put_hex(&mut fingerprint[1..], self.fingerprint.into());
        std::str::from_utf8(text).expect("digits and dashes")
    }
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The two digits of each byte.
const PAIRS: [[u8; 2]; 256] = {
    let (mut pairs, mut byte) = ([[0; 2]; 256], 0);
    while byte < 256 {
        pairs[byte] = [DIGITS[byte / 16], DIGITS[byte % 16]];
        byte += 1;
    }
    pairs
};

/// Writes the lowest digits of a number, as many as there is room for.
pub(super) fn put_hex(text: &mut [u8], mut number: u64) {
    let (odd, pairs) = text.as_rchunks_mut();
    for pair in pairs.iter_mut().rev() {
        *pair = PAIRS[(number % 256) as usize];
        number /= 256;
    }
    if let [digit] = odd {
        *digit = DIGITS[(number % 16) as usize];
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(&mut [0; CURSOR_LEN_MAX]))
    }
}

/// The error of a text that is not a cursor.
///
/// # Examples
///
/// ```
/// let error = "42".parse::<kipo_topic::Cursor>().unwrap_err();
/// assert_eq!(error.to_string(), "not a cursor: expected <16 hex>-<number>-<8 hex>");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseCursorError;

impl fmt::Display for ParseCursorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a cursor: expected <16 hex>-<number>-<8 hex>")
    }
}

impl std::error::Error for ParseCursorError {}

impl FromStr for Cursor {
    type Err = ParseCursorError;

    /// Reads exactly what [`Display`](fmt::Display) writes: one position has one text.
    fn from_str(text: &str) -> Result<Self, ParseCursorError> {
        let parse = || {
            let mut parts = text.split('-');
            let (generation, seq, fingerprint) = (parts.next()?, parts.next()?, parts.next()?);
            let cursor = Self {
                generation: u64::from_str_radix(generation, 16).ok()?,
                seq: seq.parse().ok()?,
                fingerprint: u32::from_str_radix(fingerprint, 16).ok()?,
            };
            // Signs, capitals, missing or leading zeros and a fourth part are not ours.
            (cursor.text(&mut [0; CURSOR_LEN_MAX]) == text).then_some(cursor)
        };
        // More is not worth a look.
        if text.len() > CURSOR_LEN_MAX {
            Err(ParseCursorError)
        } else {
            parse().ok_or(ParseCursorError)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, right: bool) {
        assert_eq!(text.parse::<Cursor>().is_ok(), right, "{text:?}");
    }

    #[test]
    fn only_our_own_texts_are_cursors() {
        check("0000000000000000-0-00000000", true);
        check("ffffffffffffffff-18446744073709551615-ffffffff", true);
        check("", false);
        check("42", false);
        check("5f3a09c2e1b47d60-42-9AC41F03", false);
        check("5f3a09c2e1b47d60-042-9ac41f03", false);
        check("5f3a09c2e1b47d60-+42-9ac41f03", false);
        check("5f3a09c2e1b47d60-42-9ac41f03-", false);
        check("5f3a09c2e1b47d60-18446744073709551616-9ac41f03", false);
        check("5f3a09c2e1b47d60-42-é9ac41f0", false);
    }

    proptest! {
        #[test]
        fn text_and_cursor_are_one(generation: u64, seq: u64, fingerprint: u32) {
            let cursor = Cursor { generation, seq, fingerprint };
            prop_assert_eq!(cursor.to_string().len(), text_len(seq));
            let formatted = format!("{generation:016x}-{seq}-{fingerprint:08x}");
            prop_assert_eq!(cursor.to_string(), formatted);
            prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = text.parse::<Cursor>();
        }
    }
}
