//! Two nodes of one topic over the model of an engine.

use tokio::task::{JoinHandle, yield_now};

use super::*;
use crate::{
    Durability,
    engine::{
        Engine, Entry, FollowGuard, Follower, Profile,
        conformance::{Fault, Messages, Model, ModelEngine},
    },
    log::{cursor::Cursor, retention::Retention},
    store::Store,
    sync::Mutex,
};

struct Node {
    engine: ModelEngine,
    store: Store,
    partition: Arc<Partition>,
}

/// Two nodes, the one that appends for the other first, and what is in the log.
struct Nodes {
    first: Node,
    second: Node,
    log: Arc<Log>,
    _follow: FollowGuard,
}

#[derive(Default)]
struct Log(Mutex<Vec<(String, u64)>>);

impl Follower for Log {
    fn entries(&self, entries: Vec<Entry>) {
        lock(&self.0).extend(entries.iter().map(|entry| (entry.data().to_owned(), entry.seq())));
    }

    fn uncertain(&self) {}
}

impl Node {
    async fn new(model: &Model, durability: Durability) -> Self {
        let engine = model.node();
        engine.set_messages(Messages::InOrder);
        let store = Store::on(Arc::new(engine.clone()));
        let partition = Partition::load(store.shared(), "t".into(), durability, Retention::DEFAULT);
        let partition = partition.await.expect("the model answers");
        Self { engine, store, partition }
    }

    fn publish(&self, data: &str, key: Option<&str>) -> JoinHandle<Result<Cursor, EngineError>> {
        let draft = Draft::new("e", data.as_bytes());
        let (partition, key) = (Arc::clone(&self.partition), key.map(Arc::from));
        tokio::spawn(async move { partition.publish(draft, key).await })
    }

    fn appender(&self) -> Option<u64> {
        lock(&self.partition.waiting).others.as_ref().and_then(|others| others.appender())
    }
}

impl Nodes {
    /// Returns nodes that have not met.
    async fn apart(first: Durability, second: Durability) -> Self {
        let model = Model::of(Profile::new("model", 1, Durability::Fsync).shared(64, 64 * 1024));
        let (mut one, mut two) = (Node::new(&model, first).await, Node::new(&model, first).await);
        if two.store.shared().peers.node < one.store.shared().peers.node {
            std::mem::swap(&mut one, &mut two);
        }
        if first != second {
            lock(&two.partition.waiting).durability = second;
        }
        let log = Arc::new(Log::default());
        let follow = model.node().follow("t".into(), 0, Arc::clone(&log) as _);
        Self { first: one, second: two, log, _follow: follow }
    }

    /// Returns nodes of which the first appends for the second.
    async fn new() -> Self {
        let nodes = Self::apart(Durability::Os, Durability::Os).await;
        nodes.meet().await;
        assert_eq!(nodes.second.appender(), Some(nodes.first.store.shared().peers.node));
        assert_eq!(nodes.first.appender(), None);
        lock(&nodes.log.0).clear();
        nodes
    }

    /// Both publish at the same time, a few times.
    async fn meet(&self) {
        for _ in 0..8 {
            let both = [self.first.publish("0", None), self.second.publish("0", None)];
            for one in both {
                one.await.expect("it goes on").expect("an appended message");
            }
        }
    }

    fn log(&self) -> Vec<String> {
        lock(&self.log.0).iter().map(|(data, _)| data.clone()).collect()
    }

    /// Checks that nothing waits or is held.
    fn assert_idle(&self) {
        for node in [&self.first, &self.second] {
            let waiting = lock(&node.partition.waiting);
            assert!(waiting.submissions.is_empty() && !waiting.is_busy);
            let other = Store::on(Arc::new(node.engine.clone()));
            let permits = |store: &Store| {
                let shared = store.shared();
                (shared.permits.available_permits(), shared.peers.held.available_permits())
            };
            assert_eq!(permits(&node.store), permits(&other));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn one_node_appends_for_both() {
    let nodes = Nodes::new().await;
    // The second one appends nothing, or its publishers would get an error.
    nodes.second.engine.fail_next(Fault::Refused);
    for round in 0..20 {
        let data = ["1", "2", "3"].map(|who| format!("{round}{who}"));
        let all = [
            nodes.first.publish(&data[0], None),
            nodes.second.publish(&data[1], None),
            nodes.second.publish(&data[2], Some(&data[2])),
        ];
        for (publisher, data) in all.into_iter().zip(&data) {
            let seq = publisher.await.unwrap().expect("an appended message").seq();
            assert!(lock(&nodes.log.0).contains(&(data.clone(), seq)), "the position of {data}");
        }
        // Each node has what it has published.
        let heads = [&nodes.first, &nodes.second].map(|node| node.partition.channel.head());
        assert_eq!(heads[0], heads[1]);
    }
    assert_eq!(nodes.log().len(), 60);
    nodes.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_node_appends_by_itself_what_is_away_for_too_long() {
    let nodes = Nodes::new().await;
    nodes.first.engine.set_messages(Messages::Lost);
    let began = Instant::now();
    nodes.second.publish("1", None).await.unwrap().unwrap();
    let time = began.elapsed();
    assert!((Duration::from_secs(1)..Duration::from_millis(1_200)).contains(&time), "{time:?}");
    nodes.second.publish("2", None).await.unwrap().unwrap();
    assert_eq!(began.elapsed(), time, "the other node is not asked again");
    assert_eq!(nodes.log(), ["1", "2"]);
    nodes.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_comes_too_late_is_not_appended_again() {
    for way in [Messages::InOrder, Messages::Repeated] {
        let nodes = Nodes::new().await;
        nodes.first.engine.set_messages(Messages::Held);
        let key = Some("k");
        let all =
            ["1", "2", "3"].map(|data| nodes.second.publish(data, key.filter(|_| data == "3")));
        for publisher in all {
            publisher.await.unwrap().unwrap();
        }
        // The first node has something to append, and learns of the drafts.
        nodes.first.publish("4", None).await.unwrap().unwrap();
        nodes.first.engine.set_messages(way);
        yield_now().await;
        nodes.first.publish("5", None).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(nodes.log(), ["1", "2", "3", "4", "5"]);
        nodes.assert_idle();
    }
}

#[tokio::test(start_paused = true)]
async fn a_draft_that_comes_twice_is_appended_once() {
    let nodes = Nodes::new().await;
    nodes.first.engine.set_messages(Messages::Repeated);
    nodes.second.engine.set_messages(Messages::Repeated);
    for data in ["1", "2", "3"] {
        let other = nodes.first.publish("0", None);
        nodes.second.publish(data, None).await.unwrap().unwrap();
        other.await.unwrap().unwrap();
    }
    tokio::time::sleep(Duration::from_secs(2)).await;
    let mut log = nodes.log();
    log.retain(|data| data != "0");
    assert_eq!(log, ["1", "2", "3"]);
    nodes.assert_idle();
}

/// What the appender's engine has written, although it says that it failed, is in the log once.
#[tokio::test(start_paused = true)]
async fn an_appender_whose_engine_fails_leaves_the_drafts_to_their_node() {
    for fault in [Fault::Refused, Fault::Unacknowledged, Fault::Late] {
        let nodes = Nodes::new().await;
        nodes.first.engine.fail_next(fault);
        nodes.second.publish("1", None).await.unwrap().unwrap();
        nodes.first.engine.arrive();
        nodes.second.publish("2", None).await.unwrap().unwrap();
        assert_eq!(nodes.log(), ["1", "2"], "{fault:?}");
        nodes.assert_idle();
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_without_messages_of_its_own_appends_for_nobody() {
    let nodes = Nodes::new().await;
    // The second one publishes often, so that it does not end by itself.
    for n in 0..30 {
        nodes.second.publish(&n.to_string(), None).await.unwrap().unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(nodes.second.appender(), None);
    assert_eq!(nodes.log().len(), 30);
    nodes.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn an_appender_that_is_not_asked_for_a_while_is_none_any_more() {
    let nodes = Nodes::new().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(nodes.second.appender(), None);
}

#[tokio::test(start_paused = true)]
async fn a_node_with_a_weaker_topic_appends_for_nobody() {
    let nodes = Nodes::apart(Durability::Os, Durability::Fsync).await;
    nodes.meet().await;
    assert_eq!(nodes.second.appender(), None);
    nodes.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn drafts_beyond_the_bounds_are_refused() {
    let nodes = Nodes::new().await;
    let permits = Arc::clone(&nodes.first.store.shared().permits);
    let all = u32::try_from(permits.available_permits()).unwrap();
    let taken = permits.acquire_many_owned(all).await.unwrap();
    let began = Instant::now();
    nodes.second.publish("1", None).await.unwrap().unwrap();
    assert_eq!(began.elapsed(), Duration::ZERO);
    drop(taken);
    // One that is larger than a letter is not sent.
    let nodes = Nodes::new().await;
    let large = "1".repeat(200 * 1024);
    nodes.second.publish(&large, None).await.unwrap().unwrap();
    assert_eq!(nodes.log(), [large]);
    nodes.assert_idle();
}

#[tokio::test(start_paused = true)]
async fn a_key_is_published_once_by_both_nodes() {
    let nodes = Nodes::new().await;
    for round in 0..10 {
        let key = Some(format!("k{round}"));
        let all = [&nodes.first, &nodes.second, &nodes.second]
            .map(|node| node.publish(&round.to_string(), key.as_deref()));
        let mut positions = Vec::new();
        for publisher in all {
            positions.push(publisher.await.unwrap().unwrap());
        }
        assert!(positions.iter().all(|position| *position == positions[0]), "{positions:?}");
    }
    assert_eq!(nodes.log().len(), 10);
    nodes.assert_idle();
}
