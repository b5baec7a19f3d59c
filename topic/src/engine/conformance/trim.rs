//! What retention may remove, and what it may not.

use std::collections::HashMap;

use super::{
    probe::{self, Probe, accepted, assert_same_but_keys, newest, one},
    subject::{Skipped, Subject},
};
use crate::{engine::Entry, log::cursor::Cursor};

/// `trim` never takes the newest entry, nor one that is not below its number, and the topic goes
/// on as before.
pub async fn trim(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let all = node.grow("room", 30).await;
    let other = subject.node().await.map_or_else(|| node.clone(), Probe);
    for (before, highest) in [(0, 0), (1, 1), (11, 11), (5, 11), (30, 30)] {
        node.trim("room", before).await;
        check_rest(&other, &all, (highest, highest), "trim").await;
    }
    for before in [31, u64::MAX] {
        node.trim("room", before).await;
        check_rest(&other, &all, (30, before), "trim of all: the newest entry stays").await;
    }
    let head = newest(&all);
    let more = probe::entries(&head, "more", 3);
    accepted("room", &other.append("room", head, vec![more[0].clone()]).await);
    let head = more[0].head();
    accepted("room", &node.append("room", head, more[1..2].to_vec()).await);
    let all = [all, more[..2].to_vec()].concat();
    check_rest(&other, &all, (30, 31), "an append after a trim").await;
    assert_eq!(node.list("", "", 10).await, ["room"], "list: a trimmed topic exists");
    Ok(())
}

/// Entries from `keep_from` on stay, and so do the keys from `keys_from` on.
pub async fn retention(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let mut all = Vec::new();
    let mut head = node.start("room");
    for group in 0..60 {
        let entries = probe::entries(&head, "entry", 5.min(node.0.profile().append_max));
        let seq = newest(&entries).cursor.seq();
        // The newest 20 entries are needed, and the keys of the newest 50.
        let needed = (seq.saturating_sub(19), seq.saturating_sub(49));
        let appended = node.begin_trimming("room", head, entries.clone(), needed).outcome().await;
        accepted("room", &appended);
        head = newest(&entries);
        all.extend(entries);
        if group % 10 == 9 {
            check_rest(&node, &all, needed, "keep_from").await;
            check_keys(&node, &all, needed.1).await;
        }
    }
    let seq = head.cursor.seq();
    let other = subject.node().await.map_or_else(|| node.clone(), Probe);
    let needed = (seq.saturating_sub(19), seq.saturating_sub(49));
    check_rest(&other, &all, needed, "keep_from").await;
    check_keys(&other, &all, needed.1).await;

    // A bound that is beyond the newest entry: that one stays.
    let entries = probe::entries(&head, "newest", 1);
    let appended = node.begin_trimming("room", head, entries.clone(), (!0, !0)).outcome().await;
    accepted("room", &appended);
    all.extend(entries);
    check_rest(&other, &all, (seq + 1, !0), "keep_from beyond the head").await;
    Ok(())
}

/// Entries from `keep_from` on stay, also those whose keys are not needed any more.
pub async fn retention_without_keys(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let mut all = Vec::new();
    let mut head = node.start("room");
    for _ in 0..30 {
        let entries = probe::entries(&head, "entry", 5.min(node.0.profile().append_max));
        head = newest(&entries);
        let needed = (3, head.cursor.seq().saturating_sub(9));
        let after = all.last().map_or_else(|| node.start("room"), Entry::head);
        let appended = node.begin_trimming("room", after, entries.clone(), needed).outcome().await;
        accepted("room", &appended);
        all.extend(entries);
        check_rest(&node, &all, needed, "keep_from, fewer keys").await;
        check_keys(&node, &all, needed.1).await;
    }
    Ok(())
}

/// A topic does not grow for ever: most of what is not needed goes.
pub async fn old_entries_go(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let mut all = Vec::new();
    let mut head = node.start("room");
    while all.len() < 3000 {
        let entries = probe::entries(&head, "entry", 100.min(node.0.profile().append_max));
        let from = newest(&entries).cursor.seq().saturating_sub(99);
        let appended = node.begin_trimming("room", head, entries.clone(), (from, from));
        accepted("room", &appended.outcome().await);
        head = newest(&entries);
        all.extend(entries);
    }
    let from = head.cursor.seq() - 99;
    node.trim("room", from).await;
    let count = probe::eventually("most entries below `keep_from` are removed", async || {
        let count = node.load("room", 0).await.entries.len();
        (count < 1500).then_some(count)
    });
    assert!(count.await >= 100, "the newest 100 entries are needed");
    check_rest(&node, &all, (from, from), "keep_from and trim").await;
    Ok(())
}

/// Checks that a topic has at least the entries from number `needed.0` on, and those from
/// `needed.1` on with their keys.
async fn check_rest(node: &Probe, all: &[Entry], needed: (u64, u64), what: &str) {
    let loaded = node.load("room", 0).await;
    assert_eq!(loaded.head, newest(all), "{what}: the head is the newest entry's");
    assert_eq!(node.head("room").await, newest(all), "{what}: the head is the newest entry's");
    for (way, rest) in [("load", loaded.entries), ("read", node.read_all("room").await)] {
        let first = rest.first().map(Entry::seq);
        let (from, keys_from) = (needed.0.max(1), needed.1);
        assert!(
            first.is_some_and(|first| first <= from),
            "{what}: {way} finds the entries from {from} on; it begins with {first:?}"
        );
        let expected = &all[all.len().saturating_sub(rest.len())..];
        assert_same_but_keys(&rest, expected, keys_from, &format!("{what}: {way}, the entries"));
    }
}

/// Checks that the keys of the entries from number `from` on are known, each at its position.
async fn check_keys(node: &Probe, all: &[Entry], from: u64) {
    let loaded = node.load("room", 0).await;
    let mut known: HashMap<String, (Cursor, u64)> = HashMap::new();
    for (key, cursor, stamp_ms) in &loaded.keys {
        known.insert(key.to_string(), (*cursor, *stamp_ms));
    }
    for entry in &loaded.entries {
        known.extend(entry.key().map(|key| (key.to_owned(), (entry.cursor(), entry.stamp_ms()))));
    }
    for entry in all.iter().filter(|entry| entry.seq() >= from) {
        let Some(key) = entry.key() else { continue };
        let expected = (entry.cursor(), entry.stamp_ms());
        assert_eq!(
            known.get(key),
            Some(&expected),
            "keys_from: the key of entry {} is needed (from {from} on), in `entries` or `keys`",
            entry.seq()
        );
    }
}
