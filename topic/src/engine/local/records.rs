//! The form of a topic in the database, and how its entries are read from there.
//!
//! | space | key | value |
//! |---|---|---|
//! | topics | name | id (u32), generation (u64), and a byte more if the topic was removed |
//! | records | id (u32), number (u64) | 1, time (u64), fingerprint before (u32) and after (u32), length of the event's name (u32), name, data |
//! | keys | id (u32), number (u64) | time (u64), fingerprint (u32), the key |
//!
//! Numbers are big-endian, so that the order of the keys is that of the messages. A record holds the
//! fingerprint of the history that it continues, so each is checked by itself and against the
//! record before it.

use std::{
    collections::{BTreeMap, VecDeque},
    io,
    sync::Arc,
};

use crate::{
    engine::{
        Entry, Head,
        local::key_value::{Change, KeyValue, Space},
    },
    log::cursor::Cursor,
};

/// The version of a record's form. A record of another version is not read.
const FORM: u8 = 1;

/// A topic's place in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: u32,
    pub(super) generation: u64,
    pub(super) is_removed: bool,
}

impl Identity {
    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (id, rest) = value.split_first_chunk()?;
        let (generation, rest) = rest.split_first_chunk()?;
        let (id, generation) = (u32::from_be_bytes(*id), u64::from_be_bytes(*generation));
        Some(Self { id, generation, is_removed: !rest.is_empty() })
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut value = self.id.to_be_bytes().to_vec();
        value.extend(self.generation.to_be_bytes());
        value.extend(self.is_removed.then_some(1));
        value
    }
}

/// What the database holds of a topic.
#[derive(Debug)]
pub(super) struct Found {
    /// Without holes, up to the head.
    pub(super) entries: VecDeque<Entry>,
    /// The keys of entries that are no longer there: position and time, oldest first.
    pub(super) keys: Vec<(Arc<str>, Cursor, u64)>,
    pub(super) head: Head,
    /// The number of the oldest record in the database.
    pub(super) first: u64,
    /// The numbers of the messages whose keys are still in the database, oldest first.
    pub(super) keyed: VecDeque<u64>,
    /// Torn records at the end; they are never served.
    pub(super) torn: Vec<u64>,
    /// How many records come before a torn one in the middle: no history leads from them to the
    /// newest message.
    pub(super) unreachable: u64,
}

impl Found {
    /// Returns what a database holds of a topic that was never appended to.
    pub(super) fn nothing(generation: u64) -> Self {
        Self {
            entries: VecDeque::new(),
            keys: Vec::new(),
            head: Head::of_generation(generation),
            first: 1,
            keyed: VecDeque::new(),
            torn: Vec::new(),
            unreachable: 0,
        }
    }

    /// Reads what the database holds of a topic. Of its entries it keeps those after `after`.
    pub(super) fn read(
        database: &dyn KeyValue,
        identity: Identity,
        after: u64,
    ) -> io::Result<Self> {
        let Identity { id, generation, .. } = identity;
        let mut found = Self::nothing(generation);
        let mut any = false;
        database.scan(Space::Records, &id.to_be_bytes(), b"", &mut |key, value| {
            let Some(seq) = seq_of(key) else { return true };
            if !std::mem::replace(&mut any, true) {
                found.first = seq;
            }
            found.take(seq, value, after);
            true
        })?;
        let mut keys = BTreeMap::new();
        database.scan(Space::Keys, &id.to_be_bytes(), b"", &mut |key, value| {
            let Some(seq) = seq_of(key) else { return true };
            found.keyed.push_back(seq);
            // The message of a key beyond the head was torn, so it was not published.
            if let Some(key) = decode_key(value)
                && seq <= found.head.cursor.seq
            {
                keys.insert(seq, key);
            }
            true
        })?;
        let oldest = found.entries.front().map_or(u64::MAX, Entry::seq);
        for entry in &mut found.entries {
            entry.key = keys.get(&entry.seq()).map(|(_, _, key)| Arc::clone(key));
        }
        let earlier = keys.into_iter().filter(|(seq, _)| *seq < oldest);
        found.keys.extend(earlier.map(|(seq, (stamp_ms, fingerprint, key))| {
            (key, Cursor { generation, seq, fingerprint }, stamp_ms)
        }));
        Ok(found)
    }

    /// Takes the next record in the order of numbers.
    fn take(&mut self, seq: u64, value: &[u8], after: u64) {
        let Some(stored) = Stored::decode(value) else {
            self.torn.push(seq);
            return;
        };
        let Cursor { generation, seq: last, fingerprint } = self.head.cursor;
        let goes_on = last + 1 == seq && fingerprint == stored.before;
        if !goes_on || !self.torn.is_empty() {
            // Where a record is missing the history before it ends, as if it were trimmed.
            self.unreachable += self.entries.len() as u64;
            self.entries.clear();
            let cursor = Cursor { generation, seq: seq - 1, fingerprint: stored.before };
            self.head = Head { cursor, stamp_ms: 0 };
        }
        let entry = stored.entry(&self.head);
        let Some(entry) = entry.filter(|entry| entry.cursor().fingerprint == stored.after) else {
            self.torn.push(seq);
            return;
        };
        self.torn.clear();
        self.head = entry.head();
        if seq > after {
            self.entries.push_back(entry);
        }
    }

    /// Returns the changes that remove the torn records.
    pub(super) fn truncation(&self, id: u32) -> Vec<Change> {
        let torn = self.torn.iter();
        torn.map(|seq| Change::Delete { space: Space::Records, key: entry_key(id, *seq) }).collect()
    }
}

/// Reads entries that follow `head`, about `bytes` of them, as far as they go on without a hole.
pub(super) fn read_on(
    database: &dyn KeyValue,
    id: u32,
    after: u64,
    generation: u64,
    bytes: usize,
) -> io::Result<Vec<Entry>> {
    let (mut entries, mut size) = (Vec::<Entry>::new(), 0);
    let mut keys = BTreeMap::new();
    let from = entry_key(id, after + 1);
    database.scan(Space::Records, &id.to_be_bytes(), &from, &mut |key, value| {
        let Some((seq, stored)) = seq_of(key).zip(Stored::decode(value)) else { return false };
        let before = Cursor { generation, seq: seq - 1, fingerprint: stored.before };
        let goes_on = entries.last().is_none_or(|last| last.cursor() == before);
        let entry = stored.entry(&Head { cursor: before, stamp_ms: 0 });
        let Some(entry) = entry.filter(|e| goes_on && e.cursor().fingerprint == stored.after)
        else {
            return false;
        };
        size += entry.encoded_len();
        entries.push(entry);
        size < bytes
    })?;
    if let (Some(first), Some(last)) = (entries.first(), entries.last()) {
        let (from, to) = (entry_key(id, first.seq()), last.seq());
        database.scan(Space::Keys, &id.to_be_bytes(), &from, &mut |key, value| {
            let Some(seq) = seq_of(key).filter(|seq| *seq <= to) else { return false };
            keys.extend(decode_key(value).map(|(_, _, key)| (seq, key)));
            true
        })?;
    }
    for entry in &mut entries {
        entry.key = keys.remove(&entry.seq());
    }
    Ok(entries)
}

/// A record in the form that the database holds.
struct Stored<'a> {
    stamp_ms: u64,
    before: u32,
    after: u32,
    event: &'a str,
    data: &'a [u8],
}

impl<'a> Stored<'a> {
    /// Returns nothing for a torn record, or one of another form.
    fn decode(value: &'a [u8]) -> Option<Self> {
        let (form, rest) = value.split_first()?;
        let (stamp, rest) = rest.split_first_chunk()?;
        let (before, rest) = rest.split_first_chunk()?;
        let (after, rest) = rest.split_first_chunk()?;
        let (event_len, rest) = rest.split_first_chunk()?;
        let event_len = usize::try_from(u32::from_be_bytes(*event_len)).ok()?;
        let (event, data) = rest.split_at_checked(event_len)?;
        let event = std::str::from_utf8(event).ok()?;
        (*form == FORM).then_some(Self {
            stamp_ms: u64::from_be_bytes(*stamp),
            before: u32::from_be_bytes(*before),
            after: u32::from_be_bytes(*after),
            event,
            data,
        })
    }

    fn entry(&self, head: &Head) -> Option<Entry> {
        Entry::next(head, None, self.event, self.data, self.stamp_ms)
    }
}

/// Adds an entry to a batch, with its key.
pub(super) fn put(changes: &mut Vec<Change>, id: u32, entry: &Entry) {
    let (event, data) = (entry.event(), entry.data());
    let mut value = Vec::with_capacity(21 + event.len() + data.len());
    value.push(FORM);
    value.extend(entry.stamp_ms().to_be_bytes());
    value.extend(entry.before.to_be_bytes());
    value.extend(entry.cursor().fingerprint.to_be_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "a part of a frame is below 4 GiB")]
    value.extend((event.len() as u32).to_be_bytes());
    value.extend(event.as_bytes());
    value.extend(data.as_bytes());
    let key = entry_key(id, entry.seq());
    changes.push(Change::Put { space: Space::Records, key: key.clone(), value });
    if let Some(once) = entry.key() {
        let mut value = entry.stamp_ms().to_be_bytes().to_vec();
        value.extend(entry.cursor().fingerprint.to_be_bytes());
        value.extend(once.as_bytes());
        changes.push(Change::Put { space: Space::Keys, key, value });
    }
}

fn decode_key(value: &[u8]) -> Option<(u64, u32, Arc<str>)> {
    let (stamp, rest) = value.split_first_chunk()?;
    let (fingerprint, key) = rest.split_first_chunk()?;
    let key = std::str::from_utf8(key).ok()?;
    Some((u64::from_be_bytes(*stamp), u32::from_be_bytes(*fingerprint), key.into()))
}

/// Returns the key of the entries of message `seq` of topic `id`.
pub(super) fn entry_key(id: u32, seq: u64) -> Vec<u8> {
    [&id.to_be_bytes()[..], &seq.to_be_bytes()].concat()
}

fn seq_of(key: &[u8]) -> Option<u64> {
    // Number 0 is no message.
    let seq = u64::from_be_bytes(*key.get(4..)?.as_array()?);
    (seq > 0).then_some(seq)
}
