//! What a server answers, as our types.

use kipo_topic::{
    Cursor,
    engine::{Entry, Head, span, unpack},
};
use redis::Value;

/// Returns the text of a head, as it is stored: the position and the time of the newest entry.
pub(crate) fn head_text(head: &Head) -> String {
    format!("{} {}", head.cursor, head.stamp_ms)
}

/// Reads what [`head_text`] wrote.
pub(crate) fn head(text: &[u8]) -> Option<Head> {
    let (cursor, stamp) = std::str::from_utf8(text).ok()?.split_once(' ')?;
    Some(Head { cursor: cursor.parse::<Cursor>().ok()?, stamp_ms: stamp.parse().ok()? })
}

/// Returns the id of the item whose last entry has this number.
pub(crate) fn id(seq: u64) -> String {
    format!("{seq}-0")
}

/// A run of a topic's log.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The id of the last item, ours or not; nothing if there are no more.
    pub(crate) last: Option<String>,
    /// In place of an item that is broken or not ours there is nothing.
    pub(crate) entries: Vec<Option<Entry>>,
}

/// Reads ids and values, in turn, without entries up to number `after`.
pub(crate) fn page(value: Value, after: u64) -> Option<Page> {
    let Value::Array(items) = value else { return None };
    let mut page = Page::default();
    let mut items = items.into_iter();
    while let (Some(last), Some(value)) = (items.next(), items.next()) {
        let last = text(last)?;
        let entries = bytes(value).and_then(|bytes| unpack(&bytes));
        let is_ours = |newest: &Entry| last == id(newest.seq());
        match entries.filter(|entries| entries.last().is_some_and(is_ours)) {
            Some(entries) => {
                let wanted = entries.into_iter().filter(|entry| entry.seq() > after);
                page.entries.extend(wanted.map(Some));
            }
            None => page.entries.push(None),
        }
        page.last = Some(last);
    }
    Some(page)
}

/// Adds the entries of a page to a history without holes. An item that does not follow drops those
/// before it.
pub(crate) fn extend_newest(history: &mut Vec<Entry>, page: Vec<Option<Entry>>) {
    for entry in page {
        let follows =
            |entry: &Entry| history.last().is_none_or(|last| last.cursor() == entry.before());
        match entry {
            Some(entry) => {
                if !follows(&entry) {
                    history.clear();
                }
                history.push(entry);
            }
            None => history.clear(),
        }
    }
}

/// Adds the entries of a page to a history up to the first item that does not follow. Returns
/// whether all of them followed; items before the first entry count as nothing.
pub(crate) fn extend_oldest(history: &mut Vec<Entry>, page: Vec<Option<Entry>>) -> bool {
    for entry in page {
        match entry {
            Some(entry) if history.last().is_none_or(|last| last.cursor() == entry.before()) => {
                history.push(entry);
            }
            None if history.is_empty() => {}
            _ => return false,
        }
    }
    true
}

/// Reads a notification: the item of an append, or several, each after its length. An item does not begin
/// with a zero, and its length does.
pub(crate) fn notification(bytes: &[u8]) -> Option<Vec<Entry>> {
    if bytes.first() != Some(&0) {
        return unpack(bytes);
    }
    let mut entries: Vec<Entry> = Vec::new();
    let mut items = Items(bytes);
    for item in &mut items {
        let more = unpack(item)?;
        let is_run = entries.last().is_none_or(|last| last.cursor() == more[0].before());
        is_run.then(|| entries.extend(more))?;
    }
    (items.0.is_empty() && !entries.is_empty()).then_some(entries)
}

/// Returns the positions before the first and after the last entry of a notification, without a look at
/// the rest of it.
pub(crate) fn notification_span(bytes: &[u8]) -> Option<(Cursor, Cursor)> {
    if bytes.first() != Some(&0) {
        return span(bytes);
    }
    let mut items = Items(bytes);
    let first = items.next()?;
    let last = (&mut items).last().unwrap_or(first);
    items.0.is_empty().then_some((span(first)?.0, span(last)?.1))
}

/// The items of a notification. What is left is torn.
struct Items<'a>(&'a [u8]);

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.0.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (item, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some(item)
    }
}

/// Returns the bytes of a string.
pub(crate) fn bytes(value: Value) -> Option<Vec<u8>> {
    match value {
        Value::BulkString(bytes) => Some(bytes),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => Some(text.into_bytes()),
        Value::Okay => Some(b"OK".to_vec()),
        _ => None,
    }
}

/// Returns the text of a string.
pub(crate) fn text(value: Value) -> Option<String> {
    String::from_utf8(bytes(value)?).ok()
}

/// Returns the parts of an answer that has exactly so many.
pub(crate) fn parts<const N: usize>(value: Value) -> Option<[Value; N]> {
    let Value::Array(parts) = value else { return None };
    parts.try_into().ok()
}

#[cfg(test)]
mod tests {
    use kipo_topic::engine::pack;
    use proptest::prelude::*;

    use super::*;

    fn run(length: usize) -> Vec<Entry> {
        let mut head = Head::start(7, "t");
        std::iter::repeat_with(|| {
            let entry = Entry::next(&head, None, "e", b"1", 5).unwrap();
            head = entry.head();
            entry
        })
        .take(length)
        .collect()
    }

    fn seqs(entries: &[Entry]) -> Vec<u64> {
        entries.iter().map(Entry::seq).collect()
    }

    #[test]
    fn heads_and_their_texts_are_one() {
        let entry = run(3).pop().unwrap();
        assert_eq!(head(head_text(&entry.head()).as_bytes()), Some(entry.head()));
        for wrong in ["", " ", "5", "0000000000000000-1-00000000", "x 5", "\u{ff}"] {
            assert_eq!(head(wrong.as_bytes()), None, "{wrong:?}");
        }
    }

    #[test]
    fn a_history_ends_or_starts_at_a_foreign_item() {
        let items = || {
            let mut items: Vec<_> = run(5).into_iter().map(Some).collect();
            items[2] = None;
            items
        };
        let (mut newest, mut oldest) = (Vec::new(), Vec::new());
        extend_newest(&mut newest, items());
        assert_eq!(seqs(&newest), [4, 5]);
        assert!(!extend_oldest(&mut oldest, items()));
        assert_eq!(seqs(&oldest), [1, 2]);
        // Without a foreign item between them there is a hole all the same.
        let holed = || items().into_iter().flatten().map(Some).collect();
        (newest, oldest) = (Vec::new(), Vec::new());
        extend_newest(&mut newest, holed());
        assert_eq!(seqs(&newest), [4, 5]);
        assert!(!extend_oldest(&mut oldest, holed()));
        assert_eq!(seqs(&oldest), [1, 2]);
    }

    #[test]
    fn an_item_under_another_number_is_foreign() {
        let entry = run(1).pop().unwrap().encode();
        let item = |id: &str| [id.as_bytes().to_vec(), entry.clone()].map(Value::BulkString);
        let items = ["1-0", "1-1", "2-0"].iter().flat_map(|id| item(id)).collect();
        let page = page(Value::Array(items), 0).unwrap();
        let ours: Vec<_> = page.entries.iter().map(Option::is_some).collect();
        assert_eq!((ours, page.last.as_deref()), (vec![true, false, false], Some("2-0")));
    }

    #[test]
    fn a_notification_has_the_entries_of_its_items() {
        let entries = run(5);
        let notification_of = |entries: &[Entry]| {
            let items = pack(entries, 100).into_iter();
            let framed = items.map(|item| {
                [&u32::try_from(item.len()).unwrap().to_be_bytes(), &item[..]].concat()
            });
            framed.collect::<Vec<_>>()
        };
        let items = notification_of(&entries);
        assert_eq!(items.len(), 3);
        let bytes = items.concat();
        assert_eq!(seqs(&notification(&bytes).unwrap()), [1, 2, 3, 4, 5]);
        let (first, last) = (entries[0].before(), entries[4].cursor());
        assert_eq!(notification_span(&bytes), Some((first, last)));
        for torn in [&bytes[..bytes.len() - 1], &bytes[..2], b""] {
            assert!(notification(torn).is_none() && notification_span(torn).is_none());
        }
        assert!(notification(&[&*items[0], &items[2]].concat()).is_none(), "one with a hole");
        let alone = pack(&entries, 1000).remove(0);
        assert_eq!(seqs(&notification(&alone).unwrap()), [1, 2, 3, 4, 5]);
        assert_eq!(notification_span(&alone), Some((first, last)));
    }

    #[test]
    fn entries_of_one_item_follow_the_position_that_is_read_from() {
        let entries = run(5);
        let items = [("2-0", &entries[..2]), ("5-0", &entries[2..])];
        let items = items.iter().flat_map(|(id, entries)| {
            [id.as_bytes().to_vec(), pack(entries, 1000).remove(0)].map(Value::BulkString)
        });
        let items = Value::Array(items.collect());
        for (after, expected) in [(0, &[1, 2, 3, 4, 5][..]), (2, &[3, 4, 5]), (4, &[5]), (5, &[])] {
            let page = page(items.clone(), after).unwrap();
            let mut history = Vec::new();
            assert!(extend_oldest(&mut history, page.entries));
            assert_eq!((&*seqs(&history), page.last.as_deref()), (expected, Some("5-0")));
        }
    }

    proptest! {
        #[test]
        fn no_notification_panics(bytes: Vec<u8>) {
            let _ = (notification(&bytes), notification_span(&bytes), head(&bytes));
        }
    }
}
