//! What a stranger may do. Every registered action, page, part and stream is asked without a session,
//! so one that is added later and forgets its user fails here.

use std::{collections::BTreeSet, fs, path::Path};

use kipo::{
    http::{Request, StatusCode, header},
    testing::{App, Response},
};
use serde_json::Value;
use tempfile::TempDir;

/// The actions for everybody. Each of them signs in or out.
const PUBLIC_ACTIONS: [&str; 3] = ["users.SignIn", "users.SignOut", "users.SignUp"];

/// The pages for everybody.
const PUBLIC_PAGES: [&str; 2] = ["/login", "/sign-up"];

async fn start() -> (TempDir, App) {
    let folder = tempfile::tempdir().unwrap();
    let app = crate::app(folder.path().join("board.db"), Some("key".to_owned()));
    (folder, App::start(app).await)
}

async fn get(app: &App, path: &str, accept: &str) -> Response {
    app.send(Request::get(path).header(header::ACCEPT, accept).body("").unwrap()).await
}

/// Calls an action without the fields that it needs: who asks is checked before what they send.
async fn post(app: &App, path: &str, accept: &str) -> Response {
    let request = Request::post(path).header(header::ACCEPT, accept);
    app.send(request.header(header::CONTENT_TYPE, "application/json").body("{}").unwrap()).await
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
    let schema: Value = app.get("/_kipo/openapi.json").await.json();
    let paths = schema["paths"].as_object().unwrap();
    let mut public = BTreeSet::new();
    for path in paths.keys() {
        let name = path.strip_prefix("/_kipo/actions/").expect(path);
        for accept in ["application/json", "text/event-stream"] {
            for response in [post(&app, path, accept).await, get(&app, path, accept).await] {
                match response.status() {
                    StatusCode::UNAUTHORIZED => assert_eq!(response.error().code, "unauthorized"),
                    // An action answers one of the methods, and only a stream sends events.
                    StatusCode::METHOD_NOT_ALLOWED | StatusCode::NOT_ACCEPTABLE => {}
                    _ => drop(public.insert(name)),
                }
            }
        }
    }
    assert_eq!(public.into_iter().collect::<Vec<_>>(), PUBLIC_ACTIONS);
    assert!(paths.len() > 10, "all actions are asked: {:?}", paths.keys());
}

/// A part of a page is a part of what its address answers, so it has no address of its own.
#[tokio::test]
async fn every_page_sends_a_stranger_to_the_login_or_is_on_the_list() {
    let (_folder, app) = start().await;
    let mut found = BTreeSet::new();
    pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("pages"), "", &mut found);
    assert!(found.contains("/boards/1") && found.contains("/"), "{found:?}");
    let mut public = Vec::new();
    for page in found {
        let response = get(&app, &page, "text/html").await;
        if response.status() == StatusCode::SEE_OTHER {
            let next = if page == "/" { String::new() } else { format!("?next={page}") };
            assert_eq!(response.location(), Some(&*format!("/login{next}")));
            // A program that asks for the page is refused too.
            let refused = get(&app, &page, "application/json").await;
            assert_eq!(refused.status(), StatusCode::UNAUTHORIZED, "{page}");
        } else {
            assert_eq!(response.status(), StatusCode::OK, "{page}");
            public.push(page);
        }
    }
    assert_eq!(public, PUBLIC_PAGES);
}

#[tokio::test]
async fn the_webhook_refuses_a_stranger_and_an_unknown_address_is_not_there() {
    let (_folder, app) = start().await;
    let webhook = post(&app, "/webhooks/cards", "application/json").await;
    assert_eq!(webhook.status(), StatusCode::UNAUTHORIZED);
    for path in ["/metrics", "/live", "/ready", "/boards", "/_kipo/actions/users.Purge"] {
        assert_eq!(app.get(path).await.status(), StatusCode::NOT_FOUND, "{path}");
    }
}
