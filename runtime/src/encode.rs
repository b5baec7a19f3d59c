//! Output or error → response: the only place where an answer of an action gets its status.

use axum::{body::Body, response::Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::{
    context::{REQUEST_ID, RequestId},
    error::{Code, Error},
    travel::Outgoing,
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
    let mut response = Response::new(Body::from(problem_json(error, id)));
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

/// Logs of a failure what the caller may not know.
pub(crate) fn log(error: &Error, id: &RequestId) {
    if error.code() == Code::Internal {
        tracing::error!(request_id = %id, cause = %error.chain(), "internal error");
    } else {
        tracing::debug!(request_id = %id, code = error.word(), cause = %error.chain(), "refused");
    }
}

/// Returns the problem document itself, as one line, and logs what the caller may not know.
pub(crate) fn problem_json(error: &Error, id: &RequestId) -> Vec<u8> {
    log(error, id);
    let status = error.code().status();
    let mut document = json!({
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": error.message(),
        "code": error.word(),
        "request_id": id.as_str(),
    });
    if !error.fields().is_empty() {
        let pairs =
            error.fields().iter().map(|(path, messages)| (path.to_owned(), json!(messages)));
        document["errors"] = pairs.collect::<serde_json::Map<_, _>>().into();
    }
    document.to_string().into_bytes()
}

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
