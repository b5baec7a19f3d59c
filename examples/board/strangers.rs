//! What a stranger may do. Every registered action, page, part and stream is asked without a session,
//! so one that is added later and forgets its user fails here.

use std::{collections::BTreeSet, fs, path::Path};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, StatusCode, header},
    response::Response,
};
use kipo::{RunningApp, Sessions};
use serde_json::Value;
use tempfile::TempDir;
use tower_service::Service as _;

/// The actions for everybody. Each of them signs in or out.
const PUBLIC_ACTIONS: [&str; 3] = ["users.SignIn", "users.SignOut", "users.SignUp"];

/// The pages for everybody.
const PUBLIC_PAGES: [&str; 2] = ["/login", "/sign-up"];

/// The longest body that a test reads.
const BODY_BYTES_MAX: usize = 1 << 20;

async fn start() -> (TempDir, RunningApp) {
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("board.db").to_str().unwrap().to_owned();
    let app = crate::app(database, Sessions::in_memory(), Some("key".to_owned()));
    let app = app.files(kipo::files!()).data_dir(folder.path().join("data"));
    (folder, app.start().await.unwrap())
}

async fn ask(router: &mut Router, request: Request<Body>) -> Response {
    router.call(request).await.unwrap()
}

async fn json(response: Response) -> Value {
    let body = to_bytes(response.into_body(), BODY_BYTES_MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

fn get(path: &str, accept: &str) -> Request<Body> {
    Request::get(path).header(header::ACCEPT, accept).body(Body::empty()).unwrap()
}

/// Calls an action without the fields that it needs: who asks is checked before what they send.
fn post(path: &str, accept: &str) -> Request<Body> {
    let request = Request::post(path).header(header::ACCEPT, accept);
    request.header(header::CONTENT_TYPE, "application/json").body("{}".into()).unwrap()
}

/// Returns the paths of all pages, from the files below `pages/`. A parameter is 1.
fn pages(folder: &Path, path: &str, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = entry.file_name().into_string().unwrap();
        // `[board]` is a parameter.
        let segment = |name: &str| if name.starts_with('[') { "1" } else { name }.to_owned();
        if entry.path().is_dir() {
            pages(&entry.path(), &format!("{path}/{}", segment(&name)), found);
        } else if let Some(stem) = name.strip_suffix(".html")
            && !stem.starts_with(|first: char| first == '_' || first.is_ascii_digit())
        {
            let page =
                if stem == "index" { path.to_owned() } else { format!("{path}/{}", segment(stem)) };
            found.insert(if page.is_empty() { "/".to_owned() } else { page });
        }
    }
}

#[tokio::test]
async fn every_action_and_every_stream_refuses_a_stranger_or_is_on_the_list() {
    let (_folder, app) = start().await;
    let mut router = app.router();
    let schema = json(ask(&mut router, get("/_kipo/openapi.json", "*/*")).await).await;
    let paths = schema["paths"].as_object().unwrap();
    let mut public = BTreeSet::new();
    for path in paths.keys() {
        let name = path.strip_prefix("/_kipo/actions/").expect(path);
        for accept in ["application/json", "text/event-stream"] {
            let response = ask(&mut router, post(path, accept)).await;
            match response.status() {
                StatusCode::UNAUTHORIZED => {
                    assert_eq!(json(response).await["code"], "unauthorized", "{name}");
                }
                // An action that is no stream.
                StatusCode::NOT_ACCEPTABLE if accept == "text/event-stream" => {}
                _ => drop(public.insert(name)),
            }
        }
        // A stream also answers GET, as `EventSource` asks.
        let status = ask(&mut router, get(path, "text/event-stream")).await.status();
        let is_refused =
            [StatusCode::UNAUTHORIZED, StatusCode::METHOD_NOT_ALLOWED].contains(&status);
        assert!(is_refused || PUBLIC_ACTIONS.contains(&name), "{name} answers {status} to GET");
    }
    assert_eq!(public.into_iter().collect::<Vec<_>>(), PUBLIC_ACTIONS);
    assert!(paths.len() > 10, "all actions are asked: {:?}", paths.keys());
    app.shutdown().await;
}

/// A part of a page is a part of what its address answers, so it has no address of its own.
#[tokio::test]
async fn every_page_sends_a_stranger_to_the_login_or_is_on_the_list() {
    let (_folder, app) = start().await;
    let mut router = app.router();
    let mut found = BTreeSet::new();
    pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("pages"), "", &mut found);
    assert!(found.contains("/boards/1") && found.contains("/"), "{found:?}");
    let mut public = Vec::new();
    for page in found {
        let response = ask(&mut router, get(&page, "text/html")).await;
        if response.status() == StatusCode::SEE_OTHER {
            let location = response.headers()[header::LOCATION].to_str().unwrap();
            let next = if page == "/" { String::new() } else { format!("?next={page}") };
            assert_eq!(location, format!("/login{next}"));
        } else {
            assert_eq!(response.status(), StatusCode::OK, "{page}");
            public.push(page.clone());
        }
        // A program that asks for the page is refused too.
        let status = ask(&mut router, get(&page, "application/json")).await.status();
        assert!(status == StatusCode::UNAUTHORIZED || public.contains(&page), "{page}: {status}");
    }
    assert_eq!(public, PUBLIC_PAGES);
    app.shutdown().await;
}

#[tokio::test]
async fn the_webhook_refuses_a_stranger_and_an_unknown_address_is_not_there() {
    let (_folder, app) = start().await;
    let mut router = app.router();
    let webhook = ask(&mut router, post("/webhooks/cards", "application/json")).await;
    assert_eq!(webhook.status(), StatusCode::UNAUTHORIZED);
    for path in ["/metrics", "/live", "/ready", "/boards", "/_kipo/actions/users.Purge"] {
        let status = ask(&mut router, get(path, "application/json")).await.status();
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
    app.shutdown().await;
}
