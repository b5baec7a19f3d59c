//! Drafts that this node has sent to another one, which appends them: what became of each. Data alone:
//! the channel has the lock, under which it takes entries as well.
//!
//! A draft may be appended here in the end, if the other node leaves it. That is right only if it is in
//! no entry after the position that it was sent at. So each entry that enters the log is looked at, and
//! a log that is replaced decides only what it shows.

use std::{collections::HashMap, sync::Arc};

use crate::{
    engine::{Entry, Loaded},
    log::cursor::Cursor,
};

/// What is known of a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is in no entry up to the head.
    Open,
    /// It is in the entry with this position, or another message with its key is.
    Stored(Cursor),
    /// It may be in an entry that this node cannot see any more.
    Unknown,
}

#[derive(Debug, Default)]
pub(super) struct Awaited {
    drafts: HashMap<u64, Draft>,
    /// The numbers of the drafts with each key. Only those of publishers have more than one.
    by_key: HashMap<Arc<str>, Vec<u64>>,
    decided: Vec<u64>,
}

#[derive(Debug)]
struct Draft {
    key: Arc<str>,
    /// Its entry comes after this position.
    after: Cursor,
    fate: Fate,
}

/// What an engine had of a topic, as far as drafts are concerned.
pub(super) struct Seen {
    head: Cursor,
    /// The number of the oldest entry that was there.
    oldest: u64,
    keys: Vec<(Arc<str>, Cursor)>,
}

impl Seen {
    pub(super) fn of(loaded: &Loaded) -> Self {
        let head = loaded.head.cursor;
        let oldest = loaded.entries.first().map_or(head.seq() + 1, Entry::seq);
        let keyed = |entry: &Entry| entry.key.clone().map(|key| (key, entry.cursor()));
        Self { head, oldest, keys: loaded.entries.iter().filter_map(keyed).collect() }
    }
}

impl Awaited {
    pub(super) fn expect(&mut self, number: u64, key: Arc<str>, after: Cursor) {
        self.by_key.entry(Arc::clone(&key)).or_default().push(number);
        self.drafts.insert(number, Draft { key, after, fate: Fate::Open });
    }

    /// Takes the key of an entry that enters the log.
    pub(super) fn saw(&mut self, key: &str, cursor: Cursor) {
        for number in self.by_key.get(key).into_iter().flatten() {
            if let Some(draft) = self.drafts.get_mut(number)
                && draft.fate == Fate::Open
            {
                draft.fate = Fate::Stored(cursor);
                self.decided.push(*number);
            }
        }
    }

    /// Takes what replaces the log.
    pub(super) fn meet(&mut self, seen: &Seen) {
        for (key, cursor) in &seen.keys {
            let is_after = |draft: &Draft| {
                draft.after.generation() != cursor.generation() || draft.after.seq() < cursor.seq()
            };
            let numbers = self.by_key.get(key);
            if numbers.is_some_and(|numbers| numbers.iter().any(|n| is_after(&self.drafts[n]))) {
                self.saw(key, *cursor);
            }
        }
        for (number, draft) in &mut self.drafts {
            // The other node appends a draft in the generation, and after the number, that it was sent at.
            let is_all_seen = draft.after.generation() != seen.head.generation()
                || draft.after.seq() + 1 >= seen.oldest;
            if draft.fate == Fate::Open && !is_all_seen {
                draft.fate = Fate::Unknown;
                self.decided.push(*number);
            }
        }
    }

    pub(super) fn fate(&self, number: u64) -> Fate {
        self.drafts.get(&number).map_or(Fate::Open, |draft| draft.fate)
    }

    pub(super) fn decided(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.decided)
    }

    pub(super) fn forget(&mut self, number: u64) {
        let Some(draft) = self.drafts.remove(&number) else { return };
        if let Some(numbers) = self.by_key.get_mut(&draft.key) {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_key.remove(&draft.key);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }
}

#[cfg(all(test, not(kipo_loom)))]
mod tests {
    use super::*;
    use crate::engine::Head;

    /// Returns entries with these keys, and the position before them.
    fn run(keys: &[&str]) -> (Cursor, Vec<Entry>) {
        let (start, mut head) = (Head::start(7, "t"), Head::start(7, "t"));
        let entry = |key: &&str| {
            let entry = Entry::next(&head, Some(key), "e", b"1", 9).expect("a sound entry");
            head = entry.head();
            entry
        };
        (start.cursor, keys.iter().map(entry).collect())
    }

    fn loaded(entries: &[Entry]) -> Seen {
        let head = entries.last().map_or(Head::start(7, "t"), Entry::head);
        Seen::of(&Loaded { head, entries: entries.to_vec(), keys: Vec::new() })
    }

    #[test]
    fn an_entry_decides_all_drafts_with_its_key() {
        let (start, entries) = run(&["a"]);
        let mut awaited = Awaited::default();
        for (number, key) in [(1, "a"), (2, "a"), (3, "b")] {
            awaited.expect(number, key.into(), start);
        }
        awaited.saw("a", entries[0].cursor());
        awaited.saw("c", entries[0].cursor());
        assert_eq!(awaited.decided(), [1, 2]);
        assert_eq!(awaited.fate(2), Fate::Stored(entries[0].cursor()));
        assert_eq!(awaited.fate(3), Fate::Open);
        (1..=3).for_each(|number| awaited.forget(number));
        assert!(awaited.is_empty() && awaited.by_key.is_empty());
    }

    #[test]
    fn a_log_that_is_replaced_decides_what_it_shows() {
        let (start, entries) = run(&["a", "b", "c"]);
        let mut awaited = Awaited::default();
        awaited.expect(1, "c".into(), start);
        awaited.expect(2, "d".into(), start);
        awaited.expect(3, "e".into(), entries[0].cursor());
        // What follows the position of the second one is not there any more.
        awaited.meet(&loaded(&entries[1..]));
        assert_eq!(awaited.fate(1), Fate::Stored(entries[2].cursor()));
        assert_eq!((awaited.fate(2), awaited.fate(3)), (Fate::Unknown, Fate::Open));
    }

    #[test]
    fn an_older_message_with_the_key_of_a_publisher_is_another_one() {
        let (_, entries) = run(&["a", "b"]);
        let mut awaited = Awaited::default();
        awaited.expect(1, "a".into(), entries[1].cursor());
        awaited.meet(&loaded(&entries));
        assert_eq!(awaited.fate(1), Fate::Open);
        // The log went back before the draft was sent, and has nothing that follows.
        awaited.meet(&loaded(&entries[..1]));
        assert_eq!(awaited.fate(1), Fate::Open);
    }
}
