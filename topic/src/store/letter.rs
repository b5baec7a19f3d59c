//! What nodes write to each other about a topic, as bytes. A letter that is torn or foreign is not read.

use std::sync::Arc;

use crate::{
    frame,
    log::{cursor::Cursor, durability::Durability, keys},
};

/// The version of the bytes. Letters of another version are not read.
const FORM: u8 = 1;

/// The bytes of a draft in a letter before its parts of varying length.
pub(crate) const DRAFT_AROUND: usize = 1 + 4 + 4;

/// A letter of one node to another, or to all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    /// The node that wrote it.
    pub(crate) from: u64,
    pub(crate) topic: Arc<str>,
    pub(crate) content: Content,
}

/// What a letter says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The writer appends to the topic while others do, and would append for them.
    Appends,
    /// The reader is asked to append drafts.
    Drafts(Drafts),
    /// The writer does not append the drafts with these numbers, or has failed to.
    Refusal {
        numbers: Vec<u64>,
        /// Whether it takes no further ones either.
        is_final: bool,
    },
}

/// Drafts that follow one another by number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Drafts {
    /// The number of the first one. A node uses no number twice.
    pub(crate) first: u64,
    /// The position that the sender had read up to.
    pub(crate) after: Cursor,
    /// The level that the entries must reach.
    pub(crate) durability: Durability,
    pub(crate) drafts: Vec<DraftSent>,
}

/// A message without a position.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DraftSent {
    /// The key that its publisher gave.
    pub(crate) key: Option<Arc<str>>,
    pub(crate) event: String,
    pub(crate) data: Vec<u8>,
}

impl Letter {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![FORM];
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
                    let key = key.as_deref().unwrap_or_default();
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
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut bytes = bytes.strip_prefix(&[FORM])?;
        let from = take_u64(&mut bytes)?;
        let topic = take_text(&mut bytes)?.into();
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

fn drafts(mut rest: &[u8]) -> Option<Drafts> {
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
        let (event, data) = (event.to_owned(), data.to_vec());
        drafts.push(DraftSent { key: key.map(Arc::from), event, data });
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

    fn draft() -> impl Strategy<Value = DraftSent> {
        let key = proptest::option::of("[a-z]{1,128}".prop_map(Arc::from));
        (key, "[a-z]{0,9}", "[0-9\u{e9}]{0,20}").prop_map(|(key, event, data)| DraftSent {
            key,
            event,
            data: data.into_bytes(),
        })
    }

    fn content() -> impl Strategy<Value = Content> {
        let level = prop_oneof![Just(Durability::Os), Just(Durability::Fsync)];
        let drafts = proptest::collection::vec(draft(), 0..5);
        let after = any::<(u64, u64, u32)>();
        let after = after.prop_map(|(g, seq, f)| Cursor { generation: g, seq, fingerprint: f });
        prop_oneof![
            Just(Content::Appends),
            (0..u64::MAX - 9, after, level, drafts).prop_map(
                |(first, after, durability, drafts)| {
                    Content::Drafts(Drafts { first, after, durability, drafts })
                }
            ),
            any::<(Vec<u64>, bool)>()
                .prop_map(|(numbers, is_final)| Content::Refusal { numbers, is_final }),
        ]
    }

    proptest! {
        #[test]
        fn bytes_and_letter_are_one(from: u64, topic in ".{1,30}", content in content()) {
            let letter = Letter { from, topic: topic.into(), content };
            prop_assert_eq!(Letter::decode(&letter.encode()), Some(letter));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>, kind in "[ADR]") {
            let _ = Letter::decode(&bytes);
            let begin = Letter { from: 1, topic: "t".into(), content: Content::Appends }.encode();
            let begin = &begin[..begin.len() - 1];
            let _ = Letter::decode(&[begin, kind.as_bytes(), &bytes].concat());
        }
    }

    #[test]
    fn drafts_that_a_log_would_not_take_are_not_read() {
        let after = Cursor { generation: 1, seq: 2, fingerprint: 3 };
        let read = |key: Option<&str>, event: &str, data: &str| {
            let (event, data) = (event.to_owned(), data.as_bytes().to_vec());
            let drafts = vec![DraftSent { key: key.map(Arc::from), event, data }];
            let drafts = Drafts { first: 1, after, durability: Durability::Os, drafts };
            let content = Content::Drafts(drafts);
            Letter::decode(&Letter { from: 1, topic: "t".into(), content }.encode())
        };
        assert!(read(Some("k"), "e", "1").is_some());
        assert!(read(Some("\0k"), "e", "1").is_none(), "the key of a draft");
        assert!(read(Some(&"k".repeat(129)), "e", "1").is_none(), "a long key");
        assert!(read(None, "e\n", "1").is_none(), "a line break in the name");
        assert!(read(None, "e", "1\r").is_none(), "a line break in the data");
    }
}
