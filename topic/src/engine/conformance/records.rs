//! Small records that end, and counters with a window.

use std::{collections::HashSet, time::Duration};

use tokio::{task::JoinSet, time::Instant};

use super::{
    probe::{self, PATIENCE, Probe, one, succeeds, two},
    subject::{Skipped, Subject},
};
use crate::engine::RECORD_BYTES_MAX;

/// How long records live that are to stay for the whole case.
const LONG: Duration = Duration::from_secs(3600);

/// How much later than its time a record or a counter may end, and how much earlier a busy machine
/// may see it end.
const SLACK: Duration = Duration::from_millis(1500);

async fn put(node: &Probe, key: &str, value: &[u8], ttl: Duration) {
    succeeds(format!("put {key:?}"), node.0.put(key, value, ttl)).await;
}

async fn get(node: &Probe, key: &str) -> Option<(Vec<u8>, Duration)> {
    succeeds(format!("get {key:?}"), node.0.get(key)).await
}

async fn value(node: &Probe, key: &str) -> Option<Vec<u8>> {
    get(node, key).await.map(|(value, _)| value)
}

async fn delete(node: &Probe, key: &str) {
    succeeds(format!("delete {key:?}"), node.0.delete(key)).await;
}

async fn count(node: &Probe, key: &str, by: u64, window: Duration) -> u64 {
    succeeds(format!("count {key:?}"), node.0.count(key, by, window)).await
}

/// A small record is read as it was put, from each node, replaced and deleted.
pub async fn records(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let other = subject.node().await.map_or_else(|| node.clone(), Probe);
    assert!(get(&node, "never").await.is_none(), "get: nothing under a key that was never put");
    delete(&node, "never").await;
    let bytes: Vec<u8> = (0..=255).collect();
    for written in [&b"value"[..], b"", &bytes, b"\r\n+OK\r\n", b"shorter"] {
        put(&node, "key", written, LONG).await;
        let Some((read, left)) = get(&other, "key").await else {
            panic!("get: the record that was put");
        };
        assert_eq!(read, written, "get: the value that was put last");
        let range = LONG - PATIENCE * 2..=LONG + SLACK;
        assert!(range.contains(&left), "get: the time that the record has left, not {left:?}");
    }
    put(&other, "key/1", b"one", LONG).await;
    delete(&other, "key").await;
    assert!(get(&node, "key").await.is_none(), "get: nothing under a deleted key");
    assert_eq!(value(&node, "key/1").await.as_deref(), Some(&b"one"[..]), "delete: only that key");
    put(&node, "key", b"again", LONG).await;
    let again = value(&other, "key").await;
    assert_eq!(again.as_deref(), Some(&b"again"[..]), "put: a key that was deleted");
    Ok(())
}

/// A record of 64 KiB is stored; many are.
pub async fn large_records(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    for n in 0..20_u8 {
        let large: Vec<u8> = (0..RECORD_BYTES_MAX).map(|at| (at % 251) as u8 ^ n).collect();
        put(&node, &format!("large/{n}"), &large, LONG).await;
    }
    for n in 0..20_u8 {
        let large: Vec<u8> = (0..RECORD_BYTES_MAX).map(|at| (at % 251) as u8 ^ n).collect();
        let read = value(&node, &format!("large/{n}")).await;
        assert!(read.is_some_and(|read| read == large), "get: a record of 64 KiB as it was put");
    }
    Ok(())
}

/// Keys of records are of all kinds too, and a topic, a record and a counter of one name do not
/// meet.
pub async fn keys_of_records(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let mut keys: Vec<String> = [
        "a", "A", "a/b", "a.b", "a b", "a\0b", "*", ">", "..", ".", "%", "%2F", "a\nb", "é",
        "e\u{301}", "🦀", "a/", "/a", "a.*", "a.>", "{a}", "a:b", "a=", "_",
    ]
    .map(str::to_owned)
    .to_vec();
    keys.push("k".repeat(256));
    keys.push("/".repeat(256));
    for (n, key) in keys.iter().enumerate() {
        put(&node, key, format!("record {n}").as_bytes(), LONG).await;
        let first = count(&node, key, n as u64 + 1, LONG).await;
        assert_eq!(first, n as u64 + 1, "count: the counter of {key:?} is one of its own");
    }
    let names = node.list("", "", 10).await;
    assert!(names.is_empty(), "list: records and counters are no topics, but {names:?}");
    let all = node.grow("a", 3).await;
    for (n, key) in keys.iter().enumerate() {
        let read = value(&node, key).await;
        let expected = format!("record {n}").into_bytes();
        assert_eq!(read, Some(expected), "get: the record of {key:?} is one of its own");
    }
    delete(&node, "a").await;
    let head = node.head("a").await;
    assert_eq!(head, probe::newest(&all), "delete: a record, not the topic of that name");
    put(&node, "a", b"record", LONG).await;
    node.remove("a").await;
    let read = value(&node, "a").await;
    assert_eq!(read.as_deref(), Some(&b"record"[..]), "remove: a topic, not the record");
    assert_eq!(count(&node, "a", 1, LONG).await, 2, "delete and remove: not the counter");
    Ok(())
}

/// A record ends when its time has passed, not before and not much later; putting it again gives
/// it the new time.
pub async fn records_end(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let ttl = Duration::from_millis(2500);
    put(&node, "longer", b"1", ttl).await;
    put(&node, "shorter", b"1", LONG).await;
    put(&node, "longer", b"2", LONG).await;
    put(&node, "shorter", b"2", ttl).await;
    let begun = Instant::now();
    put(&node, "ends", b"1", ttl).await;
    put(&node, "brief", b"1", Duration::from_millis(200)).await;
    loop {
        let asked = begun.elapsed();
        let read = get(&node, "ends").await;
        let answered = begun.elapsed();
        match read {
            Some((_, left)) => {
                assert!(asked <= ttl + SLACK, "get: the record ended {:?} ago", asked - ttl);
                assert!(left <= ttl, "get: {left:?} are left of {ttl:?}");
                assert!(!left.is_zero(), "get: a record that is there has time left");
            }
            None => {
                let early = ttl.saturating_sub(answered);
                assert!(early < SLACK / 2, "get: the record has ended {early:?} too early");
                break;
            }
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(get(&node, "brief").await.is_none(), "get: a record of 200 ms has ended");
    let gone = probe::eventually("put with a shorter time: the record ends", async || {
        get(&node, "shorter").await.is_none().then_some(())
    });
    gone.await;
    let longer = value(&node, "longer").await;
    assert_eq!(longer.as_deref(), Some(&b"2"[..]), "put with a longer time: the record stays");
    put(&node, "ends", b"2", LONG).await;
    let again = value(&node, "ends").await;
    assert_eq!(again.as_deref(), Some(&b"2"[..]), "put: a key whose record has ended");
    Ok(())
}

/// A counter starts at 0 and grows by what is added.
pub async fn counters(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let values = [count(&node, "a", 1, LONG).await, count(&node, "a", 5, LONG).await];
    assert_eq!(values, [1, 6], "count: the value with the addition");
    assert_eq!(count(&node, "b", 1, LONG).await, 1, "count: each key has its own counter");
    Ok(())
}

/// Additions by several nodes at once each get a value of their own.
pub async fn shared_counters(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let mut additions = JoinSet::new();
    for n in 0..100 {
        let node = if n % 2 == 0 { a.clone() } else { b.clone() };
        additions.spawn(async move { count(&node, "limit", 1, LONG).await });
    }
    let values: HashSet<u64> = additions.join_all().await.into_iter().collect();
    assert_eq!(values, (1..=100).collect(), "count: each addition, of all nodes, counts once");
    Ok(())
}

/// A counter ends a window after its first addition: later ones do not prolong it.
pub async fn counters_end(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let window = Duration::from_millis(2500);
    let begun = Instant::now();
    let mut value = count(&node, "limit", 1, window).await;
    assert_eq!(value, 1, "count: the first addition");
    loop {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let asked = begun.elapsed();
        let next = count(&node, "limit", 1, window).await;
        if next == 1 {
            let early = window.saturating_sub(begun.elapsed());
            assert!(early < SLACK / 2, "count: the counter has ended {early:?} too early");
            break;
        }
        assert_eq!(next, value + 1, "count: one more within the window");
        assert!(
            asked <= window + SLACK,
            "count: the window ended {:?} ago, but the counter goes on",
            asked - window
        );
        value = next;
    }
    assert_eq!(count(&node, "limit", 3, window).await, 4, "count: in the next window");
    Ok(())
}
