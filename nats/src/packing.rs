//! The payload of a message of a topic: one entry, or several of one append.
//!
//! An entry alone is its own bytes. Several begin with [`PACK`]; each entry follows its length (u32,
//! big-endian).

use bytes::Bytes;
use kipo_topic::engine::Entry;

/// The first byte of a payload with several entries. Bytes of an entry begin with their version,
/// which is another number.
const PACK: u8 = b'P';

/// How many bytes the entries of one message have together, unless one alone has more. A request for
/// the newest message of a topic returns all of them.
const PACK_BYTES_MAX: usize = 64 * 1024;

const LENGTH_BYTES: usize = size_of::<u32>();

/// Returns the payloads of the messages that hold these entries.
pub(crate) fn pack(entries: &[Entry]) -> Vec<Bytes> {
    let mut payloads = Vec::new();
    let mut rest = entries;
    while !rest.is_empty() {
        let (mut count, mut bytes) = (0, 1);
        for entry in rest {
            bytes += LENGTH_BYTES + entry.encoded_len();
            if count > 0 && bytes > PACK_BYTES_MAX {
                break;
            }
            count += 1;
        }
        let (together, others) = rest.split_at(count);
        payloads.push(payload(together));
        rest = others;
    }
    payloads
}

fn payload(entries: &[Entry]) -> Bytes {
    if let [entry] = entries {
        return entry.encode().into();
    }
    let bytes: usize = entries.iter().map(|entry| LENGTH_BYTES + entry.encoded_len()).sum();
    let mut payload = Vec::with_capacity(1 + bytes);
    payload.push(PACK);
    for entry in entries {
        let bytes = entry.encode();
        #[expect(clippy::cast_possible_truncation, reason = "an entry in a pack is below 64 KiB")]
        payload.extend((bytes.len() as u32).to_be_bytes());
        payload.extend(bytes);
    }
    payload.into()
}

/// Reads the entries of a message, each of which goes on from the one before. Returns nothing if one
/// is torn or foreign, or if there is none.
pub(crate) fn unpack(payload: &[u8]) -> Option<Vec<Entry>> {
    let Some(mut rest) = payload.strip_prefix(&[PACK]) else {
        return Entry::decode(payload).map(|entry| vec![entry]);
    };
    let mut entries: Vec<Entry> = Vec::new();
    while !rest.is_empty() {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(u32::from_be_bytes(*length)).ok()?;
        let (bytes, after) = after.split_at_checked(length)?;
        let entry = Entry::decode(bytes)?;
        if entries.last().is_some_and(|last| last.cursor() != entry.before()) {
            return None;
        }
        entries.push(entry);
        rest = after;
    }
    (!entries.is_empty()).then_some(entries)
}

#[cfg(test)]
mod tests {
    use kipo_topic::engine::Head;
    use proptest::prelude::*;

    use super::*;

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

    fn cursors(entries: &[Entry]) -> Vec<kipo_topic::Cursor> {
        entries.iter().map(Entry::cursor).collect()
    }

    proptest! {
        #[test]
        fn payloads_and_entries_are_one(
            sizes in proptest::collection::vec(prop_oneof![9 => 0..200_usize, 1 => 0..70_000_usize], 1..40),
        ) {
            let entries = entries(&sizes);
            let payloads = pack(&entries);
            let read: Vec<Vec<Entry>> =
                payloads.iter().map(|payload| unpack(payload).unwrap()).collect();
            prop_assert_eq!(cursors(&read.concat()), cursors(&entries));
            for (payload, read) in payloads.iter().zip(&read) {
                prop_assert!(read.len() == 1 || payload.len() <= PACK_BYTES_MAX);
            }
        }

        #[test]
        fn no_payload_panics(bytes: Vec<u8>) {
            let _ = unpack(&bytes);
            let _ = unpack(&[&[PACK], &bytes[..]].concat());
        }
    }

    #[test]
    fn an_entry_alone_is_its_own_bytes() {
        let entries = entries(&[5]);
        assert_eq!(pack(&entries), [entries[0].encode()]);
    }

    #[test]
    fn a_torn_pack_and_one_with_a_hole_are_not_read() {
        let entries = entries(&[5, 6, 7]);
        let payload = pack(&entries).remove(0);
        assert_eq!(unpack(&payload).unwrap().len(), 3);
        for end in 0..payload.len() {
            let torn = unpack(&payload[..end]);
            assert!(torn.is_none_or(|read| read.len() < 3), "{end} bytes");
        }
        assert!(unpack(&payload[..payload.len() - 1]).is_none());
        let hole = pack(&[entries[0].clone(), entries[2].clone()]).remove(0);
        assert!(unpack(&hole).is_none());
    }
}
