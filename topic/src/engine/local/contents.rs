//! What the thread of the engine works on: the database, and what it knows of each topic in it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    clock,
    engine::{
        Append, AppendError, EngineError, Entry, Head, Loaded,
        local::{
            key_value::{Change, KeyValue, Space},
            records::{self, Found, Identity, entry_key},
        },
    },
    log::{durability::Durability, generation},
};

/// How long the engine waits after a failure before it tries again. Tests do not wait.
const REOPEN_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 500 });

/// How many entries one batch erases: a retention that is lowered by a million messages takes
/// several batches and holds up no publisher.
const ERASED_MAX: usize = 10_000;

/// How many bytes of entries a refused append is answered with.
const MOVED_BYTES: usize = 1024 * 1024;

/// The entry that holds whether the engine was closed. No topic can have this name, nor one below.
const STATE: &[u8] = b"\0state";

/// The entry that holds the engine's id.
const ENGINE: &[u8] = b"\0engine";

/// The entry that holds the id of the next new topic.
const NEXT: &[u8] = b"\0next";

/// The database of an engine, and what is known of its topics.
pub(super) struct Contents {
    database: Box<dyn KeyValue>,
    /// For log lines.
    name: String,
    id: u64,
    next: u32,
    /// Boxed: a map has many empty slots.
    topics: HashMap<Arc<str>, Box<Topic>>,
    /// When and why the database failed, until it has recovered.
    failed: Option<(Instant, EngineError)>,
    /// Whether the process before did not close the engine.
    was_open: bool,
    /// Counters with a window: value and end, in milliseconds since 1970.
    counters: BTreeMap<String, (u64, u64)>,
    /// How many small records were stored since those that have ended were removed.
    stored: u32,
}

/// What a log line about a loaded topic says.
pub(super) struct Notes {
    truncated: usize,
    unreachable: u64,
    was_open: bool,
}

impl Notes {
    /// Logs what is not as the process before left it.
    pub(super) fn log(&self, topic: &str, last: u64) {
        let Self { truncated, unreachable, was_open } = *self;
        if truncated > 0 {
            tracing::warn!(topic, truncated, last, "truncated torn records at the end");
        }
        if unreachable > 0 {
            tracing::warn!(topic, unreachable, "records before a broken one are not served");
        }
        if was_open {
            tracing::debug!(topic, last, "the topic goes on after its last whole record");
        }
    }
}

/// What is known of a topic that was loaded or appended to.
#[expect(clippy::box_collection, reason = "the box makes a topic without keys 24 bytes smaller")]
#[derive(Debug)]
struct Topic {
    /// Given by the first append.
    id: u32,
    exists: bool,
    is_removed: bool,
    head: Head,
    /// The number of the oldest entry in the database.
    first: u64,
    /// The numbers of the messages whose keys are in the database, oldest first. Boxed: most topics
    /// have none.
    keyed: Option<Box<VecDeque<u64>>>,
}

impl Contents {
    /// Reads the engine's own entries, and marks the database as open.
    pub(super) fn open(mut database: Box<dyn KeyValue>, name: &str) -> io::Result<Self> {
        let was_open = database.get(Space::Topics, STATE)?.is_some_and(|state| state == b"open");
        if was_open {
            tracing::warn!(
                store = name,
                "the process before did not close the store: torn records are truncated"
            );
        }
        let number = |value: Vec<u8>| Some(u64::from_be_bytes(*value.as_array()?));
        let id = database.get(Space::Topics, ENGINE)?.and_then(number);
        let next = database.get(Space::Topics, NEXT)?.and_then(number);
        let id = id.unwrap_or_else(|| generation::random(name));
        let next = match next.map(u32::try_from) {
            Some(Ok(next)) => next,
            // A database from before there was such an entry.
            _ => next_after_all(&*database)?,
        };
        let id_value = id.to_be_bytes().to_vec();
        let opened = [
            own(STATE, b"open".to_vec()),
            own(ENGINE, id_value),
            own(NEXT, u64::from(next).to_be_bytes().to_vec()),
        ];
        database.write(&opened)?;
        database.sync()?;
        Ok(Self {
            database,
            name: name.to_owned(),
            id,
            next,
            topics: HashMap::new(),
            failed: None,
            was_open,
            counters: BTreeMap::new(),
            stored: 0,
        })
    }

    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// Marks the database as closed, and releases it.
    pub(super) fn close(mut self) {
        let closed = self.database.write(&[own(STATE, b"closed".to_vec())]);
        let closed = closed.and_then(|()| self.database.sync());
        if let Err(error) = closed.and_then(|()| self.database.finish()) {
            tracing::warn!(store = self.name, %error, "the store could not be closed");
        }
    }

    /// Appends a batch: the entries of each append reach its level, or it is refused.
    pub(super) fn append(&mut self, mut batch: Vec<Append>) {
        while !batch.is_empty() {
            batch = self.append_some(batch);
        }
    }

    /// Appends a batch, at most one append to each topic, and returns the others.
    fn append_some(&mut self, batch: Vec<Append>) -> Vec<Append> {
        if let Err(error) = self.recover() {
            for append in batch {
                append.finish(Err(AppendError::Failed(error.clone())));
            }
            return Vec::new();
        }
        let (mut changes, mut staged, mut later) = (Vec::new(), Vec::<Append>::new(), Vec::new());
        for append in batch {
            if staged.iter().any(|other| other.topic == append.topic) {
                later.push(append);
                continue;
            }
            match self.stage(&append, &mut changes) {
                Ok(true) => staged.push(append),
                Ok(false) => {
                    let moved = self.entries_after(&append);
                    append.finish(Err(match moved {
                        Ok(entries) => AppendError::Moved(entries),
                        Err(error) => AppendError::Failed(self.fail(&error)),
                    }));
                }
                Err(error) => append.finish(Err(AppendError::Failed(self.fail(&error)))),
            }
        }
        if staged.is_empty() {
            return later;
        }
        let mut written = self.database.write(&changes);
        let mut is_synced = false;
        // In the order of the levels: an entry of a lower level does not wait for the sync.
        staged.sort_by_key(|append| append.durability);
        for append in staged {
            if append.durability == Durability::Fsync && written.is_ok() && !is_synced {
                written = self.database.sync();
                is_synced = true;
            }
            match &written {
                Ok(()) => {
                    self.advance(&append);
                    append.finish(Ok(()));
                }
                Err(error) => {
                    let error = self.fail(error);
                    append.finish(Err(AppendError::Failed(error)));
                }
            }
        }
        later
    }

    /// Adds the entries of an append to a batch, if the topic's head is the one it expects.
    fn stage(&mut self, append: &Append, changes: &mut Vec<Change>) -> io::Result<bool> {
        self.ensure_known(&append.topic)?;
        let Some(topic) = self.topics.get_mut(&append.topic) else { return Ok(false) };
        if topic.head.cursor != append.after.cursor {
            return Ok(false);
        }
        if !topic.exists {
            (topic.exists, topic.id) = (true, self.next);
            self.next += 1;
            changes.push(own(NEXT, u64::from(self.next).to_be_bytes().to_vec()));
        }
        let is_first = append.after.cursor.seq == 0;
        if is_first {
            topic.is_removed = false;
            let (key, value) = (append.topic.as_bytes().to_vec(), topic.identity().encode());
            changes.push(Change::Put { space: Space::Topics, key, value });
        }
        for entry in &append.entries {
            records::put(changes, topic.id, entry);
            if entry.key().is_some() {
                topic.keyed.get_or_insert_default().push_back(entry.seq());
            }
        }
        topic.erase(append.keep_from, append.keys_from, changes);
        if is_first && let Some(topic) = self.topics.remove(&append.topic) {
            // The name that the topic has anyway, instead of the copy that loading has made.
            self.topics.insert(Arc::clone(&append.topic), topic);
        }
        Ok(true)
    }

    /// Moves to the head that an append has left.
    fn advance(&mut self, append: &Append) {
        if let (Some(topic), Some(last)) =
            (self.topics.get_mut(&append.topic), append.entries.last())
        {
            topic.head = last.head();
        }
    }

    /// Reads what follows the head that an append expected; nothing if the topic has another history.
    fn entries_after(&self, append: &Append) -> io::Result<Vec<Entry>> {
        let expected = append.after.cursor;
        let entries = self.read(&append.topic, expected.seq, MOVED_BYTES)?;
        let goes_on = entries.first().is_some_and(|first| first.before() == expected);
        Ok(if goes_on { entries } else { Vec::new() })
    }

    pub(super) fn read(&self, topic: &str, after: u64, bytes: usize) -> io::Result<Vec<Entry>> {
        let Some(Identity { id, generation, .. }) = self.identity(topic)? else {
            return Ok(Vec::new());
        };
        records::read_on(&*self.database, id, after, generation, bytes)
    }

    /// Reads a topic. Truncates torn records.
    pub(super) fn load(&mut self, name: &str, after: u64) -> io::Result<(Loaded, Notes)> {
        let identity = self.identity(name)?;
        let exists = identity.is_some();
        let generation = generation::derived(self.id, name);
        // The first append gives the topic an id.
        let identity = identity.unwrap_or(Identity { id: 0, generation, is_removed: false });
        let found = if exists {
            Found::read(&*self.database, identity, after)?
        } else {
            Found::nothing(generation)
        };
        if !found.torn.is_empty() {
            self.database.write(&found.truncation(identity.id))?;
            self.database.sync()?;
        }
        let notes = Notes {
            truncated: found.torn.len(),
            unreachable: found.unreachable,
            was_open: self.was_open && exists,
        };
        let Found { entries, keys, head, first, keyed, .. } = found;
        let Identity { id, is_removed, .. } = identity;
        let keyed = (!keyed.is_empty()).then(|| Box::new(keyed));
        let topic = Box::new(Topic { id, exists, is_removed, head, first, keyed });
        self.topics.insert(name.into(), topic);
        Ok((Loaded { head, entries: entries.into(), keys }, notes))
    }

    fn ensure_known(&mut self, topic: &str) -> io::Result<()> {
        if !self.topics.contains_key(topic) {
            let (loaded, notes) = self.load(topic, u64::MAX)?;
            notes.log(topic, loaded.head.cursor.seq);
        }
        Ok(())
    }

    fn identity(&self, topic: &str) -> io::Result<Option<Identity>> {
        if let Some(known) = self.topics.get(topic) {
            return Ok(known.exists.then(|| known.identity()));
        }
        let value = self.database.get(Space::Topics, topic.as_bytes())?;
        Ok(value.and_then(|value| Identity::decode(&value)))
    }

    pub(super) fn head(&mut self, topic: &str) -> io::Result<Head> {
        self.ensure_known(topic)?;
        let head = self.topics.get(topic).map(|topic| topic.head);
        Ok(head.unwrap_or_else(|| Head::of_generation(generation::derived(self.id, topic))))
    }

    pub(super) fn release(&mut self, topic: &str) {
        self.topics.remove(topic);
    }

    pub(super) fn trim(&mut self, name: &str, before: u64) -> io::Result<()> {
        self.ensure_known(name)?;
        let Some(topic) = self.topics.get_mut(name) else { return Ok(()) };
        let mut changes = Vec::new();
        topic.erase(before, before, &mut changes);
        if changes.is_empty() { Ok(()) } else { self.database.write(&changes) }
    }

    /// Removes what there is of a topic, and gives it a new generation.
    pub(super) fn remove(&mut self, name: &str) -> io::Result<()> {
        let Some(mut identity) = self.identity(name)? else { return Ok(()) };
        self.topics.remove(name);
        let mut changes = Vec::new();
        for space in [Space::Records, Space::Keys] {
            self.database.scan(space, &identity.id.to_be_bytes(), b"", &mut |key, _| {
                changes.push(Change::Delete { space, key: key.to_vec() });
                true
            })?;
        }
        (identity.generation, identity.is_removed) = (generation::random(name), true);
        let (key, value) = (name.as_bytes().to_vec(), identity.encode());
        changes.push(Change::Put { space: Space::Topics, key, value });
        self.database.write(&changes)?;
        self.database.sync()
    }

    pub(super) fn list(&self, prefix: &str, after: &str, limit: usize) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        let (prefix, after) = (prefix.as_bytes(), after.as_bytes());
        self.database.scan(Space::Topics, prefix, after, &mut |name, value| {
            let is_there = Identity::decode(value).is_some_and(|identity| !identity.is_removed);
            if is_there && name > after {
                names.extend(std::str::from_utf8(name).map(str::to_owned));
            }
            names.len() < limit
        })?;
        names.truncate(limit);
        Ok(names)
    }

    pub(super) fn put(&mut self, key: &str, value: &[u8], ttl: Duration) -> io::Result<()> {
        let ends_ms = clock::now_ms().saturating_add(millis(ttl));
        let mut stored = ends_ms.to_be_bytes().to_vec();
        stored.extend(value);
        let mut changes = vec![Change::Put { space: Space::Small, key: key.into(), value: stored }];
        self.stored += 1;
        if self.stored >= 1024 {
            self.stored = 0;
            self.database.scan(Space::Small, b"", b"", &mut |key, value| {
                if ended(value).is_none() {
                    changes.push(Change::Delete { space: Space::Small, key: key.to_vec() });
                }
                changes.len() < ERASED_MAX
            })?;
            // The record that was just stored may replace one that has ended.
            changes.rotate_left(1);
        }
        self.database.write(&changes)?;
        self.database.sync()
    }

    pub(super) fn get(&self, key: &str) -> io::Result<Option<(Vec<u8>, Duration)>> {
        let value = self.database.get(Space::Small, key.as_bytes())?;
        Ok(value.and_then(|value| Some((value.get(8..)?.to_vec(), ended(&value)?))))
    }

    pub(super) fn delete(&mut self, key: &str) -> io::Result<()> {
        self.database.write(&[Change::Delete { space: Space::Small, key: key.into() }])?;
        self.database.sync()
    }

    pub(super) fn count(&mut self, key: &str, by: u64, window: Duration) -> u64 {
        let now_ms = clock::now_ms();
        // Counters that have ended go before there are twice as many as are needed.
        if self.counters.len().is_power_of_two() && !self.counters.contains_key(key) {
            self.counters.retain(|_, (_, ends_ms)| *ends_ms > now_ms);
        }
        let fresh = (0, now_ms.saturating_add(millis(window)));
        let counter = self.counters.entry(key.to_owned()).or_insert(fresh);
        if counter.1 <= now_ms {
            *counter = fresh;
        }
        counter.0 = counter.0.saturating_add(by);
        counter.0
    }

    /// Records that the database failed.
    pub(super) fn fail(&mut self, error: &io::Error) -> EngineError {
        let unavailable = EngineError::unavailable(error);
        if self.failed.is_none() {
            tracing::error!(%error, "the store failed: durable topics refuse messages");
        }
        self.failed = Some((Instant::now(), unavailable.clone()));
        unavailable
    }

    /// Reopens the database, if it failed. What it really holds is read again: an entry whose
    /// append got an error may be there.
    pub(super) fn recover(&mut self) -> Result<(), EngineError> {
        let Some((since, error)) = &self.failed else { return Ok(()) };
        if since.elapsed() < REOPEN_PAUSE {
            return Err(error.clone());
        }
        // Listeners see recovered entries only after a sync, whatever their level.
        let reopened = self.database.reopen().and_then(|()| self.database.sync());
        if let Err(error) = reopened {
            return Err(self.fail(&error));
        }
        self.topics.clear();
        self.failed = None;
        tracing::info!("the store has recovered");
        Ok(())
    }
}

impl Topic {
    fn identity(&self) -> Identity {
        let generation = self.head.cursor.generation;
        Identity { id: self.id, generation, is_removed: self.is_removed }
    }

    /// Adds the removal of entries and keys that are no longer needed to a batch.
    fn erase(&mut self, keep_from: u64, keys_from: u64, changes: &mut Vec<Change>) {
        let id = self.id;
        // The newest entry stays even when it is too old to be served: the numbers go on after it.
        let end = keep_from.min(self.head.cursor.seq);
        let count = ERASED_MAX.min(usize::try_from(end.saturating_sub(self.first)).unwrap_or(0));
        for seq in (self.first..end).take(count) {
            changes.push(Change::Delete { space: Space::Records, key: entry_key(id, seq) });
        }
        self.first += count as u64;
        let Some(keyed) = &mut self.keyed else { return };
        for _ in 0..ERASED_MAX {
            let Some(seq) = keyed.pop_front_if(|seq| *seq < keys_from) else { break };
            changes.push(Change::Delete { space: Space::Keys, key: entry_key(id, seq) });
        }
    }
}

fn own(key: &[u8], value: Vec<u8>) -> Change {
    Change::Put { space: Space::Topics, key: key.to_vec(), value }
}

/// Returns the id after those of all topics.
fn next_after_all(database: &dyn KeyValue) -> io::Result<u32> {
    let mut next = 0;
    database.scan(Space::Topics, b"", b"", &mut |_, value| {
        if let Some(identity) = Identity::decode(value) {
            next = next.max(identity.id + 1);
        }
        true
    })?;
    Ok(next)
}

/// Returns how long a small record has left; nothing if it has ended.
fn ended(value: &[u8]) -> Option<Duration> {
    let ends_ms = u64::from_be_bytes(*value.first_chunk()?);
    let left = ends_ms.checked_sub(clock::now_ms()).filter(|left| *left > 0)?;
    Some(Duration::from_millis(left))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
