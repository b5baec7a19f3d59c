//! The cache of outputs, over a real socket. The defects of other caches have tests of their names.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use kipo::{
    Action, Context, Error, FromContext, Limits, OutputCache, Result, Session, Sessions, action,
    http,
};
use tokio::sync::{Notify, watch};

use crate::support::{Answer, TestApp, post};

/// Counts computations, and holds those that wait for it.
#[derive(Debug, Default)]
pub(crate) struct Counter {
    computed: AtomicU32,
    /// How many callers have a key: such a caller computes, or waits in the same turn of its task.
    asked: watch::Sender<u32>,
    entered: Notify,
    open: Notify,
}

impl Counter {
    fn next(cx: &Context) -> Result<u32> {
        Ok(cx.state::<Arc<Self>>()?.computed.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

/// Returns who asks, by a cookie, and how many computations there were.
#[action]
struct WhoAsks {
    #[serde(default)]
    n: u32,
}

impl Action for WhoAsks {
    type Output = (Option<String>, u32);
    const CACHE: OutputCache<Self> = OutputCache::for_secs(60);

    async fn call(self, cx: Context) -> Result<Self::Output> {
        Ok((cx.cookie("user").map(str::to_owned), Counter::next(&cx)? + 10 * self.n))
    }
}

struct User(String);

impl FromContext for User {
    async fn from_context(cx: &Context) -> Result<Self> {
        let refused = || Error::unauthorized("sign in first");
        cx.cookie("session")
            .and_then(|id| id.split('.').next())
            .map(|id| Self(id.into()))
            .ok_or_else(refused)
    }
}

/// Returns the name of the user. The cookie of the same user changes.
#[action]
struct ByUser {
    #[context]
    user: User,
}

impl Action for ByUser {
    type Output = (String, u32);
    const CACHE: OutputCache<Self> =
        OutputCache::for_secs(60).by(|call: &Self, _| call.user.0.clone()).tags(&["users"]);

    async fn call(self, cx: Context) -> Result<Self::Output> {
        Ok((self.user.0, Counter::next(&cx)?))
    }
}

/// Returns the user of the session.
#[action]
struct BySession {
    #[context]
    session: Session<u32>,
}

impl Action for BySession {
    type Output = (Option<String>, u32);
    const CACHE: OutputCache<Self> =
        OutputCache::for_secs(60).by(|call: &Self, _| match call.session.user() {
            Some(user) => format!("user {user}"),
            None => "nobody".to_owned(),
        });

    async fn call(self, cx: Context) -> Result<Self::Output> {
        Ok((self.session.user(), Counter::next(&cx)?))
    }
}

/// Returns what it can see of its caller, although it says that its output is for everybody.
#[action]
struct ForEverybody;

impl Action for ForEverybody {
    type Output = (Option<String>, Option<String>, String, u32);
    const CACHE: OutputCache<Self> = OutputCache::for_secs(60).public().vary("accept-language");

    async fn call(self, cx: Context) -> Result<Self::Output> {
        let (cookie, query) = (cx.header("cookie"), cx.uri().query());
        let seen = cookie.or(cx.header("authorization")).or(query).map(str::to_owned);
        let language = cx.header("accept-language").map(str::to_owned);
        Ok((seen, language, cx.client_ip().to_string(), Counter::next(&cx)?))
    }
}

/// Sets a cookie and asks for an effect.
#[action]
struct SignsIn;

impl Action for SignsIn {
    type Output = u32;
    const CACHE: OutputCache<Self> = OutputCache::for_secs(60).public();

    async fn call(self, cx: Context) -> Result<u32> {
        let computed = Counter::next(&cx)?;
        let cookie = http::HeaderValue::try_from(format!("session={computed}"))?;
        cx.append_header(http::header::SET_COOKIE, cookie);
        cx.reload_part("head")?;
        Ok(computed)
    }
}

/// Waits for the gate of the counter.
#[action]
struct Waits {
    #[serde(default)]
    fails: bool,
}

impl Action for Waits {
    type Output = u32;
    const CACHE: OutputCache<Self> = OutputCache::for_secs(60)
        .by(|_, cx| {
            cx.state::<Arc<Counter>>().unwrap().asked.send_modify(|asked| *asked += 1);
            "everybody".to_owned()
        })
        .tags(&["all"])
        .tags_by(|call: &Self| vec![call.fails.to_string()]);
    const LIMITS: Limits = Limits::new().timeout(Duration::from_secs(20));

    async fn call(self, cx: Context) -> Result<u32> {
        let computed = Counter::next(&cx)?;
        let counter = cx.state::<Arc<Counter>>()?;
        counter.entered.notify_one();
        counter.open.notified().await;
        match computed {
            1 if self.fails => Err(Error::conflict("not now")),
            2 if self.fails => panic!("not now either"),
            _ => Ok(computed),
        }
    }
}

#[action]
async fn change(cx: Context, tag: String) -> Result<()> {
    cx.invalidate(&tag);
    Ok(())
}

async fn start() -> (TestApp, Arc<Counter>) {
    let counter = Arc::new(Counter::default());
    let state = Arc::clone(&counter);
    (TestApp::with(|app| app.state(state)).await, counter)
}

async fn ask(app: &TestApp, name: &str, headers: &str, body: &str) -> Answer {
    app.send(post(&format!("cache.{name}"), headers, body)).await
}

fn status(answer: &Answer) -> &str {
    let status = answer.header("cache-status").unwrap();
    status.split("; ttl=").next().unwrap()
}

#[tokio::test]
async fn one_users_answer_reaches_another() {
    let (app, _) = start().await;
    for (headers, body, expected, hit) in [
        ("cookie: user=ann\r\n", "{}", r#"["ann",1]"#, false),
        ("cookie: user=bob\r\n", "{}", r#"["bob",2]"#, false),
        ("", "{}", "[null,3]", false),
        ("cookie: user=ann\r\n", "{}", r#"["ann",1]"#, true),
        ("cookie: user=ann\r\n", r#"{"n":1}"#, r#"["ann",14]"#, false),
        ("authorization: Bearer 1\r\n", "{}", "[null,5]", false),
        ("cookie: user=ann\r\ncookie: b=1\r\n", "{}", r#"["ann",6]"#, false),
        ("", "{}", "[null,3]", true),
    ] {
        let answer = ask(&app, "WhoAsks", headers, body).await;
        assert_eq!((answer.status, answer.body.as_str()), (200, expected), "{headers} {body}");
        assert_eq!(status(&answer), if hit { "kipo; hit" } else { "kipo; fwd=miss" });
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}

#[tokio::test]
async fn the_cache_ignores_its_key_function() {
    let (app, _) = start().await;
    for (cookie, expected) in [
        ("ann.1", r#"["ann",1]"#),
        ("ann.2", r#"["ann",1]"#),
        ("bob.1", r#"["bob",2]"#),
        ("ann.1", r#"["ann",1]"#),
    ] {
        let answer = ask(&app, "ByUser", &format!("cookie: session={cookie}\r\n"), "{}").await;
        assert_eq!(answer.body, expected, "{cookie}");
    }
    // The value is asked for before the cache.
    ask(&app, "ByUser", "", "{}").await.problem(401, "unauthorized");
}

#[tokio::test]
async fn an_output_for_everybody_contains_nothing_of_its_caller() {
    let (app, _) = start().await;
    let secrets = "cookie: a=1\r\nauthorization: Bearer secret\r\n";
    let expected = r#"[null,null,"0.0.0.0",1]"#;
    assert_eq!(ask(&app, "ForEverybody", secrets, "{}").await.body, expected);
    assert_eq!(ask(&app, "ForEverybody?a=1", "", "{}").await.body, expected);
    let french = ask(&app, "ForEverybody", "accept-language: fr\r\n", "{}").await;
    assert_eq!(french.body, r#"[null,"fr","0.0.0.0",2]"#);
}

#[tokio::test]
async fn a_cached_answer_carries_the_cookie_of_another() {
    let (app, _) = start().await;
    for n in ["1", "2"] {
        let answer = ask(&app, "SignsIn", "", "{}").await;
        assert_eq!(answer.body, n, "such a response is not stored");
        assert_eq!(answer.header("set-cookie"), Some(format!("session={n}").as_str()));
        assert_eq!(
            answer.header("kipo-effects"),
            Some(r#"[{"effect":"reloadPart","name":"head"}]"#)
        );
        assert_eq!(status(&answer), "kipo; fwd=miss");
    }
}

/// Sends some calls at once, and returns when all of them wait for the first.
async fn crowd(app: &TestApp, counter: &Counter, body: &str) -> Vec<crate::support::Client> {
    let mut clients = Vec::new();
    for n in 0..8 {
        let mut client = app.connect().await;
        client.write(post("cache.Waits", "", body)).await;
        if n == 0 {
            counter.entered.notified().await;
        }
        clients.push(client);
    }
    counter.asked.subscribe().wait_for(|asked| *asked == 8).await.unwrap();
    clients
}

#[tokio::test]
async fn no_protection_against_a_stampede() {
    let (app, counter) = start().await;
    let clients = crowd(&app, &counter, "{}").await;
    counter.open.notify_one();
    let mut collapsed = 0;
    for mut client in clients {
        let answer = client.answer().await;
        assert_eq!(answer.body, "1");
        collapsed += u32::from(status(&answer) == "kipo; fwd=miss; collapsed");
    }
    assert_eq!((collapsed, counter.computed.load(Ordering::SeqCst)), (7, 1));
    assert_eq!(status(&ask(&app, "Waits", "", "{}").await), "kipo; hit");
}

#[tokio::test]
async fn an_error_and_a_panic_let_the_next_caller_compute() {
    let (app, counter) = start().await;
    let clients = crowd(&app, &counter, r#"{"fails":true}"#).await;
    for _ in 0..3 {
        counter.open.notify_one();
        if counter.computed.load(Ordering::SeqCst) < 3 {
            counter.entered.notified().await;
        }
    }
    let mut statuses = Vec::new();
    for mut client in clients {
        let answer = client.answer().await;
        statuses.push(answer.status);
        assert!(answer.status != 200 || answer.body == "3", "{answer:?}");
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 200, 200, 200, 200, 200, 409, 500]);
}

#[tokio::test]
async fn a_caller_that_leaves_does_not_cancel_the_others() {
    let (app, counter) = start().await;
    let mut clients = crowd(&app, &counter, "{}").await;
    // The first one computes.
    drop(clients.remove(0));
    drop(clients.remove(3));
    tokio::time::sleep(Duration::from_millis(50)).await;
    counter.open.notify_one();
    for mut client in clients {
        assert_eq!(client.answer().await.body, "1");
    }
}

#[tokio::test]
async fn an_invalidation_reaches_stored_outputs_and_running_computations() {
    let (app, counter) = start().await;
    counter.open.notify_one();
    assert_eq!(ask(&app, "Waits", "", "{}").await.body, "1");
    for (tag, expected) in [("other", "1"), ("all", "2"), ("true", "2"), ("false", "3")] {
        let body = format!(r#"{{"tag":"{tag}"}}"#);
        assert_eq!(ask(&app, "Change", "", &body).await.status, 204);
        counter.open.notify_one();
        assert_eq!(ask(&app, "Waits", "", "{}").await.body, expected, "{tag}");
    }
    // This computation begins before the invalidation, and ends after it.
    let body = r#"{"tag":"all"}"#;
    ask(&app, "Change", "", body).await;
    let mut client = app.connect().await;
    client.write(post("cache.Waits", "", "{}")).await;
    while counter.computed.load(Ordering::SeqCst) < 4 {
        tokio::task::yield_now().await;
    }
    ask(&app, "Change", "", body).await;
    counter.open.notify_one();
    assert_eq!(client.answer().await.body, "4");
    counter.open.notify_one();
    assert_eq!(ask(&app, "Waits", "", "{}").await.body, "5");
}

/// One browser keeps the cookie of the last response that sets one.
struct Browser<'a> {
    app: &'a TestApp,
    cookie: String,
}

impl Browser<'_> {
    async fn call(&mut self, name: &str, body: &str) -> Answer {
        let answer = self.app.send(post(name, &self.cookie, body)).await;
        if let Some(set) = answer.header("set-cookie") {
            self.cookie = format!("cookie: {}\r\n", set.split_once(';').unwrap().0);
        }
        answer
    }

    /// Returns the user of an output and the number of its computation.
    async fn asks(&mut self) -> (Option<String>, u64) {
        let output = self.call("cache.BySession", "{}").await.json();
        (output[0].as_str().map(str::to_owned), output[1].as_u64().unwrap())
    }
}

#[tokio::test]
async fn two_users_of_one_browser_never_read_each_others_outputs() {
    let counter = Arc::new(Counter::default());
    let app = TestApp::with(|app| app.state(counter).sessions(Sessions::in_memory())).await;
    let mut browser = Browser { app: &app, cookie: String::new() };
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(browser.asks().await, (None, 1));
    browser.call("session.SignIn", r#"{"name":"ann"}"#).await;
    let anns = browser.cookie.clone();
    assert_eq!(browser.asks().await, (some("ann"), 2));
    // Another user without a sign-out between.
    browser.call("session.SignIn", r#"{"name":"bob"}"#).await;
    assert_eq!(browser.asks().await, (some("bob"), 3));
    browser.call("session.SignOut", "{}").await;
    assert_eq!(browser.asks().await, (None, 1));
    // The cookies of sessions that have ended.
    let mut thief = Browser { app: &app, cookie: anns };
    assert_eq!(thief.asks().await, (None, 1));
    // A user whose name is the text of nobody's key, and the first user again.
    browser.call("session.SignIn", r#"{"name":"nobody"}"#).await;
    assert_eq!(browser.asks().await, (some("nobody"), 4));
    browser.call("session.SignIn", r#"{"name":"ann"}"#).await;
    assert_eq!(browser.asks().await, (some("ann"), 2));
}
