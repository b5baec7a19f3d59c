//! Bytes → response: validators, `HEAD`, and how long a copy may be kept.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;

use crate::{context::Context, files::Hash};

/// How long a copy may be used without asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// For good: the address holds the content's hash.
    Forever,
    /// It may be kept, and has to be asked about each time.
    Revalidate,
    /// The same, but only by the browser that asked: it may be about its user.
    RevalidatePrivately,
    /// Not at all.
    Never,
}

impl Keep {
    pub(crate) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Forever => "public, max-age=31536000, immutable",
            Self::Revalidate => "public, no-cache",
            Self::RevalidatePrivately => "private, no-cache",
            Self::Never => "no-store",
        })
    }
}

/// Answers with content, or with a 304 if the client has it.
pub(crate) fn content(
    cx: &Context,
    bytes: Bytes,
    hash: &Hash,
    content_type: HeaderValue,
    keep: Keep,
) -> Response {
    let etag = format!("\"{}\"", hash.as_str());
    let fresh = has(cx.headers(), &etag);
    let mut response = Response::new(if fresh { Body::empty() } else { Body::from(bytes) });
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, keep.header());
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        headers.insert(header::ETAG, etag);
    }
    if fresh {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(header::CONTENT_TYPE, content_type);
    }
    response
}

/// Tells whether `If-None-Match` names this content. Weak names count: a proxy that compresses
/// makes a weak one of ours. (RFC 9110, section 13.1.2)
fn has(headers: &HeaderMap, etag: &str) -> bool {
    let fields = headers.get_all(header::IF_NONE_MATCH).iter();
    fields.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).any(|name| {
        let name = name.trim();
        name == "*" || name.strip_prefix("W/").unwrap_or(name) == etag
    })
}

/// Returns the response as the method wants it: a `HEAD` gets the head, with the length that a
/// `GET` would get.
pub(crate) fn finish(cx: &Context, response: Response) -> Response {
    if cx.method() != Method::HEAD {
        return response;
    }
    let (mut head, body) = response.into_parts();
    if let Some(length) =
        body.size_hint().exact().filter(|_| head.status != StatusCode::NOT_MODIFIED)
    {
        head.headers.insert(header::CONTENT_LENGTH, length.into());
    }
    Response::from_parts(head, Body::empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_that_is_named_is_not_sent_again() {
        let hash = Hash::of(b"x");
        let own = format!("\"{}\"", hash.as_str());
        for (named, expected) in [
            (own.clone(), 304),
            (format!("W/{own}"), 304),
            (format!("\"a\", {own} ,\"b\""), 304),
            ("*".to_owned(), 304),
            ("\"other\"".to_owned(), 200),
            (hash.as_str().to_owned(), 200),
        ] {
            let cx = Context::test().with_header("if-none-match", &named);
            let html = HeaderValue::from_static("text/html");
            let response = content(&cx, Bytes::from("x"), &hash, html, Keep::Forever);
            assert_eq!(response.status(), expected, "{named}");
            assert_eq!(response.headers()[header::ETAG], own.as_str());
        }
    }
}
