//! The path prefix of an app, which is removed from each request and put before what a response leads
//! to.
//!
//! Inside of the app no path has the prefix: routes, guards, templates and redirects are the same with
//! and without it. So it is handled once, around everything.

use std::{
    convert::Infallible,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Task, Poll},
};

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header, uri::PathAndQuery};
#[cfg(all(feature = "dev", debug_assertions))]
use serde::{Deserialize, Serialize};
use tower_service::Service;

use crate::{
    error::{Error, Result},
    header::{FORWARDED_PREFIX, Malformed, Prefix, RequestId, TrustedProxies, is_own_path},
    request::encode,
    server::Peer,
};

/// How an app learns its prefix: it has a fixed one, or its trusted proxies report it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefixes {
    /// It wins over what a proxy reports.
    fixed: Prefix,
    proxies: TrustedProxies,
    /// Whether a malformed field has been logged. A broken proxy sends it with each request.
    has_warned: Arc<AtomicBool>,
}

/// What makes [`Prefixes`], as one process passes it to another.
#[cfg(all(feature = "dev", debug_assertions))]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrefixSettings {
    /// May be malformed: the app reports it at its start.
    pub(crate) prefix: String,
    pub(crate) proxies: Vec<IpAddr>,
}

#[cfg(all(feature = "dev", debug_assertions))]
impl PrefixSettings {
    /// Returns the same without a malformed prefix.
    pub(crate) fn prefixes(&self) -> Prefixes {
        let fixed = Prefix::parse(&self.prefix).unwrap_or_default();
        Prefixes::new(fixed, TrustedProxies::new(self.proxies.iter().copied()))
    }
}

impl Prefixes {
    pub(crate) fn new(fixed: Prefix, proxies: TrustedProxies) -> Self {
        Self { fixed, proxies, has_warned: Arc::default() }
    }

    /// Returns what follows the host in the address of the app: `/app/`, or nothing without a fixed
    /// prefix.
    pub(crate) fn root(&self) -> String {
        match self.fixed.as_str() {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        }
    }

    /// Returns whether no request can have a prefix.
    pub(crate) fn is_none(&self) -> bool {
        self.fixed.is_none() && self.proxies.is_empty()
    }

    /// Puts the prefix around a router. A router that can have none stays as it is.
    pub(crate) fn around(self, router: Router) -> Router {
        if self.is_none() {
            return router;
        }
        // As the fallback of a router without routes, the app is routed after the path has changed.
        Router::new().fallback_service(Below { prefixes: self, router })
    }

    /// Returns the prefix of a request, and removes a fixed one from its path.
    fn enter(&self, request: &mut Request) -> Entry {
        if self.fixed.is_none() {
            let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
            return self.forwarded(peer, request.headers());
        }
        let prefix = self.fixed.clone();
        let target = request.uri().path_and_query().map_or("", PathAndQuery::as_str);
        match prefix.strip(target) {
            Some(below) if below.starts_with('/') => match with_target(request.uri(), below) {
                Ok(uri) => {
                    *request.uri_mut() = uri;
                    Entry::Below { prefix, is_forwarded: false }
                }
                Err(error) => Entry::Refused(error),
            },
            Some(query) => Entry::Moved(format!("{}/{query}", prefix.as_str())),
            None => Entry::Refused(outside(&prefix)),
        }
    }

    /// Returns the prefix that the proxy of a request reports. A stranger's field is ignored.
    fn forwarded(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Entry {
        if !peer.is_some_and(|peer| self.proxies.contains(peer)) {
            return Entry::Below { prefix: Prefix::NONE, is_forwarded: false };
        }
        match Prefix::forwarded(headers) {
            Ok(prefix) => Entry::Below { prefix, is_forwarded: true },
            // A page with other addresses than the proxy has would not work, and would not say why.
            Err(Malformed(sentence)) => {
                if !self.has_warned.swap(true, Ordering::Relaxed) {
                    tracing::warn!(
                        "a trusted proxy sends a malformed X-Forwarded-Prefix, and gets a 400 (this \
                         is logged once): {}",
                        Prefix::EXPECTED
                    );
                }
                Entry::Refused(Error::bad_request(sentence))
            }
        }
    }
}

/// How a request goes on.
enum Entry {
    Below {
        prefix: Prefix,
        is_forwarded: bool,
    },
    /// The address of the app has a slash at its end: relative links would lead elsewhere without it.
    Moved(String),
    Refused(Error),
}

/// Returns a URI with another path and query.
fn with_target(uri: &Uri, target: &str) -> Result<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(target.parse()?);
    Ok(Uri::from_parts(parts)?)
}

/// Returns the error for a path that is not below the fixed prefix. A debug build says what to do.
fn outside(prefix: &Prefix) -> Error {
    if !cfg!(debug_assertions) {
        return Error::not_found("there is nothing at this address");
    }
    let prefix = prefix.as_str();
    Error::not_found(format!(
        "this app answers below `{prefix}/` only, because it has the prefix `{prefix}` (`--prefix`, \
         KIPO_PREFIX or `App::prefix`). A proxy that removes the prefix from the path reports it by \
         `X-Forwarded-Prefix: {prefix}` instead; the app then names it with `App::trusted_proxy`"
    ))
}

/// A router behind a prefix.
#[derive(Clone, Debug)]
struct Below {
    prefixes: Prefixes,
    router: Router,
}

impl Service<Request> for Below {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, task: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Service::<Request>::poll_ready(&mut self.router, task)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let (prefix, is_forwarded) = match self.prefixes.enter(&mut request) {
            Entry::Below { prefix, is_forwarded } => (prefix, is_forwarded),
            Entry::Moved(location) => return Box::pin(async move { Ok(moved(&location)) }),
            Entry::Refused(error) => {
                let response = encode::problem(&error, &RequestId::of(request.headers()));
                return Box::pin(async { Ok(response) });
            }
        };
        let may_be_cached = is_forwarded && request.method().is_safe();
        if !prefix.is_none() {
            request.extensions_mut().insert(prefix.clone());
        }
        let answer = Service::call(&mut self.router, request);
        Box::pin(async move {
            let mut response = answer.await?;
            let headers = response.headers_mut();
            if may_be_cached {
                headers.append(header::VARY, HeaderValue::from_name(FORWARDED_PREFIX));
            }
            if !prefix.is_none() {
                leave(&prefix, headers);
            }
            Ok(response)
        })
    }
}

fn moved(location: &str) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    if let Ok(location) = HeaderValue::from_str(location) {
        headers.insert(header::LOCATION, location);
    }
    // Without this field a browser keeps a 308 forever, and the prefix may change.
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, no-cache"));
    response
}

/// Puts the prefix before the paths in the fields of a response.
fn leave(prefix: &Prefix, headers: &mut HeaderMap) {
    const PATHS: [HeaderName; 2] = [header::LOCATION, header::CONTENT_LOCATION];
    for name in PATHS {
        if let Some(value) = headers.get_mut(name).filter(|value| is_own_path(value.as_bytes())) {
            let below = [prefix.as_str().as_bytes(), value.as_bytes()].concat();
            set(value, &below);
        }
    }
    if let header::Entry::Occupied(mut links) = headers.entry(header::LINK) {
        for value in links.iter_mut() {
            let below = links_below(prefix, value.as_bytes());
            set(value, &below);
        }
    }
}

/// Replaces a value by another one that consists of allowed bytes.
fn set(value: &mut HeaderValue, bytes: &[u8]) {
    if let Ok(new) = HeaderValue::from_bytes(bytes) {
        *value = new;
    }
}

/// Returns a `Link` field (RFC 8288, section 3) whose targets have the prefix.
fn links_below(prefix: &Prefix, field: &[u8]) -> Vec<u8> {
    let mut below = Vec::with_capacity(field.len() + prefix.as_str().len());
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (at, &byte) in field.iter().enumerate() {
        below.push(byte);
        match byte {
            b'"' if !is_escaped => is_quoted = !is_quoted,
            b'<' if !is_quoted && is_own_path(&field[at + 1..]) => {
                below.extend(prefix.as_str().as_bytes());
            }
            _ => {}
        }
        is_escaped = is_quoted && byte == b'\\' && !is_escaped;
    }
    below
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> Prefix {
        Prefix::parse("/app").unwrap()
    }

    #[track_caller]
    fn check(name: HeaderName, value: &'static str, expected: &str) {
        let mut headers = HeaderMap::new();
        headers.insert(name.clone(), HeaderValue::from_static(value));
        leave(&prefix(), &mut headers);
        assert_eq!(headers[name], expected);
    }

    #[test]
    fn own_paths_in_fields_get_the_prefix() {
        check(header::LOCATION, "/", "/app/");
        check(header::LOCATION, "/a?b=/c#d", "/app/a?b=/c#d");
        check(header::LOCATION, "https://a.example/b", "https://a.example/b");
        check(header::LOCATION, "//a.example/b", "//a.example/b");
        check(header::LOCATION, "b", "b");
        check(header::CONTENT_LOCATION, "/a", "/app/a");
        check(header::LINK, "</a.css>; rel=preload", "</app/a.css>; rel=preload");
        check(
            header::LINK,
            "</a>; title=\"a \\\" </b>\", <https://c/d>; rel=e,<//f>;rel=g, </h>; rel=i",
            "</app/a>; title=\"a \\\" </b>\", <https://c/d>; rel=e,<//f>;rel=g, </app/h>; rel=i",
        );
        check(header::SET_COOKIE, "a=b; Path=/", "a=b; Path=/");
    }

    #[test]
    fn a_fixed_prefix_is_removed_from_every_form_of_target() {
        for (target, expected) in [
            ("/app/a/b?c=/app", "/a/b?c=/app"),
            ("http://host/app/a", "http://host/a"),
            ("/app//evil.example", "//evil.example"),
        ] {
            let mut request = Request::builder().uri(target).body(Body::empty()).unwrap();
            let entry = Prefixes::new(prefix(), TrustedProxies::default()).enter(&mut request);
            assert!(matches!(entry, Entry::Below { .. }), "{target}");
            assert_eq!(request.uri().to_string(), expected);
        }
    }
}
