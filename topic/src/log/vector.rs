//! The positions of a stream in several topics, as one text: the id of its frames.
//!
//! Each position takes 12 bytes for numbers below 2^35, so that eight of them have 128 characters:
//! a tag of the topic's name (16 bits), a tag of the generation (8 bits), the number (LEB128) and the
//! fingerprint, mixed with 32 more bits of the generation. The tags are shorter than what they stand
//! for. A wrong match shows by the fingerprint: the listener then reads a gap.

use std::{fmt, str::FromStr};

use crate::log::{
    cursor::Cursor,
    fingerprint::{Fingerprint, digest},
};

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
    /// The fingerprint, mixed with the upper half of the generation: before the first message all
    /// logs have the same fingerprint.
    mixed: u32,
}

impl Part {
    pub(crate) fn new(topic: &str, cursor: Cursor) -> Self {
        let Cursor { generation, seq, fingerprint } = cursor;
        let mixed = fingerprint ^ upper(generation);
        Self { topic: tag(topic), generation: short(generation), seq, mixed }
    }

    /// Returns the cursor in a log of this generation. If the position was in another log, it is a
    /// cursor of another generation, or of another history.
    pub(crate) fn cursor(self, generation: u64) -> Cursor {
        let Self { seq, mixed, .. } = self;
        let fingerprint = mixed ^ upper(generation);
        let can_be = seq > 0 || fingerprint == Fingerprint::SEED.0;
        let is_same = self.generation == short(generation) && can_be;
        Cursor { generation: if is_same { generation } else { !generation }, seq, fingerprint }
    }
}

/// Positions in up to [`MERGED_MAX`] topics, as one text: what [`Merged`](crate::Merged) goes on
/// after. Each position knows its topic.
///
/// # Examples
///
/// ```
/// # use kipo_topic::Event;
/// use kipo_topic::{Positions, Topic};
/// # struct N(u32);
/// # impl Event for N {
/// #     fn name(&self) -> &'static str { "n" }
/// #     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
/// #         serde_json::to_writer(out, &self.0)
/// #     }
/// # }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let (attic, cellar) = (Topic::new("attic"), Topic::new("cellar"));
/// let position = attic.publish(&N(1)).await?;
/// let mut positions = Positions::default();
/// positions.add(attic.name(), position);
///
/// let text = positions.to_string();
/// let positions: Positions = text.parse().unwrap();
/// assert_eq!(positions.of(attic.name(), position.generation()), Some(position));
/// assert_eq!(positions.of(cellar.name(), position.generation()), None);
///
/// // A topic that was made anew has another generation: the position is none in it.
/// let stale = positions.of(attic.name(), 7).unwrap();
/// assert_ne!(stale.generation(), 7);
/// # // Each generation is random.
/// # let _ = cellar.publish(&N(2)).await?;
/// # Ok::<_, kipo_topic::PublishError>(()) }).unwrap();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Positions(Vec<Part>);

impl Positions {
    /// Adds the position in the topic of this name. Of two positions in one topic the first counts.
    ///
    /// # Panics
    ///
    /// Panics if there are [`MERGED_MAX`] positions already.
    pub fn add(&mut self, topic: &str, position: Cursor) {
        self.push(Part::new(topic, position));
    }

    pub(crate) fn push(&mut self, part: Part) {
        if self.0.iter().any(|known| known.topic == part.topic) {
            return;
        }
        assert!(self.0.len() < MERGED_MAX, "there are at most {MERGED_MAX} positions");
        self.0.push(part);
    }

    /// Returns the position in the topic of this name, if there is one. `generation` is that of the
    /// topic now. A position from another generation is a cursor that the topic does not grant: a
    /// listener that shows it reads a gap.
    #[must_use]
    pub fn of(&self, topic: &str, generation: u64) -> Option<Cursor> {
        self.part(topic).map(|part| part.cursor(generation))
    }

    /// Returns whether a message of the topic of this name is at its position or before: `cursor` is
    /// that of the message.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo_topic::{Cursor, Positions};
    ///
    /// let [one, two, three] = ["1", "2", "3"].map(|n| {
    ///     format!("5f3a09c2e1b47d60-{n}-9ac41f03").parse::<Cursor>().unwrap()
    /// });
    /// let mut positions = Positions::default();
    /// positions.add("room", two);
    /// assert!(positions.includes("room", one) && positions.includes("room", two));
    /// assert!(!positions.includes("room", three) && !positions.includes("hall", one));
    /// ```
    #[must_use]
    pub fn includes(&self, topic: &str, cursor: Cursor) -> bool {
        self.of(topic, cursor.generation)
            .is_some_and(|at| at.generation == cursor.generation && cursor.seq <= at.seq)
    }

    pub(crate) fn part(&self, topic: &str) -> Option<Part> {
        let tag = tag(topic);
        self.0.iter().find(|part| part.topic == tag).copied()
    }
}

impl fmt::Display for Positions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&encode(&self.0))
    }
}

impl FromStr for Positions {
    type Err = ParsePositionsError;

    /// Reads exactly what [`Display`](fmt::Display) writes: the same positions have one text.
    fn from_str(text: &str) -> Result<Self, ParsePositionsError> {
        decode(text).map(Self).ok_or(ParsePositionsError)
    }
}

/// The error of a text that is no [`Positions`].
///
/// # Examples
///
/// ```
/// let error = "42".parse::<kipo_topic::Positions>().unwrap_err();
/// assert_eq!(error.to_string(), "not a list of positions in topics");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParsePositionsError;

impl fmt::Display for ParsePositionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a list of positions in topics")
    }
}

impl std::error::Error for ParsePositionsError {}

/// Returns 16 bits of a topic's name. The values go into cursors, so the function never changes.
fn tag(topic: &str) -> u16 {
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

/// Returns bits of a generation that [`short`] does not have.
fn upper(generation: u64) -> u32 {
    (generation >> 32) as u32
}

/// Returns positions as text.
fn encode(parts: &[Part]) -> String {
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
        bytes.extend(part.mixed.to_be_bytes());
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
fn decode(text: &str) -> Option<Vec<Part>> {
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
        let (mixed, after) = after.split_first_chunk()?;
        rest = after;
        let topic = u16::from_be_bytes(*topic);
        if parts.len() == MERGED_MAX || parts.iter().any(|part| part.topic == topic) {
            return None;
        }
        let mixed = u32::from_be_bytes(*mixed);
        parts.push(Part { topic, generation: *generation, seq, mixed });
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

    #[test]
    fn an_empty_log_made_anew_does_not_fit_though_the_tag_of_its_generation_is_the_same() {
        let start = |generation| Cursor { generation, seq: 0, fingerprint: 0 };
        let (before, anew) = (0x0000_0001_0000_0007, 0x0000_0002_0000_0007);
        let part = Part::new("t", start(before));
        assert_eq!(part.cursor(before), start(before));
        assert_ne!(part.cursor(anew).generation, anew);
    }

    #[test]
    fn of_two_positions_in_one_topic_the_first_counts() {
        let cursor = |seq| Cursor { generation: 7, seq, fingerprint: 9 };
        let mut positions = Positions::default();
        for (topic, seq) in [("a", 1), ("b", 2), ("a", 3)] {
            positions.add(topic, cursor(seq));
        }
        let positions: Positions = positions.to_string().parse().unwrap();
        let of = |topic| positions.of(topic, 7).map(|cursor| cursor.seq);
        assert_eq!((of("a"), of("b"), of("c")), (Some(1), Some(2), None));
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
