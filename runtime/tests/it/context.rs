//! Values from the request: before the body is read, in calls, streams and pages.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use axum::{Extension, body::Body};
use kipo::{
    Action, App, ClientIp, Context, Error, Event, EventStream, Extract, FromContext, Guard, Result,
    Sessions, State, StreamAction, action, async_trait,
};
use serde_json::Value;
use tower_service::Service as _;

use crate::{
    actions::Room,
    support::{TestApp, get, post},
};

/// How often somebody asked for a [`User`].
#[derive(Debug, Default)]
struct Asked(AtomicUsize);

/// Who asks, by the cookie `user`.
#[derive(Debug)]
struct User {
    name: String,
}

impl FromContext for User {
    async fn from_context(cx: &Context) -> Result<Self> {
        if let Ok(asked) = cx.state::<Arc<Asked>>() {
            asked.0.fetch_add(1, Ordering::Relaxed);
        }
        match cx.cookie("user") {
            Some("blocked") => Err(Error::forbidden("this user is blocked")),
            Some(name) => Ok(Self { name: name.to_owned() }),
            None => Err(Error::unauthorized("sign in first").or_redirect("/login")),
        }
    }
}

/// The proof that the user is Ann. A struct with named fields has no value of its name.
#[derive(Debug)]
struct Admin {
    _user: User,
}

impl FromContext for Admin {
    async fn from_context(cx: &Context) -> Result<Self> {
        let user = User::from_context(cx).await?;
        match user.name.as_str() {
            "ann" => Ok(Self { _user: user }),
            _ => Err(Error::forbidden("for admins")),
        }
    }
}

/// Admits requests with a cookie `member`.
#[derive(Debug)]
struct Member;

#[async_trait]
impl Guard for Member {
    async fn admit(&self, cx: &Context) -> Result<()> {
        cx.cookie("member").map(drop).ok_or_else(|| Error::unauthorized("for members"))
    }
}

/// Renames a board.
#[action]
struct Rename {
    /// Who asks.
    #[context]
    user: User,
    #[validate(length(min = 1))]
    title: String,
    #[context]
    ip: ClientIp,
    #[context]
    room: State<Room>,
}

impl Action for Rename {
    type Output = String;

    async fn call(self, _cx: Context) -> Result<String> {
        assert_eq!(self.room.name(), "room");
        Ok(format!("{} by {} from {}", self.title, self.user.name, self.ip.0))
    }
}

/// Greets everybody.
#[action(public)]
async fn greet(#[context] user: Option<User>) -> Result<String> {
    Ok(user.map_or_else(|| "Hello!".to_owned(), |user| format!("Hello, {}!", user.name)))
}

/// Says nothing about who may call it.
#[action]
async fn undecided() -> Result<()> {
    Ok(())
}

#[action(guard = Admin)]
async fn purge() -> Result<()> {
    Ok(())
}

#[action(guard = Member)]
async fn borrow() -> Result<()> {
    Ok(())
}

/// The event of [`Watch`].
#[derive(Event)]
enum Seen {
    By(String),
}

#[action]
async fn watch(out: EventStream<Seen>, #[context] user: User) -> Result<()> {
    out.send(Seen::By(user.name)).await
}

/// A stream in the form of a struct.
#[action]
struct Follow {
    #[context]
    user: User,
    count: u32,
}

impl StreamAction for Follow {
    type Event = Seen;
    type Output = ();

    async fn stream(self, _cx: Context, out: EventStream<Seen>) -> Result<()> {
        out.send(Seen::By(format!("{} {}", self.user.name, self.count))).await
    }
}

const ANN: &str = "cookie: user=ann\r\n";
const BOB: &str = "cookie: user=bob\r\n";

#[tokio::test]
async fn a_value_is_refused_before_the_body_is_read() {
    let app = TestApp::start().await;
    for name in ["context.Rename", "context.Watch", "context.Follow"] {
        // The response arrives although the body never does.
        let request = post(name, "", r#"{"title":"Plans"}"#);
        let mut client = app.connect().await;
        client.write(&request[..request.len() - 4]).await;
        client.answer().await.problem(401, "unauthorized");
    }
    let blocked = post("context.Rename", "cookie: user=blocked\r\n", "{");
    app.send(blocked).await.problem(403, "forbidden");
}

#[tokio::test]
async fn the_caller_can_neither_send_a_value_nor_leave_out_the_rest() {
    let app = TestApp::start().await;
    let body = r#"{"title":"Plans","user":{"name":"eve"},"ip":"6.6.6.6"}"#;
    let answer = app.send(post("context.Rename", ANN, body)).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, r#""Plans by ann from 127.0.0.1""#));
    let answer = app.send(post("context.Rename", ANN, "{}")).await;
    let problem = answer.problem(422, "validation_failed");
    assert_eq!(problem["errors"], serde_json::json!({ "title": ["is required"] }));
    let answer = app.send(post("context.Rename", ANN, r#"{"title":""}"#)).await;
    answer.problem(422, "validation_failed");
}

#[tokio::test]
async fn an_optional_value_may_be_missing() {
    let app = TestApp::start().await;
    for (headers, greeting) in [("", r#""Hello!""#), (ANN, r#""Hello, ann!""#)] {
        assert_eq!(app.send(post("context.Greet", headers, "{}")).await.body, greeting);
    }
    let blocked = post("context.Greet", "cookie: user=blocked\r\n", "{}");
    app.send(blocked).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_stream_takes_values() {
    let app = TestApp::start().await;
    let accept = format!("{ANN}accept: text/event-stream\r\n");
    let mut client = app.connect().await;
    client.write(post("context.Watch", &accept, "{}")).await;
    client.until("event: by\ndata: \"ann\"").await;
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/context.Follow?count=7", &accept)).await;
    client.until("event: by\ndata: \"ann 7\"").await;
}

#[tokio::test]
async fn a_guard_is_a_value_or_a_guard() {
    let app = TestApp::start().await;
    app.send(post("context.Purge", "", "{}")).await.problem(401, "unauthorized");
    app.send(post("context.Purge", BOB, "{}")).await.problem(403, "forbidden");
    assert_eq!(app.send(post("context.Purge", ANN, "{}")).await.status, 204);
    app.send(post("context.Borrow", ANN, "{}")).await.problem(401, "unauthorized");
    let member = post("context.Borrow", "cookie: member=1\r\n", "{}");
    assert_eq!(app.send(member).await.status, 204);
}

#[tokio::test]
async fn an_app_requires_a_value_of_every_action_that_is_not_public() {
    let app = TestApp::with(|app| app.require::<User>()).await;
    for name in ["context.Undecided", "context.Rename", "Nothing", "Follow", "context.Borrow"] {
        let request = post(name, "cookie: member=1\r\n", "{}");
        app.send(request).await.problem(401, "unauthorized");
    }
    assert_eq!(app.send(post("context.Greet", "", "{}")).await.status, 200);
    assert_eq!(app.send(post("context.Undecided", BOB, "{}")).await.status, 204);
    // Its own guard decides as well.
    app.send(post("context.Purge", BOB, "{}")).await.problem(403, "forbidden");
}

#[tokio::test]
async fn a_required_value_is_made_once() {
    let asked = Arc::new(Asked::default());
    let state = Arc::clone(&asked);
    let app = TestApp::with(|app| app.state(state).require::<User>()).await;
    let answer = app.send(post("context.Rename", ANN, r#"{"title":"Plans"}"#)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(asked.0.load(Ordering::Relaxed), 1);
}

/// Whose data a request is about. A layer sets it.
#[derive(Clone, Debug)]
struct Tenant(&'static str);

#[action]
async fn tenant_of(#[context] tenant: Extract<Extension<Tenant>>) -> Result<String> {
    Ok(tenant.0.0.0.to_owned())
}

#[tokio::test]
async fn an_action_reads_what_a_layer_has_set() {
    let app = TestApp::start().await;
    app.call("context.TenantOf", "{}").await.problem(500, "internal");

    let app = App::new().state(Arc::clone(&app.room)).state(Arc::clone(&app.gate));
    let app = app.sessions(Sessions::in_memory());
    let mut router = app.router().unwrap().layer(Extension(Tenant("acme")));
    let request =
        http::Request::post("/_kipo/actions/context.TenantOf").header("host", "localhost");
    let response = router.call(request.body(Body::empty()).unwrap()).await.unwrap();
    let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
    assert_eq!(body, r#""acme""#.as_bytes());
}

#[tokio::test]
async fn another_site_is_refused_before_any_value_is_made() {
    let asked = Arc::new(Asked::default());
    let state = Arc::clone(&asked);
    let app = TestApp::with(|app| app.state(state)).await;
    let headers = format!("{ANN}sec-fetch-site: cross-site\r\n");
    app.send(post("context.Rename", &headers, "{}")).await.problem(403, "cross_site");
    assert_eq!(asked.0.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn the_client_has_the_address_that_a_trusted_proxy_reports() {
    let app = TestApp::with(|app| app.trusted_proxy([127, 0, 0, 1])).await;
    let headers = format!("{ANN}x-forwarded-for: 6.6.6.6, 198.51.100.1\r\n");
    let answer = app.send(post("context.Rename", &headers, r#"{"title":"Plans"}"#)).await;
    assert_eq!(answer.body, r#""Plans by ann from 198.51.100.1""#);
}

#[tokio::test]
async fn descriptions_show_what_a_caller_needs_and_no_value() {
    let app = TestApp::with(|app| app.publish_schema()).await;
    let types = app.send(get("/_kipo/client.d.ts", "")).await.body;
    let rename = &types[types.find("Renames a board.").unwrap()..];
    assert!(!rename[..rename.find('}').unwrap()].contains("user"), "{rename}");

    let document: Value =
        serde_json::from_str(&app.send(get("/_kipo/openapi.json", "")).await.body).unwrap();
    let input = &document["components"]["schemas"]["context.Rename"];
    let fields: Vec<_> = input["properties"].as_object().unwrap().keys().collect();
    assert_eq!(fields, ["title"]);
    let security =
        |name: &str| &document["paths"][format!("/_kipo/actions/{name}")]["post"]["security"];
    assert_eq!(*security("context.Rename"), serde_json::json!([{ "User": [] }]));
    assert_eq!(*security("context.Purge"), serde_json::json!([{ "Admin": [] }]));
    assert_eq!(*security("context.Greet"), Value::Null);
    let scheme = &document["components"]["securitySchemes"]["User"];
    let proof = ["type", "in", "name"].map(|key| scheme[key].as_str().unwrap());
    assert_eq!(proof, ["apiKey", "cookie", "kipo-session"]);
}
