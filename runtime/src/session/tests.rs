//! Sessions without a socket: what a browser sends, and what it gets.

use std::{sync::Arc, time::Duration};

use http::{HeaderMap, header};
use kipo_topic::{
    Store,
    engine::{Link, conformance::Model},
};

use crate::{
    action::{Context, FromContext as _, RateIdentity},
    error::{Code, Result},
    session::{Session, SessionStore, Sessions, rate_identity, token::Token},
};

/// An app's sessions, and what a browser has of them.
struct Browser {
    sessions: Sessions,
    cookie: Option<String>,
}

impl Browser {
    fn new(sessions: &Sessions) -> Self {
        Self { sessions: sessions.clone(), cookie: None }
    }

    fn request(&self) -> Context {
        let cx = Context::test().with_state(self.sessions.clone());
        match &self.cookie {
            Some(cookie) => cx.with_header("cookie", cookie),
            None => cx,
        }
    }

    /// Sends one request, and takes the cookies of its response.
    async fn visit<R>(&mut self, run: impl AsyncFnOnce(&Session<Vec<u8>>) -> R) -> R {
        let cx = self.request();
        let session = Session::from_context(&cx).await.unwrap();
        let result = run(&session).await;
        if let Some(set) = response(&cx).last() {
            let (pair, attributes) = set.split_once(';').unwrap();
            let is_removal = attributes.contains("Max-Age=0");
            self.cookie = (!is_removal).then(|| pair.to_owned());
        }
        result
    }

    async fn sign_in(&mut self, user: &str) {
        self.visit(async |session| session.set_user(user).await.unwrap()).await;
    }

    async fn user(&mut self) -> Option<String> {
        self.visit(async |session| session.user()).await
    }
}

/// Returns the cookies that a response sets.
fn response(cx: &Context) -> Vec<String> {
    let mut headers = HeaderMap::new();
    cx.take_headers(&mut headers);
    let set = headers.get_all(header::SET_COOKIE).iter();
    set.map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// Returns what a request with these cookies gets: its user, and whether its cookie is removed.
async fn check(sessions: &Sessions, cookies: &str) -> (Option<String>, bool) {
    let cx = Context::test().with_state(sessions.clone()).with_header("cookie", cookies);
    let session: Session = Session::from_context(&cx).await.unwrap();
    let removed = response(&cx).iter().any(|set| set.starts_with("kipo-session=; "));
    (session.user(), removed)
}

const NONE: (Option<String>, bool) = (None, true);

#[tokio::test]
async fn who_never_got_a_session_gets_no_cookie() {
    let sessions = Sessions::in_memory();
    let cx = Browser::new(&sessions).request();
    let session: Session<Vec<u8>> = Session::from_context(&cx).await.unwrap();
    assert!(session.data().is_empty() && session.user().is_none());
    session.renew().await.unwrap();
    session.end().await.unwrap();
    assert!(response(&cx).is_empty());
}

#[tokio::test]
async fn data_and_user_stay_from_one_request_to_the_next() {
    let mut browser = Browser::new(&Sessions::in_memory());
    browser.visit(async |session| session.update(|data| data.push(1)).await.unwrap()).await;
    let anonymous = browser.cookie.clone().unwrap();
    browser.sign_in("ann").await;
    let signed_in = browser.cookie.clone().unwrap();
    assert_ne!(anonymous, signed_in);
    browser
        .visit(async |session| {
            session.update(|data| data.push(2)).await.unwrap();
            assert_eq!((&**session.data(), session.user().as_deref()), (&[1, 2][..], Some("ann")));
        })
        .await;
    assert_eq!(browser.cookie.as_deref(), Some(&*signed_in));
    assert_eq!(check(&browser.sessions, &anonymous).await, NONE);
    browser.visit(async |session| session.renew().await.unwrap()).await;
    assert_eq!(check(&browser.sessions, &signed_in).await, NONE);
    assert_eq!(browser.user().await.as_deref(), Some("ann"));
    browser.visit(async |session| session.end().await.unwrap()).await;
    assert_eq!(browser.cookie, None);
    assert_eq!(browser.user().await, None);
}

#[tokio::test]
async fn the_attributes_of_the_cookie_are_safe() {
    let sessions = Sessions::in_memory();
    let cookie = async |host: &str| {
        let cx = Context::test().with_state(sessions.clone()).with_header("host", host);
        let session: Session = Session::from_context(&cx).await.unwrap();
        session.set_user("ann").await.unwrap();
        let [set] = response(&cx).try_into().unwrap();
        let (attributes, age) = set.split_once("; ").unwrap().1.rsplit_once("; Max-Age=").unwrap();
        // 90 days, less the time that this test has taken.
        assert!((7_775_900..=7_776_000).contains(&age.parse::<u64>().unwrap()), "{age}");
        attributes.to_owned()
    };
    let safe = "HttpOnly; SameSite=Lax; Secure; Path=/";
    assert_eq!(cookie("example.org").await, safe);
    for host in ["localhost:8000", "app.localhost", "127.0.0.1", "[::1]:80"] {
        assert_eq!(cookie(host).await, safe.replace("Secure; ", ""), "{host}");
    }
}

#[tokio::test]
async fn a_cookie_that_names_no_session_is_removed() {
    let sessions = Sessions::in_memory();
    let mut ann = Browser::new(&sessions);
    ann.sign_in("ann").await;
    let good = ann.cookie.clone().unwrap();
    assert_eq!(check(&sessions, &good).await, (Some("ann".to_owned()), false));
    // Tampered: the first character is another.
    let (name, token) = good.split_once('=').unwrap();
    let other = if token.starts_with('A') { "B" } else { "A" };
    let tampered = format!("{name}={other}{}", &token[1..]);
    let mut foreign = Browser::new(&Sessions::in_memory());
    foreign.sign_in("ann").await;
    let doubled = format!("{good}; {good}");
    let long = format!("{name}={}", "a".repeat(8192));
    for cookie in [
        &tampered,
        &good[..good.len() - 1],
        &format!("{name}="),
        &foreign.cookie.unwrap(),
        &doubled,
        &format!("{good}; {tampered}"),
        &long,
    ] {
        assert_eq!(check(&sessions, cookie).await, NONE, "{cookie}");
    }
    // Neither of these changes anything for the browser that has the session.
    assert_eq!(ann.user().await.as_deref(), Some("ann"));
}

#[tokio::test]
async fn ten_thousand_cookies_are_read() {
    let sessions = Sessions::in_memory();
    let mut ann = Browser::new(&sessions);
    ann.sign_in("ann").await;
    let many: String = (0..10_000).map(|n| format!("c{n}={n}; ")).collect();
    let cookies = format!("{many}{}", ann.cookie.unwrap());
    assert_eq!(check(&sessions, &cookies).await, (Some("ann".to_owned()), false));
    let cx = Context::test().with_header("cookie", &cookies);
    let cookies = crate::Cookies::from_context(&cx).await.unwrap();
    assert_eq!(cookies.get("c9999").as_deref(), Some("9999"));
}

#[tokio::test]
async fn an_idle_session_ends_and_a_used_one_ends_later() {
    let hour = Duration::from_secs(3600);
    let sessions = Sessions::new().idle(hour).absolute(3 * hour);
    sessions.open(&Store::in_memory()).unwrap();
    let (mut idle, mut used) = (Browser::new(&sessions), Browser::new(&sessions));
    idle.sign_in("ann").await;
    used.sign_in("bob").await;
    for _ in 0..3 {
        sessions.advance(hour * 3 / 4);
        assert_eq!(used.user().await.as_deref(), Some("bob"));
    }
    let cookie = idle.cookie.clone().unwrap();
    assert_eq!(check(&sessions, &cookie).await, NONE);
    // The absolute end comes for a session that is used, too.
    sessions.advance(hour * 3 / 4);
    let cookie = used.cookie.clone().unwrap();
    assert_eq!(check(&sessions, &cookie).await, NONE);
}

#[tokio::test]
async fn a_session_that_is_only_read_is_written_once_in_some_minutes() {
    let sessions = Sessions::in_memory();
    let mut ann = Browser::new(&sessions);
    ann.sign_in("ann").await;
    let key = Token::parse(ann.cookie.as_ref().unwrap().split_once('=').unwrap().1).unwrap().key();
    let seen = async || sessions.find(&key).await.unwrap().unwrap().seen_ms;
    let first = seen().await;
    sessions.advance(Duration::from_secs(4 * 60));
    ann.user().await;
    assert_eq!(seen().await, first);
    sessions.advance(Duration::from_secs(2 * 60));
    ann.user().await;
    assert!(seen().await >= first + 6 * 60_000);
}

#[tokio::test]
async fn all_sessions_of_one_user_end_together() {
    let sessions = Sessions::in_memory();
    let [mut phone, mut laptop, mut bob] = [(); 3].map(|()| Browser::new(&sessions));
    phone.sign_in("ann").await;
    laptop.sign_in("ann").await;
    bob.sign_in("bob").await;
    let before = phone.cookie.clone().unwrap();
    // "Sign out everywhere else": this browser signs in again.
    phone
        .visit(async |session| {
            session.update(|data| data.push(7)).await.unwrap();
            sessions.end_all("bob's brother").await.unwrap();
            assert_eq!(session.user().as_deref(), Some("ann"));
            sessions.end_all("ann").await.unwrap();
            assert_eq!(session.user(), None);
            assert_eq!(session.update(Vec::clear).await.unwrap_err().code(), Code::Unauthorized);
            session.set_user("ann").await.unwrap();
            assert_eq!(session.user().as_deref(), Some("ann"));
        })
        .await;
    assert_eq!(laptop.user().await, None);
    assert_eq!(check(&sessions, &before).await, NONE);
    assert_eq!(bob.user().await.as_deref(), Some("bob"));
    assert_eq!(phone.user().await.as_deref(), Some("ann"));
    assert_eq!(phone.visit(async |session| session.data()).await[..], [7]);
    laptop.sign_in("ann").await;
    assert_eq!(laptop.user().await.as_deref(), Some("ann"));
}

#[tokio::test]
async fn a_write_does_not_bring_an_ended_session_back() {
    let mut ann = Browser::new(&Sessions::in_memory());
    ann.sign_in("ann").await;
    let cx = ann.request();
    let slow: Session<Vec<u8>> = Session::from_context(&cx).await.unwrap();
    ann.visit(async |session| session.end().await.unwrap()).await;
    let error = slow.update(|data| data.push(1)).await.unwrap_err();
    assert_eq!(error.code(), Code::Unauthorized);
    assert_eq!(slow.renew().await.unwrap_err().code(), Code::Unauthorized);
    assert!(!slow.is_active().await.unwrap());
}

#[tokio::test]
async fn changes_of_two_requests_are_both_kept() {
    let mut browser = Browser::new(&Sessions::in_memory());
    browser.visit(async |session| session.update(|data| data.push(0)).await.unwrap()).await;
    let requests: Vec<_> = (0..20).map(|_| browser.request()).collect();
    let mut sessions = Vec::new();
    for cx in &requests {
        sessions.push(Session::<Vec<u8>>::from_context(cx).await.unwrap());
    }
    let changes = sessions.into_iter().map(|session| {
        tokio::spawn(async move { session.update(|data| data.push(1)).await.unwrap() })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap();
    }
    assert_eq!(browser.visit(async |session| session.data().len()).await, 21);
}

#[tokio::test]
async fn data_of_another_type_is_the_default_and_the_user_stays() {
    let mut ann = Browser::new(&Sessions::in_memory());
    ann.sign_in("ann").await;
    ann.visit(async |session| session.update(|data| data.push(1)).await.unwrap()).await;
    let cx = ann.request();
    let session: Session<String> = Session::from_context(&cx).await.unwrap();
    assert_eq!((session.data().as_str(), session.user().as_deref()), ("", Some("ann")));
}

#[tokio::test]
async fn data_that_is_too_large_is_refused_and_the_old_stays() {
    let mut browser = Browser::new(&Sessions::in_memory());
    browser.visit(async |session| session.update(|data| data.push(1)).await.unwrap()).await;
    let refused = browser
        .visit(async |session| session.update(|data| data.resize(40_000, 1)).await.unwrap_err())
        .await;
    assert!(refused.chain().contains("65536 bytes"), "{refused:?}");
    assert_eq!(browser.visit(async |session| session.data().len()).await, 1);
    for user in [String::new(), "a".repeat(257)] {
        let error = browser.visit(async |session| session.set_user(user).await.unwrap_err()).await;
        assert_eq!(error.code(), Code::Internal);
    }
}

#[tokio::test]
async fn one_request_reads_its_session_once() {
    let mut ann = Browser::new(&Sessions::in_memory());
    ann.sign_in("ann").await;
    let cx = ann.request();
    let one: Session<Vec<u8>> = Session::from_context(&cx).await.unwrap();
    let two: Session<Vec<u8>> = Session::from_context(&cx).await.unwrap();
    one.update(|data| data.push(1)).await.unwrap();
    assert_eq!(two.data()[..], [1]);
    two.end().await.unwrap();
    assert_eq!(one.user(), None);
}

#[tokio::test]
async fn after_the_head_a_cookie_is_an_error() {
    let cx = Browser::new(&Sessions::in_memory()).request();
    let session: Session<Vec<u8>> = Session::from_context(&cx).await.unwrap();
    let stream = cx.detached();
    response(&stream);
    for error in [
        session.set_user("ann").await.unwrap_err(),
        session.update(|data| data.push(1)).await.unwrap_err(),
    ] {
        assert!(error.chain().contains("the head of the response is sent"), "{error:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_its_session() {
    let sessions = Sessions::in_memory();
    let mut ann = Browser::new(&sessions);
    for end in ["end", "renew", "end_all"] {
        ann.sign_in("ann").await;
        let cx = ann.request();
        let _session: Session = Session::from_context(&cx).await.unwrap();
        let ended = tokio::spawn(cx.detached().ended().unwrap());
        tokio::task::yield_now().await;
        match end {
            "end" => ann.visit(async |session| session.end().await).await.unwrap(),
            "renew" => ann.visit(async |session| session.renew().await).await.unwrap(),
            _ => sessions.end_all("ann").await.unwrap(),
        }
        assert_eq!(ended.await.unwrap().code(), Code::Unauthorized, "{end}");
    }
    // A stream that is opened at the moment of the end.
    ann.sign_in("ann").await;
    let cx = ann.request();
    let _session: Session = Session::from_context(&cx).await.unwrap();
    ann.visit(async |session| session.end().await).await.unwrap();
    assert_eq!(cx.ended().unwrap().await.code(), Code::Unauthorized);
}

#[tokio::test]
async fn a_rate_that_counts_by_the_session_does_not_end_the_stream_with_it() {
    let sessions = Sessions::in_memory();
    let mut ann = Browser::new(&sessions);
    ann.sign_in("ann").await;
    let cx = ann.request();
    assert_ne!(rate_identity(&cx).await, RateIdentity::new());
    assert!(cx.ended().is_none());
    let _session: Session = Session::from_context(&cx).await.unwrap();
    assert!(cx.ended().is_some());
}

#[tokio::test]
async fn a_rate_counts_by_address_without_a_session_and_without_its_store() {
    let sessions = Sessions::in_memory();
    let mut ann = Browser::new(&sessions);
    assert_eq!(rate_identity(&ann.request()).await, RateIdentity::new());
    ann.sign_in("ann").await;
    let closed = Sessions::on(Closed);
    let cookie = ann.cookie.as_deref().unwrap();
    let cx = Context::test().with_state(closed).with_header("cookie", cookie);
    assert_eq!(rate_identity(&cx).await, RateIdentity::new());
    // A value of the action still says that the store is away.
    let session: Result<Session> = Session::from_context(&cx).await;
    assert_eq!(session.map(drop).unwrap_err().code(), Code::Unavailable);
}

/// A store that does not answer.
struct Closed;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[crate::async_trait]
impl SessionStore for Closed {
    async fn get(&self, _: &str) -> Result<Option<Vec<u8>>, Failure> {
        Err("closed".into())
    }

    async fn put(&self, _: &str, _: &[u8], _: Duration) -> Result<(), Failure> {
        Err("closed".into())
    }

    async fn delete(&self, _: &str) -> Result<(), Failure> {
        Err("closed".into())
    }
}

#[tokio::test(start_paused = true)]
async fn an_open_stream_does_not_keep_its_session() {
    let sessions = Sessions::in_memory();
    let mut ann = Browser::new(&sessions);
    ann.sign_in("ann").await;
    let cx = ann.request();
    let _session: Session = Session::from_context(&cx).await.unwrap();
    let ended = tokio::spawn(cx.ended().unwrap());
    tokio::task::yield_now().await;
    sessions.advance(Duration::from_secs(14 * 24 * 3600 + 1));
    assert_eq!(ended.await.unwrap().code(), Code::Unauthorized);
}

#[tokio::test]
async fn nothing_shows_a_token() {
    let sessions = Sessions::in_memory();
    let cx = Browser::new(&sessions).request();
    let session: Session<String> = Session::from_context(&cx).await.unwrap();
    session.update(|data| data.push_str("my secret")).await.unwrap();
    let cookies = crate::Cookies::from_context(&cx).await.unwrap();
    let token = cookies.get("kipo-session").unwrap();
    let shown = format!("{session:?} {sessions:?} {cookies:?} {cx:?} {:?}", session.active());
    let key = Token::parse(&token).unwrap().key().text();
    for secret in [&*token, &*key, "my secret"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

/// Returns the sessions of two nodes that share an engine.
fn two_nodes() -> (Model, [Sessions; 2]) {
    let model = Model::new();
    let node = |()| {
        let sessions = Sessions::new();
        sessions.open(&Store::on(Arc::new(model.node()))).unwrap();
        sessions
    };
    let nodes = [(), ()].map(node);
    (model, nodes)
}

#[tokio::test]
async fn a_session_is_one_on_all_nodes_and_its_streams_end_on_all() {
    let (_model, [one, two]) = two_nodes();
    let mut ann = Browser::new(&one);
    for end in ["end", "end_all"] {
        ann.sign_in("ann").await;
        let elsewhere = Browser { sessions: two.clone(), cookie: ann.cookie.clone() };
        let cx = elsewhere.request();
        let session: Session<Vec<u8>> = Session::from_context(&cx).await.unwrap();
        assert_eq!(session.user().as_deref(), Some("ann"));
        session.update(|data| data.push(1)).await.unwrap();
        assert_eq!(ann.visit(async |session| session.data()).await[..], [1]);
        let ended = tokio::spawn(cx.ended().unwrap());
        tokio::task::yield_now().await;
        match end {
            "end" => ann.visit(async |session| session.end().await).await.unwrap(),
            _ => one.end_all("ann").await.unwrap(),
        }
        let error = tokio::time::timeout(Duration::from_secs(1), ended).await.unwrap().unwrap();
        assert_eq!(error.code(), Code::Unauthorized, "{end}");
        let error = session.update(Vec::clear).await.unwrap_err();
        assert_eq!(error.code(), Code::Unauthorized, "{end}");
    }
}

#[tokio::test]
async fn a_node_that_was_cut_off_ends_the_streams_of_sessions_that_ended_meanwhile() {
    let model = Model::new();
    let (one, two) = (model.node(), model.node());
    let [near, far] = [&one, &two].map(|node| {
        let sessions = Sessions::new();
        sessions.open(&Store::on(Arc::new(node.clone()))).unwrap();
        sessions
    });
    let mut ann = Browser::new(&near);
    ann.sign_in("ann").await;
    let elsewhere = Browser { sessions: far, cookie: ann.cookie.clone() };
    let cx = elsewhere.request();
    let _session: Session<Vec<u8>> = Session::from_context(&cx).await.unwrap();
    let ended = tokio::spawn(cx.ended().unwrap());
    tokio::task::yield_now().await;
    two.set_link(Link::Down);
    ann.visit(async |session| session.end().await).await.unwrap();
    two.set_link(Link::Up);
    let error = tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap();
    assert_eq!(error.code(), Code::Unauthorized);
}
