//! The positions of a stream in several topics, as one text: the id of its frames.
//!
//! Each position takes 12 bytes for numbers below 2^35, so that eight of them have 128 characters:
//! a tag of the topic's name (16 bits), a tag of the generation (8 bits), the number (LEB128) and the
//! fingerprint (32 bits). The tags are shorter than what they stand for; a wrong match is noticed by
//! the fingerprint.

use crate::log::{cursor::Cursor, fingerprint::digest};

/// How many topics one stream may follow.
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_topic::MERGED_MAX, 8);
/// ```
pub const MERGED_MAX: usize = 8;

/// The characters of base64, with two that no [`Cursor`] and no header field gives a meaning.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._";

/// A position in one of several topics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) topic: u16,
    generation: u8,
    seq: u64,
    fingerprint: u32,
}

impl Part {
    pub(crate) fn new(topic: &str, cursor: Cursor) -> Self {
        let Cursor { generation, seq, fingerprint } = cursor;
        Self { topic: tag(topic), generation: short(generation), seq, fingerprint }
    }

    /// Returns the cursor in a log of this generation; one of another generation if the position
    /// was in another log.
    pub(crate) fn cursor(self, generation: u64) -> Cursor {
        let Self { seq, fingerprint, .. } = self;
        let is_same = self.generation == short(generation);
        Cursor { generation: if is_same { generation } else { !generation }, seq, fingerprint }
    }
}

/// Returns 16 bits of a topic's name. The values go into cursors, so the function never changes.
pub(crate) fn tag(topic: &str) -> u16 {
    let digest = digest(topic, b"");
    #[expect(clippy::cast_possible_truncation, reason = "a tag is a part of the digest")]
    let tag = (digest ^ digest >> 16 ^ digest >> 32 ^ digest >> 48) as u16;
    tag
}

fn short(generation: u64) -> u8 {
    #[expect(clippy::cast_possible_truncation, reason = "a generation is random in all its bits")]
    let short = generation as u8;
    short
}

/// Returns positions as text.
pub(crate) fn encode(parts: &[Part]) -> String {
    let mut bytes = Vec::with_capacity(parts.len() * 12);
    for part in parts {
        bytes.extend(part.topic.to_be_bytes());
        bytes.push(part.generation);
        let mut rest = part.seq;
        while rest >= 0x80 {
            bytes.push(0x80 | (rest & 0x7f) as u8);
            rest >>= 7;
        }
        bytes.push(rest as u8);
        bytes.extend(part.fingerprint.to_be_bytes());
    }
    let sextets = bytes.chunks(3).flat_map(|three| {
        let mut group = [0; 4];
        group[1..=three.len()].copy_from_slice(three);
        let group = u32::from_be_bytes(group);
        (0..=three.len()).map(move |at| (group >> (18 - 6 * at) & 63) as usize)
    });
    sextets.map(|sextet| char::from(ALPHABET[sextet])).collect()
}

/// Reads what [`encode`] wrote. Returns nothing for any other text: too many positions, two in one
/// topic, or a second text for the same positions.
pub(crate) fn decode(text: &str) -> Option<Vec<Part>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for four in text.as_bytes().chunks(4) {
        let mut group = 0;
        for at in 0..4 {
            let sextet = match four.get(at) {
                Some(c) => ALPHABET.iter().position(|known| known == c)?,
                None => 0,
            };
            group = group << 6 | u32::try_from(sextet).ok()?;
        }
        bytes.extend(&group.to_be_bytes()[1..four.len()]);
    }
    let (mut parts, mut rest) = (Vec::<Part>::new(), bytes.as_slice());
    while !rest.is_empty() {
        let (topic, after) = rest.split_first_chunk()?;
        let (generation, mut after) = after.split_first()?;
        let (mut seq, mut shift) = (0_u64, 0);
        loop {
            let (byte, next) = after.split_first()?;
            after = next;
            seq |= u64::from(byte & 0x7f).checked_shl(shift)?;
            shift += 7;
            if byte & 0x80 == 0 {
                break;
            }
        }
        let (fingerprint, after) = after.split_first_chunk()?;
        rest = after;
        let topic = u16::from_be_bytes(*topic);
        if parts.len() == MERGED_MAX || parts.iter().any(|part| part.topic == topic) {
            return None;
        }
        let fingerprint = u32::from_be_bytes(*fingerprint);
        parts.push(Part { topic, generation: *generation, seq, fingerprint });
    }
    (!parts.is_empty() && encode(&parts) == text).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parts(seqs: &[u64]) -> Vec<Part> {
        let of = |(n, seq): (usize, &u64)| {
            let cursor = Cursor { generation: 7 + n as u64, seq: *seq, fingerprint: u32::MAX };
            Part::new(&format!("board/{n}"), cursor)
        };
        seqs.iter().enumerate().map(of).collect()
    }

    #[test]
    fn eight_positions_have_128_characters() {
        let text = encode(&parts(&[(1 << 35) - 1; MERGED_MAX]));
        assert_eq!(text.len(), 128);
        assert_eq!(decode(&text), Some(parts(&[(1 << 35) - 1; MERGED_MAX])));
    }

    #[test]
    fn nine_positions_two_in_one_topic_and_other_texts_are_nothing() {
        assert_eq!(decode(&encode(&parts(&[1; 9]))), None);
        let part = parts(&[1])[0];
        assert_eq!(decode(&encode(&[part, part])), None);
        for text in ["", "A", "5f3a09c2e1b47d60-42-9ac41f03", "é", "AAAA", "\n"] {
            assert_eq!(decode(text), None, "{text:?}");
        }
    }

    #[test]
    fn another_generation_does_not_fit() {
        let cursor = Cursor { generation: 0x0102, seq: 5, fingerprint: 9 };
        let part = Part::new("t", cursor);
        assert_eq!(part.cursor(0x0102), cursor);
        assert_ne!(part.cursor(0x0103).generation, 0x0103);
    }

    proptest! {
        #[test]
        fn text_and_positions_are_one(
            seqs in proptest::collection::vec(any::<u64>(), 1..=MERGED_MAX)
        ) {
            let parts = parts(&seqs);
            prop_assert_eq!(decode(&encode(&parts)), Some(parts));
        }

        #[test]
        fn no_text_panics(text: String, similar in "[A-Za-z0-9._]{0,140}") {
            let _ = (decode(&text), decode(&similar));
        }
    }
}
