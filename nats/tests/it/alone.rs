//! Against one real server.

use std::{sync::Arc, time::Duration};

use crate::common::{
    Kept, NatsServer, append, connect, entries, publish, texts, until, wait_for_link,
};
use kipo_topic::{
    Durability,
    engine::{AppendError, Engine, Head, Link},
};

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_appended_read_and_refused_after_another_head() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    assert_eq!(engine.profile().durability, Durability::Os);
    let topic = "board/1";
    let start = engine.heads(&[topic.into()]).await.unwrap()[0];
    assert_eq!(start, Head::start(engine.profile().id, topic));

    // One alone, then a batch.
    let first = entries(&start, &texts(0..1));
    append(&engine, topic, start, first.clone()).await.unwrap();
    let head = first[0].head();
    let batch = entries(&head, &texts(1..40));
    append(&engine, topic, head, batch.clone()).await.unwrap();
    let last = batch.last().unwrap().head();
    assert_eq!(engine.heads(&[topic.into()]).await.unwrap(), [last]);

    // After an older head: the entries after it.
    let late = entries(&head, &texts(90..91));
    let Err(AppendError::Moved(moved)) = append(&engine, topic, head, late).await else {
        panic!("not refused");
    };
    assert_eq!(moved[0].cursor(), batch[0].cursor());
    assert_eq!(moved.last().unwrap().head(), last);
    // After a head of another history: nothing.
    let other = Head::of_generation(7);
    let late = entries(&other, &texts(90..92));
    let outcome = append(&engine, topic, other, late).await;
    assert!(matches!(&outcome, Err(AppendError::Moved(none)) if none.is_empty()), "{outcome:?}");

    // Reading.
    for after in [0, 1, 20, 39, 40, 99] {
        let loaded = engine.load(topic, after).await.unwrap();
        assert_eq!(loaded.head, last);
        let numbers: Vec<u64> = loaded.entries.iter().map(|entry| entry.seq()).collect();
        assert_eq!(numbers, (after + 1..=40).collect::<Vec<_>>());
        let read = engine.read(topic, after, 1_000_000).await.unwrap();
        assert_eq!(read.len(), numbers.len());
        // At least one, and at most those of one append.
        let least = engine.read(topic, after, 1).await.unwrap();
        let least: Vec<u64> = least.iter().map(|entry| entry.seq()).collect();
        assert_eq!(least, numbers[..if after == 0 { 1 } else { numbers.len() }]);
    }
    engine.close().await;
    let outcome = append(&engine, topic, last, entries(&last, &texts(0..1))).await;
    assert!(matches!(outcome, Err(AppendError::Failed(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_are_found_between_those_of_other_topics() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    for round in 0..60_usize {
        for topic in 0..5_usize {
            let count = (round * topic) % 3 + 1;
            publish(&engine, &format!("board/{topic}"), &texts(0..count)).await;
        }
    }
    for topic in 0..5 {
        let topic = format!("board/{topic}");
        let all = engine.load(&topic, 0).await.unwrap();
        assert_eq!(all.entries.len() as u64, all.head.cursor.seq());
        for after in 0..all.head.cursor.seq() {
            engine.release(&topic);
            let read = engine.read(&topic, after, 1).await.unwrap();
            assert_eq!(read[0].cursor(), all.entries[after as usize].cursor());
        }
    }
    // Trimmed: what is left is read, and the newest is always left. The entries of one append go
    // together; here they are 1, 2 or 3.
    engine.trim("board/2", 40).await.unwrap();
    let oldest = engine.load("board/2", 0).await.unwrap().entries[0].seq();
    assert!((38..=40).contains(&oldest), "{oldest}");
    assert_eq!(engine.read("board/2", 3, 1).await.unwrap()[0].seq(), oldest);
    engine.trim("board/2", u64::MAX).await.unwrap();
    let loaded = engine.load("board/2", 0).await.unwrap();
    assert!((1..=3).contains(&loaded.entries.len()), "{}", loaded.entries.len());
    assert_eq!(loaded.entries.last().unwrap().head(), loaded.head);
    assert!(engine.load("board/1", 0).await.unwrap().entries[0].seq() == 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_all_kinds_are_topics_of_their_own() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    let long = format!("é{}/{}", "é".repeat(60), "ü".repeat(60));
    let mut names = vec![
        "a",
        "a/",
        "a//",
        "/",
        "/a",
        "a/b",
        "a/b/c",
        "a/..",
        "..",
        ".",
        "a.b",
        "a/a.b",
        "*",
        ">",
        "a/*",
        "a/>",
        " ",
        "a/ b ",
        "a/\0",
        "\0",
        "a/\u{1f389}",
        "$JS.API",
        "a%2Fb",
        "%",
        "a/%",
        "A/B",
        "a\tb\r\n",
        &long,
    ];
    for (i, name) in names.iter().enumerate() {
        publish(&engine, name, &texts(0..i + 1)).await;
    }
    for (i, name) in names.iter().enumerate() {
        let loaded = engine.load(name, 0).await.unwrap();
        assert_eq!(
            (loaded.entries.len(), loaded.head.cursor.seq()),
            (i + 1, i as u64 + 1),
            "{name:?}"
        );
    }
    names.sort_unstable();
    assert_eq!(engine.list("", "", 100).await.unwrap(), names);
    assert_eq!(engine.list("", "", 3).await.unwrap(), names[..3]);
    assert_eq!(engine.list("", names[2], 3).await.unwrap(), names[3..6]);
    let family: Vec<&str> = names.iter().copied().filter(|name| name.starts_with("a/")).collect();
    assert_eq!(engine.list("a/", "", 100).await.unwrap(), family);
    assert_eq!(engine.list("nothing/", "", 100).await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_topic_starts_anew() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let (engine, other) = (connect(&server.address()).await, connect(&server.address()).await);
    engine.remove("board/1").await.unwrap();
    let old = publish(&engine, "board/1", &texts(0..9)).await;
    publish(&engine, "board/2", &texts(0..1)).await;
    let kept = Kept::new();
    let guard = other.follow("board/1".into(), 0, kept.clone());
    kept.wait_for(9).await;
    engine.remove("board/1").await.unwrap();
    engine.remove("board/1").await.unwrap();
    assert_eq!(other.list("", "", 9).await.unwrap(), ["board/2"]);
    let loaded = other.load("board/1", 0).await.unwrap();
    assert_eq!((loaded.head.cursor.seq(), loaded.entries.len()), (0, 0));
    assert_eq!(loaded.head, Head::of_generation(loaded.head.cursor.generation()));
    assert_ne!(loaded.head.cursor.generation(), old.cursor.generation());
    until("the news", Duration::from_secs(5), || kept.uncertain_count() > 0).await;
    // The old head is refused on all nodes, the new one is not.
    for engine in [&engine, &other] {
        let outcome = append(engine, "board/1", old, entries(&old, &texts(0..1))).await;
        assert!(
            matches!(&outcome, Err(AppendError::Moved(none)) if none.is_empty()),
            "{outcome:?}"
        );
    }
    let new = entries(&loaded.head, &texts(0..2));
    append(&engine, "board/1", loaded.head, new.clone()).await.unwrap();
    kept.wait_for(2).await;
    assert_eq!(kept.all().last().unwrap().head(), new[1].head());
    assert_eq!(other.list("", "", 9).await.unwrap(), ["board/1", "board/2"]);
    drop(guard);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_nodes_that_race_get_dense_numbers_and_each_entry_once() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let nodes = [connect(&server.address()).await, connect(&server.address()).await];
    let nodes = nodes.map(Arc::new);
    let kept = [Kept::new(), Kept::new()];
    let guards: Vec<_> =
        (0..2).map(|i| nodes[i].follow("board/1".into(), 0, kept[i].clone())).collect();
    let writers: Vec<_> = (0..2)
        .map(|i| {
            let node = nodes[i].clone();
            tokio::spawn(async move {
                for round in 0..100 {
                    let texts: Vec<String> =
                        (0..round % 4 + 1).map(|k| format!("{i} {round} {k}")).collect();
                    publish(&*node, "board/1", &texts).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    let all = nodes[0].load("board/1", 0).await.unwrap().entries;
    assert_eq!(all.len(), 500);
    let mut texts: Vec<&str> = all.iter().map(|entry| entry.data()).collect();
    texts.sort_unstable();
    texts.dedup();
    assert_eq!(texts.len(), 500);
    for kept in kept {
        kept.wait_for(500).await;
        assert_eq!(kept.numbers(), (1..=500).collect::<Vec<_>>());
        assert_eq!(kept.uncertain_count(), 0);
    }
    drop(guards);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_goes_on_after_the_server_was_killed() {
    let mut server = NatsServer::start(&crate::need_server!(), "");
    let engine = Arc::new(connect(&server.address()).await);
    publish(&*engine, "board/1", &texts(0..5)).await;
    let kept = Kept::new();
    let guard = engine.follow("board/1".into(), 2, kept.clone());
    let head = publish(&*engine, "board/1", &texts(5..6)).await;
    kept.wait_for(6).await;
    assert_eq!(*engine.link().borrow(), Link::Up);

    server.kill();
    let down = std::time::Instant::now();
    wait_for_link(&*engine, Link::Down).await;
    let outcome = append(&*engine, "board/1", head, entries(&head, &texts(6..7))).await;
    assert!(matches!(outcome, Err(AppendError::Failed(_))), "{outcome:?}");
    assert!(engine.heads(&["board/1".into()]).await.is_err());
    assert!(down.elapsed() < Duration::from_secs(2), "{:?}", down.elapsed());

    server.restart();
    wait_for_link(&*engine, Link::Up).await;
    let other = connect(&server.address()).await;
    publish(&other, "board/1", &texts(6..9)).await;
    publish(&*engine, "board/1", &texts(9..10)).await;
    kept.wait_for(10).await;
    assert_eq!(kept.numbers(), (3..=10).collect::<Vec<_>>());
    until("uncertain", Duration::from_secs(5), || kept.uncertain_count() > 0).await;
    drop(guard);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_copy_of_the_files_is_noticed() {
    let mut server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    let older = publish(&engine, "board/1", &texts(0..5)).await;
    publish(&engine, "chat", &texts(0..1)).await;
    // The server writes what it has in memory when it is asked to; a kill leaves it to the system.
    server.kill();
    let copy = tempfile::tempdir().unwrap();
    crate::common::copy_folder(&server.store(), copy.path());
    server.restart();
    wait_for_link(&engine, Link::Up).await;
    let kept = Kept::new();
    let guard = engine.follow("board/1".into(), 0, kept.clone());
    let newer = publish(&engine, "board/1", &texts(5..9)).await;
    kept.wait_for(9).await;

    server.kill();
    crate::common::copy_folder(copy.path(), &server.store());
    server.restart();
    let before = kept.uncertain_count();
    wait_for_link(&engine, Link::Up).await;
    assert_eq!(engine.heads(&["board/1".into()]).await.unwrap(), [older]);
    until("uncertain", Duration::from_secs(5), || kept.uncertain_count() > before).await;
    let outcome = append(&engine, "board/1", newer, entries(&newer, &texts(0..1))).await;
    assert!(matches!(&outcome, Err(AppendError::Moved(none)) if none.is_empty()), "{outcome:?}");
    // Another history grows, and its entries are passed.
    let other = connect(&server.address()).await;
    let head = publish(&other, "board/1", &texts(50..60)).await;
    until("the other history", Duration::from_secs(10), || {
        kept.all().last().is_some_and(|last| last.head() == head)
    })
    .await;
    drop(guard);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_another_message_has_after_a_loss_is_not_written_after() {
    let mut server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    let kept = publish(&engine, "board/1", &texts(0..5)).await;
    server.kill();
    let copy = tempfile::tempdir().unwrap();
    crate::common::copy_folder(&server.store(), copy.path());
    server.restart();
    wait_for_link(&engine, Link::Up).await;
    // One message with two entries, which is lost.
    let lost = publish(&engine, "board/1", &texts(5..7)).await;

    server.kill();
    crate::common::copy_folder(copy.path(), &server.store());
    server.restart();
    // Another node writes one message with one entry: it has the same position in the stream.
    let other = connect(&server.address()).await;
    let new = publish(&other, "board/1", &texts(20..21)).await;
    assert_eq!(new.cursor.seq(), kept.cursor.seq() + 1);
    wait_for_link(&engine, Link::Up).await;
    let outcome = append(&engine, "board/1", lost, entries(&lost, &texts(7..8))).await;
    assert!(matches!(&outcome, Err(AppendError::Moved(_))), "{outcome:?}");
    let loaded = other.load("board/1", 0).await.unwrap();
    assert_eq!((loaded.head, loaded.entries.len()), (new, 6));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_contents_begin_again_with_another_id() {
    let mut server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    let old = publish(&engine, "board/1", &texts(0..5)).await;
    let kept = Kept::new();
    let guard = engine.follow("board/1".into(), 0, kept.clone());
    kept.wait_for(5).await;
    server.kill();
    std::fs::remove_dir_all(server.store()).unwrap();
    server.restart();
    wait_for_link(&engine, Link::Up).await;
    until("uncertain", Duration::from_secs(5), || kept.uncertain_count() > 0).await;
    let other = connect(&server.address()).await;
    assert_ne!(other.profile().id, engine.profile().id);
    let heads = engine.heads(&["board/1".into()]).await.unwrap();
    assert_eq!(heads, [Head::start(other.profile().id, "board/1")]);
    let outcome = append(&engine, "board/1", old, entries(&old, &texts(0..1))).await;
    assert!(matches!(&outcome, Err(AppendError::Moved(none)) if none.is_empty()), "{outcome:?}");
    publish(&engine, "board/1", &texts(0..3)).await;
    kept.wait_for(3).await;
    drop(guard);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_topics_are_followed_by_one_consumer() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let (engine, writer) = (connect(&server.address()).await, connect(&server.address()).await);
    let topics: Vec<Arc<str>> = (0..300).map(|i| format!("board/{i}").into()).collect();
    let kept: Vec<_> = topics.iter().map(|_| Kept::new()).collect();
    let mut guards: Vec<_> = topics
        .iter()
        .zip(&kept)
        .map(|(topic, kept)| engine.follow(topic.clone(), 0, kept.clone()))
        .collect();
    for topic in &topics {
        publish(&writer, topic, &texts(0..2)).await;
    }
    for kept in &kept {
        kept.wait_for(2).await;
        assert_eq!(kept.numbers(), [1, 2]);
    }
    let heads = engine.heads(&topics).await.unwrap();
    assert!(heads.iter().all(|head| head.cursor.seq() == 2));
    let client = async_nats::connect(server.address()).await.unwrap();
    let names =
        client.request("$JS.API.CONSUMER.NAMES.kipo_topics_board", "".into()).await.unwrap();
    let names: serde_json::Value = serde_json::from_slice(&names.payload).unwrap();
    assert_eq!(names["total"], 1, "{names}");
    // A topic that is no longer followed gets nothing more.
    guards.truncate(1);
    publish(&writer, &topics[0], &texts(0..1)).await;
    publish(&writer, &topics[1], &texts(0..1)).await;
    kept[0].wait_for(3).await;
    assert_eq!(kept[1].numbers(), [1, 2]);
    drop(guards);
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_are_not_read_again_while_their_stream_has_not_changed() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let (engine, other) = (connect(&server.address()).await, connect(&server.address()).await);
    let topics: Vec<Arc<str>> = (0..50).map(|i| format!("board/{i}").into()).collect();
    for topic in &topics {
        publish(&engine, topic, &texts(0..2)).await;
    }
    let client = async_nats::connect(server.address()).await.unwrap();
    let requests = async || {
        let info = client.request("$JS.API.INFO", "".into()).await.unwrap();
        let info: serde_json::Value = serde_json::from_slice(&info.payload).unwrap();
        info["api"]["total"].as_u64().unwrap()
    };
    let before = engine.heads(&topics).await.unwrap();
    let count = requests().await;
    assert_eq!(engine.heads(&topics).await.unwrap(), before);
    let asked = requests().await - count;
    assert!(asked <= 3, "{asked} requests for 50 heads");

    // What another node appends or removes is noticed.
    let head = publish(&other, &topics[7], &texts(0..1)).await;
    let after = engine.heads(&topics).await.unwrap();
    assert_eq!((after[7], after[8]), (head, before[8]));
    other.remove(&topics[8]).await.unwrap();
    let after = engine.heads(&topics).await.unwrap();
    assert_ne!(after[8].cursor.generation(), before[8].cursor.generation());
    assert_eq!((after[7], after[9]), (head, before[9]));
}

#[tokio::test(flavor = "multi_thread")]
async fn appends_trim_what_is_no_longer_needed() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    let mut head = Head::start(engine.profile().id, "chat");
    for _ in 0..50 {
        let new = entries(&head, &texts(0..10));
        let (sender, outcome) = tokio::sync::oneshot::channel();
        let mut append = kipo_topic::engine::Append::new(
            "chat",
            head,
            new.clone(),
            Durability::Memory,
            |outcome| {
                let _ = sender.send(outcome);
            },
        );
        append.keep_from = new[9].seq().saturating_sub(49);
        append.keys_from = new[9].seq().saturating_sub(79);
        engine.append(append);
        outcome.await.unwrap().unwrap();
        head = new[9].head();
    }
    let mut left = 0;
    for _ in 0..100 {
        left = engine.load("chat", 0).await.unwrap().entries.len();
        if left <= 97 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!((80..=97).contains(&left), "{left} entries");
}

#[tokio::test(flavor = "multi_thread")]
async fn small_records_end_and_counters_count() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let nodes = [connect(&server.address()).await, connect(&server.address()).await];
    let nodes = nodes.map(Arc::new);
    let (a, b) = (&nodes[0], &nodes[1]);
    assert_eq!(b.get("k").await.unwrap(), None);
    b.delete("k").await.unwrap();
    a.put("k", b"one", Duration::from_secs(60)).await.unwrap();
    a.put("k.*> \0/", b"", Duration::from_millis(700)).await.unwrap();
    let (value, left) = b.get("k").await.unwrap().unwrap();
    assert_eq!(value, b"one");
    assert!(left > Duration::from_secs(50) && left <= Duration::from_secs(61), "{left:?}");
    assert!(b.get("k.*> \0/").await.unwrap().is_some());
    tokio::time::sleep(Duration::from_millis(900)).await;
    assert_eq!(b.get("k.*> \0/").await.unwrap(), None);
    b.delete("k").await.unwrap();
    assert_eq!(a.get("k").await.unwrap(), None);
    let large = vec![7; kipo_topic::engine::RECORD_BYTES_MAX];
    a.put("large", &large, Duration::from_secs(9)).await.unwrap();
    assert_eq!(b.get("large").await.unwrap().unwrap().0, large);
    assert!(a.put("large", &[0; 65_537], Duration::from_secs(9)).await.is_err());
    assert!(a.get(&"k".repeat(5_000)).await.is_err());

    let counting: Vec<_> = (0..40)
        .map(|i| {
            let node = nodes[i % 2].clone();
            tokio::spawn(async move { node.count("c", 2, Duration::from_secs(2)).await.unwrap() })
        })
        .collect();
    let mut values = Vec::new();
    for one in counting {
        values.push(one.await.unwrap());
    }
    values.sort_unstable();
    assert_eq!(values, (1..=40).map(|i| i * 2).collect::<Vec<u64>>());
    tokio::time::sleep(Duration::from_millis(2_200)).await;
    assert_eq!(a.count("c", 1, Duration::from_secs(2)).await.unwrap(), 1);
}
