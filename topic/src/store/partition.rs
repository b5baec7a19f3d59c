//! One topic's part of a store: the form of its records there, and how a log is read from them.
//!
//! | space | key | value |
//! |---|---|---|
//! | topics | name | id (u32), generation (u64) |
//! | records | id (u32), number (u64) | 1, time (u64), fingerprint before (u32) and after (u32), length of the event's name (u32), name, data |
//! | keys | id (u32), number (u64) | time (u64), fingerprint (u32), the key |
//!
//! Numbers are big-endian, so that the order of the keys is that of the messages. A record holds the
//! fingerprint of the history that it continues, so each is checked by itself and against the
//! record before it.

use std::{collections::VecDeque, io, sync::Arc};

use crate::{
    channel::Channel,
    engine::{Change, Engine, Space},
    frame,
    log::{
        Log,
        cursor::Cursor,
        keys::Keys,
        record::{Draft, Head, Record},
        retention::Retention,
    },
};

/// The version of a record's form. A record of another version is not read.
const FORM: u8 = 1;

/// How many entries one batch erases: a retention that is lowered by a million messages takes
/// several batches and holds up no publisher.
const ERASED_MAX: usize = 10_000;

/// One topic in a store.
#[derive(Debug)]
pub(crate) struct Partition {
    pub(crate) id: u32,
    pub(crate) channel: Arc<Channel>,
    /// The number of the oldest message that is still in the store.
    first: u64,
    /// The numbers of the messages whose keys are still in the store, oldest first.
    keyed: VecDeque<u64>,
}

/// What a store holds of a topic.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) log: Log,
    pub(crate) keys: Keys,
    /// The number of the oldest message in the store.
    first: u64,
    keyed: VecDeque<u64>,
    /// Torn records at the end; they are never served.
    pub(crate) torn: Vec<u64>,
    /// How many records come before a torn one in the middle: no history leads from them to the
    /// newest message.
    pub(crate) unreachable: u64,
}

impl Partition {
    pub(crate) fn new(id: u32, channel: Arc<Channel>, found: (u64, VecDeque<u64>)) -> Self {
        let (first, keyed) = found;
        Self { id, channel, first, keyed }
    }

    /// Publishes the stored messages after the newest published one, and goes on from there.
    pub(crate) fn catch_up(&mut self, found: Found) {
        let published = self.channel.head().cursor.seq;
        let later = (published + 1..=found.log.head().cursor.seq)
            .filter_map(|seq| found.log.get(seq).cloned());
        self.channel.commit(later, found.keys.after(published));
        (self.first, self.keyed) = (found.first, found.keyed);
    }

    /// Adds a message to a batch.
    pub(crate) fn put(&self, changes: &mut Vec<Change>, before: Cursor, record: &Record) {
        let key = entry(self.id, before.seq + 1);
        let value = encode(before.fingerprint, record);
        changes.push(Change::Put { space: Space::Records, key, value });
    }

    /// Adds the key that a message was published with to a batch.
    pub(crate) fn put_key(
        &mut self,
        changes: &mut Vec<Change>,
        key: &str,
        cursor: Cursor,
        stamp_ms: u64,
    ) {
        let mut value = stamp_ms.to_be_bytes().to_vec();
        value.extend(cursor.fingerprint.to_be_bytes());
        value.extend(key.as_bytes());
        changes.push(Change::Put { space: Space::Keys, key: entry(self.id, cursor.seq), value });
        self.keyed.push_back(cursor.seq);
    }

    /// Adds the removal of messages and keys that are no longer retained to a batch.
    pub(crate) fn erase(&mut self, changes: &mut Vec<Change>) {
        let (oldest_record, oldest_key) = self.channel.oldest();
        // The newest message stays in the store even when it is too old to be served: the
        // numbers go on after it.
        let end = oldest_record.min(self.channel.head().cursor.seq);
        let room = ERASED_MAX.min(usize::try_from(end.saturating_sub(self.first)).unwrap_or(0));
        for seq in (self.first..end).take(room) {
            changes.push(Change::Delete { space: Space::Records, key: entry(self.id, seq) });
        }
        self.first += room as u64;
        for _ in 0..ERASED_MAX {
            let Some(seq) = self.keyed.pop_front_if(|seq| *seq < oldest_key) else { break };
            changes.push(Change::Delete { space: Space::Keys, key: entry(self.id, seq) });
        }
    }
}

impl Found {
    /// Reads what the store holds of a topic.
    pub(crate) fn read(
        engine: &dyn Engine,
        id: u32,
        generation: u64,
        retention: &Retention,
    ) -> io::Result<Self> {
        let mut found = Self {
            log: Log::after(Head::start(generation)),
            keys: Keys::default(),
            first: 1,
            keyed: VecDeque::new(),
            torn: Vec::new(),
            unreachable: 0,
        };
        let mut any = false;
        engine.scan(Space::Records, &id.to_be_bytes(), &mut |key, value| {
            let Some(seq) = seq_of(key) else { return };
            if !std::mem::replace(&mut any, true) {
                found.first = seq;
            }
            found.take(seq, value, retention, generation);
        })?;
        let head = found.log.head().cursor;
        engine.scan(Space::Keys, &id.to_be_bytes(), &mut |key, value| {
            let Some(seq) = seq_of(key) else { return };
            found.keyed.push_back(seq);
            let Some((stamp_ms, fingerprint, key)) = decode_key(value) else { return };
            // The message of this key was torn, so it was not published.
            if seq <= head.seq {
                found.keys.insert(key.into(), Cursor { generation, seq, fingerprint }, stamp_ms);
            }
        })?;
        Ok(found)
    }

    /// Takes the next record in the order of numbers.
    fn take(&mut self, seq: u64, value: &[u8], retention: &Retention, generation: u64) {
        let Some(stored) = Stored::decode(value) else {
            self.torn.push(seq);
            return;
        };
        let mut head = self.log.head();
        let goes_on = head.cursor.seq + 1 == seq && head.cursor.fingerprint == stored.before;
        if !goes_on || !self.torn.is_empty() {
            // Where a record is missing the history before it ends, as if it were trimmed.
            self.unreachable += self.log.retained().count() as u64;
            let fingerprint = stored.before;
            let cursor = Cursor { generation, seq: seq - 1, fingerprint };
            head = Head { cursor, stamp_ms: 0 };
            self.log = Log::after(head);
        }
        let record = head.number(Draft::new(stored.event, stored.data), stored.stamp_ms);
        if head.cursor.fingerprint != stored.after {
            self.torn.push(seq);
            return;
        }
        self.torn.clear();
        self.log.push(record);
        // By count and bytes alone: the channel, which has a clock, trims by age.
        self.log.trim(&Retention { age_ms: u64::MAX, ..*retention }, 0);
    }

    /// Returns the changes that remove the torn records.
    pub(crate) fn truncation(&self, id: u32) -> Vec<Change> {
        let torn = self.torn.iter();
        torn.map(|seq| Change::Delete { space: Space::Records, key: entry(id, *seq) }).collect()
    }

    /// Takes the log and the keys out; the rest is for [`Partition::new`].
    pub(crate) fn split(self) -> (Log, Keys, (u64, VecDeque<u64>)) {
        (self.log, self.keys, (self.first, self.keyed))
    }
}

/// A record in the form that the store holds.
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
        (*form == FORM && frame::is_sound(event, data)).then_some(Self {
            stamp_ms: u64::from_be_bytes(*stamp),
            before: u32::from_be_bytes(*before),
            after: u32::from_be_bytes(*after),
            event,
            data,
        })
    }
}

fn encode(before: u32, record: &Record) -> Vec<u8> {
    let (event, data) = (record.event(), record.data());
    let mut value = Vec::with_capacity(21 + event.len() + data.len());
    value.push(FORM);
    value.extend(record.stamp_ms().to_be_bytes());
    value.extend(before.to_be_bytes());
    value.extend(record.fingerprint().0.to_be_bytes());
    #[expect(clippy::cast_possible_truncation, reason = "a part of a frame is below 4 GiB")]
    value.extend((event.len() as u32).to_be_bytes());
    value.extend_from_slice(&event);
    value.extend_from_slice(&data);
    value
}

fn decode_key(value: &[u8]) -> Option<(u64, u32, &str)> {
    let (stamp, rest) = value.split_first_chunk()?;
    let (fingerprint, key) = rest.split_first_chunk()?;
    let key = std::str::from_utf8(key).ok()?;
    Some((u64::from_be_bytes(*stamp), u32::from_be_bytes(*fingerprint), key))
}

/// Returns the key of the entries of message `seq` of topic `id`.
fn entry(id: u32, seq: u64) -> Vec<u8> {
    let mut key = id.to_be_bytes().to_vec();
    key.extend(seq.to_be_bytes());
    key
}

fn seq_of(key: &[u8]) -> Option<u64> {
    // Number 0 is no message.
    let seq = u64::from_be_bytes(*key.get(4..)?.as_array()?);
    (seq > 0).then_some(seq)
}
