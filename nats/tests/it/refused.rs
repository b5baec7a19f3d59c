//! Servers and contents that the engine does not work with: each is one sentence that helps.

use std::{
    io::{Read, Write},
    net::TcpListener,
    thread,
    time::Duration,
};

use crate::common::{
    Kept, NatsServer, append, connect, entries, free_port, publish, refused, texts,
};
use async_nats::HeaderMap;
use kipo_nats::{NatsEngine, Options};
use kipo_topic::{
    Durability,
    engine::{AppendError, Engine},
};
use serde_json::{Value, json};

const USERS: &str = "authorization { users: [ { user: kipo, password: \"right,@:/\" } ] }";

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_refused_and_not_shown() {
    let server = NatsServer::start(&crate::need_server!(), USERS);
    let port = server.port;
    let text = refused(&format!("nats://kipo:secret@127.0.0.1:{port}"), Options::new()).await;
    assert!(text.contains("refused the connection with this user and password"), "{text}");
    assert!(!text.contains("secret"), "{text}");
    let text = refused(&server.address(), Options::new()).await;
    assert!(text.contains("with no user"), "{text}");
    let right = format!("nats://kipo:right%2C%40%3A%2F@127.0.0.1:{port}");
    let engine = NatsEngine::connect(&right, Options::new()).await.unwrap();
    assert_eq!(engine.profile().name, server.address());
    assert!(!format!("{engine:?}").contains("right"), "{engine:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_or_somebody_else_on_the_port_is_refused_in_time() {
    let text = refused(&format!("nats://127.0.0.1:{}", free_port()), Options::new()).await;
    assert!(text.contains("check that it runs there"), "{text}");
    // One that is silent.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let text = refused(&format!("nats://u:secret@127.0.0.1:{port}"), Options::new()).await;
    assert!(text.contains("did not answer") && !text.contains("secret"), "{text}");
    let text = refused("nats://u:secret@127.0.0.1:port", Options::new()).await;
    assert!(text.contains("expected nats://") && !text.contains("secret"), "{text}");
}

/// A server that greets like NATS, with this version and without JetStream, and answers pings.
fn greeter(version: &str) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let info = json!({
        "server_id": "S", "server_name": "s", "version": version, "proto": 1, "host": "127.0.0.1",
        "port": port, "headers": true, "max_payload": 1_048_576,
    });
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.write_all(format!("INFO {info}\r\n").as_bytes()).unwrap();
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                if bytes[..read].windows(4).any(|bytes| bytes == b"PING") {
                    let _ = stream.write_all(b"PONG\r\n");
                }
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn too_old_a_server_is_refused() {
    let text = refused(&format!("nats://127.0.0.1:{}", greeter("2.9.25")), Options::new()).await;
    assert!(text.contains("has version 2.9.25"), "{text}");
    assert!(text.contains("version 2.12 or later is needed"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_jetstream_is_refused() {
    let text = refused(&format!("nats://127.0.0.1:{}", greeter("2.12.0")), Options::new()).await;
    assert!(text.contains("runs without JetStream"), "{text}");
    let users = "accounts { A: { users: [ { user: a, password: p } ] } }";
    let server = NatsServer::start(&crate::need_server!(), users);
    let address = format!("nats://a:p@127.0.0.1:{}", server.port);
    let text = refused(&address, Options::new()).await;
    assert!(text.contains("has no JetStream for this account"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_has_to_verify() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tls");
    let tls = format!("tls {{ cert_file: \"{folder}/cert.pem\", key_file: \"{folder}/key.pem\" }}");
    let server = NatsServer::start(&crate::need_server!(), &tls);
    for scheme in ["nats", "tls"] {
        let address = format!("{scheme}://127.0.0.1:{}", server.port);
        let text = refused(&address, Options::new()).await;
        assert!(text.contains("does not verify"), "{text}");
        let options = Options::new().root_certificates(format!("{folder}/cert.pem"));
        NatsEngine::connect(&address, options).await.unwrap().close().await;
    }
}

async fn request(server: &NatsServer, subject: impl Into<String>, body: Value) -> Value {
    let client = async_nats::connect(server.address()).await.unwrap();
    let answer = client.request(subject.into(), body.to_string().into()).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer.payload).unwrap();
    assert!(answer["error"].is_null(), "{answer}");
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_others_are_refused() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let create = |name: &str, subject: &str| {
        request(
            &server,
            format!("$JS.API.STREAM.CREATE.{name}"),
            json!({ "name": name, "subjects": [subject], "storage": "file" }),
        )
    };
    create("a_topics", "a.topic.*").await;
    let text = refused(&server.address(), Options::new().prefix("a")).await;
    assert!(text.contains("the stream a_topics was not made by Kipo"), "{text}");
    create("all_of_b", "b.>").await;
    let text = refused(&server.address(), Options::new().prefix("b")).await;
    assert!(text.contains("another stream takes subjects like b.topic.*"), "{text}");
    // The stream of a family, met later.
    create("c_topics_board", "c.other").await;
    let engine = NatsEngine::connect(&server.address(), Options::new().prefix("c")).await.unwrap();
    let head = engine.heads(&["board/1".into()]).await.unwrap()[0];
    let outcome = append(&engine, "board/1", head, entries(&head, &texts(0..1))).await;
    let Err(AppendError::Failed(error)) = outcome else { panic!("{outcome:?}") };
    assert!(error.to_string().contains("c_topics_board was not made by Kipo"), "{error}");
    publish(&engine, "chat", &texts(0..1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_lose_messages_are_refused() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    publish(&engine, "chat", &texts(0..1)).await;
    engine.close().await;
    let info = request(&server, "$JS.API.STREAM.INFO.kipo_topics", json!({})).await;
    for (setting, value) in [
        ("max_age", json!(1_000_000_000_u64 * 3600)),
        ("max_msgs", json!(9)),
        ("allow_atomic", json!(false)),
    ] {
        let mut config = info["config"].clone();
        config[setting] = value;
        request(&server, "$JS.API.STREAM.UPDATE.kipo_topics", config).await;
        let text = refused(&server.address(), Options::new()).await;
        assert!(text.contains(&format!("the stream kipo_topics has {setting}")), "{text}");
        assert!(text.contains("nats stream edit kipo_topics"), "{text}");
    }
    request(&server, "$JS.API.STREAM.UPDATE.kipo_topics", info["config"].clone()).await;
    let engine = connect(&server.address()).await;
    assert_eq!(engine.load("chat", 0).await.unwrap().entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_checked() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let text = refused(&server.address(), Options::new().prefix("a.b")).await;
    assert!(text.contains("the prefix has to be"), "{text}");
    let text = refused(&server.address(), Options::new().replicas(2)).await;
    assert!(text.contains("has to be 1, 3 or 5"), "{text}");
    let text = refused(&server.address(), Options::new().replicas(3)).await;
    assert!(text.contains("has not enough servers"), "{text}");
    let engine =
        NatsEngine::connect(&server.address(), Options::new().assume_synced()).await.unwrap();
    assert_eq!(engine.profile().durability, Durability::Fsync);
    let text = refused(&server.address(), Options::new().replicas(3)).await;
    assert!(text.contains("has 1 replicas and the options ask for 3"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_messages_are_named_and_skipped() {
    let server = NatsServer::start(&crate::need_server!(), "");
    let engine = connect(&server.address()).await;
    let head = publish(&engine, "board/1", &texts(0..3)).await;
    let kept = Kept::new();
    let guard = engine.follow("board/1".into(), 0, kept.clone());
    kept.wait_for(3).await;
    let client = async_nats::connect(server.address()).await.unwrap();
    let subject = "kipo.family.board.1";
    let stored = client.request(subject, "hello".into()).await.unwrap();
    let stored: Value = serde_json::from_slice(&stored.payload).unwrap();
    let number = stored["seq"].as_u64().unwrap();

    // As the newest it is named, with what would help.
    let error = engine.heads(&["board/1".into()]).await.unwrap_err().to_string();
    let what = format!("message {number} of the stream kipo_topics_board (subject {subject})");
    assert!(error.contains(&what) && error.contains("nats stream rmm"), "{error}");
    let outcome = append(&engine, "board/1", head, entries(&head, &texts(0..1))).await;
    assert!(matches!(outcome, Err(AppendError::Failed(_))), "{outcome:?}");
    assert!(engine.load("board/1", 0).await.is_err());

    // Others of that family go on, and one in the middle is skipped.
    publish(&engine, "board/2", &texts(0..1)).await;
    let next = entries(&head, &texts(3..6));
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Stream", "kipo_topics_board");
    for entry in &next {
        client.publish_with_headers(subject, headers.clone(), entry.encode().into()).await.unwrap();
    }
    kept.wait_for(6).await;
    assert_eq!(kept.numbers(), (1..=6).collect::<Vec<_>>());
    let loaded = engine.load("board/1", 0).await.unwrap();
    assert_eq!(loaded.entries.len(), 6);
    assert_eq!(engine.read("board/1", 2, 1_000_000).await.unwrap().len(), 4);
    // A subject that no name has.
    client.request("kipo.family.board.%zz", "hello".into()).await.unwrap();
    assert_eq!(engine.list("", "", 9).await.unwrap(), ["board/1", "board/2"]);
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(guard);
}
