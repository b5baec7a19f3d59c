//! Guards run before calls and before streams.

use kipo::{Context, Error, Guard, Result, async_trait};

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
    let app = TestApp::with(|app| app.trusted_origin("https://admin.example")).await;
    let headers = "sec-fetch-site: cross-site\r\norigin: https://admin.example\r\n";
    assert_eq!(app.send(post("Nothing", headers, "{}")).await.status, 204);
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
