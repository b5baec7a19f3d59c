//! Which hosts an app serves, and what it does with a request for another one.

use axum::{body::Body, extract::Request};
use http::StatusCode;
use kipo::{App, Sessions};
use tower_service::Service as _;

use crate::support::{Answer, TestApp, get, post};

/// An address of each kind that an app has.
const PATHS: [&str; 5] =
    ["/", "/_kipo/openapi.json", "/_kipo/client.d.ts", "/_kipo/actions/Follow", "/_kipo/nothing"];

async fn ask(app: &TestApp, request: &str, host: &str) -> Answer {
    app.send(request.replace("host: test", &format!("host: {host}"))).await
}

#[tokio::test]
async fn another_host_is_a_421_for_every_address() {
    let app = TestApp::start().await;
    // The page of a rebound name has an origin of its own, which is that of `Host`.
    let own = "origin: http://evil.example\r\nsec-fetch-site: same-origin\r\n";
    for path in PATHS {
        let answer = ask(&app, &get(path, own), "evil.example").await;
        let problem = answer.problem(421, "misdirected");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains("--allow-host evil.example"), "{detail}");
    }
    let call = post("Echo", own, r#"{"text":"hi"}"#);
    ask(&app, &call, "evil.example:8080").await.problem(421, "misdirected");
    // The response comes although the body never does.
    let mut client = app.connect().await;
    client.write(&call.replace("host: test", "host: evil.example")[..call.len()]).await;
    client.answer().await.problem(421, "misdirected");
}

#[tokio::test]
async fn this_machine_and_the_hosts_that_are_named_are_served() {
    let app = TestApp::with(|app| {
        app.site("https://App.example:8443/").allow_host("*.tunnel.example").allow_host("Box")
    })
    .await;
    for host in [
        "localhost",
        "LOCALHOST:8080",
        "chat.localhost",
        "127.0.0.1:8080",
        "10.0.0.7",
        "[::1]:8080",
        "app.example",
        "a.b.tunnel.example:443",
        "box",
    ] {
        let answer = ask(&app, &post("Nothing", "", "{}"), host).await;
        assert_eq!(answer.status, 204, "{host}");
    }
    for host in ["www.app.example", "tunnel.example", "box.example", "localhost.evil.example"] {
        ask(&app, &post("Nothing", "", "{}"), host).await.problem(421, "misdirected");
    }
}

#[tokio::test]
async fn a_request_has_one_well_formed_host() {
    let app = TestApp::start().await;
    for host in ["test\r\nhost: test", "test\r\nhost: evil.example", "a, b", "a b", "u@test", ""] {
        ask(&app, &get("/", ""), host).await.problem(400, "bad_request");
    }
    let bare = get("/", "").replace("host: test\r\n", "");
    app.send(&bare).await.problem(400, "bad_request");
    let older = bare.replace("HTTP/1.1", "HTTP/1.0");
    app.send(older).await.problem(404, "not_found");
}

#[tokio::test]
async fn an_absolute_target_wins_over_host() {
    let app = TestApp::start().await;
    let call = post("Nothing", "", "{}");
    let at = |authority: &str| call.replace("POST /", &format!("POST http://{authority}/"));
    assert_eq!(ask(&app, &at("test"), "evil.example").await.status, 204);
    ask(&app, &at("evil.example"), "test").await.problem(421, "misdirected");
    ask(&app, &at("user@test"), "test").await.problem(400, "bad_request");
}

async fn status(app: App, host: &str) -> StatusCode {
    let request = Request::builder().method("POST").uri("/_kipo/actions/Nothing");
    let request = request.header("host", host).header("content-type", "application/json");
    let mut router = app.router().unwrap();
    router.call(request.body(Body::from("{}")).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn a_router_checks_the_host_only_if_one_is_named() {
    let app = || {
        let room = crate::actions::Room::new(kipo::Topic::new("room"));
        let gate = std::sync::Arc::new(crate::actions::Gate::default());
        App::new().state(room).state(gate).sessions(Sessions::in_memory())
    };
    assert_eq!(status(app(), "evil.example").await, 204);
    assert_eq!(status(app().site("https://app.example"), "evil.example").await, 421);
    assert_eq!(status(app().site("https://app.example"), "app.example").await, 204);
    assert_eq!(status(app().allow_host("app.example"), "evil.example").await, 421);
}

#[tokio::test]
async fn what_is_no_host_is_an_error_at_start() {
    for host in ["https://app.example", "app.example:80", "", "*"] {
        let error = App::new().allow_host(host).router().unwrap_err().to_string();
        assert!(error.contains(&format!("App::allow_host({host:?}): a host")), "{error}");
    }
    for site in ["app.example", "ftp://app.example", "https://app.example/shop", "https://u@a"] {
        let error = App::new().site(site).router().unwrap_err().to_string();
        assert!(error.contains(&format!("App::site({site:?}): a site's address")), "{error}");
    }
}
