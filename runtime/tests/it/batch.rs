//! Several calls in one request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use kipo::{Action, Context, Error, Guard, Limits, Result, Sessions, State, action, async_trait};
use serde_json::{Value, json};

use crate::{
    actions::Gate,
    support::{Answer, Client, TestApp, get, unchunked},
};

/// Sets a cookie, at once or when the gate is opened.
#[action(name = "SetCookie")]
async fn set_cookie(
    cx: Context,
    gate: State<Arc<Gate>>,
    name: String,
    waits: bool,
) -> Result<String> {
    if waits {
        gate.open.notified().await;
    }
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
    let (mut client, head) = begin(app, headers, calls).await;
    (head, parts(&mut client, calls.as_array().unwrap().len()).await)
}

/// Sends a batch, and returns the client when it has the head of the response.
async fn begin(app: &TestApp, headers: &str, calls: &Value) -> (Client, Answer) {
    let mut client = app.connect().await;
    client.write(request(headers, &calls.to_string())).await;
    let head = client.head().await;
    assert_eq!(head.status, 200, "{head:?}");
    assert_eq!(head.header("content-type"), Some("application/x-ndjson"));
    (client, head)
}

/// Reads the parts of a batch of so many calls, and returns them in the order of the calls.
async fn parts(client: &mut Client, calls: usize) -> Vec<Value> {
    let text = client.stream_to_end().await;
    let mut parts: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    parts.sort_by_key(|part| part["part"].as_u64());
    let indexes: Vec<u64> = parts.iter().map(|part| part["part"].as_u64().unwrap()).collect();
    assert_eq!(indexes, (0..calls as u64).collect::<Vec<u64>>());
    parts
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
    assert_eq!(statuses(&parts), [200, 500, 422, 504, 409, 204, 404, 404, 413, 406, 500]);
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

/// Returns the method, the path, the query and the content type of its request.
#[action(name = "Target", method = "GET")]
async fn target(cx: Context, n: u32) -> Result<(String, String, Option<String>)> {
    let target = cx.uri().to_string();
    Ok((format!("{} {n}", cx.method()), target, cx.header("content-type").map(str::to_owned)))
}

fn statuses(parts: &[Value]) -> Vec<u64> {
    parts.iter().map(|part| part["status"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_part_has_the_method_and_the_body_of_its_action() {
    let app = TestApp::start().await;
    let calls = json!([
        call("methods.Put", json!({ "name": "a" })),
        call("methods.Patch", json!({ "name": "b" })),
        call("methods.Delete", json!({ "name": "c" })),
        call("methods.Sum", json!([1, 2, 3])),
        call("methods.Sum", json!({})),
        call("methods.Sum", json!(null)),
        { "action": "methods.Sum" },
        call("methods.Hook", json!("x")),
        call("Echo", json!([])),
    ]);
    let (_, parts) = send(&app, "", &calls).await;
    assert_eq!(statuses(&parts), [200, 200, 200, 200, 422, 422, 400, 415, 422]);
    let bodies: Vec<&Value> = parts.iter().map(|part| &part["body"]).collect();
    assert_eq!(bodies[..4], [&json!("put a"), &json!("patch b"), &json!("delete c"), &json!(6)]);
    let detail = bodies[7]["detail"].as_str().unwrap();
    assert_eq!(detail, "`methods.Hook` takes any bytes, which no part of a batch carries");
    assert_eq!(bodies[8]["errors"][""][0], "must be an object");
}

#[tokio::test]
async fn a_part_that_is_a_get_has_its_input_as_its_query_and_is_no_304() {
    let app = TestApp::start().await;
    let calls = json!([
        call("Target", json!({ "n": 7, "left_out": null, "more": ["ü", "a b"] })),
        call("methods.Find", json!({ "words": ["a", "b c"], "page": 2 })),
        call("methods.Find", json!({ "words": ["a"], "page": "x" })),
        call("methods.Find", json!({ "words": { "a": 1 } })),
        call("methods.Find", json!(["a"])),
        { "action": "methods.Plain" },
        call("methods.Find", json!({ "words": ["a".repeat(70_000)] })),
    ]);
    let (_, parts) = send(&app, "if-none-match: *\r\n", &calls).await;
    assert_eq!(statuses(&parts), [200, 200, 422, 422, 422, 200, 413]);
    let path = "/_kipo/actions/Target?n=7&more=%C3%BC&more=a+b";
    assert_eq!(parts[0]["body"], json!(["GET 7", path, null]));
    assert_eq!(parts[1]["body"], "a+b c:2:");
    assert!(parts[3]["body"]["errors"]["words"].is_array(), "{:?}", parts[3]);
    assert_eq!(parts[5]["body"], 7);
}

#[tokio::test]
async fn a_part_uses_the_cache_of_its_action() {
    let app = TestApp::start().await;
    let find = call("methods.Find", json!({ "words": ["cached", "b c"], "page": 3 }));
    let cached = |part: &Value| part["headers"]["cache-status"].as_str().unwrap().to_owned();
    let alone =
        app.send(get("/_kipo/actions/methods.Find?words=cached&words=b+c&page=3", "")).await;
    assert_eq!(alone.header("cache-status"), Some("kipo; fwd=miss"));
    let (_, parts) = send(&app, "", &json!([find, find])).await;
    for part in &parts {
        assert!(cached(part).starts_with("kipo; hit; ttl="), "{part}");
        assert_eq!(part["body"].to_string(), alone.body);
    }
    // The caller is part of the key.
    let (_, parts) = send(&app, "cookie: user=ann\r\n", &json!([find])).await;
    assert_eq!(cached(&parts[0]), "kipo; fwd=miss");
}

#[tokio::test]
async fn the_parts_of_one_action_spend_its_rate_one_by_one() {
    let app = TestApp::start().await;
    let rated = call("run_limits.Rated", json!({ "text": "abc" }));
    let (_, parts) = send(&app, "", &json!([rated, rated])).await;
    assert_eq!(statuses(&parts), [200, 200]);
    let (_, parts) = send(&app, "", &json!([rated, rated, { "action": "Nothing" }])).await;
    let mut of_rate = statuses(&parts);
    assert_eq!(of_rate.pop(), Some(204));
    of_rate.sort_unstable();
    assert_eq!(of_rate, [200, 429]);
    let refused = parts.iter().find(|part| part["status"] == 429).unwrap();
    assert!(refused["headers"]["retry-after"].is_string(), "{refused}");
    app.call("run_limits.Rated", r#"{"text":"a"}"#).await.problem(429, "too_many_requests");
}

#[tokio::test]
async fn the_parts_of_one_action_run_at_once_up_to_its_limit() {
    let app = TestApp::start().await;
    let calls = json!([{ "action": "run_limits.Alone" }, { "action": "run_limits.Alone" }]);
    let mut client = app.connect().await;
    client.write(request("", &calls.to_string())).await;
    client.head().await;
    let refused = client.until("\n\r\n").await;
    assert!(refused.contains(r#""status":503"#), "{refused}");
    app.gate.open.notify_one();
    assert!(client.stream_to_end().await.contains(r#""status":204"#));
}

#[tokio::test]
async fn a_part_begins_a_session_and_another_has_it() {
    let app = TestApp::with(|app| app.sessions(Sessions::in_memory())).await;
    let sign_in = call("session.SignIn", json!({ "name": "ann" }));
    let who_am_i = json!({ "action": "session.WhoAmI" });
    let (head, parts) = send(&app, "", &json!([sign_in])).await;
    assert_eq!(parts[0]["status"], 204);
    // The head has the cookie, or the client claims it: a store may answer later.
    let cookie = match parts[0]["cookies"].as_str() {
        None => head.header("set-cookie").unwrap().to_owned(),
        Some(claim) => {
            let claim = request("", claim).replace("/batch", "/batch/cookies");
            app.send(claim).await.header("set-cookie").unwrap().to_owned()
        }
    };
    let pair = cookie.split_once(';').unwrap().0;
    let headers = format!("cookie: {pair}\r\n");
    let (_, parts) = send(&app, &headers, &json!([who_am_i, who_am_i])).await;
    let mut visits: Vec<&str> = parts.iter().map(|part| part["body"].as_str().unwrap()).collect();
    visits.sort_unstable();
    assert_eq!(visits, ["ann 1", "ann 2"]);
    let (_, parts) = send(&app, "", &json!([who_am_i])).await;
    assert_eq!(parts[0]["body"]["code"], "unauthorized");
}

#[tokio::test]
async fn a_part_knows_the_prefix_of_the_app() {
    let app = TestApp::with(|app| app.prefix("/app")).await;
    let calls = json!([{ "action": "Prefixed" }, call("Target", json!({ "n": 1 }))]);
    let mut client = app.connect().await;
    let sent = request("", &calls.to_string()).replace("/_kipo", "/app/_kipo");
    client.write(sent).await;
    assert_eq!(client.head().await.status, 200);
    let text = client.stream_to_end().await;
    let mut parts: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    parts.sort_by_key(|part| part["part"].as_u64());
    assert_eq!(parts[0]["body"], json!(["/app", "/app"]));
    let effects = parts[0]["headers"]["kipo-effects"].as_str().unwrap();
    assert!(effects.contains(r#""/app/blog/7""#), "{effects}");
    assert_eq!(parts[1]["body"][1], "/_kipo/actions/Target?n=1");
}

/// Counts what it is asked, and refuses who has no field.
struct Counting(Arc<AtomicUsize>);

#[async_trait]
impl Guard for Counting {
    async fn admit(&self, cx: &Context) -> Result<()> {
        self.0.fetch_add(1, Ordering::SeqCst);
        cx.header("x-key").map(|_| ()).ok_or_else(|| Error::unauthorized("send a key"))
    }
}

#[tokio::test]
async fn a_guard_of_the_app_is_asked_once_for_each_part() {
    let asked = Arc::new(AtomicUsize::new(0));
    let app = TestApp::with(|app| app.guard(Counting(Arc::clone(&asked)))).await;
    let calls = json!([{ "action": "Nothing" }, { "action": "Nothing" }, { "action": "Nothing" }]);
    let (_, parts) = send(&app, "x-key: 1\r\n", &calls).await;
    assert_eq!(statuses(&parts), [204, 204, 204]);
    assert_eq!(asked.load(Ordering::SeqCst), 3);
    let (_, parts) = send(&app, "", &calls).await;
    assert_eq!(statuses(&parts), [401, 401, 401]);
    assert_eq!(asked.load(Ordering::SeqCst), 6);
    app.send(request("sec-fetch-site: cross-site\r\n", "[]")).await.problem(403, "cross_site");
    assert_eq!(asked.load(Ordering::SeqCst), 6);
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
    let set = |name, waits| call("SetCookie", json!({ "name": name, "waits": waits }));
    let calls = json!([set("a", false), set("b", false), set("late", true)]);
    let (mut client, head) = begin(&app, "", &calls).await;
    app.gate.open.notify_one();
    let parts = parts(&mut client, 3).await;
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
