//! Several calls in one request.

use std::{sync::atomic::Ordering, time::Duration};

use kipo::{Action, Context, Limits, Result, action};
use serde_json::{Value, json};

use crate::support::{Answer, TestApp, unchunked};

/// Sets a cookie, at once or after a while.
#[action(name = "SetCookie")]
async fn set_cookie(cx: Context, name: String, ms: u64) -> Result<String> {
    tokio::time::sleep(Duration::from_millis(ms)).await;
    cx.append_header(http::header::SET_COOKIE, format!("{name}=1; HttpOnly").parse()?);
    Ok(name)
}

/// Asks for an effect.
#[action(name = "AskFor")]
async fn ask_for(cx: Context, name: String) -> Result<()> {
    cx.reload_part(&name)
}

/// Takes a small body only.
#[action(name = "Small")]
struct Small {
    text: String,
}

impl Action for Small {
    type Output = usize;
    const LIMITS: Limits = Limits::new().body_bytes_max(100);

    async fn call(self, _cx: Context) -> Result<usize> {
        Ok(self.text.len())
    }
}

/// Returns its idempotency key, its id and a field of the batch.
#[action(name = "Fields")]
async fn fields(cx: Context) -> Result<(Option<String>, String, Option<String>)> {
    let key = cx.idempotency_key()?.map(str::to_owned);
    Ok((key, cx.request_id().as_str().to_owned(), cx.header("x-test").map(str::to_owned)))
}

fn request(headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /_kipo/batch HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    )
}

fn call(action: &str, input: Value) -> Value {
    Value::from_iter([("action", action.into()), ("input", input)])
}

/// Sends a batch, and returns the head of the response and its parts in their order.
async fn send(app: &TestApp, headers: &str, calls: &Value) -> (Answer, Vec<Value>) {
    let mut client = app.connect().await;
    client.write(request(headers, &calls.to_string())).await;
    let head = client.head().await;
    assert_eq!(head.status, 200, "{head:?}");
    assert_eq!(head.header("content-type"), Some("application/x-ndjson"));
    let text = client.stream_to_end().await;
    let mut parts: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    parts.sort_by_key(|part| part["part"].as_u64());
    let indexes: Vec<u64> = parts.iter().map(|part| part["part"].as_u64().unwrap()).collect();
    let all: Vec<u64> = (0..calls.as_array().unwrap().len() as u64).collect();
    assert_eq!(indexes, all);
    (head, parts)
}

#[tokio::test]
async fn each_part_has_its_own_outcome_and_one_panic_spoils_one() {
    let app = TestApp::start().await;
    let calls = json!([
        call("actions.Echo", json!({ "text": "hi", "big": u64::MAX })),
        call("actions.Explode", json!({})),
        call("actions.Echo", json!({ "text": "too long" })),
        call("actions.Slow", json!({})),
        call("actions.Refuse", json!({})),
        { "action": "actions.Nothing" },
        call("actions.Missing", json!({})),
        call("batch", json!({})),
        call("Small", json!({ "text": "x".repeat(200) })),
        call("actions.Countdown", json!({ "from": 1 })),
        call("actions.Leak", json!({})),
    ]);
    // The names of the actions of these tests have no namespace.
    let calls: Value = serde_json::from_str(&calls.to_string().replace("actions.", "")).unwrap();
    let (_, parts) = send(&app, "", &calls).await;
    let statuses: Vec<u64> = parts.iter().map(|part| part["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [200, 500, 422, 504, 409, 204, 404, 404, 413, 406, 500]);
    assert_eq!(parts[0]["body"], json!({ "text": "hi", "times": 0, "big": u64::MAX }));
    assert_eq!(parts[2]["body"]["code"], "validation_failed");
    assert_eq!(parts[4]["headers"]["retry-after"], "7");
    assert_eq!(parts[5].get("body"), None);
    assert_eq!(parts[9]["body"]["code"], "not_acceptable");
    for part in &parts {
        assert!(!part.to_string().contains("hunter2"), "{part}");
        let id = part["headers"]["x-request-id"].as_str().unwrap();
        assert!(id.ends_with(&format!(".{}", part["part"])), "{id}");
    }
}

#[tokio::test]
async fn a_batch_that_is_wrong_as_a_whole_is_one_problem() {
    let app = TestApp::start().await;
    let nothing = |count| Value::from(vec![json!({ "action": "Nothing" }); count]).to_string();
    let large = || call("Small", json!({ "text": "x".repeat(600_000) }));
    let large = json!([large(), large()]).to_string();
    for (body, status, code) in [
        (nothing(101), 400, "bad_request"),
        (nothing(0), 400, "bad_request"),
        ("{}".to_owned(), 400, "bad_request"),
        ("[1]".to_owned(), 400, "bad_request"),
        ("[[{\"action\":\"Nothing\"}]]".to_owned(), 400, "bad_request"),
        ("[".repeat(100_000), 400, "bad_request"),
        // Each is small enough for the app, and together they are not.
        (large, 413, "payload_too_large"),
    ] {
        app.send(request("", &body)).await.problem(status, code);
    }
    assert_eq!(send(&app, "", &nothing(100).parse().unwrap()).await.1.len(), 100);
    let get = "GET /_kipo/batch HTTP/1.1\r\nhost: test\r\n\r\n";
    let answer = app.send(get).await;
    answer.problem(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), Some("POST"));
    let form = request("", "a=1").replace("application/json", "application/x-www-form-urlencoded");
    app.send(form).await.problem(415, "unsupported_media_type");
}

/// A defect of Piko: "`batch()` sends no token and wrong keys: always 403 in a browser".
#[tokio::test]
async fn a_browser_sends_a_batch_from_its_own_origin_only() {
    let app = TestApp::start().await;
    let calls = json!([{ "action": "Nothing" }]);
    let own = "sec-fetch-site: same-origin\r\norigin: http://test\r\n";
    assert_eq!(send(&app, own, &calls).await.1[0]["status"], 204);
    let foreign = "sec-fetch-site: cross-site\r\norigin: https://evil.example\r\n";
    app.send(request(foreign, &calls.to_string())).await.problem(403, "cross_site");
}

#[tokio::test]
async fn a_part_has_the_fields_of_the_batch_and_its_own_key() {
    let app = TestApp::start().await;
    let calls = json!([
        { "action": "Fields", "idempotency_key": "\"one\"" },
        { "action": "Fields" },
    ]);
    let headers = "x-test: yes\r\nx-request-id: abc\r\nidempotency-key: \"whole\"\r\n";
    let (head, parts) = send(&app, headers, &calls).await;
    assert_eq!(head.header("x-request-id"), Some("abc"));
    assert_eq!(parts[0]["body"], json!(["one", "abc.0", "yes"]));
    assert_eq!(parts[1]["body"], json!([null, "abc.1", "yes"]));
}

#[tokio::test]
async fn a_part_arrives_while_another_runs() {
    let app = TestApp::start().await;
    let calls = json!([{ "action": "Finish" }, { "action": "Nothing" }]);
    let mut client = app.connect().await;
    client.write(request("", &calls.to_string())).await;
    client.head().await;
    let text = client.until("\n\r\n").await;
    assert!(unchunked(&(text + "0\r\n")).starts_with(r#"{"part":1,"status":204"#));
    app.gate.open.notify_one();
    assert!(client.stream_to_end().await.starts_with(r#"{"part":0,"status":204"#));
}

#[tokio::test]
async fn the_parts_of_a_client_that_leaves_run_to_their_end() {
    let app = TestApp::start().await;
    let calls = json!([{ "action": "Finish" }, { "action": "Nothing" }]);
    let mut client = app.connect().await;
    client.write(request("", &calls.to_string())).await;
    app.gate.entered.notified().await;
    drop(client);
    app.gate.open.notify_one();
    while !app.gate.done.load(Ordering::SeqCst) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_cookies_of_all_parts_are_set() {
    let app = TestApp::start().await;
    let set = |name, ms| call("SetCookie", json!({ "name": name, "ms": ms }));
    let (head, parts) = send(&app, "", &json!([set("a", 0), set("b", 0), set("late", 50)])).await;
    assert_eq!(cookies(&head), ["a=1; HttpOnly", "b=1; HttpOnly"]);
    assert_eq!(parts[0].get("cookies"), None);
    assert!(!parts.iter().any(|part| part.to_string().contains("HttpOnly")), "{parts:?}");

    // The head had gone: a request of its own claims the cookie, once.
    let claim = parts[2]["cookies"].as_str().unwrap();
    let claim = request("", claim).replace("/batch", "/batch/cookies");
    let answer = app.send(&claim).await;
    assert_eq!((answer.status, cookies(&answer)), (204, vec!["late=1; HttpOnly"]));
    app.send(&claim).await.problem(404, "not_found");
    let foreign =
        request("sec-fetch-site: cross-site\r\n", "x").replace("/batch", "/batch/cookies");
    app.send(foreign).await.problem(403, "cross_site");
}

fn cookies(answer: &Answer) -> Vec<&str> {
    let all = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    all.map(|(_, value)| value.as_str()).collect()
}

#[tokio::test]
async fn each_part_has_its_effects() {
    let app = TestApp::start().await;
    let ask = |name| call("AskFor", json!({ "name": name }));
    let (head, parts) = send(&app, "", &json!([ask("a"), ask("b")])).await;
    assert_eq!(head.header("kipo-effects"), None);
    for (part, name) in parts.iter().zip(["a", "b"]) {
        let effects = format!(r#"[{{"effect":"reloadPart","name":"{name}"}}]"#);
        assert_eq!(part["headers"]["kipo-effects"], effects);
    }
}

#[tokio::test]
async fn a_drain_waits_for_a_batch() {
    let mut app = TestApp::start().await;
    let mut client = app.connect().await;
    client.write(request("", r#"[{"action":"Finish"}]"#)).await;
    app.gate.entered.notified().await;
    app.stop();
    tokio::time::sleep(Duration::from_millis(100)).await;
    app.gate.open.notify_one();
    client.head().await;
    assert!(client.stream_to_end().await.contains("\"status\":204"));
    app.stopped().await;
}
