//! Drafts that this node has sent to another one, which appends them: what became of each. Data alone:
//! the channel has the lock, under which it takes entries as well.
//!
//! A draft may be appended here in the end, if the other node leaves it. That is right only if it is in
//! no entry after the position that it was sent at. So each entry that enters the log is looked at, and
//! a log that is replaced decides only what it shows.

use std::{collections::HashMap, sync::Arc};

use crate::{
    engine::{Entry, Loaded},
    log::{cursor::Cursor, keys},
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

#[derive(Debug)]
pub(super) struct Awaited {
    /// The node that has sent the drafts.
    node: u64,
    drafts: HashMap<u64, Draft>,
    /// The numbers of the drafts with each key of a publisher.
    by_key: HashMap<Arc<str>, Vec<u64>>,
    decided: Vec<(u64, Fate)>,
}

#[derive(Debug)]
struct Draft {
    /// The key that its publisher gave. Without one its entry has that of a draft.
    key: Option<Arc<str>>,
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
    pub(super) fn new(node: u64) -> Self {
        Self { node, drafts: HashMap::new(), by_key: HashMap::new(), decided: Vec::new() }
    }

    pub(super) fn expect(&mut self, number: u64, key: Option<Arc<str>>, after: Cursor) {
        if let Some(key) = &key {
            self.by_key.entry(Arc::clone(key)).or_default().push(number);
        }
        self.drafts.insert(number, Draft { key, after, fate: Fate::Open });
    }

    /// Takes the key of an entry that enters the log.
    pub(super) fn saw(&mut self, key: &str, cursor: Cursor) {
        let Self { node, drafts, by_key, decided } = self;
        for number in with_key(*node, by_key, key) {
            if let Some(draft) = drafts.get_mut(&number)
                && draft.fate == Fate::Open
            {
                draft.fate = Fate::Stored(cursor);
                decided.push((number, draft.fate));
            }
        }
    }

    /// Takes what replaces the log.
    pub(super) fn meet(&mut self, seen: &Seen) {
        for (key, cursor) in &seen.keys {
            let is_after = |draft: &Draft| {
                draft.after.generation() != cursor.generation() || draft.after.seq() < cursor.seq()
            };
            let drafts = with_key(self.node, &self.by_key, key);
            if drafts.filter_map(|number| self.drafts.get(&number)).any(is_after) {
                self.saw(key, *cursor);
            }
        }
        for (number, draft) in &mut self.drafts {
            // The other node appends a draft in the generation, and after the number, that it was sent at.
            let is_all_seen = draft.after.generation() != seen.head.generation()
                || draft.after.seq() + 1 >= seen.oldest;
            if draft.fate == Fate::Open && !is_all_seen {
                draft.fate = Fate::Unknown;
                self.decided.push((*number, draft.fate));
            }
        }
    }

    pub(super) fn fate(&self, number: u64) -> Fate {
        self.drafts.get(&number).map_or(Fate::Open, |draft| draft.fate)
    }

    pub(super) fn decided(&mut self) -> Vec<(u64, Fate)> {
        std::mem::take(&mut self.decided)
    }

    pub(super) fn forget(&mut self, number: u64) {
        let Some(draft) = self.drafts.remove(&number) else { return };
        if let Some(key) = draft.key
            && let Some(numbers) = self.by_key.get_mut(&key)
        {
            numbers.retain(|other| *other != number);
            if numbers.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.drafts.is_empty()
    }
}

/// Returns the numbers of the drafts of a node that an entry with this key decides.
fn with_key(
    node: u64,
    by_key: &HashMap<Arc<str>, Vec<u64>>,
    key: &str,
) -> impl Iterator<Item = u64> {
    let numbers = if keys::is_of_draft(key) { None } else { by_key.get(key) };
    keys::draft_of(node, key).into_iter().chain(numbers.into_iter().flatten().copied())
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
        let (mut awaited, stored) = (Awaited::new(7), Fate::Stored(entries[0].cursor()));
        for (number, key) in [(1, Some("a")), (2, Some("a")), (3, Some("b")), (4, None), (5, None)]
        {
            awaited.expect(number, key.map(Arc::from), start);
        }
        let of_other = keys::of_draft(8, 5);
        for key in ["a", "c", &keys::of_draft(7, 4), &keys::of_draft(7, 6), &of_other] {
            awaited.saw(key, entries[0].cursor());
        }
        assert_eq!(awaited.decided(), [(1, stored), (2, stored), (4, stored)]);
        assert_eq!((awaited.fate(2), awaited.fate(3)), (stored, Fate::Open));
        assert_eq!(awaited.fate(5), Fate::Open);
        (1..=5).for_each(|number| awaited.forget(number));
        assert!(awaited.is_empty() && awaited.by_key.is_empty());
    }

    #[test]
    fn a_log_that_is_replaced_decides_what_it_shows() {
        let (start, entries) = run(&["a", "b", "c"]);
        let mut awaited = Awaited::new(7);
        awaited.expect(1, Some("c".into()), start);
        awaited.expect(2, None, start);
        awaited.expect(3, Some("e".into()), entries[0].cursor());
        // What follows the position of the second one is not there any more.
        awaited.meet(&loaded(&entries[1..]));
        assert_eq!(awaited.fate(1), Fate::Stored(entries[2].cursor()));
        assert_eq!((awaited.fate(2), awaited.fate(3)), (Fate::Unknown, Fate::Open));
    }

    #[test]
    fn an_older_message_with_the_key_of_a_publisher_is_another_one() {
        let (_, entries) = run(&["a", "b"]);
        let mut awaited = Awaited::new(7);
        awaited.expect(1, Some("a".into()), entries[1].cursor());
        awaited.meet(&loaded(&entries));
        assert_eq!(awaited.fate(1), Fate::Open);
        // The log went back before the draft was sent, and has nothing that follows.
        awaited.meet(&loaded(&entries[..1]));
        assert_eq!(awaited.fate(1), Fate::Open);
    }
}
