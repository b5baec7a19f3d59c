//! Servers and contents that the engine refuses, each with one sentence that says what would help.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use kipo_redis::{Options, RedisEngine};
use kipo_topic::{Durability, engine::Engine};
use tokio::{io::AsyncWriteExt, net::TcpListener, time::Instant};

use crate::server::{Product, SYNCED, Server, free_port};

/// Connects, and expects a sentence with this in it, and without the password.
async fn refused(address: &str, options: Options, part: &str) {
    let begun = Instant::now();
    let error = RedisEngine::connect(address, options).await.unwrap_err().to_string();
    assert!(error.contains(part), "{error}");
    assert!(!error.contains("secret") && !error.contains('\n'), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(11));
}

#[tokio::test]
async fn a_wrong_password_is_refused() {
    let settings = [SYNCED, &["--requirepass", "right"]].concat();
    let Some(server) = Server::start(Product::Redis, &settings) else { return };
    let port = server.port;
    for user in ["", ":secret@", "shop:secret@"] {
        let address = format!("redis://{user}127.0.0.1:{port}");
        refused(&address, Options::new(), "refuses the user or the password").await;
    }
    let right = format!("redis://:right@127.0.0.1:{port}");
    let engine = RedisEngine::connect(&right, Options::new()).await.unwrap();
    assert!(!format!("{engine:?} {}", engine.profile().name).contains("right"));
}

#[tokio::test]
async fn a_user_without_permissions_is_refused() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    let connect = format!("redis://shop:secret@127.0.0.1:{}", server.port);
    for (rules, part) in [
        (
            &["~kipo:*", "+@all", "resetchannels"][..],
            "does not let this user publish and subscribe",
        ),
        (&["~other:*", "&kipo:*", "+@all"], "does not store what it is sent (NOPERM"),
        (
            &["~kipo:*", "&kipo:*", "-@all", "+hello"],
            "does not let this user do what the engine needs",
        ),
    ] {
        let set = [&["ACL", "SETUSER", "shop", "reset", "on", ">secret"], rules].concat();
        server.query(&set);
        refused(&connect, Options::new(), part).await;
    }
    // The permissions of the documentation are enough. Without one of them the settings are hidden.
    let documented = "~kipo:* &kipo:* +@read +@write +@pubsub +@scripting +@connection +info \
                      +config|get +cluster|slots +asking";
    let rules: Vec<_> = documented.split(' ').collect();
    server.query(&[&["ACL", "SETUSER", "shop", "reset", "on", ">secret"], &*rules].concat());
    let engine = RedisEngine::connect(&connect, Options::new()).await.unwrap();
    assert_eq!(engine.profile().durability, Durability::Fsync);
    server.query(&["ACL", "SETUSER", "shop", "-config|get"]);
    let engine = RedisEngine::connect(&connect, Options::new()).await.unwrap();
    assert_eq!(engine.profile().durability, Durability::Memory);
    let engine = RedisEngine::connect(&connect, Options::new().assume_synced()).await.unwrap();
    assert_eq!(engine.profile().durability, Durability::Fsync);
}

#[tokio::test]
async fn durability_is_what_the_settings_give() {
    let Some(server) = Server::start(Product::Redis, &["--appendonly", "yes"]) else { return };
    for (appendfsync, durability) in
        [("always", Durability::Fsync), ("no", Durability::Os), ("everysec", Durability::Memory)]
    {
        server.query(&["CONFIG", "SET", "appendfsync", appendfsync]);
        // To state otherwise does not help where the settings are seen.
        let options = Options::new().assume_synced();
        let engine = RedisEngine::connect(&server.address(), options).await.unwrap();
        assert_eq!(engine.profile().durability, durability, "{appendfsync}");
    }
    server.query(&["CONFIG", "SET", "appendonly", "no"]);
    let engine = RedisEngine::connect(&server.address(), Options::new()).await.unwrap();
    assert_eq!(engine.profile().durability, Durability::Memory);
    server.query(&["CONFIG", "SET", "maxmemory-policy", "allkeys-lru"]);
    refused(&server.address(), Options::new(), "set `maxmemory-policy noeviction`").await;
}

#[tokio::test]
async fn contents_of_another_application_are_refused() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    for command in [&["SET", "kipo:engine", "theirs"][..], &["LPUSH", "kipo:engine", "theirs"]] {
        server.query(&["DEL", "kipo:engine"]);
        server.query(command);
        refused(&server.address(), Options::new(), "the key `kipo:engine`").await;
    }
    let other = format!("{}?prefix=ours", server.address());
    assert!(RedisEngine::connect(&other, Options::new()).await.is_ok());
}

#[tokio::test]
async fn a_replica_is_refused() {
    let Some(primary) = Server::start(Product::Redis, SYNCED) else { return };
    let port = primary.port.to_string();
    let settings = ["--replicaof", "127.0.0.1", &port];
    let Some(replica) = Server::start(Product::Redis, &settings) else { return };
    refused(&replica.address(), Options::new(), "use the address of its primary").await;
}

#[tokio::test]
async fn servers_that_are_not_there_or_not_redis_are_refused() {
    refused("redis://127.0.0.1:1", Options::new(), "cannot be reached").await;
    refused("redis://no-such-host.invalid", Options::new(), "cannot be reached").await;
    // One that is silent, and one that speaks something else.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("redis://{}", silent.local_addr().unwrap());
    refused(&address, Options::new(), "redis://127.0.0.1:").await;
    let http = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("redis://{}", http.local_addr().unwrap());
    let answers = tokio::spawn(async move {
        while let Ok((mut stream, _)) = http.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    refused(&address, Options::new(), "does not speak the protocol of Redis").await;
    answers.abort();
}

/// Makes a certificate for 127.0.0.1 that signs itself. Returns false where `openssl` is missing.
fn certificate(folder: &Path) -> bool {
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args(["-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-keyout", "key.pem", "-out", "certificate.pem"])
        .current_dir(folder)
        .stderr(Stdio::null())
        .status();
    let is_made = made.is_ok_and(|status| status.success());
    if !is_made {
        println!("skipped: `openssl` does not run; install it");
    }
    is_made
}

#[tokio::test]
async fn tls_is_verified() {
    let folder = tempfile::tempdir().unwrap();
    if !certificate(folder.path()) {
        return;
    }
    let (certificate, key) = (folder.path().join("certificate.pem"), folder.path().join("key.pem"));
    let (certificate_text, key) = (certificate.display().to_string(), key.display().to_string());
    let Some(plain) = Server::start(Product::Redis, SYNCED) else { return };
    let port = free_port().to_string();
    let tls = ["--tls-port", &port, "--tls-cert-file", &certificate_text, "--tls-key-file", &key];
    let settings =
        [SYNCED, &tls, &["--tls-ca-cert-file", &certificate_text, "--tls-auth-clients", "no"]];
    let Some(_server) = Server::start(Product::Redis, &settings.concat()) else { return };
    let address = format!("rediss://127.0.0.1:{port}");
    refused(&address, Options::new(), "does not verify").await;
    let trusting = || Options::new().root_certificates(&certificate);
    let engine = RedisEngine::connect(&address, trusting()).await.unwrap();
    assert_eq!(engine.load("room", 0).await.unwrap().head.cursor.seq(), 0);
    refused(&format!("rediss://localhost:{port}"), trusting(), "does not verify").await;
    refused(&address, Options::new().root_certificates("/none.pem"), "cannot be read").await;
    // TLS to a port without it, and the other way round.
    refused(&format!("rediss://127.0.0.1:{}", plain.port), trusting(), "rediss://").await;
    refused(&format!("redis://127.0.0.1:{port}"), Options::new(), "redis://").await;
}
