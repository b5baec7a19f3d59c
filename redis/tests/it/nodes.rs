//! Topics of two nodes, over servers that end, hang, or lose what they have.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use kipo_redis::{Options, RedisEngine};
use kipo_topic::{
    Durability, Event, Next, Store, Topic,
    engine::{Append, AppendError, Engine, Entry, Follower, Head, Link, Outcome},
};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};

use crate::server::{Cluster, Product, SYNCED, Server};

async fn connect(server: &Server) -> RedisEngine {
    RedisEngine::connect(&server.address(), Options::new()).await.unwrap()
}

async fn append(engine: &RedisEngine, topic: &str, after: Head, data: &str) -> (Entry, Outcome) {
    append_group(engine, topic, after, &[data]).await
}

/// Appends several entries at once. Returns the last one.
async fn append_group(
    engine: &RedisEngine,
    topic: &str,
    after: Head,
    data: &[&str],
) -> (Entry, Outcome) {
    let (mut head, mut entries) = (after, Vec::new());
    for data in data {
        let entry = Entry::next(&head, None, "said", data.as_bytes(), 1).unwrap();
        head = entry.head();
        entries.push(entry);
    }
    let (last, (sender, answer)) = (entries.last().unwrap().clone(), oneshot::channel());
    engine.append(Append::new(topic, after, entries, Durability::Fsync, |outcome| {
        let _ = sender.send(outcome);
    }));
    (last, answer.await.unwrap())
}

async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

#[derive(Default)]
struct Seen(Mutex<(Vec<u64>, usize)>);

impl Follower for Seen {
    fn entries(&self, entries: Vec<Entry>) {
        self.0.lock().unwrap().0.extend(entries.iter().map(Entry::seq));
    }

    fn uncertain(&self) {
        self.0.lock().unwrap().1 += 1;
    }
}

struct Said(u32);

impl Event for Said {
    fn name(&self) -> &'static str {
        "said"
    }

    fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, &self.0)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_nodes_publish_each_message_once() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    let mut topics = Vec::new();
    for _ in 0..2 {
        let topic: Topic<Said> = Topic::durable("race", Durability::Fsync).keep(10_000);
        topic.open(&Store::on(Arc::new(connect(&server).await))).unwrap();
        topics.push(Arc::new(topic));
    }
    let mut publishers = Vec::new();
    for n in 0..400 {
        let topic = Arc::clone(&topics[n as usize % 2]);
        publishers.push(tokio::spawn(async move { topic.publish(&Said(n)).await.unwrap().seq() }));
    }
    let mut numbers = Vec::new();
    for publisher in publishers {
        numbers.push(publisher.await.unwrap());
    }
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(1..=400));
    for topic in topics {
        let mut listener = topic.subscribe(None).await.unwrap();
        let mut heard = Vec::new();
        for seq in 1..=400 {
            let Next::Message(message) = listener.next().await else { panic!("a gap") };
            assert_eq!(message.seq(), seq);
            heard.push(message.json::<u32>().unwrap());
        }
        heard.sort_unstable();
        assert!(heard.into_iter().eq(0..400));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_silent_server_is_noticed_and_followers_catch_up() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    let (node, other) = (connect(&server).await, connect(&server).await);
    let seen = Arc::new(Seen::default());
    let _guard = node.follow("room".into(), 0, Arc::clone(&seen) as Arc<dyn Follower>);
    let (first, outcome) =
        append(&other, "room", Head::start(node.profile().id, "room"), "1").await;
    assert!(outcome.is_ok());
    until("the first entry is passed", || seen.0.lock().unwrap().0 == [1]).await;
    server.signal("-STOP");
    let stopped = Instant::now();
    until("the link is down", || *node.link().borrow() == Link::Down).await;
    assert!(stopped.elapsed() < Duration::from_secs(5));
    let asked = Instant::now();
    let (_, outcome) = append(&node, "room", first.head(), "2").await;
    assert!(matches!(outcome, Err(AppendError::Failed(_))));
    assert!(asked.elapsed() < Duration::from_secs(1), "it fails at once");
    server.signal("-CONT");
    until("the link is up", || {
        *node.link().borrow() == Link::Up && *other.link().borrow() == Link::Up
    })
    .await;
    let (_, outcome) = append(&other, "room", first.head(), "2").await;
    assert!(outcome.is_ok());
    until("the second entry is passed", || seen.0.lock().unwrap().0 == [1, 2]).await;
    assert!(seen.0.lock().unwrap().1 > 0, "the follower has to look at the head");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_contents_are_noticed_without_a_lost_connection() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    let node = connect(&server).await;
    let seen = Arc::new(Seen::default());
    let start = Head::start(node.profile().id, "room");
    let (_, outcome) = append(&node, "room", start, "1").await;
    assert!(outcome.is_ok());
    let _guard = node.follow("room".into(), 1, Arc::clone(&seen) as Arc<dyn Follower>);
    server.query(&["FLUSHALL"]);
    until("the follower has to look at the head", || seen.0.lock().unwrap().1 > 0).await;
    assert_eq!(node.heads(&["room".into()]).await.unwrap(), [start]);
    let (_, outcome) = append(&node, "room", start, "again").await;
    assert!(outcome.is_ok());
    until("the new entry is passed", || seen.0.lock().unwrap().0 == [1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn groups_of_two_nodes_are_passed_once_to_both() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    let nodes = [connect(&server).await, connect(&server).await];
    let seen = [Arc::new(Seen::default()), Arc::new(Seen::default())];
    let follow = |(node, seen): (&RedisEngine, &Arc<Seen>)| {
        node.follow("room".into(), 0, Arc::clone(seen) as Arc<dyn Follower>)
    };
    let _guards: Vec<_> = nodes.iter().zip(&seen).map(follow).collect();
    // In one item, in several, and too large for a notification.
    let (small, large) = (["1"; 40], format!("\"{}\"", "x".repeat(30_000)));
    let (several, many) = ([&*large; 6], [&*large; 12]);
    let (mut head, mut count) = (Head::start(nodes[0].profile().id, "room"), 0);
    for round in 0..6 {
        let groups: [&[&str]; 3] = [&small, &several, &many];
        for (index, group) in groups.into_iter().enumerate() {
            let node = &nodes[(round + index) % 2];
            let (last, outcome) = append_group(node, "room", head, group).await;
            assert!(outcome.is_ok(), "{outcome:?}");
            (head, count) = (last.head(), count + group.len() as u64);
        }
    }
    for seen in &seen {
        until("all are passed", || seen.0.lock().unwrap().0.len() as u64 >= count).await;
        assert_eq!(seen.0.lock().unwrap().0, (1..=count).collect::<Vec<_>>());
        assert_eq!(seen.0.lock().unwrap().1, 0, "no follower has to look at the head");
    }
}

#[tokio::test]
async fn a_group_is_read_from_any_number_and_trimmed_as_a_whole() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    let node = connect(&server).await;
    let start = Head::start(node.profile().id, "room");
    let (fifth, _) = append_group(&node, "room", start, &["1"; 5]).await;
    let (ninth, _) = append_group(&node, "room", fifth.head(), &["1"; 4]).await;
    for after in 0..=9 {
        let read = node.read("room", after, 100_000).await.unwrap();
        assert_eq!(read.iter().map(Entry::seq).collect::<Vec<_>>(), Vec::from_iter(after + 1..=9));
        let loaded = node.load("room", after).await.unwrap();
        assert_eq!((loaded.entries.len() as u64, loaded.head), (9 - after, ninth.head()));
    }
    for (before, first) in [(5, 1), (6, 6), (10, 6)] {
        node.trim("room", before).await.unwrap();
        assert_eq!(node.read("room", 0, 1).await.unwrap()[0].seq(), first);
    }
}

#[tokio::test]
async fn foreign_entries_are_passed_over_or_named() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    let node = connect(&server).await;
    // In front of ours: read past.
    server.query(&["XADD", "kipo:{past}:log", "0-1", "theirs", "x"]);
    let (_, outcome) = append(&node, "past", Head::start(node.profile().id, "past"), "1").await;
    assert!(outcome.is_ok());
    assert_eq!(node.load("past", 0).await.unwrap().entries.len(), 1);
    assert_eq!(node.read("past", 0, 1000).await.unwrap().len(), 1);
    // Behind ours: there is no way on, and the error names the keys.
    let head = node.load("past", 0).await.unwrap().head;
    server.query(&["XADD", "kipo:{past}:log", "99-0", "e", "x"]);
    let (_, outcome) = append(&node, "past", head, "2").await;
    let Err(AppendError::Failed(error)) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("kipo:{past}:log"), "{error}");
    assert!(node.load("past", 0).await.unwrap().entries.is_empty());
    // Between the numbers of a group.
    server.query(&["XADD", "kipo:{between}:log", "3-0", "e", "x"]);
    let start = Head::start(node.profile().id, "between");
    let (_, outcome) = append_group(&node, "between", start, &["1"; 5]).await;
    let Err(AppendError::Failed(error)) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("kipo:{between}:log"), "{error}");
    // In the place of ours.
    server.query(&["SET", "kipo:{head}:head", "theirs"]);
    server.query(&["SET", "kipo:{log}:log", "theirs"]);
    for (topic, key) in [("head", "kipo:{head}:head"), ("log", "WRONGTYPE")] {
        let error = node.load(topic, 0).await.unwrap_err().to_string();
        assert!(error.contains(key), "{error}");
    }
    server.query(&["XADD", "kipo:{orphan}:log", "5-0", "e", "x"]);
    let error = node.load("orphan", 0).await.unwrap_err().to_string();
    assert!(error.contains("`kipo:{orphan}:log` has no head"), "{error}");
}

#[tokio::test]
async fn scripts_that_the_server_has_forgotten_are_sent_again() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    let node = connect(&server).await;
    let mut head = Head::start(node.profile().id, "room");
    for _ in 0..3 {
        server.query(&["SCRIPT", "FLUSH"]);
        let (entry, outcome) = append(&node, "room", head, "1").await;
        assert!(outcome.is_ok(), "{outcome:?}");
        head = entry.head();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_came_back_weaker_is_not_used() {
    let Some(mut server) = Server::start(Product::Redis, SYNCED) else { return };
    let node = connect(&server).await;
    server.kill();
    until("the link is down", || *node.link().borrow() == Link::Down).await;
    server.set(&["--appendonly", "yes", "--appendfsync", "everysec"]);
    server.run();
    sleep(Duration::from_millis(1500)).await;
    let error = node.load("room", 0).await.unwrap_err().to_string();
    assert!(error.contains("weaker than when the engine connected"), "{error}");
    server.query(&["CONFIG", "SET", "appendfsync", "always"]);
    until("the link is up", || *node.link().borrow() == Link::Up).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_moves_within_a_cluster_is_followed() {
    let Some(cluster) = Cluster::start(Product::Redis) else { return };
    let (node, other) = (connect(&cluster.0[0]).await, connect(&cluster.0[1]).await);
    let seen = Arc::new(Seen::default());
    let _guard = node.follow("room".into(), 0, Arc::clone(&seen) as Arc<dyn Follower>);
    let start = Head::start(node.profile().id, "room");
    let (entry, outcome) = append(&other, "room", start, "1").await;
    assert!(outcome.is_ok());
    until("the first entry is passed", || seen.0.lock().unwrap().0 == [1]).await;

    cluster.move_slot(&["kipo:{room}:head", "kipo:{room}:log"]);
    let mut head = entry.head();
    for n in 2..=5 {
        // A node that has just learned of the move connects again; it fails meanwhile.
        let begun = Instant::now();
        loop {
            let (entry, outcome) = append(&other, "room", head, &n.to_string()).await;
            match outcome {
                Ok(()) => {
                    head = entry.head();
                    break;
                }
                Err(_) if begun.elapsed() < Duration::from_secs(10) => {
                    sleep(Duration::from_millis(20)).await;
                }
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    until("all are passed", || seen.0.lock().unwrap().0 == [1, 2, 3, 4, 5]).await;
}
