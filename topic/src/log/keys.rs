//! Idempotency keys: the keys of messages that must not be published a second time.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::log::cursor::{Cursor, put_hex};

/// How long a key is remembered, in milliseconds: longer than any client goes on retrying.
pub(crate) const WINDOW_MS: u64 = 10 * 60 * 1000;

/// How many keys are remembered: some tens of bytes each.
pub(crate) const KEYS_MAX: usize = 65_536;

/// The longest key, in bytes; a UUID has 36.
pub(crate) const KEY_BYTES_MAX: usize = 128;

/// What the keys of drafts begin with, which one node sent to another to append them. Such a key is
/// not a publisher's, and is not remembered.
const OF_DRAFT: char = '\0';

/// Returns whether a publisher may use this key.
pub(crate) fn is_sound(key: &str) -> bool {
    (1..=KEY_BYTES_MAX).contains(&key.len()) && !is_of_draft(key)
}

/// Returns the key of the entry of a draft, which a node gave this number: no two are the same.
pub(crate) fn of_draft(node: u64, number: u64) -> Arc<str> {
    let mut text = [0; 1 + 16 + 16];
    let digits = number.checked_ilog2().unwrap_or(0) / 4 + 1;
    let text = &mut text[..1 + 16 + digits as usize];
    text[0] = OF_DRAFT as u8;
    put_hex(&mut text[1..17], node);
    put_hex(&mut text[17..], number);
    Arc::from(std::str::from_utf8(text).expect("a NUL and digits"))
}

/// Returns whether a key is that of a draft.
pub(crate) fn is_of_draft(key: &str) -> bool {
    key.starts_with(OF_DRAFT)
}

/// Returns the number of the draft of a node that has this key.
pub(crate) fn draft_of(node: u64, key: &str) -> Option<u64> {
    let (of, number) = key.strip_prefix(OF_DRAFT)?.split_at_checked(16)?;
    (u64::from_str_radix(of, 16) == Ok(node)).then(|| u64::from_str_radix(number, 16).ok())?
}

/// The position that each key was published at, and when. Takes one word while there is no key.
#[derive(Debug, Default)]
pub(crate) struct Keys(Option<Box<Known>>);

#[derive(Debug, Default)]
struct Known {
    published: HashMap<Arc<str>, (u64, Cursor)>,
    /// The same keys, oldest first, with the time and number that each was added with.
    order: VecDeque<(Arc<str>, u64, u64)>,
}

impl Keys {
    /// Returns the position of the message that was published with this key.
    pub(crate) fn get(&self, key: &str, now_ms: u64) -> Option<Cursor> {
        self.0.as_ref()?.get(key, now_ms)
    }

    /// Adds a key, and drops keys beyond the window and the bound. A key that [`get`](Self::get)
    /// finds stays that of its first message: a node that did not know the key may have published
    /// it once more.
    pub(crate) fn insert(&mut self, key: Arc<str>, cursor: Cursor, now_ms: u64) {
        if is_of_draft(&key) {
            return;
        }
        let known = self.0.get_or_insert_default();
        if known.get(&key, now_ms).is_none() {
            known.insert(key, cursor, now_ms);
        }
    }

    /// Returns the number of the oldest message whose key is remembered.
    pub(crate) fn oldest(&self) -> Option<u64> {
        self.0.as_ref()?.order.front().map(|(_, _, seq)| *seq)
    }
}

impl Known {
    fn get(&self, key: &str, now_ms: u64) -> Option<Cursor> {
        let (stamp_ms, cursor) = self.published.get(key)?;
        (now_ms.saturating_sub(*stamp_ms) <= WINDOW_MS).then_some(*cursor)
    }

    fn insert(&mut self, key: Arc<str>, cursor: Cursor, now_ms: u64) {
        while let Some((oldest, stamp_ms, seq)) = self.order.front() {
            if now_ms.saturating_sub(*stamp_ms) <= WINDOW_MS && self.order.len() < KEYS_MAX {
                break;
            }
            // A key that was added again after its window belongs to the newer message.
            if self.published.get(oldest).is_some_and(|(_, cursor)| cursor.seq() == *seq) {
                self.published.remove(oldest);
            }
            self.order.pop_front();
        }
        self.published.insert(Arc::clone(&key), (now_ms, cursor));
        self.order.push_back((key, now_ms, cursor.seq()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns how many keys are known, by the map and by the queue.
    fn counts(keys: &Keys) -> (usize, usize) {
        keys.0.as_ref().map_or((0, 0), |known| (known.published.len(), known.order.len()))
    }

    fn cursor(seq: u64) -> Cursor {
        Cursor { generation: 1, seq, fingerprint: 0 }
    }

    #[test]
    fn a_key_is_known_within_its_window_and_free_after_it() {
        let mut keys = Keys::default();
        keys.insert("a".into(), cursor(1), 1000);
        assert_eq!(keys.get("a", 1000 + WINDOW_MS), Some(cursor(1)));
        assert_eq!(keys.get("a", 1001 + WINDOW_MS), None);
        keys.insert("a".into(), cursor(2), 1001 + WINDOW_MS);
        assert_eq!(keys.get("a", 1001 + WINDOW_MS), Some(cursor(2)));
        assert_eq!((keys.oldest(), counts(&keys)), (Some(2), (1, 1)));
    }

    #[test]
    fn the_keys_of_drafts_are_not_remembered() {
        let (mut keys, of_draft) = (Keys::default(), of_draft(7, 1));
        assert!(!is_sound(&of_draft) && is_sound("a"));
        keys.insert(Arc::clone(&of_draft), cursor(1), 1000);
        assert_eq!((keys.get(&of_draft, 1000), keys.oldest()), (None, None));
    }

    #[test]
    fn the_key_of_a_draft_has_its_node_and_number() {
        for number in [0, 1, 15, 16, 0x1234, u64::MAX] {
            let key = of_draft(0x2a, number);
            assert_eq!(*key, format!("\u{0}000000000000002a{number:x}"));
            assert_eq!((draft_of(0x2a, &key), draft_of(0x2b, &key)), (Some(number), None));
        }
        for other in ["a", "\0", "\u{0}000000000000002a", "\u{0}000000000000002ax"] {
            assert_eq!(draft_of(0x2a, other), None);
        }
    }

    #[test]
    fn no_more_keys_are_remembered_than_the_bound() {
        let mut keys = Keys::default();
        for n in 1..=KEYS_MAX as u64 + 2 {
            keys.insert(n.to_string().into(), cursor(n), 0);
        }
        assert_eq!((keys.get("2", 0), keys.get("3", 0)), (None, Some(cursor(3))));
        assert_eq!(counts(&keys), (KEYS_MAX, KEYS_MAX));
    }

    #[test]
    fn a_known_key_stays_that_of_its_first_message() {
        let mut keys = Keys::default();
        keys.insert("a".into(), cursor(1), 1000);
        keys.insert("a".into(), cursor(2), 1001);
        assert_eq!((keys.get("a", 1001), counts(&keys)), (Some(cursor(1)), (1, 1)));
    }

    /// Times of keys that an engine gives are not always in order.
    #[test]
    fn a_key_that_comes_again_before_its_first_message_has_left_is_one_key() {
        let mut keys = Keys::default();
        let late_ms = 10 * WINDOW_MS;
        keys.insert("first".into(), cursor(1), late_ms);
        keys.insert("again".into(), cursor(2), 0);
        keys.insert("again".into(), cursor(3), late_ms);
        assert_eq!((keys.get("again", late_ms), counts(&keys)), (Some(cursor(3)), (2, 3)));
        keys.insert("last".into(), cursor(4), 2 * late_ms);
        assert_eq!(counts(&keys), (1, 1));
        assert_eq!(keys.oldest(), Some(4));
    }
}
