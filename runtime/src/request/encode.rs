//! Writes the output or the error of an action as a response. Only this file chooses its status.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};

use crate::{
    action::Encoded,
    error::{Code, Error, problem},
    files::Hash,
    header::{REQUEST_ID, RequestId, entity_tag},
    request::cached::Origin,
    stream::retry,
};

/// Returns the response for an output: a 200 with its JSON, or a 204 for a type without data, such
/// as `()`. `origin` is where an output with a cache came from. `conditions` are the fields of a request
/// that only reads: its client may retain the output, and asks by its tag whether it has changed.
pub(crate) fn output(
    output: Encoded,
    origin: Option<Origin>,
    conditions: Option<&HeaderMap>,
    id: &RequestId,
) -> Response {
    let read = conditions.zip(output.json.as_deref());
    let tagged = read.map(|(headers, json)| (headers, Hash::quick(json).etag()));
    let mut response = match output.json {
        None => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NO_CONTENT;
            response
        }
        Some(json) => {
            let mut response = Response::new(Body::from(json));
            response.headers_mut().insert(header::CONTENT_TYPE, JSON);
            response
        }
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(REQUEST_ID, id.header());
    if let Some((_, tag)) = &tagged {
        headers.insert(header::CACHE_CONTROL, PRIVATE);
        headers.insert(header::ETAG, tag.clone());
    }
    if let Some(origin) = origin {
        headers.insert(CACHE_STATUS, cache_status(origin));
    }
    if let Some((conditions, tag)) = tagged
        && entity_tag::names_weakly(conditions, &header::IF_NONE_MATCH, tag.as_bytes())
    {
        headers.remove(header::CONTENT_TYPE);
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
    }
    response
}

/// Returns the response for a file, which has its status: a file may be sent in part.
pub(crate) fn file(mut response: Response, id: &RequestId) -> Response {
    response.headers_mut().insert(REQUEST_ID, id.header());
    response
}

/// Returns the value of `Cache-Status` (RFC 9211).
fn cache_status(origin: Origin) -> HeaderValue {
    match origin {
        Origin::Computed => HeaderValue::from_static("kipo; fwd=miss"),
        Origin::Collapsed => HeaderValue::from_static("kipo; fwd=miss; collapsed"),
        Origin::Hit { ttl } => HeaderValue::try_from(format!("kipo; hit; ttl={ttl}"))
            .unwrap_or(HeaderValue::from_static("kipo; hit")),
    }
}

/// Returns the response for an event stream.
pub(crate) fn stream(body: Body, id: &RequestId) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    // By default nginx buffers a response; this field turns that off.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    headers.insert(REQUEST_ID, id.header());
    response
}

/// Returns the response for a batch: lines of JSON, which are sent as they come.
pub(crate) fn lines(body: Body, id: &RequestId) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    headers.insert(REQUEST_ID, id.header());
    response
}

/// Returns a problem document (RFC 9457) as a response, and logs the error with its cause.
pub(crate) fn problem(error: &Error, id: &RequestId) -> Response {
    let mut response = Response::new(Body::from(problem::json(error, id)));
    *response.status_mut() = error.status();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, PROBLEM_JSON);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(REQUEST_ID, id.header());
    if let Some(allow) = error.allow() {
        headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    if let Some(seconds) = error.retry_after() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    // For a form: a caller of the action reads the error alone.
    if let Some(redirect) = error.redirection() {
        response.extensions_mut().insert(redirect.clone());
    }
    response
}

/// Returns whether an error is temporary: the same request may succeed later.
pub(crate) fn is_temporary(error: &Error) -> bool {
    matches!(error.code(), Code::Overloaded | Code::TooManyRequests)
}

/// Returns a stream that asks an `EventSource` to reconnect later, in place of a temporary error.
/// An `EventSource` stops reconnecting after any status other than 200.
pub(crate) fn retry_later(error: &Error, id: &RequestId) -> Response {
    problem::log(error, id);
    stream(Body::from(retry::frame_for(error)), id)
}

const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// The client alone retains the output, and asks each time whether it has changed.
const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
