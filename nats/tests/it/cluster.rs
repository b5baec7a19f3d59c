//! Against three real servers that are one cluster.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::common::{
    Kept, NatsServer, addresses, cluster, cluster_and_more, connect, publish, refused, texts,
};
use kipo_nats::{NatsEngine, Options};
use kipo_topic::engine::{Engine, Link};
use serde_json::Value;

/// How long a cluster may take to choose a leader and to bring a server up to date.
const PATIENCE: Duration = Duration::from_secs(30);

/// Returns the name of the server that leads a stream.
async fn leader(address: &str, stream: &str) -> String {
    let servers: Vec<&str> = address.split(',').collect();
    let client = async_nats::connect(servers).await.unwrap();
    let subject = format!("$JS.API.STREAM.INFO.{stream}");
    // Nobody answers while the cluster elects.
    let info: Value = loop {
        if let Ok(info) = client.request(subject.clone(), "".into()).await
            && let Ok(info) = serde_json::from_slice::<Value>(&info.payload)
            && info["cluster"]["leader"].is_string()
        {
            break info;
        }
    };
    assert_eq!(info["config"]["num_replicas"], 3, "{info}");
    info["cluster"]["leader"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_on_without_its_leader() {
    let mut servers = cluster(&crate::need_server!());
    let address = addresses(&servers);
    let nodes = [connect(&address).await, connect(&address).await].map(Arc::new);
    let kept = [Kept::new(), Kept::new()];
    publish(&*nodes[0], "board/1", &texts(0..3)).await;
    let guards: Vec<_> =
        (0..2).map(|i| nodes[i].follow("board/1".into(), 0, kept[i].clone())).collect();
    let writers: Vec<_> = (0..2)
        .map(|i| {
            let node = nodes[i].clone();
            tokio::spawn(async move {
                for round in 0..60 {
                    publish(&*node, "board/1", &[format!("{i} {round}"), "again".into()]).await;
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            })
        })
        .collect();
    for _ in 0..2 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let leader: usize = leader(&address, "kipo_topics_board").await[1..].parse().unwrap();
        servers[leader].kill();
        tokio::time::sleep(Duration::from_millis(500)).await;
        servers[leader].restart();
        tokio::time::sleep(Duration::from_millis(1_500)).await;
    }
    for writer in writers {
        writer.await.unwrap();
    }
    let began = Instant::now();
    // A leader that was just chosen may leave one request without an answer.
    let loaded = loop {
        match nodes[0].load("board/1", 0).await {
            Ok(loaded) => break loaded,
            Err(_) if began.elapsed() < PATIENCE => {}
            Err(error) => panic!("{error}"),
        }
    };
    let head = loaded.head.cursor.seq();
    // A publish whose answer was lost may have been written, and was written again.
    assert!(head >= 3 + 2 * 60 * 2, "{head}");
    for round in 0..60 {
        for i in 0..2 {
            let text = format!("\"{i} {round}\"");
            assert!(loaded.entries.iter().any(|entry| entry.data() == text), "{text}");
        }
    }
    for kept in kept {
        kept.wait_for(head).await;
        let mut numbers = kept.numbers();
        numbers.dedup();
        assert_eq!(numbers, (1..=head).collect::<Vec<_>>());
    }
    drop(guards);
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_are_chosen_and_a_majority_is_needed() {
    let mut servers = cluster(&crate::need_server!());
    let address = addresses(&servers);
    let alone = Options::new().prefix("alone").replicas(1);
    let alone = NatsEngine::connect(&address, alone).await.unwrap();
    publish(&alone, "chat", &texts(0..2)).await;
    let engine = Arc::new(connect(&servers[0].address()).await);
    let head = publish(&*engine, "chat", &texts(0..2)).await;
    assert!(leader(&address, "kipo_topics").await.starts_with('n'));
    let kept = Kept::new();
    let guard = engine.follow("chat".into(), 0, kept.clone());
    kept.wait_for(2).await;

    servers[1].kill();
    servers[2].kill();
    // Nothing is acknowledged, no answer takes long, and at last the link is down.
    let new = crate::common::entries(&head, &texts(2..3));
    let started = Instant::now();
    let outcome = crate::common::append(&*engine, "chat", head, new.clone()).await;
    assert!(outcome.is_err(), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(11), "{:?}", started.elapsed());

    servers[1].restart();
    servers[2].restart();
    crate::common::wait_for_link(&*engine, Link::Up).await;
    let head = publish(&*engine, "chat", &texts(3..5)).await;
    kept.wait_for(head.cursor.seq()).await;
    let mut numbers = kept.numbers();
    numbers.dedup();
    assert_eq!(numbers, (1..=head.cursor.seq()).collect::<Vec<_>>());
    drop(guard);
}

#[tokio::test(flavor = "multi_thread")]
async fn connecting_waits_for_the_servers_that_the_replicas_need() {
    let (servers, mut more) = cluster_and_more(&crate::need_server!());
    let address = addresses(&servers);
    // With this the cluster has a leader.
    NatsEngine::connect(&address, Options::new().prefix("first")).await.unwrap();
    let text = refused(&address, Options::new().replicas(5)).await;
    assert!(text.contains("has not enough servers"), "{text}");
    let connecting = tokio::spawn({
        let (address, options) = (address.clone(), Options::new().replicas(5));
        async move { NatsEngine::connect(&address, options).await }
    });
    more.iter_mut().for_each(NatsServer::restart);
    let engine = connecting.await.unwrap().unwrap();
    publish(&engine, "chat", &texts(0..1)).await;
}
