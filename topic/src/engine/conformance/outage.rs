//! An engine that is closed, cut off, started again, or put back to an older copy.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{
    collector::Collector,
    probe::{self, PATIENCE, Probe, accepted, assert_same, moved, newest, one, two},
    subject::{Skipped, Subject},
};
use crate::{
    engine::{AppendError, Entry, Head, Link},
    log::durability::Durability,
};

/// How long an engine that is cut off takes to answer an append. It answers at once; the machine
/// may be busy.
const AT_ONCE: Duration = Duration::from_secs(2);

/// Closing finishes what was begun; appends are refused afterwards, and the other node goes on.
pub async fn close(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let other = subject.node().await.map(Probe);
    let first = node.grow("room", 2).await;
    let head = newest(&first);
    let begun = probe::entries(&head, "begun", 1);
    let pending = node.begin("room", head, begun.clone());
    node.close().await;
    let acknowledged = pending.outcome().await.is_ok();
    let head = if acknowledged { newest(&begun) } else { head };
    let refused = node.append("room", head, probe::entries(&head, "too late", 1)).await;
    assert!(
        matches!(refused, Err(AppendError::Failed(_))),
        "close: later appends are answered with Failed, not with {refused:?}"
    );
    node.close().await;
    if let Some(other) = other {
        let read = other.read_all("room").await;
        assert_same(&read[..2], &first, "close: the entries stay");
        let expected = if acknowledged { 3 } else { read.len() };
        assert_eq!(read.len(), expected, "close: what was acknowledged stays");
        let head = newest(&read);
        let more = probe::entries(&head, "more", 1);
        accepted("room", &other.append("room", head, more).await);
    }
    Ok(())
}

/// What was acknowledged is there after a restart, at each level that the engine reaches, and so
/// are heads, generations, keys, removals and names.
pub async fn restart(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let id = node.0.profile().id;
    let reaches = node.0.profile().durability;
    if reaches < Durability::Os {
        return Err(Skipped("its contents survive nothing"));
    }
    let mut expected: Vec<(&str, Vec<Entry>)> = Vec::new();
    for (topic, level) in
        [("os", Durability::Os), ("fsync", Durability::Fsync), ("a/*🦀\0", reaches)]
    {
        if level > reaches {
            continue;
        }
        let mut head = node.start(topic);
        let mut all = Vec::new();
        for _ in 0..20 {
            let entries = probe::entries(&head, "entry", 3.min(node.0.profile().append_max));
            let pending = node.begin_at(topic, head, entries.clone(), level, (0, 0));
            accepted(topic, &pending.outcome().await);
            head = newest(&entries);
            all.extend(entries);
        }
        expected.push((topic, all));
    }
    node.grow("removed", 3).await;
    node.remove("removed").await;
    let removed = node.head("removed").await;
    drop(node);

    let engine = subject.restart().await;
    let node = Probe(engine.ok_or(Skipped("the subject cannot restart it"))?);
    node.until_link(Link::Up).await;
    assert_eq!(node.0.profile().id, id, "restart: the id of the contents stays");
    for (topic, all) in &expected {
        let what = format!("restart: all that was acknowledged in {topic:?}");
        assert_eq!(node.head(topic).await, newest(all), "{what}: the head");
        assert_same(&node.load(topic, 0).await.entries, all, &what);
        assert_same(&node.read_all(topic).await, all, &what);
    }
    assert_eq!(
        node.head("removed").await,
        removed,
        "restart: a removed topic keeps its generation"
    );
    let mut names: Vec<&str> = expected.iter().map(|(topic, _)| *topic).collect();
    names.sort_unstable();
    assert_eq!(node.list("", "", 10).await, names, "restart: the names of topics");
    for (topic, all) in &expected {
        let head = newest(all);
        accepted(topic, &node.append(topic, head, probe::entries(&head, "more", 1)).await);
    }
    Ok(())
}

/// While an engine is cut off, its link is down and appends fail at once. Afterwards everything is
/// as before.
pub async fn link(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    node.until_link(Link::Up).await;
    let mut all = node.grow("room", 3).await;
    let head = newest(&all);
    if !subject.cut().await {
        return Err(Skipped("the subject cannot cut it off"));
    }
    node.until_link(Link::Down).await;
    for _ in 0..3 {
        let asked = Instant::now();
        let outcome = node.append("room", head, probe::entries(&head, "cut off", 1)).await;
        assert!(
            matches!(outcome, Err(AppendError::Failed(_))),
            "cut off: an append is answered with Failed, not with {outcome:?}"
        );
        let took = asked.elapsed();
        assert!(took < AT_ONCE, "cut off: an append is answered at once, not after {took:?}");
    }
    let answered = timeout(PATIENCE, node.0.load("room", 0)).await;
    assert!(answered.is_ok(), "cut off: `load` is answered, also with an error");
    subject.mend().await;
    node.until_link(Link::Up).await;
    // What failed may have been written.
    let read = node.read_all("room").await;
    assert_same(&read[..3], &all, "connected again: the entries are there");
    all = read;
    let head = newest(&all);
    let more = probe::entries(&head, "connected again", 1);
    accepted("room", &node.append("room", head, more.clone()).await);
    all.extend(more);
    assert_same(&node.load("room", 0).await.entries, &all, "connected again: appends are stored");
    Ok(())
}

/// A follower that was cut off goes on after the last entry that it was passed, with what other
/// nodes have appended, and is notified that entries may be missing.
pub async fn follow_across_an_outage(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let mut all = b.grow("room", 5).await;
    let (follower, _guard) = Collector::follow(&a, "room", 0);
    let (idle, _idle_guard) = Collector::follow(&a, "idle", 0);
    follower.until(5).await;
    if !subject.cut().await {
        return Err(Skipped("the subject cannot cut it off"));
    }
    a.until_link(Link::Down).await;
    // The other node is cut off as well, or it goes on.
    let meanwhile = probe::entries(&newest(&all), "meanwhile", 1);
    let outcome = b.append("room", newest(&all), meanwhile.clone()).await;
    subject.mend().await;
    a.until_link(Link::Up).await;
    b.until_link(Link::Up).await;
    if outcome.is_ok() {
        all.extend(meanwhile);
    } else {
        all = probe::eventually("the other node reads after an outage", async || {
            b.0.read("room", 0, 1024 * 1024).await.ok()
        })
        .await;
    }
    all.extend(b.grow("room", 5).await);
    let passed = follower.until(newest(&all).cursor.seq()).await;
    assert_same(&passed, &all, "a follower that was cut off is passed all in order");
    follower.until_uncertain().await;
    idle.until_uncertain().await;
    let entries = b.grow("idle", 1).await;
    assert_same(&idle.until(1).await, &entries, "all followers go on after an outage");
    Ok(())
}

/// Contents that were put back to an older copy are seen as such: in heads, entries and lists, and
/// positions from after the copy do not fit.
pub async fn rollback(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    let id = node.0.profile().id;
    let retained = node.grow("room", 5).await;
    if !subject.snapshot().await {
        return Err(Skipped("the subject cannot put back older contents"));
    }
    let lost = node.grow("room", 3).await;
    let newer = node.grow("newer", 2).await;
    let heads = node.heads(&["room", "newer"]).await;
    assert_eq!(heads, [newest(&lost), newest(&newer)], "heads: before the rollback");
    let shared = node.0.profile().shared;
    let before = shared.then(|| node.clone());
    drop(node);
    let engine = subject.roll_back().await;
    let node = Probe(engine.ok_or(Skipped("the subject cannot put back older contents"))?);
    node.until_link(Link::Up).await;
    assert_eq!(node.0.profile().id, id, "rollback: the id of the contents is part of them");
    check_older(&node, &retained).await;
    if let Some(before) = before {
        before.until_link(Link::Up).await;
        let head = probe::eventually("a node from before a rollback reads again", async || {
            before.0.heads(&["room".into()]).await.ok()
        });
        let head: Vec<Head> = head.await;
        assert_eq!(head, [newest(&retained)], "rollback: nodes from before see the older head");
        check_older(&before, &retained).await;
    }

    let outcome = node.append("room", newest(&lost), probe::entries(&newest(&lost), "on", 1)).await;
    let missing = moved(outcome, "an append after a head that was lost");
    assert!(missing.is_empty(), "Moved: the older log does not go on from a head that was lost");
    let other = probe::entries(&newest(&retained), "another history", 3);
    accepted("room", &node.append("room", newest(&retained), other[..1].to_vec()).await);
    accepted("room", &node.append("room", other[0].head(), other[1..2].to_vec()).await);
    accepted("room", &node.append("room", other[1].head(), other[2..].to_vec()).await);
    let outcome = node.append("room", newest(&lost), probe::entries(&newest(&lost), "on", 1)).await;
    let missing = moved(outcome, "an append after a lost head whose number is there again");
    assert!(missing.is_empty(), "Moved: another history does not go on from a head that was lost");
    assert_same(
        &node.read_all("room").await,
        &[retained, other].concat(),
        "rollback: appends go on",
    );
    Ok(())
}

/// Checks that a node sees the contents as they were when they were copied.
async fn check_older(node: &Probe, retained: &[Entry]) {
    let heads = node.heads(&["room", "newer"]).await;
    assert_eq!(heads[0], newest(retained), "rollback: the head is the older one");
    assert_eq!(heads[1], node.start("newer"), "rollback: a newer topic was never appended to");
    assert_same(&node.load("room", 0).await.entries, retained, "rollback: the older entries");
    assert_same(&node.read_all("room").await, retained, "rollback: the older entries");
    assert_eq!(node.list("", "", 10).await, ["room"], "rollback: the older list");
}
