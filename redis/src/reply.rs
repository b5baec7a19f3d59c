//! What a server answers, as our types.

use kipo_topic::{
    Cursor,
    engine::{Entry, Head},
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

/// A run of a topic's log.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// The id of the last item, ours or not; nothing if there are no more.
    pub(crate) last: Option<String>,
    /// One for each item: nothing for one that is broken or not ours.
    pub(crate) entries: Vec<Option<Entry>>,
}

/// Reads ids and values, in turn.
pub(crate) fn page(value: Value) -> Option<Page> {
    let Value::Array(items) = value else { return None };
    let mut page = Page::default();
    let mut items = items.into_iter();
    while let (Some(id), Some(value)) = (items.next(), items.next()) {
        let id = text(id)?;
        let entry = bytes(value).and_then(|bytes| Entry::decode(&bytes));
        page.entries.push(entry.filter(|entry| id == format!("{}-0", entry.seq())));
        page.last = Some(id);
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

/// Reads a notification: entries, each after its length.
pub(crate) fn notification(mut bytes: &[u8]) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while !bytes.is_empty() {
        let (length, rest) = bytes.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (entry, rest) = rest.split_at_checked(length)?;
        entries.push(Entry::decode(entry)?);
        bytes = rest;
    }
    let is_run = entries.windows(2).all(|pair| pair[0].cursor() == pair[1].before());
    (is_run && !entries.is_empty()).then_some(entries)
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
        let page = page(Value::Array(items)).unwrap();
        let ours: Vec<_> = page.entries.iter().map(Option::is_some).collect();
        assert_eq!((ours, page.last.as_deref()), (vec![true, false, false], Some("2-0")));
    }

    #[test]
    fn a_notification_has_its_entries() {
        let mut bytes = Vec::new();
        for entry in run(3) {
            let entry = entry.encode();
            bytes.extend(u32::try_from(entry.len()).unwrap().to_be_bytes());
            bytes.extend(entry);
        }
        assert_eq!(seqs(&notification(&bytes).unwrap()), [1, 2, 3]);
        assert!(notification(&bytes[..bytes.len() - 1]).is_none());
        assert!(notification(b"").is_none());
    }

    proptest! {
        #[test]
        fn no_notification_panics(bytes: Vec<u8>) {
            let _ = (notification(&bytes), head(&bytes));
        }
    }
}
