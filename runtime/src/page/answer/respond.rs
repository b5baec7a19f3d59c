//! Bytes → response: validators, codings, ranges, `HEAD`, and how long a copy may be kept.

use axum::{body::Body, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use http_body::Body as _;
use tokio::io::AsyncReadExt as _;
use tokio_util::io::ReaderStream;

use crate::{
    action::Context,
    error::Result,
    files::{Content, File, Found, Hash, Large, Name},
    header::{Coding, coding, entity_tag, range::Part},
};

/// How much of a large file is in memory while it is sent, for each who reads it.
const PIECE_BYTES: usize = 64 << 10;

/// As many fields as the head of a file has: a map that grows moves all that it has.
const FIELDS: usize = 12;

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
    /// Returns how long to keep what has an address with a hash in it.
    pub(crate) fn by_hash(is_that_of_the_content: bool) -> Self {
        // An address of another version still finds the file, but not for good: otherwise a server
        // that is not the newest yet would fill caches with the wrong one.
        if is_that_of_the_content { Self::Forever } else { Self::Revalidate }
    }

    pub(crate) const fn header(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Forever => "public, max-age=31536000, immutable",
            Self::Revalidate => "public, no-cache",
            Self::RevalidatePrivately => "private, no-cache",
            Self::Never => "no-store",
        })
    }
}

/// Answers with a page, or with a 304 if the client has it. `fields` are those of every page.
pub(crate) fn page(cx: &Context, html: Bytes, hash: &Hash, fields: &HeaderMap) -> Response {
    let etag = hash.etag();
    let status = refusal(cx.headers(), etag.as_bytes());
    let body = if status.is_none() { Body::from(html) } else { Body::empty() };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    // A copy costs less than to insert them one by one.
    headers.clone_from(fields);
    headers.insert(header::ETAG, etag);
    if let Some(status) = status {
        headers.remove(header::CONTENT_TYPE);
        if status == StatusCode::PRECONDITION_FAILED {
            headers.remove(header::ETAG);
        }
        *response.status_mut() = status;
    }
    response
}

/// Returns the status in place of a content with this tag, if the request sets conditions that it does
/// not meet. (RFC 9110, section 13.2.2)
fn refusal(headers: &HeaderMap, etag: &[u8]) -> Option<StatusCode> {
    if headers.contains_key(header::IF_MATCH)
        && !entity_tag::names(headers, &header::IF_MATCH, etag)
    {
        return Some(StatusCode::PRECONDITION_FAILED);
    }
    let is_fresh = entity_tag::names_weakly(headers, &header::IF_NONE_MATCH, etag);
    is_fresh.then_some(StatusCode::NOT_MODIFIED)
}

/// Answers with a public file.
pub(crate) async fn found(cx: &Context, found: Found) -> Result<Response> {
    let keep = match found.name {
        Name::Plain => Keep::Revalidate,
        Name::Hash => Keep::by_hash(true),
        Name::OtherHash => Keep::by_hash(false),
    };
    match found.content {
        Content::Whole(whole) => Ok(file(cx, &whole, keep).await),
        Content::Large(file) => large(cx, file, keep),
    }
}

/// Answers with a file: compressed if the client takes that, or a range of it.
///
/// A range is one of the content as it is, as players and downloads ask for it; compressed content
/// is sent as a whole.
pub(crate) async fn file(cx: &Context, file: &File, keep: Keep) -> Response {
    let admitted = coding::admitted(cx.headers());
    let plain = etag(&file.hash, None);
    let length = file.bytes.len() as u64;
    let part = match (cx.method(), admitted.contains(&None)) {
        (&Method::GET, true) => Part::asked(cx.headers(), length, &plain),
        _ => Part::Whole,
    };
    let (bytes, coding) = match part {
        Part::Whole => in_best_form(file, &admitted).await,
        Part::Bytes { .. } | Part::Beyond => (file.bytes.clone(), None),
    };
    let content_type = file.content_type.clone();
    let form = Form { etag: etag(&file.hash, coding), content_type, coding };
    let mut response = match (form.refused(cx.headers(), keep), part) {
        (Some(response), _) => response,
        (None, Part::Whole) => form.answer(keep, Body::from(bytes)),
        (None, Part::Bytes { start, end }) => {
            // A content that is in memory has no more bytes than a `usize` counts.
            let piece = bytes.slice(start as usize..end as usize);
            form.answer_part(keep, Body::from(piece), start, end, length)
        }
        (None, Part::Beyond) => beyond(length),
    };
    let headers = response.headers_mut();
    headers.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if file.is_packed() {
        headers.append(header::VARY, HeaderValue::from_name(header::ACCEPT_ENCODING));
    }
    response
}

/// Answers with a file that is read as it is sent.
fn large(cx: &Context, file: Large, keep: Keep) -> Result<Response> {
    let length = file.length;
    let content_type = file.content_type.clone();
    let form = Form { etag: etag(&file.hash, None), content_type, coding: None };
    let part = match *cx.method() {
        Method::GET => Part::asked(cx.headers(), length, &form.etag),
        _ => Part::Whole,
    };
    let mut response = match (form.refused(cx.headers(), keep), part) {
        (Some(response), _) => response,
        (None, Part::Whole) => {
            let mut response = form.answer(keep, piece(file, 0, length)?);
            response.headers_mut().insert(header::CONTENT_LENGTH, length.into());
            response
        }
        (None, Part::Bytes { start, end }) => {
            let mut response = form.answer_part(keep, piece(file, start, end)?, start, end, length);
            response.headers_mut().insert(header::CONTENT_LENGTH, (end - start).into());
            response
        }
        (None, Part::Beyond) => beyond(length),
    };
    response.headers_mut().insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    Ok(response)
}

/// Reads a piece of a file as it is sent. A file that got shorter meanwhile ends the connection,
/// so that nobody takes it for whole.
fn piece(file: Large, start: u64, end: u64) -> Result<Body> {
    let file = tokio::fs::File::from_std(file.from(start)?).take(end - start);
    Ok(Body::from_stream(ReaderStream::with_capacity(file, PIECE_BYTES)))
}

/// Returns a file in the form that the client likes best. One that admits no form that there is
/// gets the content as it is: it can still refuse that itself.
async fn in_best_form(file: &File, admitted: &[Option<Coding>]) -> (Bytes, Option<Coding>) {
    for coding in admitted {
        let Some(coding) = coding else { break };
        if let Some(packed) = file.packed(*coding).await {
            return (packed, Some(*coding));
        }
    }
    (file.bytes.clone(), None)
}

/// Names a content in one form. Each has a name of its own, as their bytes differ.
fn etag(hash: &Hash, coding: Option<Coding>) -> String {
    match coding {
        None => format!("\"{}\"", hash.as_str()),
        Some(coding) => format!("\"{}-{}\"", hash.as_str(), coding.name()),
    }
}

/// A content in the form in which it is sent.
struct Form {
    etag: String,
    content_type: HeaderValue,
    coding: Option<Coding>,
}

impl Form {
    /// Returns the answer that takes the place of the content, if the request sets conditions
    /// that it does not meet.
    fn refused(&self, headers: &HeaderMap, keep: Keep) -> Option<Response> {
        let status = refusal(headers, self.etag.as_bytes())?;
        let mut response = Response::new(Body::empty());
        *response.status_mut() = status;
        if status == StatusCode::NOT_MODIFIED {
            self.describe(keep, response.headers_mut());
        }
        Some(response)
    }

    fn answer(&self, keep: Keep, body: Body) -> Response {
        let mut response = Response::new(body);
        let headers = response.headers_mut();
        headers.reserve(FIELDS);
        self.describe(keep, headers);
        headers.insert(header::CONTENT_TYPE, self.content_type.clone());
        if let Some(coding) = self.coding {
            headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
        }
        response
    }

    fn answer_part(&self, keep: Keep, body: Body, start: u64, end: u64, length: u64) -> Response {
        let mut response = self.answer(keep, body);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let range = format!("bytes {start}-{}/{length}", end - 1);
        insert(response.headers_mut(), header::CONTENT_RANGE, &range);
        response
    }

    /// Writes what a 304 says as well.
    fn describe(&self, keep: Keep, headers: &mut HeaderMap) {
        headers.insert(header::CACHE_CONTROL, keep.header());
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        insert(headers, header::ETAG, &self.etag);
    }
}

/// Answers to a request for bytes that are not there.
fn beyond(length: u64) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    insert(response.headers_mut(), header::CONTENT_RANGE, &format!("bytes */{length}"));
    response.headers_mut().insert(header::CACHE_CONTROL, Keep::Never.header());
    response
}

/// Writes a field made of digits, letters and punctuation.
fn insert(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
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
            let mut fields = HeaderMap::new();
            fields.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
            let response = page(&cx, Bytes::from("x"), &hash, &fields);
            assert_eq!(response.status(), expected, "{named}");
            assert_eq!(response.headers()[header::ETAG], own.as_str());
            assert_eq!(response.headers().contains_key(header::CONTENT_TYPE), expected == 200);
        }
    }

    fn style() -> File {
        File::lasting("a.css", Bytes::from("a { color: red }\n".repeat(100)))
    }

    async fn asked(fields: &[(&'static str, &str)]) -> Response {
        let cx =
            fields.iter().fold(Context::test(), |cx, (name, value)| cx.with_header(name, value));
        file(&cx, &style(), Keep::Revalidate).await
    }

    #[tokio::test]
    async fn each_form_has_its_own_name() {
        let plain = etag(&style().hash, None);
        for (accepted, coding) in [("br, gzip", "br"), ("gzip", "gzip"), ("zstd", "")] {
            let response = asked(&[("accept-encoding", accepted)]).await;
            let headers = response.headers();
            let sent = headers.get(header::CONTENT_ENCODING).map_or("", |v| v.to_str().unwrap());
            assert_eq!(sent, coding);
            assert_eq!(headers[header::VARY], "accept-encoding");
            let etag = headers[header::ETAG].to_str().unwrap().to_owned();
            assert_eq!(etag == plain, coding.is_empty());
            let smaller = response.into_body().size_hint().exact().unwrap() < 1700;
            assert_eq!(smaller, !coding.is_empty());

            // It is right for those who would get the same bytes, and for nobody else.
            let again = asked(&[("accept-encoding", accepted), ("if-none-match", &etag)]).await;
            assert_eq!(again.status(), 304);
            assert_eq!(again.headers()[header::VARY], "accept-encoding");
            assert!(!again.headers().contains_key(header::CONTENT_ENCODING));
            let other = if coding == "br" { "gzip" } else { "br" };
            let other = asked(&[("accept-encoding", other), ("if-none-match", &etag)]).await;
            assert_eq!(other.status(), 200);
        }
    }

    #[tokio::test]
    async fn what_nobody_takes_is_sent_as_it_is() {
        let response = asked(&[("accept-encoding", "identity;q=0, zstd")]).await;
        assert_eq!(response.status(), 200);
        assert!(!response.headers().contains_key(header::CONTENT_ENCODING));
    }

    #[tokio::test]
    async fn a_range_is_one_of_the_content_as_it_is() {
        let fields = [("accept-encoding", "br"), ("range", "bytes=2-3")];
        let response = asked(&fields).await;
        assert_eq!(response.status(), 206);
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_RANGE], "bytes 2-3/1700");
        assert_eq!(headers[header::ACCEPT_RANGES], "bytes");
        assert_eq!(headers[header::ETAG], etag(&style().hash, None).as_str());
        assert!(!headers.contains_key(header::CONTENT_ENCODING));
        let body = axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        assert_eq!(body, "{ ");

        let beyond = asked(&[("range", "bytes=1700-")]).await;
        assert_eq!(beyond.status(), 416);
        assert_eq!(beyond.headers()[header::CONTENT_RANGE], "bytes */1700");

        // The rest of a compressed copy is not the rest of the content.
        let packed = etag(&style().hash, Some(Coding::Brotli));
        let resumed = asked(&[fields[0], fields[1], ("if-range", &packed)]).await;
        assert_eq!(resumed.status(), 200);
        assert_eq!(resumed.headers()[header::CONTENT_ENCODING], "br");
        // Those who do not take it as it is get no range of it.
        let refused = asked(&[("accept-encoding", "br, *;q=0"), fields[1]]).await;
        assert_eq!(refused.status(), 200);
    }

    #[tokio::test]
    async fn conditions_come_before_ranges() {
        let own = etag(&style().hash, None);
        let range = ("range", "bytes=0-1");
        assert_eq!(asked(&[range, ("if-none-match", &own)]).await.status(), 304);
        assert_eq!(asked(&[range, ("if-match", &own)]).await.status(), 206);
        assert_eq!(asked(&[range, ("if-match", "*")]).await.status(), 206);
        assert_eq!(asked(&[range, ("if-match", "\"other\"")]).await.status(), 412);
        assert_eq!(asked(&[range, ("if-match", &format!("W/{own}"))]).await.status(), 412);
    }
}
