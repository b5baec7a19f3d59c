//! Appends: conditional on the head, all or none, numbers dense.

use std::collections::HashSet;

use tokio::task::JoinSet;

use super::{
    probe::{self, Probe, accepted, assert_same, check_dense, moved, newest, one, two},
    subject::{Skipped, Subject},
};
use crate::{
    engine::{AppendError, Entry, Head},
    log::cursor::Cursor,
};

/// How many appends two nodes race to one topic, together.
const RACE_APPENDS: usize = 200;

/// The profile has a name and bounds above zero, and each node reports the same contents.
pub async fn profile(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let profile = node.0.profile().clone();
    assert!(!profile.name.is_empty(), "the profile has a name for people");
    assert!(profile.append_max >= 1, "an append has at least one entry");
    assert!(profile.append_bytes_max >= 1, "an append has at least one byte");
    if let Some(other) = subject.node().await {
        let other = other.profile();
        assert!(profile.shared && other.shared, "an engine of many nodes says so (`shared`)");
        assert_eq!(profile.id, other.id, "the id of the contents is the same on each node");
    }
    let anew = one(subject).await;
    assert_ne!(profile.id, anew.0.profile().id, "other contents have another id");
    Ok(())
}

/// A topic that was never appended to has the head `Head::start`, on each node, and no entries.
pub async fn empty_head(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let mut nodes = vec![one(subject).await];
    nodes.extend(subject.node().await.map(Probe));
    for node in nodes {
        let start = node.start("never");
        assert_eq!(node.head("never").await, start, "heads: the head of an empty topic");
        let loaded = node.load("never", 0).await;
        assert_eq!(loaded.head, start, "load: the head of an empty topic");
        assert!(loaded.entries.is_empty(), "load: an empty topic has no entries");
        assert!(loaded.keys.is_empty(), "load: an empty topic has no keys");
        assert!(node.read_all("never").await.is_empty(), "read: an empty topic has no entries");
        node.trim("never", 10).await;
        assert_eq!(node.head("never").await, start, "trim does not change an empty topic");
        let names = node.list("", "", 10).await;
        assert!(names.is_empty(), "list: a topic that was only read does not exist, but {names:?}");
    }
    Ok(())
}

/// An entry is read as it was appended: event, data, key, time and fingerprints.
pub async fn round_trip(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let long_key = "k".repeat(128);
    let large = serde_json::Value::from("é\u{1F980}".repeat(40_000)).to_string();
    let texts: [(Option<&str>, &str, &str); 7] = [
        (None, "said", r#""hi""#),
        (Some("a key"), "said", "{}"),
        (Some(&long_key), "s", "[1,2.5,null,true]"),
        (Some("\0\u{7f} 🔑/*.>%"), "an event: with spaces", r#""\u0000\n\\""#),
        (None, "ereignis-🎉", "0"),
        (Some("large"), "said", &large),
        (None, "said", r#""after the large one""#),
    ];
    let mut head = node.start("room");
    let mut all = Vec::new();
    for (key, event, data) in texts {
        let entry = probe::entry(&head, key, event, data.as_bytes());
        accepted("room", &node.append("room", head, vec![entry.clone()]).await);
        head = entry.head();
        all.push(entry);
        assert_eq!(node.head("room").await, head, "heads: the head is the newest entry's");
    }
    check_everywhere(&node, "room", &all).await;
    if let Some(other) = subject.node().await {
        check_everywhere(&Probe(other), "room", &all).await;
    }
    Ok(())
}

/// Checks that all ways to read a topic give these entries.
async fn check_everywhere(node: &Probe, topic: &str, all: &[Entry]) {
    assert_eq!(node.head(topic).await, newest(all), "heads: the head is the newest entry's");
    let loaded = node.load(topic, 0).await;
    assert_eq!(loaded.head, newest(all), "load: the head is the newest entry's");
    assert_same(&loaded.entries, all, "load: the entries as they were appended");
    assert_same(&node.read_all(topic).await, all, "read: the entries as they were appended");
}

/// `load` and `read` start after the number that they are given; `read` gives about as many bytes
/// as it is asked for, and at least one entry.
pub async fn reading(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let all = node.grow("room", 50).await;
    for after in [0, 1, 25, 49] {
        let rest = &all[after..];
        let after = after as u64;
        let what = format!("the entries after {after}");
        assert_same(&node.load("room", after).await.entries, rest, &format!("load: {what}"));
        let read = node.read("room", after, 1024 * 1024).await;
        assert_same(&read, rest, &format!("read: {what}"));
        let read = node.read("room", after, 1).await;
        assert!(!read.is_empty(), "read: at least one entry if there is one (after {after})");
        assert_same(&read, &rest[..read.len()], &format!("read: the first of {what}"));
    }
    for after in [50, 51, 1_000_000] {
        let loaded = node.load("room", after).await;
        assert!(loaded.entries.is_empty(), "load: no entries after {after}, beyond the head");
        assert_eq!(loaded.head, newest(&all), "load: the head, when asked from beyond it");
        let read = node.read("room", after, 1024).await;
        assert!(read.is_empty(), "read: no entries after {after}, beyond the head");
    }
    let data = format!("\"{}\"", "x".repeat(8 * 1024));
    let mut head = newest(&all);
    for _ in 0..64 {
        let entry = probe::entry(&head, None, "large", data.as_bytes());
        accepted("room", &node.append("room", head, vec![entry.clone()]).await);
        head = entry.head();
    }
    let read = node.read("room", 50, 16 * 1024).await;
    let bytes: usize = read.iter().map(Entry::encoded_len).sum();
    assert!(bytes <= 256 * 1024, "read: about 16 KiB of 512 KiB, when asked for that, not {bytes}");
    let read = node.read("room", 50, 1024).await;
    assert!(!read.is_empty(), "read: one entry at least, if it is larger than what was asked for");
    Ok(())
}

/// An append whose head is not the topic's is refused with the entries that it lacks, and changes
/// nothing.
pub async fn refused(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let start = node.start("room");
    let all = node.grow("room", 6).await;
    for have in [0, 3, 5] {
        let after = if have == 0 { start } else { all[have - 1].head() };
        let outcome = node.append("room", after, probe::entries(&after, "too late", 2)).await;
        let missing = moved(outcome, &format!("an append after {have} of 6 entries"));
        assert!(
            !missing.is_empty(),
            "Moved: the entries after {have} of 6, at least one, since the topic goes on from there"
        );
        let expected = &all[have..(have + missing.len()).min(6)];
        assert_same(&missing, expected, &format!("Moved: the entries after {have} of 6"));
        check_everywhere(&node, "room", &all).await;
    }
    let head = newest(&all);
    accepted("room", &node.append("room", head, probe::entries(&head, "fits", 1)).await);
    Ok(())
}

/// An append after a head that the topic never had is refused without entries: one with the
/// number of the head and another history, an older one of another history, one beyond the head,
/// and one of another generation.
pub async fn diverged(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let start = node.start("room");
    let all = node.grow("room", 4).await;
    let other = probe::entries(&start, "another history", 9);
    let foreign = Head { cursor: Cursor { generation: !0, ..all[3].cursor() }, ..newest(&all) };
    let wrong = [
        (other[3].head(), "a head of the same number and another history"),
        (other[1].head(), "an older head of another history"),
        (other[7].head(), "a head beyond the topic's"),
        (foreign, "a head of another generation"),
        (Head::of_generation(!0), "the start of another generation"),
    ];
    for (after, which) in wrong {
        let outcome = node.append("room", after, probe::entries(&after, "wrong", 2)).await;
        let missing = moved(outcome, &format!("an append after {which}"));
        assert!(
            missing.is_empty(),
            "Moved: no entries after {which}, since the topic does not go on from there"
        );
        check_everywhere(&node, "room", &all).await;
    }
    for after in [Head::of_generation(!0), other[2].head()] {
        let outcome = node.append("empty", after, probe::entries(&after, "wrong", 1)).await;
        let missing = moved(outcome, "an append to an empty topic after a head that it never had");
        assert!(missing.is_empty(), "Moved: an empty topic has no entries");
        assert_eq!(node.head("empty").await, node.start("empty"), "the empty topic is still empty");
    }
    Ok(())
}

/// Groups as large as the profile allows are appended, or refused, as a whole.
pub async fn groups(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let profile = node.0.profile().clone();
    // Bounds for engines that have none.
    let (count, bytes) = (profile.append_max.min(2_000), profile.append_bytes_max.min(1 << 20));

    let start = node.start("many");
    let many = probe::entries(&start, "one of many", count);
    let encoded: usize = many.iter().map(Entry::encoded_len).sum();
    let many = if encoded <= bytes { many } else { probe::entries(&start, "one of many", 1) };
    accepted("many", &node.append("many", start, many.clone()).await);
    check_everywhere(&node, "many", &many).await;
    let late = probe::entries(&start, "late", many.len());
    moved(node.append("many", start, late).await, "a large group after an old head");
    check_everywhere(&node, "many", &many).await;

    let start = node.start("large");
    let each = probe::entry(&start, None, "said", b"\"\"").encoded_len();
    let parts = count.min(4);
    if let Some(padding) = (bytes / parts).checked_sub(each) {
        let data = format!("\"{}\"", "x".repeat(padding));
        let mut head = start;
        let mut large = Vec::new();
        for _ in 0..parts {
            let entry = probe::entry(&head, None, "said", data.as_bytes());
            head = entry.head();
            large.push(entry);
        }
        accepted("large", &node.append("large", start, large.clone()).await);
        check_everywhere(&node, "large", &large).await;
    }

    // A single entry may be larger than a group.
    let start = node.start("single");
    let data = format!("\"{}\"", "x".repeat(256 * 1024));
    let single = vec![probe::entry(&start, Some("key"), "said", data.as_bytes())];
    accepted("single", &node.append("single", start, single.clone()).await);
    check_everywhere(&node, "single", &single).await;
    Ok(())
}

/// Two nodes append to one topic as fast as they can: each append is acknowledged once, numbers
/// are dense, and the entries of each node are in its order.
pub async fn race(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let mut racers = JoinSet::new();
    for (node, name) in [(a.clone(), "a"), (b.clone(), "b")] {
        racers.spawn(race_of_one(node, name));
    }
    let mut acknowledged = Vec::new();
    while let Some(raced) = racers.join_next().await {
        match raced {
            Ok(entries) => acknowledged.extend(entries),
            Err(failed) => std::panic::resume_unwind(failed.into_panic()),
        }
    }
    acknowledged.sort_by_key(Entry::seq);
    let all = a.read_all("room").await;
    assert_same(&all, &acknowledged, "the topic has each acknowledged entry once, and no other");
    assert_same(&b.read_all("room").await, &all, "both nodes read the same");
    let mut seen = HashSet::new();
    assert!(all.iter().all(|entry| seen.insert(entry.data())), "no entry is there twice");
    for name in ["\"a ", "\"b "] {
        let own = all.iter().filter(|entry| entry.data().starts_with(name));
        let numbers: Vec<usize> = own.filter_map(|entry| number(entry.data())).collect();
        assert!(numbers.is_sorted(), "the entries of one node are in its order: {numbers:?}");
    }
    Ok(())
}

/// Appends its half of the race, one to three entries at a time, and returns them.
async fn race_of_one(node: Probe, name: &'static str) -> Vec<Entry> {
    let mut head = node.head("room").await;
    let mut acknowledged = Vec::new();
    for round in 0..RACE_APPENDS / 2 {
        let count = (round % 3 + 1).min(node.0.profile().append_max);
        let texts = (0..count).map(|part| format!("\"{name} {}\"", round * 3 + part));
        let texts: Vec<String> = texts.collect();
        // Each refusal means that the other one went on, so this ends.
        loop {
            let mut group = Vec::new();
            let mut next = head;
            for text in &texts {
                let entry = probe::entry(&next, None, "said", text.as_bytes());
                next = entry.head();
                group.push(entry);
            }
            match node.append("room", head, group.clone()).await {
                Ok(()) => {
                    acknowledged.extend(group);
                    head = next;
                    break;
                }
                Err(AppendError::Moved(missing)) => {
                    let first = missing.first();
                    let fits = first.is_some_and(|first| first.before() == head.cursor);
                    assert!(fits, "Moved: the entries that follow {head:?}, not {first:?}");
                    check_dense("room", &missing);
                    head = newest(&missing);
                }
                Err(AppendError::Failed(error)) => panic!("an append in a race fails: {error}"),
            }
        }
    }
    acknowledged
}

/// Returns the number at the end of `"a 12"`.
fn number(data: &str) -> Option<usize> {
    data.trim_matches('"').split(' ').nth(1)?.parse().ok()
}

/// Appends to many topics at once are all accepted, and each reaches its own topic only.
pub async fn many_topics(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let names: Vec<String> = (0..300).map(|n| format!("room/{n}")).collect();
    let begun = names.iter().enumerate().map(|(n, name)| {
        let start = node.start(name);
        let entries = probe::entries(&start, name, n % 3 + 1);
        let entries = entries[..entries.len().min(node.0.profile().append_max)].to_vec();
        (name, newest(&entries), node.begin(name, start, entries))
    });
    let begun: Vec<_> = begun.collect();
    let mut expected = Vec::new();
    for (name, head, pending) in begun {
        accepted(name, &pending.outcome().await);
        expected.push(head);
    }
    let mut topics: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(node.heads(&topics).await, expected, "heads: those of 300 topics");
    // Heads come in the order of the question, those of empty topics in between.
    topics.reverse();
    expected.reverse();
    topics.insert(100, "never");
    expected.insert(100, node.start("never"));
    assert_eq!(node.heads(&topics).await, expected, "heads: in the order of the topics");
    assert!(node.heads(&[]).await.is_empty(), "heads: none of no topics");
    Ok(())
}

/// What one node was acknowledged, the other one reads at once.
pub async fn heads_are_newest(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let mut head = a.start("room");
    for round in 0..50 {
        let (writes, reads) = if round % 2 == 0 { (&a, &b) } else { (&b, &a) };
        let entries = probe::entries(&head, "entry", 1);
        accepted("room", &writes.append("room", head, entries.clone()).await);
        head = newest(&entries);
        let read = reads.head("room").await;
        assert_eq!(
            read, head,
            "heads: what the newest acknowledged append left, on the other node"
        );
    }
    assert_eq!(b.load("room", 0).await.entries.len(), 50, "load: all that was acknowledged");
    Ok(())
}

/// A future that is dropped does not harm the engine.
pub async fn dropped_futures(subject: &mut dyn Subject) -> Result<(), Skipped> {
    use std::{future::poll_fn, pin::pin, task::Poll};

    let node = one(subject).await;
    let all = node.grow("room", 20).await;
    for _ in 0..20 {
        let mut load = pin!(node.0.load("room", 0));
        let mut read = pin!(node.0.read("room", 0, 1024));
        let mut list = pin!(node.0.list("", "", 10));
        let mut put = pin!(node.0.put("key", b"value", probe::PATIENCE));
        // Each begins, and is dropped at the end of this round.
        poll_fn(|cx| {
            let _ = load.as_mut().poll(cx).is_ready();
            let _ = read.as_mut().poll(cx).is_ready();
            let _ = list.as_mut().poll(cx).is_ready();
            let _ = put.as_mut().poll(cx).is_ready();
            Poll::Ready(())
        })
        .await;
    }
    check_everywhere(&node, "room", &all).await;
    let head = newest(&all);
    accepted("room", &node.append("room", head, probe::entries(&head, "after", 1)).await);
    Ok(())
}
