//! The actions of an app by their names: a request for one of them needs no router.
//!
//! A router finds any path, and its routes are services in boxes. The path of an action is the same for
//! all of its requests, and an app has most of its requests there.

use std::{collections::HashMap, sync::Arc};

use axum::extract::Request;
use http::Method;

use crate::{
    request::route::{Mounted, Route},
    server::Shared,
};

/// The actions of an app, or none of them if its router has to see each request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Actions(Option<Arc<Inner>>);

#[derive(Debug)]
struct Inner {
    /// What is before the names: `/_kipo/actions/`.
    above: String,
    by_name: HashMap<Arc<str>, Mounted>,
}

impl Actions {
    /// Returns the actions below a base path.
    pub(crate) fn new(base: &str, shared: &Arc<Shared>, routes: &[Arc<Route>]) -> Self {
        let mounted = |route: &Arc<Route>| {
            let (shared, route) = (Arc::clone(shared), Arc::clone(route));
            (Arc::clone(&route.name), Mounted { shared, route })
        };
        let by_name = routes.iter().map(mounted).collect();
        Self(Some(Arc::new(Inner { above: format!("{base}/actions/"), by_name })))
    }

    /// Returns the action at the path of a request. A router alone answers the two methods whose responses
    /// differ from those of all others.
    pub(crate) fn of(&self, request: &Request) -> Option<&Mounted> {
        let Inner { above, by_name } = self.0.as_deref()?;
        let name = request.uri().path().strip_prefix(above.as_str())?;
        let action = by_name.get(name)?;
        (!matches!(*request.method(), Method::HEAD | Method::CONNECT)).then_some(action)
    }
}

#[cfg(test)]
mod tests {
    use axum::{body::Body, middleware::map_response, response::Response};

    use super::*;
    use crate::{app::App, session::Sessions};

    #[crate::action(name = "tests.Found")]
    async fn found() -> crate::Result<()> {
        Ok(())
    }

    #[track_caller]
    fn check(app: App, method: Method, target: &str, name: Option<&str>) {
        // Other actions of these tests take a session.
        let actions = app.sessions(Sessions::in_memory()).build().unwrap().actions;
        let request = Request::builder().method(method).uri(target).body(Body::empty()).unwrap();
        let found = actions.of(&request).map(|action| &*action.route.name);
        assert_eq!(found, name, "{target}");
    }

    #[test]
    fn the_path_of_an_action_finds_it_and_no_other_does() {
        let found = Some("tests.Found");
        check(App::new(), Method::POST, "/_kipo/actions/tests.Found", found);
        check(App::new(), Method::GET, "http://a/_kipo/actions/tests.Found?a=1", found);
        check(App::new().base("/x"), Method::OPTIONS, "/x/actions/tests.Found", found);
        check(App::new().base("/x"), Method::POST, "/_kipo/actions/tests.Found", None);
        for path in
            ["/", "/_kipo/actions/", "/_kipo/actions/tests.Found/", "/_kipo/actions/tests%2EFound"]
        {
            check(App::new(), Method::POST, path, None);
        }
    }

    #[test]
    fn the_router_gets_what_differs_there() {
        let path = "/_kipo/actions/tests.Found";
        check(App::new(), Method::HEAD, path, None);
        let layered = App::new().layer(map_response(async |response: Response| response));
        check(layered, Method::POST, path, None);
        check(App::new().prefix("/app"), Method::POST, path, None);
        check(App::new().trusted_proxy([127, 0, 0, 1]), Method::POST, path, None);
    }
}
