//! Listeners further behind than what their node has in memory, over an engine that fails.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

use std::{
    pin::pin,
    sync::Arc,
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use tokio::{
    runtime,
    task::yield_now,
    time::{sleep, timeout},
};

use crate::{
    Durability, GapReason, Next, Store, Subscription, Topic,
    engine::{
        Engine, Link,
        conformance::{Model, ModelEngine, Reads},
    },
    topic::tests::N,
};

/// Returns a node with a topic of 12 messages. The newest is in memory.
async fn node(model: &Model) -> (ModelEngine, Topic<N>) {
    let engine = model.node();
    let topic = Topic::durable("t", Durability::Fsync).keep(12).window(1);
    topic.open(&Store::on(Arc::new(engine.clone()))).unwrap();
    for n in 1..=12 {
        topic.publish(&N(n)).await.unwrap();
    }
    (engine, topic)
}

fn now(listener: &mut Subscription<N>) -> Option<Next> {
    match pin!(listener.next()).poll(&mut Task::from_waker(Waker::noop())) {
        Poll::Ready(next) => Some(next),
        Poll::Pending => None,
    }
}

/// Reads messages with these numbers, each as soon as it is there.
async fn assert_reads(listener: &mut Subscription<N>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let next = timeout(Duration::from_secs(5), listener.next()).await;
        let Next::Message(message) = next.unwrap() else { panic!("message {number}") };
        assert_eq!((message.seq(), message.json::<u64>().unwrap()), (number, number));
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_listeners_that_catch_up_at_once_share_their_reads() {
    let model = Model::new();
    let (engine, topic) = node(&model).await;
    let topic = Arc::new(topic);
    let mut listeners = Vec::new();
    for _ in 0..1000 {
        let topic = Arc::clone(&topic);
        listeners.push(tokio::spawn(async move {
            let mut listener = topic.subscribe(None).await.unwrap();
            assert_reads(&mut listener, 1..=12).await;
        }));
    }
    for listener in listeners {
        listener.await.unwrap();
    }
    // One read gives at least two messages.
    assert!(engine.read_count() <= 6, "{} reads", engine.read_count());
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_catches_up_waits_while_the_engine_is_away() {
    let model = Model::new();
    let (engine, topic) = node(&model).await;
    let mut listener = topic.subscribe(None).await.unwrap();
    assert_reads(&mut listener, 1..=1).await;
    engine.set_link(Link::Down);
    sleep(Duration::from_secs(60)).await;
    let mut read = 1;
    loop {
        match timeout(Duration::from_secs(5), listener.next()).await.unwrap() {
            Next::Message(message) => read = message.seq(),
            Next::Link(link) => break assert_eq!(link, Link::Down),
            other => panic!("{other:?}"),
        }
    }
    assert!(timeout(Duration::from_secs(60), listener.next()).await.is_err());
    assert!(topic.history().await.is_err(), "the engine has a part of it");
    engine.set_link(Link::Up);
    let next = timeout(Duration::from_secs(5), listener.next()).await.unwrap();
    assert!(matches!(next, Next::Link(Link::Up)), "{next:?}");
    assert_reads(&mut listener, read + 1..=12).await;
    assert_eq!(topic.history().await.unwrap().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_trim_that_overtakes_a_listener_is_one_gap_with_the_right_count() {
    let model = Model::new();
    let (engine, topic) = node(&model).await;
    let mut listener = topic.subscribe(None).await.unwrap();
    assert_reads(&mut listener, 1..=2).await;
    engine.set_reads(Reads::Held);
    while now(&mut listener).is_some() {}
    let at = listener.position().seq();
    for n in 13..=20 {
        topic.publish(&N(n)).await.unwrap();
    }
    engine.set_reads(Reads::AtOnce);
    let Next::Gap(gap) = listener.next().await else { panic!("a gap") };
    assert_eq!((gap.reason, gap.missed), (GapReason::Trimmed, Some(8 - at)));
    assert_reads(&mut listener, 9..=20).await;
}

#[tokio::test(start_paused = true)]
async fn what_another_node_has_trimmed_is_one_gap_with_the_right_count() {
    let model = Model::new();
    let (_, topic) = node(&model).await;
    let mut listener = topic.subscribe(None).await.unwrap();
    model.node().trim("t", 6).await.unwrap();
    let Next::Gap(gap) = listener.next().await else { panic!("a gap") };
    assert_eq!((gap.reason, gap.missed, gap.first), (GapReason::Trimmed, Some(5), 6));
    assert_reads(&mut listener, 6..=12).await;
    assert_eq!(topic.history().await.unwrap().len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_log_that_goes_back_while_a_listener_catches_up_is_a_gap_within_five_seconds() {
    let model = Model::new();
    let (engine, topic) = node(&model).await;
    let mut listener = topic.subscribe(None).await.unwrap();
    assert_reads(&mut listener, 1..=6).await;
    model.lose_tail("t", 12 - 3);
    let Next::Gap(gap) = timeout(Duration::from_secs(5), async {
        loop {
            let next = listener.next().await;
            if !matches!(next, Next::Message(_)) {
                return next;
            }
        }
    })
    .await
    .unwrap() else {
        panic!("a gap")
    };
    assert_eq!(gap.reason, GapReason::Diverged);
    assert_reads(&mut listener, 1..=3).await;
    assert!(engine.read_count() < 20);
}

/// The read of a listener goes on in another runtime when that of the first one ends.
#[test]
fn a_read_whose_runtime_ends_is_tried_again() {
    let model = Model::new();
    let runtime = || runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let first = runtime();
    let (engine, topic) = first.block_on(node(&model));
    engine.set_reads(Reads::Held);
    let mut listener = first.block_on(async {
        let mut listener = topic.subscribe(None).await.unwrap();
        assert!(now(&mut listener).is_none());
        yield_now().await;
        listener
    });
    drop(first);
    engine.set_reads(Reads::AtOnce);
    runtime().block_on(assert_reads(&mut listener, 1..=12));
}
