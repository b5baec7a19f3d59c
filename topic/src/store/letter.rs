//! What nodes write to each other about a topic, as bytes. A letter that is torn or foreign is not read.

use crate::{
    frame,
    log::{cursor::Cursor, durability::Durability, keys},
};

/// The version of the bytes. Letters of another version are not read.
const FORM: u8 = 1;

/// The most bytes of a letter before its topic and what is in it.
const AROUND_MAX: usize = 1 + 8 + 4 + 1 + (8 + 8 + 8 + 4 + 1);

/// The bytes of a draft in a letter before its parts of varying length.
const DRAFT_AROUND: usize = 1 + 4 + 4;

/// A letter of one node to another, or to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter<'a> {
    /// The node that wrote it.
    pub(crate) from: u64,
    pub(crate) topic: &'a str,
    pub(crate) content: Content<'a>,
}

/// What a letter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content<'a> {
    /// The writer appends to the topic while others do, and would append for them.
    Appends,
    /// The reader is asked to append drafts.
    Drafts(Drafts<'a>),
    /// The writer does not append the drafts with these numbers, or has failed to.
    Refusal {
        numbers: Vec<u64>,
        /// Whether it takes no further ones either.
        is_final: bool,
    },
}

/// Drafts that follow one another by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drafts<'a> {
    /// The number of the first one. A node uses no number twice.
    pub(crate) first: u64,
    /// The position that the sender had read up to.
    pub(crate) after: Cursor,
    /// The level that the entries must reach.
    pub(crate) durability: Durability,
    pub(crate) drafts: Vec<DraftSent<'a>>,
}

/// A message without a position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct DraftSent<'a> {
    /// The key that its publisher gave.
    pub(crate) key: Option<&'a str>,
    pub(crate) event: &'a str,
    pub(crate) data: &'a [u8],
}

impl DraftSent<'_> {
    /// Returns how many bytes it has in a letter.
    pub(crate) fn len(&self) -> usize {
        self.key.map_or(0, str::len) + self.event.len() + self.data.len() + DRAFT_AROUND
    }
}

impl<'a> Letter<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let varying = match &self.content {
            Content::Appends => 0,
            Content::Drafts(drafts) => drafts.drafts.iter().map(DraftSent::len).sum(),
            Content::Refusal { numbers, .. } => size_of_val(&**numbers),
        };
        let mut bytes = Vec::with_capacity(AROUND_MAX + self.topic.len() + varying);
        bytes.push(FORM);
        bytes.extend(self.from.to_be_bytes());
        put(&mut bytes, self.topic.as_bytes());
        match &self.content {
            Content::Appends => bytes.push(b'A'),
            Content::Drafts(Drafts { first, after, durability, drafts }) => {
                bytes.push(b'D');
                bytes.extend(first.to_be_bytes());
                bytes.extend(after.generation.to_be_bytes());
                bytes.extend(after.seq.to_be_bytes());
                bytes.extend(after.fingerprint.to_be_bytes());
                bytes.push(level(*durability));
                for DraftSent { key, event, data } in drafts {
                    let key = key.unwrap_or_default();
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "a key has at most 128 bytes"
                    )]
                    bytes.push(key.len() as u8);
                    bytes.extend(key.as_bytes());
                    put(&mut bytes, event.as_bytes());
                    put(&mut bytes, data);
                }
            }
            Content::Refusal { numbers, is_final } => {
                bytes.extend([b'R', u8::from(*is_final)]);
                numbers.iter().for_each(|number| bytes.extend(number.to_be_bytes()));
            }
        }
        bytes
    }

    /// Reads what [`encode`](Self::encode) wrote, and checks what a log would not take.
    pub(crate) fn decode(bytes: &'a [u8]) -> Option<Self> {
        let mut bytes = bytes.strip_prefix(&[FORM])?;
        let from = take_u64(&mut bytes)?;
        let topic = take_text(&mut bytes)?;
        let (kind, mut rest) = bytes.split_first()?;
        let content = match kind {
            b'A' if rest.is_empty() => Content::Appends,
            b'D' => Content::Drafts(drafts(rest)?),
            b'R' => {
                let is_final = match take(&mut rest, 1)? {
                    [0] => false,
                    [1] => true,
                    _ => return None,
                };
                let (numbers, torn) = rest.as_chunks();
                let numbers = numbers.iter().map(|number| u64::from_be_bytes(*number)).collect();
                torn.is_empty().then_some(Content::Refusal { numbers, is_final })?
            }
            _ => return None,
        };
        Some(Self { from, topic, content })
    }
}

fn drafts(mut rest: &[u8]) -> Option<Drafts<'_>> {
    let first = take_u64(&mut rest)?;
    let (generation, seq) = (take_u64(&mut rest)?, take_u64(&mut rest)?);
    let fingerprint = u32::from_be_bytes(*take(&mut rest, 4)?.first_chunk()?);
    let durability = match take(&mut rest, 1)? {
        [1] => Durability::Os,
        [2] => Durability::Fsync,
        _ => return None,
    };
    let mut drafts = Vec::new();
    while !rest.is_empty() {
        let [key_len] = take(&mut rest, 1)? else { return None };
        let key = std::str::from_utf8(take(&mut rest, usize::from(*key_len))?).ok()?;
        let key = (!key.is_empty()).then_some(key);
        let (event, data) = (take_text(&mut rest)?, take_text(&mut rest)?.as_bytes());
        if !key.is_none_or(keys::is_sound) || !frame::is_sound(event, data) {
            return None;
        }
        drafts.push(DraftSent { key, event, data });
    }
    first.checked_add(drafts.len() as u64)?;
    let after = Cursor { generation, seq, fingerprint };
    Some(Drafts { first, after, durability, drafts })
}

/// Topics in memory have no engine, so no letter is about one.
fn level(durability: Durability) -> u8 {
    match durability {
        Durability::Memory | Durability::Os => 1,
        Durability::Fsync => 2,
    }
}

fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    #[expect(clippy::cast_possible_truncation, reason = "a letter is below 4 GiB")]
    bytes.extend((part.len() as u32).to_be_bytes());
    bytes.extend(part);
}

fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Option<&'a [u8]> {
    let (part, rest) = bytes.split_at_checked(count)?;
    *bytes = rest;
    Some(part)
}

fn take_u64(bytes: &mut &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(*take(bytes, 8)?.first_chunk()?))
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let len = u32::from_be_bytes(*take(bytes, 4)?.first_chunk()?);
    std::str::from_utf8(take(bytes, usize::try_from(len).ok()?)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The parts of a draft.
    type Owned = (Option<String>, String, String);

    fn draft() -> impl Strategy<Value = Owned> {
        (proptest::option::of("[a-z]{1,128}"), "[a-z]{0,9}", "[0-9\u{e9}]{0,20}")
    }

    fn letter<'a>(from: u64, topic: &'a str, content: Content<'a>) -> Letter<'a> {
        Letter { from, topic, content }
    }

    proptest! {
        #[test]
        fn bytes_and_letter_are_one(
            from: u64,
            topic in ".{1,30}",
            first in 0..u64::MAX - 9,
            (generation, seq, fingerprint) in any::<(u64, u64, u32)>(),
            durability in prop_oneof![Just(Durability::Os), Just(Durability::Fsync)],
            owned in proptest::collection::vec(draft(), 0..5),
            numbers: Vec<u64>,
            is_final: bool,
        ) {
            let drafts = owned.iter().map(|(key, event, data)| DraftSent {
                key: key.as_deref(),
                event,
                data: data.as_bytes(),
            });
            let (drafts, after) = (drafts.collect(), Cursor { generation, seq, fingerprint });
            for content in [
                Content::Appends,
                Content::Drafts(Drafts { first, after, durability, drafts }),
                Content::Refusal { numbers, is_final },
            ] {
                let letter = letter(from, &topic, content);
                let bytes = letter.encode();
                prop_assert_eq!(Letter::decode(&bytes), Some(letter));
            }
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, kind in "[ADR]") {
            let _ = Letter::decode(&bytes);
            let begin = letter(1, "t", Content::Appends).encode();
            let begin = &begin[..begin.len() - 1];
            let _ = Letter::decode(&[begin, kind.as_bytes(), &bytes].concat());
        }
    }

    #[test]
    fn drafts_that_a_log_would_not_take_are_not_read() {
        let after = Cursor { generation: 1, seq: 2, fingerprint: 3 };
        let is_read = |key: Option<&str>, event: &str, data: &str| {
            let drafts = vec![DraftSent { key, event, data: data.as_bytes() }];
            let drafts = Drafts { first: 1, after, durability: Durability::Os, drafts };
            let bytes = letter(1, "t", Content::Drafts(drafts)).encode();
            Letter::decode(&bytes).is_some()
        };
        assert!(is_read(Some("k"), "e", "1"));
        assert!(!is_read(Some("\0k"), "e", "1"), "the key of a draft");
        assert!(!is_read(Some(&"k".repeat(129)), "e", "1"), "a long key");
        assert!(!is_read(None, "e\n", "1"), "a line break in the name");
        assert!(!is_read(None, "e", "1\r"), "a line break in the data");
    }
}
