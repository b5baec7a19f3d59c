//! The entries of one append as few values: an engine whose server takes many small values slower than
//! a large one stores them together.
//!
//! An entry alone is its own bytes. Several begin with [`PACK`]; each entry follows its length (u32,
//! big-endian).

use crate::{engine::Entry, log::cursor::Cursor};

/// The first byte of a value with several entries. Bytes of an entry begin with their version, which is
/// another number.
const PACK: u8 = b'P';

const LENGTH_BYTES: usize = size_of::<u32>();

/// Returns the bytes of entries that follow one another, as few values: each has at most `bytes_max`
/// bytes, unless a single entry has more.
///
/// # Examples
///
/// ```
/// use kipo_topic::engine::{Entry, Head, pack, span, unpack};
///
/// let first = Entry::next(&Head::start(7, "room"), None, "said", br#""hi""#, 1_000).unwrap();
/// let second = Entry::next(&first.head(), None, "said", br#""ho""#, 1_001).unwrap();
/// let values = pack(&[first.clone(), second.clone()], 64 * 1024);
/// assert_eq!(values.len(), 1);
/// assert_eq!(unpack(&values[0]).unwrap()[1].cursor(), second.cursor());
/// assert_eq!(span(&values[0]), Some((first.before(), second.cursor())));
///
/// // An entry alone is its own bytes.
/// assert_eq!(pack(&[first.clone()], 64 * 1024), [first.encode()]);
/// ```
#[must_use]
pub fn pack(entries: &[Entry], bytes_max: usize) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let (mut count, mut bytes) = (0, 1);
        for entry in rest {
            let more = LENGTH_BYTES + entry.encoded_len();
            if count > 0 && bytes + more > bytes_max {
                break;
            }
            (count, bytes) = (count + 1, bytes + more);
        }
        let (together, others) = rest.split_at(count);
        values.push(value(together, bytes));
        rest = others;
    }
    values
}

fn value(entries: &[Entry], bytes: usize) -> Vec<u8> {
    if let [entry] = entries {
        return entry.encode();
    }
    let mut value = Vec::with_capacity(bytes);
    value.push(PACK);
    for entry in entries {
        #[expect(clippy::cast_possible_truncation, reason = "an entry is below 4 GiB")]
        value.extend((entry.encoded_len() as u32).to_be_bytes());
        entry.encode_to(&mut value);
    }
    value
}

/// Reads the entries of a value that [`pack`] returned, each of which goes on from the one before. Returns
/// nothing if one is torn or foreign, or if there is none.
#[must_use]
pub fn unpack(value: &[u8]) -> Option<Vec<Entry>> {
    let Some(mut rest) = value.strip_prefix(&[PACK]) else {
        return Entry::decode(value).map(|entry| vec![entry]);
    };
    let mut entries: Vec<Entry> = Vec::new();
    while !rest.is_empty() {
        let (bytes, after) = next(rest)?;
        let entry = Entry::decode(bytes)?;
        if entries.last().is_some_and(|last| last.cursor() != entry.before()) {
            return None;
        }
        entries.push(entry);
        rest = after;
    }
    (!entries.is_empty()).then_some(entries)
}

/// Returns the positions before the first and after the last entry of a value that [`pack`] returned. It
/// looks at no more than these two, so a value with both may be none that [`unpack`] reads.
#[must_use]
pub fn span(value: &[u8]) -> Option<(Cursor, Cursor)> {
    let Some(mut rest) = value.strip_prefix(&[PACK]) else { return Entry::positions(value) };
    let (first, after) = next(rest)?;
    let mut last = first;
    rest = after;
    while !rest.is_empty() {
        (last, rest) = next(rest)?;
    }
    Some((Entry::positions(first)?.0, Entry::positions(last)?.1))
}

/// Returns the bytes of the next entry, and what follows them.
fn next(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = rest.split_first_chunk()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::engine::Head;

    const BYTES_MAX: usize = 64 * 1024;

    fn entries(sizes: &[usize]) -> Vec<Entry> {
        let mut head = Head::start(7, "board");
        let mut entry = |size: &usize| {
            let data = format!("\"{}\"", "x".repeat(*size));
            let entry = Entry::next(&head, Some("key"), "said", data.as_bytes(), 9).unwrap();
            head = entry.head();
            entry
        };
        sizes.iter().map(&mut entry).collect()
    }

    fn cursors(entries: &[Entry]) -> Vec<Cursor> {
        entries.iter().map(Entry::cursor).collect()
    }

    proptest! {
        #[test]
        fn values_and_entries_are_one(
            sizes in proptest::collection::vec(prop_oneof![9 => 0..200_usize, 1 => 0..70_000_usize], 1..40),
        ) {
            let entries = entries(&sizes);
            let values = pack(&entries, BYTES_MAX);
            let read: Vec<Vec<Entry>> =
                values.iter().map(|value| unpack(value).unwrap()).collect();
            prop_assert_eq!(cursors(&read.concat()), cursors(&entries));
            for (value, read) in values.iter().zip(&read) {
                let last = read.last().map(Entry::cursor);
                prop_assert_eq!(span(value), read.first().map(Entry::before).zip(last));
                prop_assert!(read.len() == 1 || value.len() <= BYTES_MAX);
            }
        }

        #[test]
        fn no_value_panics(bytes: Vec<u8>) {
            let packed = [&[PACK], &bytes[..]].concat();
            let _ = (unpack(&bytes), unpack(&packed), span(&bytes), span(&packed));
        }
    }

    #[test]
    fn an_entry_alone_is_its_own_bytes() {
        let entries = entries(&[5]);
        assert_eq!(pack(&entries, BYTES_MAX), [entries[0].encode()]);
    }

    #[test]
    fn a_torn_pack_and_one_with_a_hole_are_not_read() {
        let entries = entries(&[5, 6, 7]);
        let value = pack(&entries, BYTES_MAX).remove(0);
        assert_eq!(unpack(&value).unwrap().len(), 3);
        for end in 0..value.len() {
            let torn = unpack(&value[..end]);
            assert!(torn.is_none_or(|read| read.len() < 3), "{end} bytes");
        }
        assert!(unpack(&value[..value.len() - 1]).is_none());
        let hole = pack(&[entries[0].clone(), entries[2].clone()], BYTES_MAX).remove(0);
        assert!(unpack(&hole).is_none());
    }
}
