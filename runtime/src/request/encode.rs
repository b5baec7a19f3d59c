//! Output or error → response: the only place where an answer of an action gets its status.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};

use crate::{
    action::Outgoing,
    error::{Code, Error, problem},
    header::{REQUEST_ID, RequestId},
    stream::retry,
};

/// Answers with an output: 200 and its JSON, or 204 where that is `null` for want of anything
/// to say (`()`).
pub(crate) fn output<T: Outgoing>(output: &T, id: &RequestId) -> Response {
    let mut body = Vec::with_capacity(128);
    if let Err(error) = output.write(&mut body) {
        return problem(&Error::internal(error), id);
    }
    let mut response = if size_of::<T>() == 0 && body == b"null" {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        response
    } else {
        let mut response = Response::new(Body::from(body));
        response.headers_mut().insert(header::CONTENT_TYPE, JSON);
        response
    };
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response.headers_mut().insert(REQUEST_ID, id.header());
    response
}

/// Answers with an event stream.
pub(crate) fn stream(body: Body, id: &RequestId) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store, no-transform"));
    // nginx holds a response back until it has a buffer full of it, unless told not to.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    headers.insert(REQUEST_ID, id.header());
    response
}

/// Answers with a problem document of RFC 9457, and logs what the caller may not know.
pub(crate) fn problem(error: &Error, id: &RequestId) -> Response {
    let mut response = Response::new(Body::from(problem::json(error, id)));
    *response.status_mut() = error.code().status();
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
    response
}

/// Returns whether a refusal is over by itself, so that the same request may pass later.
pub(crate) fn passes(error: &Error) -> bool {
    matches!(error.code(), Code::Overloaded | Code::TooManyRequests)
}

/// Tells a browser's `EventSource` to come back later, in place of an error that passes: it gives
/// up for good on any status but 200.
pub(crate) fn come_back(error: &Error, id: &RequestId) -> Response {
    problem::log(error, id);
    stream(Body::from(retry::frame_for(error)), id)
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
