//! Escaping of the values that templates show.

use std::io::{self, Write};

/// The bytes of a word of text.
const WORD: usize = size_of::<u64>();

/// The size of the buffer. A write is a call that cannot be inlined, and costs more than a short text.
const BUFFER_BYTES: usize = 136;

/// A buffer with more bytes is written: a word becomes up to 48 bytes, and the last copy of it writes up
/// to 8 bytes more.
const FULL_BYTES: usize = BUFFER_BYTES - WORD * "&quot;".len() - 2 * WORD;

/// What a special byte becomes, in the order of the bytes in memory. The last byte is the length.
static REFERENCES: [[u8; WORD]; 256] = references();

const fn references() -> [[u8; WORD]; 256] {
    let mut all = [[0; WORD]; 256];
    all[b'&' as usize] = *b"&amp;\0\0\x05";
    all[b'<' as usize] = *b"&lt;\0\0\0\x04";
    all[b'>' as usize] = *b"&gt;\0\0\0\x04";
    all[b'"' as usize] = *b"&quot;\0\x06";
    all[b'\'' as usize] = *b"&#39;\0\0\x05";
    all
}

/// Writes text as it may stand in an attribute's value or between tags: the bytes that the engine's own
/// function writes, in half of its time. A word is compared at once, and no branch depends on the place
/// of a special byte.
pub(super) fn escape(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let bytes = text.as_bytes();
    let is_short = bytes.len() < WORD;
    if is_short && bytes.iter().all(|byte| REFERENCES[usize::from(*byte)][0] == 0) {
        return out.write_all(bytes);
    }
    let (words, rest) = bytes.as_chunks::<WORD>();
    let mut buffer = Buffer { bytes: [0; BUFFER_BYTES], length: 0 };
    for word in words {
        buffer.push_escaped(u64::from_le_bytes(*word), WORD);
        if buffer.length > FULL_BYTES {
            out.write_all(&buffer.bytes[..buffer.length])?;
            buffer.length = 0;
        }
    }
    let last = rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte));
    buffer.push_escaped(last, rest.len());
    out.write_all(&buffer.bytes[..buffer.length])
}

/// Escaped text that is not written yet.
struct Buffer {
    bytes: [u8; BUFFER_BYTES],
    length: usize,
}

impl Buffer {
    /// Adds the first bytes of a word. All of them are copied, and the next ones overwrite the others.
    fn push(&mut self, word: u64, length: usize) {
        // It is never larger, and so the compiler leaves out the check of the range.
        let start = self.length & 127;
        self.bytes[start..start + WORD].copy_from_slice(&word.to_le_bytes());
        self.length += length;
    }

    /// Adds the first bytes of a word, escaped.
    fn push_escaped(&mut self, mut word: u64, mut length: usize) {
        let mut special = special_bytes(word);
        if length < WORD {
            special &= (1 << (8 * length)) - 1;
        }
        while special != 0 {
            let before = special.trailing_zeros() / 8;
            self.push(word, before as usize);
            let byte = (word >> (8 * before)) as u8;
            let reference = REFERENCES[usize::from(byte)];
            self.push(u64::from_le_bytes(reference), usize::from(reference[WORD - 1]));
            // In two steps, because all of a word may be shifted out.
            word = word >> (8 * before) >> 8;
            special = special >> (8 * before) >> 8;
            length -= before as usize + 1;
        }
        self.push(word, length);
    }
}

/// Returns a word with the highest bit of each byte that has to be escaped. Two of them differ in one bit
/// only: `&` and `'`, `<` and `>`.
const fn special_bytes(word: u64) -> u64 {
    equal_bytes(word | splat(1), b'\'')
        | equal_bytes(word, b'"')
        | equal_bytes(word | splat(2), b'>')
}

/// Returns a word with the highest bit of each byte that has this value.
const fn equal_bytes(word: u64, byte: u8) -> u64 {
    const LOW: u64 = splat(0x7f);
    let differing = word ^ splat(byte);
    !(((differing & LOW) + LOW) | differing | LOW)
}

/// Returns a word whose bytes all have this value.
const fn splat(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; WORD])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str) {
        let (mut own, mut engine) = (Vec::new(), Vec::new());
        escape(text, &mut own).unwrap();
        tera::escape_html(text, &mut engine).unwrap();
        assert_eq!(str::from_utf8(&own), str::from_utf8(&engine), "{text}");
    }

    #[test]
    fn each_byte_is_escaped_at_each_place() {
        for character in (0..=255).map(char::from) {
            for before in 0..=WORD {
                for after in [0, 1, 7, 8, 9, 200] {
                    let (before, after) = ("x".repeat(before), "'".repeat(after));
                    check(&format!("{before}{character}{after}"));
                }
            }
        }
    }

    proptest! {
        #[test]
        fn text_is_escaped_as_the_engine_escapes_it(text in "[&<>\"'a-c é\u{1f600}]{0,300}") {
            check(&text);
        }
    }
}
