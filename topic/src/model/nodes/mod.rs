//! Histories of topics on several nodes against a ledger of what the engine stored.
//!
//! The nodes share one engine, a model that fails when a history says so: appends fail although
//! they are written, or are written later; connections are cut; deliveries are held, lost, repeated
//! or reversed; the newest entries get lost; an older copy is restored; nodes are killed. Listeners
//! move between the nodes. In every history each message that a listener reads follows the one
//! before, or a gap reports what is missing, and why. Five seconds after the last fault every
//! listener has read everything.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod ledger;
mod step;
mod world;

use std::{env, sync::Arc, time::Duration};

use proptest::prelude::*;
use tokio::{task::yield_now, time::sleep};

use self::{
    step::{Message, Settings, Step, settings, step},
    world::{NOTICED, World, now},
};
use crate::{
    Durability, Gap, GapReason, Next, Store, Topic,
    engine::{
        Link,
        conformance::{Deliveries, Model},
    },
    topic::tests::N,
};

/// Returns the world of a history that is written out.
async fn world() -> World {
    let (replay_max, has_messages) = (u64::MAX, false);
    let settings =
        Settings { keep: 9, replay_max, window: 9, loaded_max: 9, append_max: 4, has_messages };
    World::new(settings).await
}

const fn message_on(node: usize) -> Message {
    Message { node, topic: 0, key: None }
}

#[tokio::test(start_paused = true)]
async fn a_listener_waits_for_a_node_that_is_behind() {
    let mut world = world().await;
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::SetDeliveries(1, Deliveries::Lost)).await.unwrap();
    world.run(Step::Move(0, 0)).await.unwrap();
    world.run(Step::Publish(message_on(0))).await.unwrap();
    world.run(Step::Read(0)).await.unwrap();
    let head = world.listeners[0].at.unwrap();
    assert_eq!(head.seq(), 1);

    // Node 1 knows of no message. It asks the engine, and so it has the message at once.
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::Yield(3)).await.unwrap();
    assert_eq!(world.nodes[1].topic(0).position().await.unwrap(), head);
    world.run(Step::Publish(message_on(1))).await.unwrap();
    world.run(Step::Read(0)).await.unwrap();
    assert_eq!(world.listeners[0].at.unwrap().seq(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_listener_waits_while_a_node_that_is_behind_cannot_ask() {
    let mut world = world().await;
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::SetLink(1, false)).await.unwrap();
    world.run(Step::Move(0, 0)).await.unwrap();
    world.run(Step::Publish(message_on(0))).await.unwrap();
    world.run(Step::Read(0)).await.unwrap();
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::Settle).await.unwrap();
    assert_eq!(world.listeners[0].connection.as_ref().unwrap().link, Link::Down);
    assert_eq!(world.listeners[0].at.unwrap().seq(), 1);

    // The history went back meanwhile: that is a gap once the engine answers.
    world.run(Step::LoseTail(0, 1)).await.unwrap();
    world.run(Step::SetLink(1, true)).await.unwrap();
    world.run(Step::Settle).await.unwrap();
    assert_eq!(world.listeners[0].connection.as_ref().unwrap().link, Link::Up);
    assert_eq!(world.listeners[0].at.unwrap().seq(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_link_that_changes_while_heads_are_checked_is_reported() {
    let mut world = world().await;
    world.run(Step::Move(0, 0)).await.unwrap();
    for round in 0..40 {
        world.run(Step::SetLink(0, round % 2 == 1)).await.unwrap();
        // The timer of the check and the change are due at the same time.
        world.run(Step::Settle).await.unwrap();
        sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_of_a_wiped_engine_goes_on_for_new_listeners() {
    let model = Model::new();
    let topic = Topic::durable("t", Durability::Fsync);
    topic.open(&Store::on(Arc::new(model.node()))).unwrap();
    let seen = topic.publish(&N(1)).await.unwrap().to_string();
    let mut before = topic.subscribe(Some(&seen)).await.unwrap();
    model.wipe();
    sleep(NOTICED).await;
    assert!(matches!(now(&mut before), Some(Next::Gap(_))));
    assert!(matches!(now(&mut before), Some(Next::Removed)));

    let mut after = topic.subscribe(Some(&seen)).await.unwrap();
    yield_now().await;
    assert!(matches!(now(&mut after), Some(Next::Gap(_))));
    assert!(now(&mut after).is_none(), "a new listener waits for the next message");
    topic.publish(&N(2)).await.unwrap();
    assert!(matches!(now(&mut after), Some(Next::Message(message)) if message.seq() == 1));
}

#[tokio::test(start_paused = true)]
async fn a_topic_that_is_removed_ends_the_listeners_of_all_nodes() {
    let mut world = world().await;
    world.run(Step::Publish(message_on(0))).await.unwrap();
    for (who, node) in [(0, 0), (3, 1)] {
        world.run(Step::Move(who, node)).await.unwrap();
    }
    world.run(Step::Remove(0, 0)).await.unwrap();
    world.run(Step::Settle).await.unwrap();
    assert!(world.listeners.iter().all(|listener| listener.connection.is_none()));
    for node in 0..2 {
        world.run(Step::Publish(message_on(node))).await.unwrap();
    }
    world.heal().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_far_behind_reports_how_many_messages_are_gone() {
    let mut world = world().await;
    world.run(Step::Move(0, 1)).await.unwrap();
    world.run(Step::SetDeliveries(1, Deliveries::Held)).await.unwrap();
    for _ in 0..40 {
        world.run(Step::Publish(message_on(0))).await.unwrap();
    }
    sleep(NOTICED).await;
    let subscription = &mut world.listeners[0].connection.as_mut().unwrap().subscription;
    let Some(Next::Gap(gap)) = now(subscription) else { panic!("a gap") };
    assert_eq!(gap, Gap { reason: GapReason::Trimmed, missed: Some(31), first: 32 });
}

/// Returns how many histories to run: as many as `KIPO_HISTORIES` says.
fn histories() -> u32 {
    env::var("KIPO_HISTORIES").ok().and_then(|count| count.parse().ok()).unwrap_or(2000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: histories(), ..ProptestConfig::default() })]

    #[test]
    fn every_listener_reads_the_truth_on_every_node(
        settings in settings(),
        steps in proptest::collection::vec(step(), 1..60),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let mut world = World::new(settings).await;
            for step in steps {
                world.run(step).await?;
            }
            world.heal().await
        })?;
    }
}
