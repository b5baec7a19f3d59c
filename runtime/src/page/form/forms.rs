//! Runs the action of a posted form, by the same path as a call.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use axum::{body::Body, extract::Request};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri, header, request::Parts,
    uri::PathAndQuery,
};
use http_body_util::BodyExt as _;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    action::{Context, EFFECTS},
    error::{Error, Redirect, Result},
    header::{OF_BODY, OF_RESPONSE, REQUEST_ID},
    page::form::{
        address::Address,
        render::Failed,
        typed::{self, Typed},
    },
    request::{Route, dispatch},
    server::{Peer, Shared},
};

/// The actions that forms post to, by name.
#[derive(Debug)]
pub(crate) struct Forms {
    shared: Arc<Shared>,
    /// The path above the actions.
    actions: String,
    routes: HashMap<Arc<str>, Arc<Route>>,
}

/// A form as it was posted.
pub(crate) struct Posted {
    /// The address that it was posted to.
    pub(crate) address: Address,
    /// The head of the request, as that of a request for the page.
    head: Parts,
    /// The fields of the posted request.
    headers: HeaderMap,
    body: Body,
}

/// What the action answered.
pub(crate) enum Outcome {
    /// It ran. The visitor goes to the path that the action asked for, or to the page.
    Done(Option<Redirect>),
    Failed(Box<Failed>),
}

/// What the action answered, and what it added to the head of its response.
pub(crate) struct Answered {
    pub(crate) outcome: Outcome,
    pub(crate) headers: HeaderMap,
}

impl Forms {
    pub(crate) fn new(base: &str, shared: &Arc<Shared>, routes: &[Arc<Route>]) -> Self {
        let by_name = routes.iter().map(|route| (Arc::clone(&route.name), Arc::clone(route)));
        let actions = format!("{base}/actions/");
        Self { shared: Arc::clone(shared), actions, routes: by_name.collect() }
    }

    /// Splits a request into the form that was posted and the context of its page.
    pub(crate) fn receive(&self, request: Request) -> (Posted, Context) {
        let (mut head, body) = request.into_parts();
        let address = Address::of(head.uri.query());
        // The page is asked for as ever: by GET, at its own address.
        head.method = Method::GET;
        head.uri = with_path(&head.uri, &address.below(head.uri.path())).unwrap_or_default();
        let headers = head.headers.clone();
        for name in OF_BODY {
            head.headers.remove(name);
        }
        // What takes a stream refers to the connection, which must not be held by a request that it holds.
        if let Some(peer) = head.extensions.get_mut::<Peer>() {
            peer.detached_stream = None;
        }
        let mut posted = Posted { address, head, headers, body };
        let cx = self.page(&posted, &HeaderMap::new());
        posted.head.headers.insert(REQUEST_ID, cx.request_id().header());
        (posted, cx)
    }

    /// Returns the context of the page that a form was posted to, with the cookies that its action set.
    pub(crate) fn page(&self, posted: &Posted, answered: &HeaderMap) -> Context {
        let mut head = posted.head.clone();
        take_cookies(&mut head.headers, answered);
        dispatch::context(Request::from_parts(head, Body::empty()), self.shared.states.clone())
    }

    /// Refuses a form of another site.
    pub(crate) fn admit(&self, cx: &Context) -> Result<()> {
        self.shared.guards.origin.admit(cx)
    }

    /// Runs the action of a form. `cx` is the context of its page.
    ///
    /// # Errors
    ///
    /// When the request is no form: then nothing has run.
    pub(crate) async fn run(&self, posted: &mut Posted, cx: &Context) -> Result<Answered> {
        let action = posted.address.action.clone().unwrap_or_default();
        let route =
            self.routes.get(&*action).ok_or_else(|| Error::not_found("there is no such action"))?;
        let body = std::mem::take(&mut posted.body);
        let (body, typed) = Typed::of(&typed::encoding(&posted.headers)?, body);
        let mut request = self.request(posted, route, body, cx)?;
        let peer = request.extensions_mut().remove();
        let shared = Arc::clone(&self.shared);
        let response = (route.endpoint.serve)(shared, Arc::clone(route), request, peer);
        let (head, body) = response.await.into_parts();
        let mut headers = head.headers;
        let redirect = effect(&headers, cx.prefix());
        for name in OF_THE_ANSWER {
            headers.remove(name);
        }
        if head.status.is_success() {
            return Ok(Answered { outcome: Outcome::Done(redirect), headers });
        }
        if let Some(redirect) = head.extensions.get::<Redirect>() {
            return Ok(Answered { outcome: Outcome::Done(Some(redirect.clone())), headers });
        }
        // The response of a call is whole, so its body is ready.
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        let problem: Problem = serde_json::from_slice(&body).unwrap_or_default();
        let failed = Failed {
            status: head.status,
            action,
            key: posted.address.key.clone(),
            values: typed.pairs().await,
            errors: problem.errors,
            message: problem.detail,
        };
        Ok(Answered { outcome: Outcome::Failed(Box::new(failed)), headers })
    }

    /// Returns the request that the action gets when a program calls it.
    fn request(&self, posted: &Posted, route: &Route, body: Body, cx: &Context) -> Result<Request> {
        let mut headers = posted.headers.clone();
        for name in OF_RESPONSE {
            headers.remove(name);
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(REQUEST_ID, cx.request_id().header());
        let mut request = Request::new(body);
        *request.method_mut() = route.endpoint.method.method();
        *request.uri_mut() =
            with_path(&posted.head.uri, &format!("{}{}", self.actions, route.name))?;
        *request.headers_mut() = headers;
        *request.extensions_mut() = posted.head.extensions.clone();
        Ok(request)
    }
}

/// The part of a problem document that a form shows.
#[derive(Default, Deserialize)]
struct Problem {
    #[serde(default)]
    detail: String,
    #[serde(default)]
    errors: BTreeMap<String, Vec<String>>,
}

/// Returns an address with another path and query.
fn with_path(uri: &Uri, path: &str) -> Result<Uri> {
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(path)?);
    Ok(Uri::from_parts(parts)?)
}

/// Returns where the effects of an action lead. The other effects need JavaScript. An effect is for the
/// browser, so its path is below the prefix; the path of a redirect gets its prefix later.
fn effect(headers: &HeaderMap, prefix: &str) -> Option<Redirect> {
    let effects: Vec<Value> = serde_json::from_slice(headers.get(EFFECTS)?.as_bytes()).ok()?;
    let redirect = effects.iter().rfind(|effect| effect["effect"] == "redirect")?;
    let path = redirect["path"].as_str()?;
    let path = path.strip_prefix(prefix).filter(|path| path.starts_with('/')).unwrap_or(path);
    Redirect::to_path(StatusCode::SEE_OTHER, path)
}

/// Changes the cookies of a request as a browser does that reads a response.
fn take_cookies(headers: &mut HeaderMap, answered: &HeaderMap) {
    if !answered.contains_key(header::SET_COOKIE) {
        return;
    }
    let sent = headers.get_all(header::COOKIE).iter().filter_map(|field| field.to_str().ok());
    let mut cookies: Vec<(String, String)> = sent
        .flat_map(|field| field.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let set = answered.get_all(header::SET_COOKIE).iter().filter_map(|field| field.to_str().ok());
    for field in set {
        let mut parts = field.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            continue;
        };
        cookies.retain(|(other, _)| other != name);
        if !parts.any(|part| part.eq_ignore_ascii_case("max-age=0")) {
            cookies.push((name.to_owned(), value.to_owned()));
        }
    }
    headers.remove(header::COOKIE);
    let pairs: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if let (false, Ok(field)) = (pairs.is_empty(), HeaderValue::try_from(pairs.join("; "))) {
        headers.insert(header::COOKIE, field);
    }
}

/// The fields that describe the response of the action itself.
const OF_THE_ANSWER: [HeaderName; 9] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::CACHE_CONTROL,
    header::ETAG,
    header::ALLOW,
    HeaderName::from_static("cache-status"),
    REQUEST_ID,
    EFFECTS,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_reads_the_cookies_that_the_action_set() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("a=1; b=2"));
        headers.append(header::COOKIE, HeaderValue::from_static("c=3"));
        let mut answered = HeaderMap::new();
        for field in ["b=5; Path=/; HttpOnly", "a=; Max-Age=0", "d=x=y"] {
            answered.append(header::SET_COOKIE, HeaderValue::from_static(field));
        }
        take_cookies(&mut headers, &answered);
        assert_eq!(headers[header::COOKIE], "c=3; b=5; d=x=y");
        assert_eq!(headers.get_all(header::COOKIE).iter().count(), 1);
        take_cookies(&mut headers, &HeaderMap::new());
        assert_eq!(headers[header::COOKIE], "c=3; b=5; d=x=y");
    }
}
