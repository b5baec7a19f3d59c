//! Guards run before calls and before streams.

use kipo::{App, Context, Error, Guard, Result, async_trait};

use crate::support::{TestApp, get, post};

#[tokio::test]
async fn a_request_from_another_site_is_refused() {
    let app = TestApp::start().await;
    for headers in ["sec-fetch-site: cross-site\r\n", "origin: https://evil.example\r\n"] {
        app.send(post("Nothing", headers, "{}")).await.problem(403, "cross_site");
        app.send(post("Follow", headers, "{}")).await.problem(403, "cross_site");
        let stream = get("/_kipo/actions/Follow", headers);
        app.send(stream).await.problem(403, "cross_site");
    }
    let own = "sec-fetch-site: same-origin\r\norigin: http://test\r\n";
    assert_eq!(app.send(post("Nothing", own, "{}")).await.status, 204);
}

#[tokio::test]
async fn a_trusted_origin_is_admitted() {
    let app = TestApp::with(|app| app.trusted_origin("https://ADMIN.example:443")).await;
    let headers = "sec-fetch-site: cross-site\r\norigin: https://admin.example\r\n";
    assert_eq!(app.send(post("Nothing", headers, "{}")).await.status, 204);
}

#[tokio::test]
async fn a_malformed_trusted_origin_is_an_error_at_start() {
    for origin in ["admin.example", "https://admin.example/", "null", ""] {
        let error = App::new().trusted_origin(origin).router().unwrap_err().to_string();
        assert!(error.contains(&format!("App::trusted_origin({origin:?}): an origin")), "{error}");
    }
}

/// Returns a call whose `Host` is not that of the other tests.
fn call_at(host: &str, headers: &str) -> String {
    post("Nothing", headers, "{}").replace("host: test", &format!("host: {host}"))
}

#[tokio::test]
async fn a_default_port_equals_none_and_hosts_are_compared_without_case() {
    let app = TestApp::with(|app| app.allow_host("app.example")).await;
    for (host, origin) in [
        ("app.example:443", "https://app.example"),
        ("app.example", "https://app.example:443"),
        ("app.example:80", "http://app.example"),
        ("APP.example", "https://app.example"),
        ("[::1]:80", "http://[::1]"),
    ] {
        let answer = app.send(call_at(host, &format!("origin: {origin}\r\n"))).await;
        assert_eq!(answer.status, 204, "{host} {origin}");
    }
    for (host, origin) in [
        ("app.example:80", "https://app.example"),
        ("app.example", "https://app.example:444"),
        ("app.example", "https://app.example."),
        ("127.0.0.1", "http://localhost"),
    ] {
        let answer = app.send(call_at(host, &format!("origin: {origin}\r\n"))).await;
        answer.problem(403, "cross_site");
    }
}

#[tokio::test]
async fn more_than_one_origin_is_refused() {
    let app = TestApp::start().await;
    let own = "origin: http://test\r\n";
    for headers in [
        format!("{own}{own}"),
        format!("{own}origin: https://evil.example\r\n"),
        format!("sec-fetch-site: same-origin\r\n{own}{own}"),
        "origin: http://test, https://evil.example\r\n".to_owned(),
        "sec-fetch-site: same-origin\r\nsec-fetch-site: cross-site\r\n".to_owned(),
        "sec-fetch-site: same-origin, cross-site\r\n".to_owned(),
    ] {
        app.send(post("Nothing", &headers, "{}")).await.problem(400, "bad_request");
        app.send(get("/_kipo/actions/Follow", &headers)).await.problem(400, "bad_request");
    }
}

struct MembersOnly;

#[async_trait]
impl Guard for MembersOnly {
    async fn admit(&self, cx: &Context) -> Result<()> {
        cx.cookie("member").map(drop).ok_or_else(|| Error::unauthorized("log in first"))
    }
}

#[tokio::test]
async fn a_guard_runs_before_the_body_is_read() {
    let app = TestApp::with(|app| app.guard(MembersOnly)).await;
    // The response arrives although the body never does.
    let request = post("Echo", "", r#"{"text":"hi"}"#);
    let mut client = app.connect().await;
    client.write(&request[..request.len() - 4]).await;
    client.answer().await.problem(401, "unauthorized");
    app.send(post("Follow", "", "{}")).await.problem(401, "unauthorized");
    let answer = app.send(post("Nothing", "cookie: member=1\r\n", "{}")).await;
    assert_eq!(answer.status, 204);
}
