//! What an app has around its actions: states that are opened at start, routes, layers, tasks, and
//! functions that run after the drain.

use std::{
    convert::Infallible,
    future,
    sync::{Arc, Mutex},
    task::Poll,
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::{map_request, map_response},
    response::{IntoResponse, Response},
    routing::{get as on_get, post as on_post},
};
use http_body::Frame;
use http_body_util::BodyExt as _;
use kipo::{
    App, Code, Context, Error, Files, Limits, RequestId, Result, ServeLimits, Sessions,
    TaskContext, action,
};
use tokio::{
    net::TcpListener,
    sync::{Notify, oneshot},
};
use tower_service::Service as _;

use crate::{
    actions::{Gate, Room},
    page::FILES,
    support::{TestApp, get, post},
};

/// A state that is opened at start.
struct Database(&'static str);

/// Returns the name of the database.
#[action]
async fn database_name(cx: Context) -> Result<String> {
    Ok(cx.state::<Database>()?.0.to_owned())
}

/// What has happened, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: impl Into<String>) {
        self.0.lock().unwrap().push(what.into());
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

/// Logs that it is dropped.
struct Dropped(Log);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.add("dropped");
    }
}

/// An app with all states that the registered actions need.
fn app() -> App {
    App::new()
        .state(Room::new(kipo::Topic::new("room")))
        .state(Arc::new(Gate::default()))
        .sessions(Sessions::in_memory())
}

fn own_post(path: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("POST {path} HTTP/1.1\r\nhost: test\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

const OTHER_SITE: &str = "origin: https://other.example\r\nsec-fetch-site: cross-site\r\n";

// States.

#[tokio::test]
async fn a_state_that_is_opened_at_start_is_there_for_the_first_request() {
    let open = async || {
        tokio::task::yield_now().await;
        Ok(Database("orders"))
    };
    let app = TestApp::with(|app| app.state_async(open)).await;
    assert_eq!(app.call("around.DatabaseName", "{}").await.json(), "orders");
}

#[tokio::test]
async fn a_state_that_cannot_be_opened_stops_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let failing = || app().state_async(async || Err::<Database, Error>(no_disk().into()));
    let error = failing().serve(listener, future::pending()).await.unwrap_err().to_string();
    let expected =
        "App::state_async: the state `it::around::Database` could not be opened: no disk";
    assert_eq!(error, expected);
    assert_eq!(failing().start().await.unwrap_err().to_string(), expected);
}

fn no_disk() -> std::io::Error {
    std::io::Error::other("no disk")
}

#[tokio::test]
async fn a_router_that_would_have_to_wait_or_to_run_tasks_is_an_error() {
    let task = async |_: TaskContext| Ok(());
    let apps = [
        app().state_async(async || Ok(Database("orders"))),
        app().task("worker", task),
        app().every("tidy", Duration::from_secs(1), task),
        app().on_shutdown(task),
    ];
    for app in apps {
        let error = app.router().unwrap_err().to_string();
        assert!(error.starts_with("App::router: ") && error.contains("App::start"), "{error}");
    }
}

// Routes.

#[tokio::test]
async fn a_route_stands_beside_actions_and_what_the_app_answers_else() {
    let routes = Router::new()
        .route("/export.csv", on_get(async |cx: Context| Ok::<_, Error>(cx.state::<Database>()?.0)))
        .fallback(async || "the fallback of the routes");
    let app = TestApp::with(|app| app.state(Database("orders")).routes(routes)).await;
    let answer = app.send(get("/export.csv", "x-request-id: r-1\r\n")).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "orders"));
    assert_eq!(answer.header("x-request-id"), Some("r-1"));
    assert_eq!(app.send(own_post("/export.csv", "", "")).await.status, 405);
    assert_eq!(app.call("Nothing", "{}").await.status, 204);
    app.send(get("/elsewhere", "")).await.problem(404, "not_found");
}

#[tokio::test]
async fn a_route_refuses_other_sites_unless_they_may_call_it() {
    let own = Router::new().route("/own", on_get(async || "got").post(async || "posted"));
    let webhook = Router::new().route("/webhook", on_post(async |body: String| body));
    let app = TestApp::with(|app| app.routes(own).routes_cross_site(webhook)).await;
    app.send(own_post("/own", OTHER_SITE, "")).await.problem(403, "cross_site");
    assert_eq!(app.send(own_post("/own", "", "")).await.body, "posted");
    assert_eq!(app.send(get("/own", OTHER_SITE)).await.body, "got");
    assert_eq!(app.send(own_post("/webhook", OTHER_SITE, "paid")).await.body, "paid");
    let misdirected = own_post("/webhook", "", "").replace("host: test", "host: evil.example");
    app.send(misdirected).await.problem(421, "misdirected");
}

#[tokio::test]
async fn the_body_of_a_route_has_the_limit_of_the_app_or_its_own() {
    let routes = Router::new()
        .route("/small", on_post(async |body: Bytes| body.len().to_string()))
        .route("/large", on_post(async |body: Bytes| body.len().to_string()))
        .layer(map_response(async |response: Response| response));
    let large = Router::new()
        .route("/larger", on_post(async |body: Bytes| body.len().to_string()))
        .layer(DefaultBodyLimit::max(8 << 20));
    let limits = Limits::new().body_bytes_max(3 << 20);
    let app = TestApp::with(|app| app.limits(limits).routes(routes).routes(large)).await;
    let body = |mib: usize| "x".repeat(mib << 20);
    assert_eq!(app.send(own_post("/small", "", &body(3))).await.body, (3 << 20).to_string());
    let mut client = app.connect().await;
    client.try_write(own_post("/large", "", &body(4))).await;
    assert_eq!(client.answer().await.status, 413);
    assert_eq!(app.send(own_post("/larger", "", &body(4))).await.body, (4 << 20).to_string());
}

#[tokio::test]
async fn a_handler_answers_with_errors_panics_and_header_fields() {
    #[expect(clippy::panic, reason = "a test asserts how the panic is handled")]
    async fn explode() -> &'static str {
        panic!("password=hunter2")
    }
    let routes = Router::new()
        .route("/panics", on_get(explode))
        .route("/fails", on_get(async || Err::<(), _>(Error::conflict("the room is full"))))
        .route(
            "/leaks",
            on_get(async || Err::<(), Error>(std::io::Error::other("password=hunter2").into())),
        )
        .route(
            "/id",
            on_get(async |id: RequestId, cx: Context| {
                cx.append_header(header::SET_COOKIE, HeaderValue::from_static("seen=1"));
                assert_eq!(&id, cx.request_id());
                id.to_string()
            }),
        );
    let app = TestApp::with(|app| app.routes(routes)).await;
    let problem = app.send(get("/panics", "")).await.problem(500, "internal");
    assert!(!problem.to_string().contains("hunter"));
    let problem = app.send(get("/leaks", "")).await.problem(500, "internal");
    assert!(!problem.to_string().contains("hunter"));
    let problem = app.send(get("/fails", "x-request-id: r-2\r\n")).await.problem(409, "conflict");
    assert_eq!(problem["detail"], "the room is full");
    assert_eq!(problem["request_id"], "r-2");
    let answer = app.send(get("/id", "")).await;
    assert_eq!(answer.header("x-request-id"), Some(answer.body.as_str()));
    assert_eq!(answer.header("set-cookie"), Some("seen=1"));
}

#[tokio::test]
async fn outside_of_an_app_an_error_is_its_status_and_a_context_is_not_there() {
    let mut routes = Router::new()
        .route("/fails", on_get(async || Err::<(), _>(Error::new(Code::Conflict, "full"))))
        .route("/context", on_get(async |cx: Context| cx.request_id().to_string()));
    for (path, status) in [("/fails", 409), ("/context", 500)] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(routes.call(request).await.unwrap().status(), status);
    }
}

#[tokio::test]
async fn a_route_that_answers_the_address_of_an_action_or_a_page_is_an_error() {
    let build = |routes: Router| {
        app().files(Files::embedded(FILES)).routes(Router::new()).routes(routes).router()
    };
    let errors = |routes: Router| build(routes).unwrap_err().to_string();
    let handler = || on_post(async || "posted");
    let clash = |path: &str, what: &str| {
        format!("App::routes: one of these routes answers `{path}`, which is the address of {what}")
    };
    let error = errors(Router::new().route("/member", handler()));
    assert!(error.starts_with(&clash("/member", "the page `pages/member.html`")), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    let error = errors(Router::new().route("/blog/{id}", handler()));
    assert!(error.starts_with(&clash("/blog/~", "the page `pages/blog/[number].html`")), "{error}");
    let actions = Router::new().route("/actions/Echo", handler());
    let error = errors(Router::new().nest("/_kipo", actions));
    assert!(error.starts_with(&clash("/_kipo/actions/Echo", "the action `Echo`")), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    let error = errors(Router::new().route("/{*all}", handler()));
    assert!(error.contains("pages/member.html") && error.contains("the action `Echo`"), "{error}");
    let mut router =
        build(Router::new().route("/blog/feed", handler()).fallback(async || "fallback")).unwrap();
    for (method, path, status) in
        [("POST", "/blog/feed", 200), ("GET", "/blog/7", 200), ("GET", "/no", 404)]
    {
        let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        assert_eq!(router.call(request).await.unwrap().status(), status, "{path}");
    }
}

#[tokio::test]
#[should_panic(expected = "Overlapping method route")]
async fn routes_that_overlap_with_each_other_panic_as_in_axum() {
    let routes = || Router::new().route("/own", on_get(async || "got"));
    _ = App::new().routes(routes()).routes_cross_site(routes());
}

#[tokio::test]
async fn the_drain_waits_for_a_handler_and_ends_an_event_stream() {
    let (entered, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (enters, opens) = (Arc::clone(&entered), Arc::clone(&open));
    let slow = async move || {
        enters.notify_one();
        opens.notified().await;
        "done"
    };
    let events = async || {
        let body = Endless { sent: false };
        ([(header::CONTENT_TYPE, "text/event-stream")], Body::new(body)).into_response()
    };
    let routes = Router::new().route("/slow", on_get(slow)).route("/events", on_get(events));
    let mut app = TestApp::with(|app| app.routes(routes)).await;
    let (mut slow, mut events) = (app.connect().await, app.connect().await);
    slow.write(get("/slow", "")).await;
    events.write(get("/events", "")).await;
    entered.notified().await;
    events.until("data: 1").await;
    app.stop();
    events.until("\r\n0\r\n\r\n").await;
    open.notify_one();
    assert_eq!(slow.answer().await.body, "done");
    app.stopped().await;
}

/// One event, and then none.
struct Endless {
    sent: bool,
}

impl http_body::Body for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if std::mem::replace(&mut self.sent, true) {
            return Poll::Pending;
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"data: 1\n\n")))))
    }
}

// Layers.

/// Writes all letters of a response in upper case, also those of a stream.
struct UpperCase(Body);

impl http_body::Body for UpperCase {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: std::pin::Pin<&mut Self>,
        task: &mut std::task::Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = std::task::ready!(std::pin::Pin::new(&mut self.0).poll_frame(task));
        Poll::Ready(frame.map(|frame| {
            frame.map(|frame| frame.map_data(|bytes| bytes.to_ascii_uppercase().into()))
        }))
    }
}

#[tokio::test]
async fn a_layer_is_around_calls_streams_routes_and_what_is_not_found() {
    let upper =
        map_response(async |response: Response| response.map(|body| Body::new(UpperCase(body))));
    let first = map_response(async |mut response: Response| {
        response.headers_mut().append("layer", HeaderValue::from_static("first"));
        response
    });
    let second = map_response(async |mut response: Response| {
        response.headers_mut().append("layer", HeaderValue::from_static("second"));
        response
    });
    let routes = Router::new().route("/own", on_get(async || "own"));
    let mut app =
        TestApp::with(|app| app.layer(upper).layer(first).layer(second).routes(routes)).await;
    let both = |headers: &[(String, String)]| {
        let layers: Vec<_> = headers.iter().filter(|(name, _)| name == "layer").collect();
        assert_eq!((layers[0].1.as_str(), layers[1].1.as_str()), ("first", "second"));
    };
    for request in [post("Nothing", "", "{}"), get("/own", ""), get("/elsewhere", "")] {
        let mut client = app.connect().await;
        client.write(request).await;
        both(&client.head().await.headers);
    }
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Countdown?from=1", "accept: text/event-stream\r\n")).await;
    both(&client.head().await.headers);
    assert!(client.stream_to_end().await.contains("EVENT: COMPLETE"));
    let mut client = app.connect().await;
    client.write(get("/_kipo/actions/Follow", "")).await;
    client.until("KIPO:READY").await;
    app.stop();
    client.until("\r\n0\r\n\r\n").await;
    app.stopped().await;
}

#[tokio::test]
async fn a_layer_may_change_the_path_before_the_request_is_routed() {
    let without_prefix = map_request(async |mut request: Request| {
        let path = request.uri().path().strip_prefix("/shop").map(str::to_owned);
        if let Some(path) = path {
            *request.uri_mut() = path.parse().unwrap();
        }
        request
    });
    let routes = Router::new().route("/own", on_get(async || "own"));
    let app = TestApp::with(|app| app.layer(without_prefix).routes(routes)).await;
    assert_eq!(app.send(get("/shop/own", "")).await.body, "own");
    let call = post("Nothing", "", "{}").replace("/_kipo", "/shop/_kipo");
    assert_eq!(app.send(call).await.status, 204);
}

// Tasks and the end.

#[tokio::test]
async fn tasks_end_with_the_drain_and_then_the_functions_run_in_reverse() {
    let log = Log::default();
    let started = Arc::new(Notify::new());
    let starts = Arc::clone(&started);
    let (in_task, first, last) = (log.clone(), log.clone(), log.clone());
    let app = TestApp::with(|app| {
        app.state(Database("orders"))
            .task("worker", move |cx: TaskContext| {
                let (log, started) = (in_task.clone(), Arc::clone(&starts));
                async move {
                    log.add(format!("{} works on {}", cx.name(), cx.state::<Database>()?.0));
                    started.notify_one();
                    cx.cancelled().await;
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    log.add("the task has ended");
                    Ok(())
                }
            })
            .on_shutdown(async move |cx: TaskContext| {
                first.add(format!("close {}", cx.state::<Database>()?.0));
                Ok(())
            })
            .on_shutdown(async move |_| {
                last.add("flush");
                Ok(())
            })
    });
    let mut app = app.await;
    started.notified().await;
    app.stop();
    app.stopped().await;
    let expected = ["worker works on orders", "the task has ended", "flush", "close orders"];
    assert_eq!(log.lines(), expected);
}

#[tokio::test]
async fn a_task_that_does_not_end_is_dropped_when_the_time_of_the_drain_is_over() {
    let log = Log::default();
    let (in_task, at_end) = (log.clone(), log.clone());
    let limits = ServeLimits { drain: Duration::from_millis(200), ..ServeLimits::default() };
    let started = Arc::new(Notify::new());
    let starts = Arc::clone(&started);
    let mut app = TestApp::with(|app| {
        app.serve_limits(limits)
            .task("worker", move |cx: TaskContext| {
                let (dropped, started) = (Dropped(in_task.clone()), Arc::clone(&starts));
                async move {
                    let _dropped = dropped;
                    started.notify_one();
                    cx.cancelled().await;
                    future::pending().await
                }
            })
            .on_shutdown(async move |_| {
                at_end.add("the end");
                Ok(())
            })
    })
    .await;
    started.notified().await;
    app.stop();
    app.stopped().await;
    assert_eq!(log.lines(), ["dropped", "the end"]);
}

#[tokio::test]
async fn a_task_that_panics_harms_no_request_and_no_other_task() {
    let runs = Arc::new(Notify::new());
    let other = Arc::clone(&runs);
    let app = TestApp::with(|app| {
        #[expect(clippy::panic, reason = "a test asserts how the panic is handled")]
        let panics = app.task("panics", async |_| -> Result<()> { panic!("at once") });
        panics.every("other", Duration::from_millis(1), move |_| {
            other.notify_one();
            future::ready(Ok(()))
        })
    })
    .await;
    for _ in 0..3 {
        runs.notified().await;
        assert_eq!(app.call("Nothing", "{}").await.status, 204);
    }
}

#[tokio::test]
async fn dropping_the_server_drops_its_tasks() {
    let (started, held) = (Arc::new(Notify::new()), Arc::new(Mutex::new(None)));
    let (sender, dropped) = oneshot::channel::<Infallible>();
    *held.lock().unwrap() = Some(sender);
    let starts = Arc::clone(&started);
    let app = app().task("worker", move |cx: TaskContext| {
        let (sender, started) = (held.lock().unwrap().take(), Arc::clone(&starts));
        async move {
            let _sender = sender;
            started.notify_one();
            cx.cancelled().await;
            future::pending().await
        }
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let serving = tokio::spawn(app.serve(listener, future::pending()));
    started.notified().await;
    serving.abort();
    assert!(dropped.await.is_err());
}

#[tokio::test]
async fn an_app_in_a_server_of_ones_own_has_all_of_it() {
    let log = Log::default();
    let (in_task, at_end) = (log.clone(), log.clone());
    let (started, starts) = oneshot::channel();
    let started = Arc::new(Mutex::new(Some(started)));
    let app =
        app()
            .state_async(async || Ok(Database("orders")))
            .routes(Router::new().route(
                "/own",
                on_get(async |cx: Context| Ok::<_, Error>(cx.state::<Database>()?.0)),
            ))
            .task("worker", move |cx: TaskContext| {
                let (log, started) = (in_task.clone(), Arc::clone(&started));
                async move {
                    _ = started.lock().unwrap().take().unwrap().send(());
                    cx.cancelled().await;
                    log.add("the task has ended");
                    Ok(())
                }
            })
            .on_shutdown(async move |_| {
                at_end.add("the end");
                Ok(())
            });
    let app = app.start().await.unwrap();
    starts.await.unwrap();
    let ask = |request: http::request::Builder, body: &'static str| {
        let mut router = app.router();
        async move { router.call(request.body(Body::from(body)).unwrap()).await.unwrap() }
    };
    let call =
        || Request::post("/_kipo/actions/Nothing").header("content-type", "application/json");
    assert_eq!(ask(Request::get("/own"), "").await.status(), StatusCode::OK);
    assert_eq!(ask(call(), "{}").await.status(), StatusCode::NO_CONTENT);
    let accept: HeaderMap =
        [(header::ACCEPT, HeaderValue::from_static("text/event-stream"))].into_iter().collect();
    let mut follow = Request::get("/_kipo/actions/Follow");
    *follow.headers_mut().unwrap() = accept;
    let mut stream = ask(follow, "").await.into_body();
    let mut read = String::new();
    while let Some(frame) = stream.frame().await {
        let frame = frame.unwrap().into_data().unwrap();
        read.push_str(std::str::from_utf8(&frame).unwrap());
        if read.contains("kipo:ready") {
            app.drain().await;
        }
    }
    assert!(read.contains("retry: "), "{read}");
    assert_eq!(ask(call(), "{}").await.status(), StatusCode::SERVICE_UNAVAILABLE);
    app.shutdown().await;
    assert_eq!(log.lines(), ["the task has ended", "the end"]);
}
