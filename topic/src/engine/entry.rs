//! One message as an engine keeps it.

use std::sync::Arc;

use crate::log::{
    cursor::Cursor,
    generation,
    keys::KEY_BYTES_MAX,
    record::{Draft, Record},
};

pub use crate::log::record::Head;

/// The version of the bytes of an entry. Entries of another version are not read.
const FORM: u8 = 2;

/// The bytes of an entry before its parts of varying length.
const FIXED: usize = 1 + 8 + 8 + 8 + 4 + 4 + 1 + 4;

/// One message with its number, the fingerprints before and after it, and the key that it was
/// published with.
///
/// Its bytes: 2, generation (u64), number (u64), time in milliseconds since 1970 (u64),
/// fingerprint before (u32) and after (u32), length of the key (u8) and of the event's name (u32),
/// all big-endian; then key, name and data.
///
/// # Examples
///
/// ```
/// use kipo_topic::engine::{Entry, Head};
///
/// let entry = Entry::next(&Head::start(7, "room"), None, "said", br#""hi""#, 1_000).unwrap();
/// let bytes = entry.encode();
/// let read = Entry::decode(&bytes).unwrap();
/// assert_eq!((read.seq(), read.event(), read.data()), (1, "said", r#""hi""#));
/// assert_eq!(read.cursor(), entry.cursor());
///
/// // What was changed, or is no entry, is not read.
/// assert!(Entry::decode(&bytes[..bytes.len() - 1]).is_none());
/// assert!(Entry::decode(b"somebody else's").is_none());
/// ```
#[derive(Clone, Debug)]
pub struct Entry {
    pub(crate) before: u32,
    pub(crate) cursor: Cursor,
    pub(crate) record: Record,
    pub(crate) key: Option<Arc<str>>,
}

impl Head {
    /// Returns the head of a topic that was never appended to, in the engine with this
    /// [id](crate::engine::Profile::id): the same on every node.
    #[must_use]
    pub fn start(engine: u64, topic: &str) -> Self {
        Self::of_generation(generation::derived(engine, topic))
    }
}

impl Entry {
    /// Returns the entry that follows `head`; nothing for an event's name or data with a line
    /// break, or a key that is empty or longer than 128 bytes.
    #[must_use]
    pub fn next(
        head: &Head,
        key: Option<&str>,
        event: &str,
        data: &[u8],
        stamp_ms: u64,
    ) -> Option<Self> {
        let key_is_sound = key.is_none_or(|key| (1..=KEY_BYTES_MAX).contains(&key.len()));
        if !key_is_sound {
            return None;
        }
        let (before, mut head) = (head.cursor.fingerprint, *head);
        let record = head.number(Draft::read(event, data, head.cursor.seq + 1)?, stamp_ms);
        Some(Self { before, cursor: head.cursor, record, key: key.map(Arc::from) })
    }

    /// Returns the entry's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.cursor.seq()
    }

    /// Returns the position after the entry.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Returns the position before the entry.
    #[must_use]
    pub fn before(&self) -> Cursor {
        Cursor { seq: self.cursor.seq - 1, fingerprint: self.before, ..self.cursor }
    }

    /// Returns the head of a log whose newest entry is this one.
    #[must_use]
    pub fn head(&self) -> Head {
        Head { cursor: self.cursor, stamp_ms: self.record.stamp_ms() }
    }

    /// Returns the name of the event.
    #[must_use]
    pub fn event(&self) -> &str {
        self.record.event_str()
    }

    /// Returns the event's data, as JSON.
    #[must_use]
    pub fn data(&self) -> &str {
        self.record.data_str()
    }

    /// Returns the key that the entry was published with.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.key.as_deref()
    }

    /// Returns when the entry was published, in milliseconds since 1970 (UTC).
    #[must_use]
    pub fn stamp_ms(&self) -> u64 {
        self.record.stamp_ms()
    }

    /// Returns how many bytes [`encode`](Self::encode) returns.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let (event, data) = (self.record.event_bytes(), self.record.data_bytes());
        FIXED + self.key().map_or(0, str::len) + event.len() + data.len()
    }

    /// Returns the entry as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.encoded_len());
        self.encode_to(&mut bytes);
        bytes
    }

    /// Writes what [`encode`](Self::encode) returns.
    pub(crate) fn encode_to(&self, bytes: &mut Vec<u8>) {
        let (event, data) = (self.record.event_bytes(), self.record.data_bytes());
        let key = self.key().unwrap_or_default();
        bytes.push(FORM);
        bytes.extend(self.cursor.generation.to_be_bytes());
        bytes.extend(self.cursor.seq.to_be_bytes());
        bytes.extend(self.stamp_ms().to_be_bytes());
        bytes.extend(self.before.to_be_bytes());
        bytes.extend(self.cursor.fingerprint.to_be_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "a key has at most 128 bytes")]
        bytes.push(key.len() as u8);
        #[expect(clippy::cast_possible_truncation, reason = "a part of a frame is below 4 GiB")]
        bytes.extend((event.len() as u32).to_be_bytes());
        bytes.extend(key.as_bytes());
        bytes.extend(event);
        bytes.extend(data);
    }

    /// Returns the positions before and after an entry, without a look at the rest of its bytes.
    pub(crate) fn positions(bytes: &[u8]) -> Option<(Cursor, Cursor)> {
        let rest = bytes.strip_prefix(&[FORM])?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (_stamp, rest) = rest.split_first_chunk::<8>()?;
        let (before, rest) = rest.split_first_chunk()?;
        let after = rest.first_chunk()?;
        let (generation, seq) = (u64::from_be_bytes(*generation), u64::from_be_bytes(*seq));
        let cursor = |seq, fingerprint: &[u8; 4]| Cursor {
            generation,
            seq,
            fingerprint: u32::from_be_bytes(*fingerprint),
        };
        Some((cursor(seq.checked_sub(1)?, before), cursor(seq, after)))
    }

    /// Reads what [`encode`](Self::encode) wrote. Returns nothing for a torn or foreign entry, and
    /// for one whose fingerprint does not fit its contents.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (form, rest) = bytes.split_first()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (seq, rest) = rest.split_first_chunk()?;
        let (stamp, rest) = rest.split_first_chunk()?;
        let (before, rest) = rest.split_first_chunk()?;
        let (after, rest) = rest.split_first_chunk()?;
        let (key_len, rest) = rest.split_first()?;
        let (event_len, rest) = rest.split_first_chunk()?;
        let event_len = usize::try_from(u32::from_be_bytes(*event_len)).ok()?;
        let (key, rest) =
            std::str::from_utf8(rest).ok()?.split_at_checked(usize::from(*key_len))?;
        let (event, data) = rest.split_at_checked(event_len)?;
        let (generation, fingerprint) =
            (u64::from_be_bytes(*generation), u32::from_be_bytes(*before));
        let seq = u64::from_be_bytes(*seq).checked_sub(1)?;
        let stamp_ms = u64::from_be_bytes(*stamp);
        // The time of the head does not matter here: that of the entry is not before it.
        let head = Head { cursor: Cursor { generation, seq, fingerprint }, stamp_ms: 0 };
        let key = (!key.is_empty()).then_some(key);
        let entry = Self::next(&head, key, event, data.as_bytes(), stamp_ms)?;
        (*form == FORM && entry.cursor.fingerprint == u32::from_be_bytes(*after)).then_some(entry)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn bytes_and_entry_are_one(
            generation: u64, seq in 0..u64::MAX, fingerprint: u32, stamp_ms: u64,
            key in proptest::option::of("[a-z]{1,128}"), event in "[a-z]{1,9}", data: Vec<u8>,
        ) {
            let data = serde_json::to_vec(&data).unwrap();
            let head = Head { cursor: Cursor { generation, seq, fingerprint }, stamp_ms: 0 };
            let entry = Entry::next(&head, key.as_deref(), &event, &data, stamp_ms).unwrap();
            let bytes = entry.encode();
            prop_assert_eq!(bytes.len(), entry.encoded_len());
            prop_assert_eq!(Entry::positions(&bytes), Some((entry.before(), entry.cursor())));
            let read = Entry::decode(&bytes).unwrap();
            prop_assert_eq!((read.cursor(), read.before()), (entry.cursor(), head.cursor));
            prop_assert_eq!((read.key(), read.event()), (entry.key(), entry.event()));
            prop_assert_eq!((read.data(), read.stamp_ms()), (entry.data(), entry.stamp_ms()));
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = (Entry::decode(&bytes), Entry::positions(&bytes));
        }
    }

    #[test]
    fn a_changed_byte_is_noticed() {
        let entry = Entry::next(&Head::start(1, "t"), Some("k"), "e", b"[1,2]", 9).unwrap();
        let bytes = entry.encode();
        // A key is no part of the history, so its fingerprint does not cover it.
        for at in (0..bytes.len()).filter(|at| *at != FIXED) {
            let mut changed = bytes.clone();
            changed[at] ^= 1;
            let positions = |entry: &Entry| (entry.before(), entry.cursor());
            let read = Entry::decode(&changed).as_ref().map(positions);
            assert_ne!(read, Some(positions(&entry)), "byte {at}");
        }
    }
}
