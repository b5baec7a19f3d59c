//! Following a topic: each entry once and in order, of whatever node.

use std::sync::Arc;

use super::{
    collector::Collector,
    probe::{self, PATIENCE, Probe, QUIET, accepted, assert_same, newest, one, two},
    subject::{Skipped, Subject},
};

/// How many topics one node follows at once.
const TOPICS: usize = 400;

/// An engine of one process passes nothing: there are no other writers.
pub async fn follow_in_one_process(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let node = one(subject).await;
    if node.0.profile().shared {
        return Err(Skipped("it is an engine of many nodes"));
    }
    node.grow("room", 3).await;
    let (follower, _guard) = Collector::follow(&node, "room", 0);
    node.grow("room", 3).await;
    let passed = follower.after(QUIET).await;
    assert!(passed.is_empty(), "an engine of one process passes nothing to followers");
    Ok(())
}

/// A follower is passed what is appended by this node and by another one, as it was appended.
pub async fn follow(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let (follower, _guard) = Collector::follow(&a, "room", 0);
    let mut all = Vec::new();
    let mut head = a.start("room");
    for round in 0..30 {
        let node = if round % 2 == 0 { &b } else { &a };
        let entries = probe::entries(&head, "entry", 4.min(node.0.profile().append_max));
        accepted("room", &node.append("room", head, entries.clone()).await);
        head = newest(&entries);
        all.extend(entries);
    }
    let passed = follower.until(head.cursor.seq()).await;
    assert_same(&passed, &all, "a follower is passed what was appended");
    let later = follower.after(QUIET).await;
    assert_same(&later, &all, "a follower is passed nothing else");
    Ok(())
}

/// A follower that starts in the past is passed everything from there on; one that starts at the
/// head only what is new.
pub async fn follow_from_the_past(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let mut all = a.grow("room", 150).await;
    let afters = [0, 1, 75, 149, 150];
    let followers = afters.map(|after| Collector::follow(&b, "room", after));
    for ((follower, _), after) in followers.iter().zip(afters) {
        let passed = follower.until(150).await;
        let expected = &all[usize::try_from(after).expect("a small number")..];
        assert_same(&passed, expected, &format!("a follower from {after} on: the past"));
    }
    all.extend(a.grow("room", 20).await);
    for ((follower, _), after) in followers.iter().zip(afters) {
        let passed = follower.until(170).await;
        let expected = &all[usize::try_from(after).expect("a small number")..];
        assert_same(&passed, expected, &format!("a follower from {after} on: past and present"));
    }
    Ok(())
}

/// A follower that begins while another node appends misses nothing, and gets nothing twice.
pub async fn follow_while_appending(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let writes = tokio::spawn(async move {
        for _ in 0..100 {
            a.grow("room", 2).await;
        }
    });
    let mut followers = Vec::new();
    while !writes.is_finished() {
        let after = b.head("room").await.cursor.seq();
        followers.push((after, Collector::follow(&b, "room", after)));
        followers.push((0, Collector::follow(&b, "room", 0)));
        tokio::time::sleep(QUIET / 30).await;
        if followers.len() >= 64 {
            break;
        }
    }
    if let Err(failed) = writes.await {
        std::panic::resume_unwind(failed.into_panic());
    }
    let all = b.read_all("room").await;
    let count = all.len() as u64;
    for (after, (follower, _guard)) in &followers {
        let passed = follower.until(count).await;
        let expected = &all[usize::try_from(*after).expect("a small number")..];
        assert_same(&passed, expected, &format!("a follower that began at {after} during appends"));
    }
    Ok(())
}

/// One node follows hundreds of topics, of odd names too, and each follower gets those of its topic.
pub async fn follow_many_topics(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let odd = ["a/*", "a.>", "*", ">", "a b", "a\0b", "..", "%2F", "🦀", "A", "a", "a\nb"];
    let mut names: Vec<String> = odd.map(str::to_owned).to_vec();
    names.extend((names.len()..TOPICS).map(|n| format!("board/{n}")));
    let followers: Vec<_> = names.iter().map(|name| Collector::follow(&a, name, 0)).collect();
    let mut expected = Vec::new();
    for round in 0..2 {
        let begun: Vec<_> = names
            .iter()
            .enumerate()
            .map(|(n, name)| {
                let start = b.start(name);
                let entries = probe::entries(&start, &format!("of topic {n}"), 2);
                let after = if round == 0 { start } else { entries[0].head() };
                expected.push(entries.clone());
                (name, b.begin(name, after, vec![entries[round].clone()]))
            })
            .collect();
        for (name, pending) in begun {
            accepted(name, &pending.outcome().await);
        }
    }
    for ((name, (follower, _guard)), entries) in names.iter().zip(&followers).zip(&expected) {
        let passed = follower.until(2).await;
        assert_same(&passed, entries, &format!("the follower of {name:?} gets its entries"));
    }
    Ok(())
}

/// Dropping the guard ends following and releases the follower; other followers of the topic go on,
/// and it can be followed again.
pub async fn follow_ends(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let (ends, guard) = Collector::follow(&a, "room", 0);
    let (stays, _guard) = Collector::follow(&a, "room", 0);
    let first = b.grow("room", 3).await;
    ends.until(3).await;
    stays.until(3).await;
    drop(guard);
    // A delivery that had begun may still end.
    tokio::time::sleep(QUIET).await;
    let second = b.grow("room", 3).await;
    let all = [first.clone(), second].concat();
    assert_same(&stays.until(6).await, &all, "other followers of the topic go on");
    let passed = ends.after(QUIET).await;
    assert_same(&passed, &first, "a follower whose guard is dropped is passed nothing more");
    let released = probe::eventually("the engine releases a follower that has ended", async || {
        (Arc::strong_count(&ends) == 1).then_some(())
    });
    released.await;
    let (again, _guard) = Collector::follow(&a, "room", 3);
    b.grow("room", 1).await;
    let passed = again.until(7).await;
    assert_eq!(passed.len(), 4, "a topic can be followed again, from any number on");
    Ok(())
}

/// A burst of large entries reaches a follower whole.
pub async fn follow_large_entries(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let (follower, _guard) = Collector::follow(&a, "room", 0);
    let data = format!("\"{}\"", "x".repeat(100 * 1024));
    let mut head = b.start("room");
    let mut all = Vec::new();
    for _ in 0..30 {
        let entry = probe::entry(&head, None, "large", data.as_bytes());
        accepted("room", &b.append("room", head, vec![entry.clone()]).await);
        head = entry.head();
        all.push(entry);
    }
    assert_same(&follower.until(30).await, &all, "a follower is passed large entries");
    Ok(())
}

/// What is appended on one node reaches a follower on another in a moment, also after a pause.
pub async fn follow_is_prompt(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let (follower, _guard) = Collector::follow(&a, "room", 0);
    for seq in 1..=4 {
        tokio::time::sleep(QUIET * 2).await;
        b.grow("room", 1).await;
        // An engine that asks now and then, in place of being notified, takes longer.
        let came = tokio::time::timeout(PATIENCE / 10, follower.until(seq)).await;
        assert!(came.is_ok(), "a follower is passed entry {seq} within a second");
    }
    Ok(())
}

/// Two nodes follow one topic to which both append.
pub async fn follow_on_both_nodes(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let nodes: [&Probe; 2] = [&a, &b];
    let followers = nodes.map(|node| Collector::follow(node, "room", 0));
    for round in 0..20 {
        nodes[round % 2].grow("room", 1).await;
    }
    let all = a.read_all("room").await;
    for (follower, _guard) in &followers {
        let passed = follower.until(20).await;
        assert_same(&passed, &all, "the followers of both nodes are passed the same");
    }
    Ok(())
}
