//! Cookies and sessions over a socket: sign-in, streams that end, signed cookies, and a process
//! that is killed.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use axum::{extract::Request, middleware::map_request};
use kipo::{
    Action, App, Context, CookieSecret, Cookies, Error, Event, EventStream, FromContext, Key,
    Limits, Rate, RateIdentity, Result, Session, Sessions, State, StateNeed, action,
};
use tokio::net::{TcpListener, TcpStream};

use crate::{
    logged,
    support::{Answer, Client, Folder, TestApp, get, post},
};

/// Who has signed in.
#[derive(Debug)]
struct Member {
    name: String,
}

impl FromContext for Member {
    const NEEDS: &'static [StateNeed] = &[StateNeed::of::<Sessions>()];

    async fn from_context(cx: &Context) -> Result<Self> {
        let session: Session<u32> = Session::from_context(cx).await?;
        let refused = || Error::unauthorized("sign in first").or_redirect("/login");
        let name = session.user().ok_or_else(refused)?;
        if name == "removed" {
            session.end().await?;
            return Err(refused());
        }
        Ok(Self { name })
    }
}

#[action(name = "session.SignIn")]
async fn sign_in(name: String, #[context] session: Session<u32>) -> Result<()> {
    session.set_user(name).await
}

#[action(name = "session.SignOut")]
async fn sign_out(#[context] session: Session<u32>) -> Result<()> {
    session.end().await
}

#[action(name = "session.EndAll")]
async fn end_all(sessions: State<Sessions>, #[context] member: Member) -> Result<()> {
    sessions.end_all(&member.name).await
}

#[action(name = "session.WhoAmI", guard = Member)]
async fn who_am_i(#[context] member: Member, #[context] session: Session<u32>) -> Result<String> {
    session.update(|visits| *visits += 1).await?;
    Ok(format!("{} {}", member.name, session.data()))
}

#[derive(Event)]
enum Seen {
    Name(String),
}

/// Follows nothing, under a session.
#[action(name = "session.Watch")]
async fn watch_member(out: EventStream<Seen>, #[context] member: Member) -> Result<()> {
    out.send(Seen::Name(member.name)).await?;
    std::future::pending().await
}

/// Three calls in an hour by user. The action itself does not ask for the session.
#[action]
struct RatedByUser;

impl Action for RatedByUser {
    type Output = ();
    const LIMITS: Limits = Limits::new().rate(Rate::per_hour(3).by(Key::User));

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

/// Three calls in an hour by session.
#[action]
struct RatedBySession;

impl Action for RatedBySession {
    type Output = ();
    const LIMITS: Limits = Limits::new().rate(Rate::per_hour(3).by(Key::Session));

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

/// One call in an hour by user, for members who have signed in as `ann`.
#[action(guard = OnlyAnn)]
struct RatedForAnn {
    #[context]
    _member: Member,
}

/// The proof that a member is `ann`.
struct OnlyAnn;

impl FromContext for OnlyAnn {
    async fn from_context(cx: &Context) -> Result<Self> {
        match Member::from_context(cx).await?.name.as_str() {
            "ann" => Ok(Self),
            _ => Err(Error::forbidden("for ann")),
        }
    }
}

impl Action for RatedForAnn {
    type Output = ();
    const LIMITS: Limits = Limits::new().rate(Rate::per_hour(1).by(Key::User));

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

/// Three calls in an hour by address, for members.
#[action]
struct RatedByAddress {
    #[context]
    _member: Member,
}

impl Action for RatedByAddress {
    type Output = ();
    const LIMITS: Limits = Limits::new().rate(Rate::per_hour(3));

    async fn call(self, _cx: Context) -> Result<()> {
        Ok(())
    }
}

/// Sets a cookie while it runs, when its head is sent.
#[action(name = "session.TooLate")]
async fn too_late(out: EventStream<Seen>, #[context] cookies: Cookies) -> Result<()> {
    out.send(Seen::Name("begins".to_owned())).await?;
    cookies.set(("late", "1"))
}

#[action(name = "session.Signed")]
async fn signed(#[context] cookies: Cookies) -> Result<Option<String>> {
    let before = cookies.signed()?.get("signed");
    cookies.signed()?.set(("signed", "by the app"))?;
    cookies.private()?.set(("private", "for the app"))?;
    Ok(before.or_else(|| cookies.private().ok()?.get("other")))
}

/// Signs in and returns the `Cookie` line of the browser.
async fn signed_in(app: &TestApp, name: &str) -> String {
    let answer = app.call("session.SignIn", &format!(r#"{{"name":"{name}"}}"#)).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    cookie_line(&answer)
}

fn cookie_line(answer: &Answer) -> String {
    let pair = answer.header("set-cookie").unwrap().split_once(';').unwrap().0;
    format!("cookie: {pair}\r\n")
}

async fn call(app: &TestApp, name: &str, cookie: &str) -> Answer {
    app.send(post(name, cookie, "{}")).await
}

/// Opens the stream of a member.
async fn watch(app: &TestApp, cookie: &str) -> Client {
    let mut client = app.connect().await;
    let headers = format!("accept: text/event-stream\r\n{cookie}");
    client.write(get("/_kipo/actions/session.Watch", &headers)).await;
    client.until("event: name").await;
    client
}

/// Reads the rest of a stream.
async fn last_frames(client: &mut Client) -> String {
    client.until("\r\n0\r\n\r\n").await
}

/// Waits for the end of a stream, and asserts that it comes within a second and is a 401.
async fn ends(mut client: Client, since: Instant) {
    let read = last_frames(&mut client).await;
    assert!(read.contains("event: error\n") && read.contains(r#""code":"unauthorized""#), "{read}");
    assert!(read.contains(r#""status":401"#), "{read}");
    assert!(since.elapsed() < Duration::from_secs(1), "{:?}", since.elapsed());
}

async fn app(sessions: Sessions) -> TestApp {
    TestApp::with(|app| app.sessions(sessions)).await
}

#[tokio::test]
async fn a_user_signs_in_and_out() {
    let app = app(Sessions::in_memory()).await;
    call(&app, "session.WhoAmI", "").await.problem(401, "unauthorized");
    let cookie = signed_in(&app, "ann").await;
    for visits in 1..=2 {
        let answer = call(&app, "session.WhoAmI", &cookie).await;
        assert_eq!(answer.json(), format!("ann {visits}"));
        assert_eq!(answer.header("set-cookie"), None);
    }
    let answer = call(&app, "session.SignOut", &cookie).await;
    assert!(answer.header("set-cookie").unwrap().starts_with("kipo-session=; "), "{answer:?}");
    let answer = call(&app, "session.WhoAmI", &cookie).await;
    answer.problem(401, "unauthorized");
    assert!(answer.header("set-cookie").unwrap().contains("Max-Age=0"), "{answer:?}");
}

/// Calls an action from an address of this machine, and returns the status.
async fn status_from(app: &TestApp, address: u8, name: &str, cookie: &str) -> u16 {
    let mut client = Client::from_address(app, [127, 0, 0, address]).await;
    client.write(post(name, cookie, "{}")).await;
    client.answer().await.status
}

/// Returns the `Cookie` line of a well-formed token that no session has.
fn forged(n: u8) -> String {
    format!("cookie: kipo-session={}\r\n", char::from(b'a' + n).to_string().repeat(42) + "A")
}

/// Of Piko: "Burst, user and session keys do nothing."
#[tokio::test]
async fn a_rate_by_user_counts_all_sessions_and_addresses_of_the_user() {
    let app = app(Sessions::in_memory()).await;
    let (ann, phone) = (signed_in(&app, "ann").await, signed_in(&app, "ann").await);
    let bob = signed_in(&app, "bob").await;
    let call =
        async |address, cookie| status_from(&app, address, "session.RatedByUser", cookie).await;
    for (address, cookie) in [(5, &ann), (6, &ann), (6, &phone)] {
        assert_eq!(call(address, cookie).await, 204);
    }
    for (address, cookie) in [(5, &ann), (6, &phone), (7, &ann)] {
        assert_eq!(call(address, cookie).await, 429);
    }
    // Another user at the same address, and nobody there.
    for cookie in [&*bob, ""] {
        assert_eq!(call(5, cookie).await, 204);
    }
}

#[tokio::test]
async fn a_rate_by_session_counts_each_session() {
    let app = app(Sessions::in_memory()).await;
    for cookie in [signed_in(&app, "ann").await, signed_in(&app, "ann").await] {
        for (address, status) in [(5, 204), (6, 204), (5, 204), (6, 429), (5, 429)] {
            assert_eq!(status_from(&app, address, "session.RatedBySession", &cookie).await, status);
        }
    }
}

/// A caller that sends another cookie with each call gets no other bucket.
#[tokio::test]
async fn a_cookie_that_names_no_session_counts_by_the_address() {
    let app = app(Sessions::in_memory()).await;
    let ended = signed_in(&app, "ann").await;
    call(&app, "session.SignOut", &ended).await;
    for (address, name) in [(5, "session.RatedByUser"), (6, "session.RatedBySession")] {
        for n in 0..3 {
            assert_eq!(status_from(&app, address, name, &forged(n)).await, 204, "{name}");
        }
        for cookie in [&forged(3), &ended, "", "cookie: kipo-session=ann\r\n"] {
            assert_eq!(status_from(&app, address, name, cookie).await, 429, "{name}");
        }
    }
}

#[tokio::test]
async fn a_rate_by_user_refuses_only_those_who_may_call() {
    let app = app(Sessions::in_memory()).await;
    let (ann, bob) = (signed_in(&app, "ann").await, signed_in(&app, "bob").await);
    let stranger = forged(1);
    for status in [204, 429, 429] {
        assert_eq!(status_from(&app, 5, "session.RatedForAnn", &stranger).await, 401);
        assert_eq!(status_from(&app, 5, "session.RatedForAnn", &bob).await, 403);
        assert_eq!(status_from(&app, 5, "session.RatedForAnn", &ann).await, status);
    }
}

#[tokio::test]
async fn a_rate_by_address_refuses_a_stranger_before_anything_is_asked() {
    let app = app(Sessions::in_memory()).await;
    let ann = signed_in(&app, "ann").await;
    for status in [401, 401, 401, 429] {
        assert_eq!(status_from(&app, 5, "session.RatedByAddress", "").await, status);
    }
    assert_eq!(status_from(&app, 5, "session.RatedByAddress", &ann).await, 429);
    assert_eq!(status_from(&app, 6, "session.RatedByAddress", &ann).await, 204);
}

#[tokio::test]
async fn a_layer_says_who_a_user_is_in_an_app_with_sessions_too() {
    let identify = map_request(async |mut request: Request| {
        if let Some(name) = request.headers().get("x-name").cloned() {
            let user = name.to_str().unwrap().to_owned();
            request.extensions_mut().insert(RateIdentity::new().user(user));
        }
        request
    });
    let app = TestApp::with(|app| app.sessions(Sessions::in_memory()).layer(identify)).await;
    let ann = signed_in(&app, "ann").await;
    for (fields, status) in [("x-name: carl\r\n", 204), (&ann, 204)] {
        for _ in 0..3 {
            let from = status_from(&app, 5, "session.RatedByUser", fields).await;
            assert_eq!(from, status);
        }
        assert_eq!(status_from(&app, 6, "session.RatedByUser", fields).await, 429);
    }
}

#[tokio::test]
async fn a_user_who_is_unknown_is_signed_out() {
    let app = app(Sessions::in_memory()).await;
    let cookie = signed_in(&app, "removed").await;
    let answer = call(&app, "session.WhoAmI", &cookie).await;
    answer.problem(401, "unauthorized");
    assert!(answer.header("set-cookie").unwrap().starts_with("kipo-session=; "), "{answer:?}");
}

#[tokio::test]
async fn a_stream_ends_with_the_session_that_it_was_opened_under() {
    let app = app(Sessions::in_memory()).await;
    let cookies = [signed_in(&app, "ann").await, signed_in(&app, "ann").await];
    let bob = signed_in(&app, "bob").await;
    let mut streams = Vec::new();
    for cookie in cookies.iter().chain([&bob]) {
        streams.push(watch(&app, cookie).await);
    }
    let (mut bobs, second) = (streams.pop().unwrap(), streams.pop().unwrap());
    let since = Instant::now();
    call(&app, "session.SignOut", &cookies[0]).await;
    ends(streams.pop().unwrap(), since).await;
    let since = Instant::now();
    call(&app, "session.EndAll", &cookies[1]).await;
    ends(second, since).await;
    // The stream of another user goes on until its own session ends.
    call(&app, "session.SignOut", &bob).await;
    assert!(last_frames(&mut bobs).await.contains("event: error"));
}

#[tokio::test]
async fn an_open_stream_ends_with_an_idle_session() {
    let app = app(Sessions::in_memory().idle(Duration::from_millis(1500))).await;
    let since = Instant::now();
    let cookie = signed_in(&app, "ann").await;
    let mut client = watch(&app, &cookie).await;
    assert!(last_frames(&mut client).await.contains("\"status\":401"));
    assert!(since.elapsed() >= Duration::from_millis(1500));
}

#[tokio::test]
async fn a_cookie_after_the_head_is_a_clear_error() {
    let app = app(Sessions::in_memory()).await;
    let headers = "accept: text/event-stream\r\n";
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/session.TooLate", headers)).await;
    let read = last_frames(&mut client).await;
    assert!(read.contains("event: name") && read.contains("\"code\":\"internal\""), "{read}");
}

#[tokio::test]
async fn a_signed_cookie_is_bound_to_its_name_and_a_large_head_is_refused() {
    let secret = CookieSecret::new("0123456789abcdef0123456789abcdef").unwrap();
    let app = TestApp::with(|app| app.state(secret)).await;
    let answer = app.call("session.Signed", "{}").await;
    assert_eq!(answer.body, "null");
    let set = |name: &str| {
        let mut set = answer.headers.iter().filter(|(header, _)| header == "set-cookie");
        let (_, set) = set.find(|(_, set)| set.starts_with(name)).unwrap();
        set.split_once(';').unwrap().0.split_once('=').unwrap().1.to_owned()
    };
    let (signed, private) = (set("signed"), set("private"));
    let ask = async |cookie: String| {
        let line = format!("cookie: {cookie}\r\n");
        app.send(post("session.Signed", &line, "{}")).await.body
    };
    assert_eq!(ask(format!("signed={signed}")).await, "\"by the app\"");
    assert_eq!(ask(format!("a={signed}; signed={private}; other={private}")).await, "null");
    assert_eq!(ask(format!("signed={}x", &signed[..signed.len() - 1])).await, "null");
    assert_eq!(ask(format!("signed={}", "a".repeat(8192))).await, "null");
    assert_eq!(ask("signed=%C3%A9; other=é".to_owned()).await, "null");
    let many: String = (0..10_000).map(|n| format!("c{n}={n}; ")).collect();
    let answer = app.send(post("session.Signed", &format!("cookie: {many}\r\n"), "{}")).await;
    assert_eq!(answer.status, 431);
}

#[tokio::test]
async fn the_log_has_no_token() {
    logged::start();
    let app = app(Sessions::in_memory()).await;
    let cookie = signed_in(&app, "ann").await;
    let client = watch(&app, &cookie).await;
    call(&app, "session.WhoAmI", &cookie).await;
    let mut late = app.connect().await;
    late.write(get("/_kipo/actions/session.TooLate", "accept: text/event-stream\r\n")).await;
    last_frames(&mut late).await;
    call(&app, "session.SignOut", &cookie).await;
    drop(client);
    call(&app, "session.WhoAmI", &cookie).await;
    let (text, token) = (logged::text(), cookie.trim_end().split_once('=').unwrap().1);
    assert!(text.contains("the head of the response is sent"), "{text}");
    assert!(!text.contains(token) && !text.contains(&token[..16]), "{text}");
}

#[test]
fn a_cookie_name_and_a_time_that_cannot_be_are_errors_at_start() {
    for (sessions, expected) in [
        (Sessions::in_memory().cookie("my session"), "`my session` is no name of a cookie"),
        (Sessions::in_memory().idle(Duration::ZERO), "ends at once"),
    ] {
        let error = App::new().sessions(sessions).router().unwrap_err().to_string();
        assert!(error.contains("App::sessions: ") && error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn an_app_without_sessions_says_what_to_add() {
    let app = App::new().require::<Member>();
    let error = app.router().unwrap_err().to_string();
    for name in ["SignIn", "WatchMember", "EndAll"] {
        let sentence =
            format!("`{name}` needs sessions: add `.sessions(Sessions::new())` to the App");
        let line = error.lines().find(|line| line.contains(&sentence));
        assert!(line.unwrap().contains("session.rs:"), "{error}");
    }
    assert!(error.contains("App::require: `Member` needs sessions"), "{error}");
    // A value that needs nothing, and makes a session nevertheless, says so when it is made.
    let session: Result<Session> = Session::from_context(&Context::test()).await;
    let error = format!("{:?}", session.map(drop).unwrap_err());
    assert!(error.contains("add `.sessions(Sessions::new())`"), "{error}");
}

/// The environment variable with the data directory of [`serves_until_it_is_killed`].
const DATA_DIR: &str = "KIPO_TEST_SESSION_DATA_DIR";

/// The server of the test below, in a process of its own. Without the variable it does nothing.
#[tokio::test]
async fn serves_until_it_is_killed() {
    let Ok(data_dir) = std::env::var(DATA_DIR) else { return };
    let app = App::new().data_dir(data_dir).sessions(Sessions::new()).cookie_secret();
    let gate = std::sync::Arc::<crate::actions::Gate>::default();
    let room = crate::actions::Room::new(kipo::Topic::new("room"));
    let app = app.state(gate).state(room).allow_host("test");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    writeln!(std::io::stdout(), "address {address}").unwrap();
    app.serve(listener, std::future::pending()).await.unwrap();
}

/// A server in another process. Dropping the value kills it.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(data_dir: &Folder) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "session::serves_until_it_is_killed", "--nocapture"])
            .env(DATA_DIR, data_dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(std::io::Result::ok);
        let address = lines.find_map(|line| Some(line.split_once("address ")?.1.to_owned()));
        Self { process, address: address.expect("the server listens") }
    }

    async fn call(&self, name: &str, cookie: &str, body: &str) -> Answer {
        let mut client = Client::new(TcpStream::connect(&self.address).await.unwrap());
        client.write(post(name, cookie, body)).await;
        client.answer().await
    }

    async fn sign_in(&self) -> String {
        cookie_line(&self.call("session.SignIn", "", r#"{"name":"ann"}"#).await)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // On Unix this is `kill -9`.
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

#[tokio::test]
async fn sessions_survive_a_kill_and_ended_ones_stay_ended() {
    let folder = Folder::new();
    let server = Server::start(&folder);
    let (stays, ended) = (server.sign_in().await, server.sign_in().await);
    assert_eq!(server.call("session.WhoAmI", &stays, "{}").await.json(), "ann 1");
    assert_eq!(server.call("session.SignOut", &ended, "{}").await.status, 204);
    let signed = server.call("session.Signed", "", "{}").await;
    let signed = signed.headers.iter().find(|(_, set)| set.starts_with("signed=")).unwrap();
    let signed = format!("cookie: {}\r\n", signed.1.split_once(';').unwrap().0);
    drop(server);
    let server = Server::start(&folder);
    assert_eq!(server.call("session.WhoAmI", &stays, "{}").await.json(), "ann 2");
    server.call("session.WhoAmI", &ended, "{}").await.problem(401, "unauthorized");
    // The debug build has kept its secret too.
    assert_eq!(server.call("session.Signed", &signed, "{}").await.json(), "by the app");
    assert_eq!(server.call("session.EndAll", &stays, "{}").await.status, 204);
    drop(server);
    let server = Server::start(&folder);
    server.call("session.WhoAmI", &stays, "{}").await.problem(401, "unauthorized");
}
