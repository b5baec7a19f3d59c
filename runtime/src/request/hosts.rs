//! The hosts that an app serves: the check runs before anything of the app.
//!
//! It stops DNS rebinding. A page of `evil.example` lets that name point to this machine, and sends
//! requests to it. The browser takes them for requests to the page's own origin, so no check of
//! origins refuses them; only the name in `Host` shows that they are not for this app.
//!
//! An IP address in `Host` is always served: a page can have such an origin only if the machine with
//! that address sent it. `localhost` and the names below it are always served too: browsers resolve
//! them to the machine that they run on. Ports are not compared, since proxies and containers map them.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::future::RouteFuture,
};
use http::Version;
use serde::{Deserialize, Serialize};

use crate::{
    error::{Code, Error, Result},
    header::{Authority, Host, Malformed, RequestId},
    request::{actions::Actions, encode, route::Answered},
    server::{Peer, Respond},
};

/// A host to serve, in lower case: `example.org`, or `*.example.org` for all names below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AllowedHost(String);

impl AllowedHost {
    /// What a text that is no such host should look like.
    pub(crate) const EXPECTED: &str = "a host to serve looks like `app.example.org`, or `*.example.org` \
                                       for all names below it: no scheme, no port, no path";

    /// Parses a name, an address, or `*.` and a name.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let name = text.strip_prefix("*.");
        match Host::parse(name.unwrap_or(text))? {
            Host::Ip(_) if name.is_some() => None,
            _ => Some(Self(text.to_ascii_lowercase())),
        }
    }

    /// Returns the host of a URL.
    pub(crate) fn of(authority: &Authority<'_>) -> Self {
        Self(authority.host.to_string())
    }

    fn is(&self, name: &str) -> bool {
        match self.0.strip_prefix('*') {
            Some(suffix) => is_below(name, suffix),
            None => self.0 == name,
        }
    }
}

/// Returns whether a name ends in `suffix`, which begins with a dot, and has a label before it.
fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).is_some_and(|label| !label.is_empty())
}

/// The hosts that an app serves.
#[derive(Clone, Debug)]
pub(crate) enum Hosts {
    Any,
    /// These, and those that are always served.
    Only(Arc<[AllowedHost]>),
}

impl Hosts {
    /// Returns the hosts of a router: those that are allowed, or any if none is named.
    pub(crate) fn of_router(allowed: &[AllowedHost]) -> Self {
        if allowed.is_empty() { Self::Any } else { Self::Only(allowed.into()) }
    }

    /// Returns the hosts of Kipo's own server. In a debug build no name means no other host: the
    /// development server shows more than a stranger may see.
    pub(crate) fn of_server(allowed: &[AllowedHost]) -> Self {
        if cfg!(debug_assertions) { Self::Only(allowed.into()) } else { Self::of_router(allowed) }
    }

    /// Puts the check before a router.
    pub(crate) fn layer(self, router: Router) -> Router {
        if matches!(self, Self::Any) {
            return router;
        }
        router.layer(middleware::from_fn(move |request: Request, next: Next| {
            let admitted = target(&request).and_then(|target| self.admit(target.as_ref()));
            let refused = admitted.map_err(|error| refusal(&request, &error));
            async move {
                match refused {
                    Ok(()) => next.run(request).await,
                    Err(response) => response,
                }
            }
        }))
    }

    /// Admits a request for a host that is served. A request that names none is not from a browser.
    fn admit(&self, target: Option<&Authority<'_>>) -> Result<()> {
        let (Self::Only(allowed), Some(Authority { host, .. })) = (self, target) else {
            return Ok(());
        };
        let is_served = match host {
            Host::Ip(_) => true,
            Host::Name(name) => {
                name == "localhost"
                    || is_below(name, ".localhost")
                    || allowed.iter().any(|allowed| allowed.is(name))
            }
        };
        if is_served {
            return Ok(());
        }
        let message = format!(
            "this server does not serve the host `{host}`: start the app with `--allow-host {host}`, \
             or add `.allow_host(\"{host}\")` to the App"
        );
        Err(Error::new(Code::Misdirected, message))
    }
}

/// Returns what a request is for.
fn target(request: &Request) -> Result<Option<Authority<'_>>> {
    let target =
        Authority::field(request.headers()).and_then(|field| Authority::of(request.uri(), field));
    target.map_err(malformed)
}

fn malformed(Malformed(sentence): Malformed) -> Error {
    Error::bad_request(sentence)
}

fn refusal(request: &Request, error: &Error) -> Response {
    encode::problem(error, &RequestId::of(request.headers()))
}

/// An app behind the check, as Kipo's own server runs it. The server also refuses what HTTP/1.1
/// calls malformed: no `Host`, or several.
#[derive(Clone, Debug)]
pub(crate) struct HostCheck {
    hosts: Hosts,
    actions: Actions,
    router: Router,
}

impl HostCheck {
    /// Returns the check before the actions of an app, and before its router, which has them too.
    pub(crate) fn new(hosts: Hosts, actions: Actions, router: Router) -> Self {
        Self { hosts, actions, router }
    }

    fn admit(&self, request: &Request) -> Result<()> {
        let is_named = if matches!(self.hosts, Hosts::Any) {
            let field = Authority::field(request.headers());
            field.and_then(|field| Authority::check(request.uri(), field)).map_err(malformed)?
        } else {
            let target = target(request)?;
            self.hosts.admit(target.as_ref())?;
            target.is_some()
        };
        if !is_named && request.version() == Version::HTTP_11 {
            return Err(Error::bad_request("a request of HTTP/1.1 has a Host field"));
        }
        Ok(())
    }
}

impl Respond for HostCheck {
    type Responding = Checked;

    fn respond(&self, request: Request, peer: Peer) -> Checked {
        if let Err(error) = self.admit(&request) {
            return Checked::Refused(Some(Box::new(refusal(&request, &error))));
        }
        match self.actions.of(&request) {
            Some(action) => Checked::Action(action.serve(request, Some(peer))),
            None => Checked::Routed(Box::new(self.router.respond(request, peer))),
        }
    }
}

/// The response to a request that was checked. An open connection has room for one also while it is
/// idle, so what is large is in a box.
pub(crate) enum Checked {
    Action(Answered),
    Routed(Box<RouteFuture<Infallible>>),
    /// Taken once.
    Refused(Option<Box<Response>>),
}

impl Future for Checked {
    type Output = Result<Response, Infallible>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Self::Output> {
        match &mut *self {
            Self::Action(response) => Pin::new(response).poll(task),
            Self::Routed(response) => Pin::new(response).poll(task),
            Self::Refused(response) => match response.take() {
                Some(response) => Poll::Ready(Ok(*response)),
                None => Poll::Pending,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use http::{StatusCode, header};
    use http_body_util::BodyExt as _;
    use tower_service::Service as _;

    use super::*;

    fn allowed(names: &[&str]) -> Vec<AllowedHost> {
        names.iter().map(|name| AllowedHost::parse(name).unwrap()).collect()
    }

    #[track_caller]
    fn check(names: &[&str], host: &str, is_served: bool) {
        let hosts = Hosts::Only(allowed(names).into());
        let target = Authority::parse(host).unwrap();
        let admitted = hosts.admit(Some(&target)).map_err(|error| error.code());
        let expected = if is_served { Ok(()) } else { Err(Code::Misdirected) };
        assert_eq!(admitted, expected, "{host} of {names:?}");
    }

    #[test]
    fn this_machine_is_always_served() {
        check(&[], "localhost", true);
        check(&[], "LocalHost:8080", true);
        check(&[], "a.b.localhost:1", true);
        check(&[], "127.0.0.1:8080", true);
        check(&[], "[::1]", true);
        check(&[], "10.1.2.3", true);
        check(&[], "[fe80::1]:80", true);
    }

    #[test]
    fn a_name_is_served_if_it_is_allowed() {
        check(&[], "evil.example", false);
        check(&["app.example"], "App.Example:8080", true);
        check(&["APP.example"], "app.example", true);
        check(&["app.example"], "www.app.example", false);
        check(&["app.example"], "app.example.", false);
        check(&["other.example", "app.example"], "app.example", true);
        check(&["*.example"], "a.example", true);
        check(&["*.example"], "a.b.example", true);
        check(&["*.example"], "example", false);
        check(&["*.example"], ".example", false);
        check(&["*.example"], "badexample", false);
    }

    #[test]
    fn names_that_only_look_local_are_not() {
        for host in [
            "localhost.evil.example",
            "evil-localhost",
            "xlocalhost",
            ".localhost",
            "localhost.",
            "127.0.0.1.evil.example",
            "127.0.0.1.",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
        ] {
            check(&[], host, false);
        }
    }

    #[test]
    fn what_is_no_host_cannot_be_allowed() {
        for text in ["", "*", "*.", "*.1.2.3.4", "a*.example", "http://a", "a:80", "a/b", "a b"] {
            assert_eq!(AllowedHost::parse(text), None, "{text:?}");
        }
        assert_eq!(AllowedHost::parse("10.0.0.1"), Some(AllowedHost("10.0.0.1".to_owned())));
    }

    fn request(version: Version, target: &str, host: Option<&str>) -> Request {
        let mut request = Request::builder().version(version).uri(target);
        if let Some(host) = host {
            request = request.header(header::HOST, host);
        }
        request.body(Body::empty()).unwrap()
    }

    fn peer() -> Peer {
        Peer { address: ([127, 0, 0, 1], 1).into(), detached_stream: None }
    }

    async fn status(hosts: Hosts, request: Request) -> StatusCode {
        let app = Router::new().fallback(async || "app");
        let check = HostCheck::new(hosts, Actions::default(), app);
        check.respond(request, peer()).await.unwrap().status()
    }

    #[test]
    fn what_an_idle_connection_has_room_for_is_small() {
        assert!(size_of::<Checked>() <= 24, "{}", size_of::<Checked>());
    }

    #[tokio::test]
    async fn the_server_answers_421_and_says_what_to_do() {
        let hosts = Hosts::of_server(&allowed(&["app.example"]));
        let check = HostCheck::new(hosts, Actions::default(), Router::new());
        let request = request(Version::HTTP_11, "/", Some("evil.example"));
        let response = check.respond(request, peer()).await.unwrap();
        assert_eq!(response.status(), 421);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let text = String::from_utf8(body.to_vec()).unwrap();
        assert!(text.contains("--allow-host evil.example"), "{text}");
    }

    #[tokio::test]
    async fn only_http_1_1_has_to_name_a_host() {
        let only = || Hosts::Only([].into());
        for hosts in [Hosts::Any, only()] {
            assert_eq!(status(hosts.clone(), request(Version::HTTP_11, "/", None)).await, 400);
            assert_eq!(status(hosts.clone(), request(Version::HTTP_10, "/", None)).await, 200);
            assert_eq!(status(hosts, request(Version::HTTP_11, "/", Some("a b"))).await, 400);
        }
        assert_eq!(status(only(), request(Version::HTTP_10, "/", Some("a"))).await, 421);
        assert_eq!(status(Hosts::Any, request(Version::HTTP_11, "/", Some("a"))).await, 200);
    }

    #[tokio::test]
    async fn the_authority_of_an_absolute_target_wins() {
        let only = || Hosts::Only([].into());
        let own = request(Version::HTTP_11, "http://localhost/", Some("evil.example"));
        assert_eq!(status(only(), own).await, 200);
        let other = request(Version::HTTP_11, "http://evil.example/", Some("localhost"));
        assert_eq!(status(only(), other).await, 421);
        assert_eq!(
            status(only(), request(Version::HTTP_2, "http://evil.example/", None)).await,
            421
        );
    }

    #[tokio::test]
    async fn a_router_checks_only_if_a_host_is_named() {
        let app = || Router::new().fallback(async || "app");
        let any = Hosts::of_router(&[]);
        assert!(matches!(any, Hosts::Any));
        let evil = || request(Version::HTTP_11, "/", Some("evil.example"));
        assert_eq!(any.layer(app()).call(evil()).await.unwrap().status(), 200);
        let mut router = Hosts::of_router(&allowed(&["app.example"])).layer(app());
        assert_eq!(router.call(evil()).await.unwrap().status(), 421);
        let own = request(Version::HTTP_11, "/", Some("app.example"));
        assert_eq!(router.call(own).await.unwrap().status(), 200);
        // As tests of a router send it.
        let none = request(Version::HTTP_11, "/", None);
        assert_eq!(router.call(none).await.unwrap().status(), 200);
    }
}
