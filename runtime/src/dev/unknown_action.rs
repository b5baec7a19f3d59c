//! A call of an action that does not exist: the response names the nearest actions, and open tabs show
//! them over the page.

use std::sync::Arc;

use axum::{
    extract::Request,
    routing::{MethodRouter, any},
};

use crate::{
    action::States,
    dev::{
        dev_loop::DevLoop,
        report::{Kind, Report},
    },
    error::Error,
    page::nearest_names,
    request::{Route, dispatch, encode},
};

/// Returns what answers the calls of all actions that do not exist.
pub(crate) fn answer(base: &str, routes: &[Arc<Route>], develop: Option<DevLoop>) -> MethodRouter {
    let actions = format!("{base}/actions/");
    let known: Arc<[Arc<str>]> = routes.iter().map(|route| Arc::clone(&route.name)).collect();
    any(move |request: Request| {
        let name = request.uri().path().strip_prefix(&actions).unwrap_or_default().to_owned();
        let nearest = nearest_names(&name, known.iter().map(|name| &**name));
        let message = message(&name, &nearest);
        let cx = dispatch::context(request, States::default());
        // A program that calls an unknown action covers nobody's page.
        let is_of_page = cx.header("sec-fetch-site").is_some_and(|site| site == "same-origin");
        if let Some(develop) = develop.as_ref().filter(|_| is_of_page) {
            develop.show_failure(Report {
                name: Some(name),
                known: nearest,
                ..Report::new(Kind::Action, message.clone())
            });
        }
        std::future::ready(encode::problem(&Error::not_found(message), cx.request_id()))
    })
}

fn message(name: &str, nearest: &[String]) -> String {
    let nearest: Vec<String> = nearest.iter().map(|name| format!("`{name}`")).collect();
    match nearest.as_slice() {
        [] => format!("there is no action `{name}`"),
        names => format!("there is no action `{name}`: there is {}", names.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::Method;
    use http_body_util::BodyExt as _;
    use tower_service::Service as _;

    use super::*;
    use crate::{app::App, error::Result, files::TestDir, session::Sessions};

    #[crate::action(name = "nearest.list.Add")]
    async fn add() -> Result<()> {
        Ok(())
    }

    #[tokio::test]
    async fn a_page_that_calls_an_unknown_action_is_covered_with_the_nearest_names() {
        let dir = TestDir::new(&[("pages/index.html", "home")]);
        let app = App::new().files(dir.files()).sessions(Sessions::in_memory());
        let built = app.build().unwrap();
        let mut router = built.router.clone();
        let mut send = async |method: Method, path: &str, site: &str| {
            let request = Request::builder().method(method).uri(path);
            let request = request.header("sec-fetch-site", site).body(Body::empty()).unwrap();
            router.call(request).await.unwrap()
        };
        let mut tab = send(Method::GET, "/_kipo/dev/reload", "same-origin").await.into_body();
        let unknown = "/_kipo/actions/nearest.Add";
        for site in ["none", "same-origin"] {
            let response = send(Method::POST, unknown, site).await;
            assert_eq!(response.status(), 404);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            let expected = "there is no action `nearest.Add`: there is `nearest.list.Add`";
            assert_eq!(problem["detail"], expected);
        }
        let mut read = String::new();
        while !read.contains("event: failure") {
            let frame = tab.frame().await.unwrap().unwrap().into_data().unwrap();
            read.push_str(&String::from_utf8_lossy(&frame));
        }
        assert!(read.contains("there is `nearest.list.Add`"), "{read}");
        assert!(read.contains(r#""known":["nearest.list.Add"]"#), "{read}");
        assert_eq!(read.matches("event: failure").count(), 1, "one request was that of a page");

        let page = send(Method::GET, "/_kipo/actions/", "none").await;
        assert_eq!(page.status(), 404);
    }

    #[test]
    fn the_message_names_the_nearest_actions() {
        assert_eq!(message("todo.Add", &[]), "there is no action `todo.Add`");
        assert_eq!(
            message("todo.Add", &["todo.list.Add".to_owned(), "todo.Pad".to_owned()]),
            "there is no action `todo.Add`: there is `todo.list.Add`, `todo.Pad`"
        );
    }
}
