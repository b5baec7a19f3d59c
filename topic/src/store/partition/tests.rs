//! One node of a topic over the model of an engine.

use std::{
    pin::pin,
    task::{Context, Waker},
};

use tokio::task::{JoinHandle, yield_now};

use super::*;
use crate::{
    clock,
    engine::{
        Engine, Entry, FollowGuard, Follower, Head, Profile,
        conformance::{Deliveries, Fault, Model, ModelEngine},
    },
    store::Store,
};

/// A node, and what it has appended: the data of each append.
struct Node {
    model: Model,
    engine: ModelEngine,
    store: Store,
    partition: Arc<Partition>,
    appended: Arc<Groups>,
    _follow: FollowGuard,
}

#[derive(Default)]
struct Groups(Mutex<Vec<Vec<String>>>);

impl Follower for Groups {
    fn entries(&self, entries: Vec<Entry>) {
        lock(&self.0).push(entries.iter().map(|entry| entry.data().to_owned()).collect());
    }

    fn uncertain(&self) {}
}

type Answered = JoinHandle<Result<Cursor, EngineError>>;

impl Node {
    async fn new(append_max: usize, append_bytes_max: usize) -> Self {
        let profile = Profile::new("model", 1, Durability::Os);
        let model = Model::of(profile.shared(append_max, append_bytes_max));
        let engine = model.node();
        let store = Store::on(Arc::new(engine.clone()));
        let partition =
            Partition::load(store.shared(), "t".into(), Durability::Os, Retention::DEFAULT);
        let partition = partition.await.expect("the model answers");
        let appended = Arc::new(Groups::default());
        let follow = model.node().follow("t".into(), 0, Arc::clone(&appended) as _);
        Self { model, engine, store, partition, appended, _follow: follow }
    }

    fn publish(&self, n: usize, key: Option<&str>) -> Answered {
        self.publish_data(&n.to_string(), key)
    }

    fn publish_data(&self, data: &str, key: Option<&str>) -> Answered {
        let draft = Draft::new("e", data.as_bytes());
        let (partition, key) = (Arc::clone(&self.partition), key.map(Arc::from));
        tokio::spawn(async move { partition.publish(draft, key).await })
    }

    fn groups(&self) -> Vec<Vec<String>> {
        lock(&self.appended.0).clone()
    }

    /// Checks that nobody waits, and that no permit is lost.
    fn assert_idle(&self) {
        let waiting = lock(&self.partition.waiting);
        assert!(waiting.submissions.is_empty() && !waiting.is_busy && !waiting.is_parked);
        let other = Store::on(Arc::new(self.engine.clone()));
        let permits = |store: &Store| store.shared().permits.available_permits();
        assert_eq!(permits(&self.store), permits(&other));
    }
}

/// Returns the numbers of all messages.
async fn numbers(publishers: Vec<Answered>) -> Vec<u64> {
    let mut numbers = Vec::new();
    for publisher in publishers {
        let answer = publisher.await.expect("a publisher that goes on");
        numbers.push(answer.expect("a published message").seq());
    }
    numbers
}

#[tokio::test]
async fn messages_that_wait_go_together_as_many_as_an_append_may_have() {
    let node = Node::new(3, usize::MAX).await;
    let publishers = (1..=8).map(|n| node.publish(n, None)).collect();
    assert_eq!(numbers(publishers).await, [1, 2, 3, 4, 5, 6, 7, 8]);
    // The first one found nothing in flight.
    let expected: [&[&str]; 4] = [&["1"], &["2", "3", "4"], &["5", "6", "7"], &["8"]];
    assert_eq!(node.groups(), expected);
    node.assert_idle();
}

#[tokio::test]
async fn publishers_that_publish_again_go_together() {
    let node = Node::new(64, usize::MAX).await;
    let publisher = |_| {
        let partition = Arc::clone(&node.partition);
        tokio::spawn(async move {
            for _ in 0..5 {
                let published = partition.publish(Draft::new("e", b"0"), None).await;
                published.expect("a published message");
            }
        })
    };
    let publishers: Vec<_> = (0..4).map(publisher).collect();
    for publisher in publishers {
        publisher.await.expect("a publisher that goes on");
    }
    let sizes: Vec<_> = node.groups().iter().map(Vec::len).collect();
    // The first one found nothing in flight.
    assert_eq!(sizes, [1, 3, 4, 4, 4, 4]);
    node.assert_idle();
}

#[tokio::test]
async fn an_append_stays_within_its_bytes_with_keys_and_all() {
    let node = Node::new(usize::MAX, 1000).await;
    let key = |n: usize| format!("{n:0>128}");
    let publish = |n: usize| node.publish(n, Some(key(n).as_str()));
    let mut publishers: Vec<_> = (1..20).map(publish).collect();
    let large = "1".repeat(2000);
    publishers.push(node.publish_data(&large, None));
    publishers.push(node.publish(21, None));
    assert_eq!(numbers(publishers).await, (1..=21).collect::<Vec<_>>());
    let groups = node.groups();
    for group in &groups {
        let entry = |data: &String| {
            let (head, key) = (Head::of_generation(1), "0".repeat(128));
            Entry::next(&head, Some(&key), "e", data.as_bytes(), 0).unwrap().encoded_len()
        };
        let bytes: usize = group.iter().map(entry).sum();
        assert!(bytes <= 1000 || *group == [large.clone()], "{group:?} has {bytes} bytes");
    }
    assert!(groups.iter().any(|group| group.len() > 3), "{groups:?}");
    node.assert_idle();
}

#[tokio::test]
async fn a_refused_append_keeps_the_order_of_its_publishers() {
    let node = Node::new(64, usize::MAX).await;
    // This node does not see what the others append.
    node.engine.set_deliveries(Deliveries::Held);
    for round in 0..3 {
        node.model.write("t", |head| Entry::next(head, None, "e", b"0", 0));
        let all = (1..=5).map(|n| node.publish(n, None)).collect();
        let first = round * 6 + 2;
        assert_eq!(numbers(all).await, (first..first + 5).collect::<Vec<_>>());
    }
    let data: Vec<_> = node.groups().concat();
    assert_eq!(data, ["0", "1", "2", "3", "4", "5"].repeat(3));
    node.assert_idle();
}

#[tokio::test]
async fn publishers_wait_in_order_while_the_engine_is_asked_what_it_has() {
    let node = Node::new(2, usize::MAX).await;
    assert_eq!(numbers((1..=3).map(|n| node.publish(n, None)).collect()).await, [1, 2, 3]);
    node.model.lose_tail("t", 2);
    let publishers = (4..=8).map(|n| node.publish(n, None)).collect();
    assert_eq!(numbers(publishers).await, [2, 3, 4, 5, 6]);
    let data = node.partition.channel.look(|log| {
        let records = log.retained().filter_map(|seq| log.get(seq));
        records.map(|record| record.data_str().to_owned()).collect::<Vec<_>>()
    });
    assert_eq!(data, ["1", "4", "5", "6", "7", "8"]);
    node.assert_idle();
}

#[tokio::test]
async fn messages_with_one_key_are_one_message_for_all_publishers() {
    let node = Node::new(64, usize::MAX).await;
    node.engine.set_deliveries(Deliveries::Held);
    node.model.write("t", |head| Entry::next(head, Some("other"), "e", b"0", clock::now_ms()));
    let keys = ["own", "other", "own", "own", "other"];
    let publishers = keys.iter().enumerate().map(|(n, key)| node.publish(n, Some(key)));
    assert_eq!(numbers(publishers.collect()).await, [2, 1, 2, 2, 1]);
    assert_eq!(node.groups().concat(), ["0", "0"]);
    node.assert_idle();
}

#[tokio::test]
async fn a_key_that_another_node_used_twice_stays_that_of_the_first_message() {
    let node = Node::new(64, usize::MAX).await;
    let now_ms = clock::now_ms();
    let write = |key, stamp_ms| {
        node.model.write("t", |head| Entry::next(head, Some(key), "e", b"0", stamp_ms));
    };
    write("k", now_ms);
    write("k", now_ms);
    assert_eq!(numbers(vec![node.publish(1, Some("k"))]).await, [1]);
    // Later both are forgotten.
    let later_ms = now_ms + 3_600_000;
    write("later", later_ms);
    write("k", later_ms);
    assert_eq!(node.partition.channel.head().cursor.seq(), 4);
    assert_eq!(numbers(vec![node.publish(1, Some("k"))]).await, [4]);
    let loaded =
        Partition::load(node.store.shared(), "t".into(), Durability::Os, Retention::DEFAULT);
    assert_eq!(loaded.await.unwrap().channel.cursor_of("k").unwrap().seq(), 4);
}

#[tokio::test]
async fn a_publisher_that_leaves_holds_up_nobody() {
    let node = Node::new(64, usize::MAX).await;
    node.engine.set_deliveries(Deliveries::Held);
    node.model.write("t", |head| Entry::next(head, None, "e", b"0", 0));
    let publish = |data| node.partition.publish(Draft::new("e", data), None);
    let mut first = pin!(Some(publish(b"1")));
    let mut second = pin!(publish(b"2"));
    let mut third = pin!(Some(publish(b"3")));
    let fourth = publish(b"4");
    {
        // They wait: the first for the engine, the others for the first.
        let mut task = Context::from_waker(Waker::noop());
        assert!(first.as_mut().as_pin_mut().unwrap().poll(&mut task).is_pending());
        assert!(second.as_mut().poll(&mut task).is_pending());
        assert!(third.as_mut().as_pin_mut().unwrap().poll(&mut task).is_pending());
    }
    first.set(None);
    third.set(None);
    let (second, fourth) = (second.await.unwrap(), fourth.await.unwrap());
    assert_eq!((second.seq(), fourth.seq()), (3, 5));
    assert_eq!(node.groups().concat(), ["0", "1", "2", "3", "4"]);
    node.assert_idle();
}

#[tokio::test]
async fn a_publisher_that_leaves_before_its_turn_publishes_nothing() {
    let node = Node::new(64, usize::MAX).await;
    let permits = &node.store.shared().permits;
    let all = u32::try_from(permits.available_permits()).unwrap();
    let taken = Arc::clone(permits).acquire_many_owned(all).await.unwrap();
    let publisher = node.publish(1, None);
    yield_now().await;
    publisher.abort();
    let other = node.publish(2, None);
    yield_now().await;
    drop(taken);
    assert_eq!(other.await.unwrap().unwrap().seq(), 1);
    assert_eq!(node.groups(), [["2"]]);
    node.assert_idle();
}

#[tokio::test]
async fn a_failure_answers_all_publishers_of_its_append_and_no_others() {
    let node = Node::new(3, usize::MAX).await;
    for fault in [Fault::Refused, Fault::Unacknowledged] {
        node.engine.fail_next(fault);
    }
    let publishers: Vec<_> = (1..=6).map(|n| node.publish(n, None)).collect();
    let mut answers = Vec::new();
    for publisher in publishers {
        answers.push(publisher.await.unwrap().ok().map(|cursor| cursor.seq()));
    }
    // The second append was written, although it failed.
    assert_eq!(answers, [None, None, None, None, Some(4), Some(5)]);
    assert_eq!(node.groups().concat(), ["2", "3", "4", "5", "6"]);
    node.assert_idle();
}

#[tokio::test]
async fn an_engine_that_cannot_be_asked_answers_all_publishers() {
    let node = Node::new(2, usize::MAX).await;
    assert_eq!(numbers(vec![node.publish(1, None)]).await, [1]);
    node.model.lose_tail("t", 1);
    let publishers: Vec<_> = (2..=6).map(|n| node.publish(n, None)).collect();
    // The append was refused, and the check has not begun.
    while !lock(&node.partition.waiting).is_parked {
        yield_now().await;
    }
    node.engine.set_link(Link::Down);
    for publisher in publishers {
        assert!(publisher.await.unwrap().is_err());
    }
    node.assert_idle();
    node.engine.set_link(Link::Up);
    let publishers = (7..=9).map(|n| node.publish(n, None)).collect();
    assert_eq!(numbers(publishers).await, [1, 2, 3]);
    node.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_misses_an_entry_asks_the_engine_at_once() {
    let node = Node::new(2, usize::MAX).await;
    let write = || node.model.write("t", |head| Entry::next(head, None, "e", b"0", 0));
    node.engine.set_deliveries(Deliveries::Lost);
    write();
    node.engine.set_deliveries(Deliveries::InOrder);
    write();
    yield_now().await;
    assert_eq!(node.partition.channel.head().cursor.seq(), 2);
}

/// Another message with a known number shows that the log went back, before a head is compared.
#[tokio::test(start_paused = true)]
async fn another_message_with_a_known_number_makes_the_node_ask_the_engine_at_once() {
    let node = Node::new(2, usize::MAX).await;
    let write = |data: &'static [u8]| {
        node.model.write("t", |head| Entry::next(head, None, "e", data, 0));
    };
    (0..3).for_each(|_| write(b"0"));
    let seen = node.partition.channel.head().cursor;
    assert_eq!(seen.seq(), 3);
    node.engine.set_deliveries(Deliveries::Held);
    node.model.lose_tail("t", 2);
    write(b"1");
    let entries = node.engine.read("t", 1, usize::MAX).await.expect("the model answers");
    assert_eq!(entries.len(), 1);
    Tail(Arc::downgrade(&node.partition)).entries(entries.clone());
    yield_now().await;
    assert_eq!(node.partition.channel.head().cursor, entries[0].cursor());
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_comes_during_a_check_gets_one_of_its_own() {
    let node = Node::new(2, usize::MAX).await;
    node.engine.set_deliveries(Deliveries::Lost);
    lock(&node.partition.waiting).is_checking = true;
    let mut ahead = Head::of_generation(node.partition.channel.head().cursor.generation);
    node.model.write("t", |head| {
        let entry = Entry::next(head, None, "e", b"0", 0)?;
        ahead = entry.head();
        Some(entry)
    });
    let id = ahead.cursor.to_string();
    let entered = node.partition.channel.enter(Some(&id));
    assert_eq!(entered.resume.from, ahead.cursor);
    assert!(entered.unconfirmed.is_some() && node.partition.channel.is_check_wanted());

    // The check that was running has not seen the entry.
    node.partition.end_check(Ok(()));
    yield_now().await;
    assert_eq!(node.partition.channel.head(), ahead);
    assert!(!node.partition.channel.is_check_wanted());
}

#[tokio::test]
async fn publishers_and_checks_do_not_disturb_each_other() {
    let node = Node::new(3, usize::MAX).await;
    let mut publishers = Vec::new();
    for round in 0..50 {
        publishers.extend((0..round % 5).map(|n| node.publish(round * 10 + n, None)));
        // The followers are uncertain.
        node.engine.set_link(Link::Down);
        node.engine.set_link(Link::Up);
        if round % 3 == 0 {
            node.model.write("t", |head| Entry::next(head, None, "e", b"-1", 0));
        }
        if round % 2 == 0 {
            yield_now().await;
        }
    }
    let count = publishers.len();
    let numbers = numbers(publishers).await;
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    let data = node.groups().concat();
    let ours: Vec<u64> = data.iter().filter_map(|data| data.parse().ok()).collect();
    assert_eq!(ours.len(), count);
    assert!(ours.is_sorted_by(|a, b| a < b), "{ours:?}");
    node.assert_idle();
}

/// An idle topic has one, and a family may have many.
#[test]
fn a_partition_is_small() {
    assert!(size_of::<Partition>() <= 296, "{}", size_of::<Partition>());
}
