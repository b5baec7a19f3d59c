//! One follower of one topic: what it was passed, and how it is read up to the head of the topic.

use std::{
    mem::take,
    sync::{Arc, Mutex, Weak},
};

use kipo_topic::{
    Cursor,
    engine::{Ends, EngineError, Entry, Follower},
};

use crate::{
    reading::{Position, What},
    server::lock,
    topics::Topics,
};

/// How many messages of a topic are pending at most while it is read.
const PENDING_MAX: usize = 256;

/// How many bytes are read and passed at once.
const READ_BYTES: usize = 256 * 1024;

/// A message that the consumer has passed.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    pub(super) seq: u64,
    pub(super) connection: u64,
    pub(super) topic: String,
    pub(super) what: What,
}

/// What has followers.
pub(super) trait Leave: Send + Sync {
    /// Removes a follower, which has ended.
    fn leave(&self, one: &Arc<One>);
}

/// One follower of one topic.
pub(super) struct One {
    pub(super) topic: Arc<str>,
    follower: Arc<dyn Follower>,
    /// It is one of these.
    all: Weak<dyn Leave>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    at: At,
    /// Its position in the stream; 0 where it is not known.
    seq: u64,
    /// The connection on which it was seen there.
    connection: u64,
    /// It is being read up to its head.
    reading: Option<Box<Reading>>,
}

/// The last entry that was passed.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Its number, before one was passed.
    Number(u64),
    Position(Cursor),
}

#[derive(Debug, Default)]
struct Reading {
    /// Whether a task reads it. Otherwise it waits for one.
    has_begun: bool,
    /// What the consumer passes meanwhile.
    pending: Vec<Passed>,
    /// It has to be read once more: not all that the consumer has passed is pending.
    again: bool,
}

impl Ends for One {
    fn end(self: Arc<Self>) {
        if let Some(all) = self.all.upgrade() {
            all.leave(&self);
        }
    }
}

impl One {
    /// Returns a follower that has the entries up to this number, and is to be read up to the head.
    pub(super) fn new(
        topic: Arc<str>,
        after: u64,
        follower: Arc<dyn Follower>,
        all: Weak<dyn Leave>,
    ) -> Self {
        let reading = Some(Box::default());
        let state = State { at: At::Number(after), seq: 0, connection: 0, reading };
        Self { topic, follower, all, state: Mutex::new(state) }
    }

    /// Says that something may be missing.
    pub(super) fn uncertain(&self) {
        self.follower.uncertain();
    }

    /// Returns whether the caller has to have it read now.
    pub(super) fn begins_reading(&self) -> bool {
        let mut state = lock(&self.state);
        let begins = state.reading.is_none();
        state.reading.get_or_insert_default().again = !begins;
        begins
    }

    /// Returns whether the caller reads it now. Otherwise another one does, or nothing is missing any
    /// more.
    pub(super) fn begin_reading(&self) -> bool {
        let mut state = lock(&self.state);
        state
            .reading
            .as_mut()
            .is_some_and(|reading| !std::mem::replace(&mut reading.has_begun, true))
    }

    /// Leaves the read to the next one who begins it.
    pub(super) fn give_up_reading(&self) {
        if let Some(reading) = &mut lock(&self.state).reading {
            reading.has_begun = false;
        }
    }

    /// Takes messages that the consumer passes. Returns whether there is a hole before the last of
    /// them, which has to be read.
    pub(super) fn take(&self, topics: &Topics, messages: Vec<Passed>) -> bool {
        let (entries, at, is_whole) = {
            let mut state = lock(&self.state);
            let goes_on = state.goes_on_with(&messages);
            if let Some(reading) = state.reading.as_mut().filter(|_| !goes_on) {
                reading.keep(messages);
                return false;
            }
            let (entries, is_whole) = state.take(messages);
            state.reading = (!is_whole).then(Box::default);
            (entries, (state.seq, state.connection), is_whole)
        };
        self.pass(topics, entries, at);
        !is_whole
    }

    /// Passes entries to the follower; the last one was seen at this position in the stream, on this
    /// connection.
    fn pass(&self, topics: &Topics, entries: Vec<Entry>, (seq, connection): (u64, u64)) {
        let Some(head) = entries.last().map(Entry::head) else { return };
        self.follower.entries(entries);
        // In this order: an append that sees the position does not wait for the news.
        topics.passed(&self.topic, Position { head, seq, connection });
        topics.news.passed(&self.topic);
    }

    /// Passes what is pending after a read, and ends the read. Returns false if the topic has to be
    /// read once more.
    fn end_reading(&self, topics: &Topics) -> bool {
        loop {
            let (entries, at, is_whole) = {
                let mut state = lock(&self.state);
                let (pending, again) = match &mut state.reading {
                    Some(reading) => (take(&mut reading.pending), take(&mut reading.again)),
                    None => (Vec::new(), false),
                };
                let (entries, is_whole) = state.take(pending);
                let is_whole = is_whole && !again;
                if is_whole && entries.is_empty() {
                    state.reading = None;
                    return true;
                }
                (entries, (state.seq, state.connection), is_whole)
            };
            self.pass(topics, entries, at);
            if !is_whole {
                return false;
            }
        }
    }

    /// Reads up to the head of the topic, as long as the consumer has more.
    pub(super) async fn read(&self, topics: &Topics) -> Result<(), EngineError> {
        loop {
            let newest = topics.newest(&self.topic).await?;
            let head = newest.head.cursor;
            let at = {
                let mut state = lock(&self.state);
                let is_there = match state.at {
                    At::Number(number) => number == head.seq(),
                    At::Position(cursor) => cursor == head,
                };
                if is_there {
                    (state.at, state.seq) = (At::Position(head), newest.seq);
                    state.connection = newest.connection;
                    drop(state);
                    topics.passed(&self.topic, newest);
                    if self.end_reading(topics) {
                        return Ok(());
                    }
                    continue;
                }
                state.at
            };
            let number = at.number();
            let entries = if head.seq() > number {
                topics.read_to(&self.topic, number, READ_BYTES, &newest).await?
            } else {
                Vec::new()
            };
            let goes_on = entries.first().is_some_and(|(_, first)| at.is_before(first));
            if !goes_on {
                // Entries are missing, or it is another history: its reader has to look.
                self.follower.uncertain();
            }
            let mut state = lock(&self.state);
            match entries.last() {
                Some((seq, last)) => state.passed(*seq, newest.connection, last),
                None => {
                    (state.at, state.seq) = (At::Position(head), newest.seq);
                    state.connection = newest.connection;
                }
            }
            let is_at_head = state.seq == newest.seq;
            drop(state);
            if !entries.is_empty() {
                self.follower.entries(entries.into_iter().map(|(_, entry)| entry).collect());
            }
            // Others may append faster than the head is read: what is pending goes on from here.
            if is_at_head {
                topics.passed(&self.topic, newest);
                if self.end_reading(topics) {
                    return Ok(());
                }
            }
        }
    }
}

impl At {
    fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Position(cursor) => cursor.seq(),
        }
    }

    /// Returns whether an entry is the next one.
    fn is_before(self, entry: &Entry) -> bool {
        match self {
            Self::Number(number) => entry.seq() == number + 1,
            Self::Position(cursor) => entry.before() == cursor,
        }
    }
}

impl Reading {
    /// Keeps messages for the end of the read.
    fn keep(&mut self, messages: Vec<Passed>) {
        if self.pending.len() + messages.len() > PENDING_MAX {
            self.pending = Vec::new();
            self.again = true;
        } else if !self.again {
            self.pending.extend(messages);
        }
    }
}

impl State {
    /// Returns whether messages follow what the follower has had from the start, so that nothing has
    /// to be read.
    fn goes_on_with(&self, messages: &[Passed]) -> bool {
        let is_untouched =
            |reading: &Reading| !reading.has_begun && !reading.again && reading.pending.is_empty();
        let first = messages.first().map(|message| &message.what);
        matches!(self.at, At::Number(_))
            && self.reading.as_deref().is_some_and(is_untouched)
            && matches!(first, Some(What::Entries(those)) if self.is_followed_by(those))
    }

    fn is_followed_by(&self, entries: &[Entry]) -> bool {
        entries.first().is_some_and(|first| self.at.is_before(first))
    }

    /// Takes messages that follow. Returns their entries, and whether none is missing before the last
    /// of them.
    fn take(&mut self, messages: Vec<Passed>) -> (Vec<Entry>, bool) {
        let mut entries = Vec::new();
        for Passed { seq, connection, what, .. } in messages {
            if seq <= self.seq {
                continue;
            }
            match what {
                What::Entries(those) if self.is_followed_by(&those) => {
                    those.last().iter().for_each(|last| self.passed(seq, connection, last));
                    entries.extend(those);
                }
                What::Entries(_) | What::Removed(_) => return (entries, false),
                What::Foreign => {}
            }
        }
        (entries, true)
    }

    fn passed(&mut self, seq: u64, connection: u64, last: &Entry) {
        self.at = At::Position(last.cursor());
        (self.seq, self.connection) = (seq, connection);
    }
}

#[cfg(test)]
mod tests {
    use kipo_topic::engine::Head;

    use super::*;

    fn passed(seq: u64, entry: &Entry) -> Passed {
        let what = What::Entries(vec![entry.clone()]);
        Passed { seq, connection: 1, topic: "board".to_owned(), what }
    }

    fn state(at: At) -> State {
        State { at, seq: 0, connection: 0, reading: Some(Box::default()) }
    }

    #[test]
    fn a_topic_whose_next_entry_comes_is_not_read() {
        let head = Head::start(7, "board");
        let first = Entry::next(&head, None, "said", b"1", 9).unwrap();
        let second = Entry::next(&first.head(), None, "said", b"2", 9).unwrap();
        let messages = [passed(10, &first), passed(11, &second)];
        assert!(state(At::Number(0)).goes_on_with(&messages));
        assert!(state(At::Number(1)).goes_on_with(&messages[1..]));
        // What is between is missing, or was passed before it is followed.
        assert!(!state(At::Number(0)).goes_on_with(&messages[1..]));
        assert!(!state(At::Number(1)).goes_on_with(&messages));
        // It is read because of a hole.
        assert!(!state(At::Position(head.cursor)).goes_on_with(&messages));

        let mut read = state(At::Number(0));
        read.reading.as_mut().unwrap().has_begun = true;
        assert!(!read.goes_on_with(&messages));
    }
}
