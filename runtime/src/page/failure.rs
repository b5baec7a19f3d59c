//! A failure → a page that people can read, or a problem document for programs.

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{
    accept,
    context::Context,
    encode,
    error::Error,
    page::{
        answer::Keep,
        flaw::Flaw,
        head::{Head, escape, inject},
        store::{Set, error_data},
    },
};

/// Why a page could not be shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The page's function, or the way to it.
    Error(Error),
    /// Its template.
    Template(Box<Flaw>),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Flaw> for Failure {
    fn from(flaw: Flaw) -> Self {
        Self::Template(Box::new(flaw))
    }
}

/// Who reads what is wrong with a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The one who writes it: the place, and the lines around it.
    Author,
    /// A visitor: a fixed sentence and the request's id.
    Stranger,
}

impl Audience {
    /// Those who run a debug build write it.
    pub(crate) const HERE: Self =
        if cfg!(debug_assertions) { Self::Author } else { Self::Stranger };
}

/// Answers with a failure.
pub(crate) fn answer(
    cx: &Context,
    set: &Set,
    head: &Head,
    failure: Failure,
    audience: Audience,
) -> Response {
    let (error, flaw) = match failure {
        Failure::Error(error) => (error, None),
        Failure::Template(flaw) => (Error::internal(flaw.to_string()), Some(flaw)),
    };
    let mut response = if !wants_html(cx.headers()) {
        encode::problem(&error, cx.request_id())
    } else if let Some(flaw) = flaw.filter(|_| audience == Audience::Author) {
        encode::log(&error, cx.request_id());
        for_author(head, &flaw)
    } else {
        for_visitor(cx, set, head, &error)
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_name(header::ACCEPT));
    response
}

/// Tells whether the client would read a page. A program that names JSON and admits HTML only
/// along with everything else would not.
pub(crate) fn wants_html(headers: &HeaderMap) -> bool {
    let names = |word: &str| {
        let fields = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        fields.into_iter().any(|field| field.to_ascii_lowercase().contains(word))
    };
    accept::admits(headers, "text", "html") && (names("text/html") || !names("json"))
}

fn for_visitor(cx: &Context, set: &Set, head: &Head, error: &Error) -> Response {
    encode::log(error, cx.request_id());
    let status = error.code().status();
    let page = set.error_page(status.as_u16()).and_then(|page| {
        let (path, id) = (cx.uri().path(), cx.request_id().as_str());
        let data = error_data(status.as_u16(), error.message(), path, id).ok()?;
        let rendered = set.render(page, &data);
        rendered.inspect_err(|flaw| tracing::error!(request_id = %id, "{flaw}")).ok()
    });
    let page = page.unwrap_or_else(|| last_resort(cx, status, error));
    let mut response = html(head, status, page, Keep::Never);
    if let Some(seconds) = error.retry_after() {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    if let Some(allow) = error.allow() {
        response.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
    }
    response
}

/// Returns the page for an app that has none for this status.
fn last_resort(cx: &Context, status: StatusCode, error: &Error) -> String {
    let title = escape(status.canonical_reason().unwrap_or("Error"));
    let (number, message) = (status.as_u16(), escape(error.message()));
    let id = escape(cx.request_id().as_str());
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n</head>\n\
         <body>\n<h1>{number} {title}</h1>\n<p>{message}</p>\n<p>Request {id}</p>\n</body>\n\
         </html>\n"
    )
}

/// Shows a mistake in a template where its author looks. Goes away by itself once it is mended:
/// the page follows edits as any other.
fn for_author(head: &Head, flaw: &Flaw) -> Response {
    let (place, message) = (escape(&flaw.place()), escape(&flaw.message));
    let excerpt = escape(&flaw.excerpt);
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{place}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<h1>{message}</h1>\n<p>{place}</p>\n\
         <pre>{excerpt}</pre>\n</body>\n</html>\n"
    );
    let page = inject(&page, &head.block("", None, None));
    let mut response = html(head, StatusCode::INTERNAL_SERVER_ERROR, page, Keep::Never);
    head.allow_style(response.headers_mut(), STYLE);
    response
}

const STYLE: &str = "\
    :root { color-scheme: light dark; } \
    body { max-width: 60rem; margin: 8vh auto; padding: 0 1rem; font: 16px/1.5 system-ui, sans-serif; } \
    h1 { font-size: 1.25rem; border-top: 6px solid #e5484d; padding-top: 1rem; } \
    p, pre { font-family: ui-monospace, monospace; } \
    pre { overflow-x: auto; padding: 1rem; border: 1px solid #8884; border-radius: 4px; }";

/// Returns a page with the header fields that every page has.
pub(crate) fn html(head: &Head, status: StatusCode, page: String, keep: Keep) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HTML);
    headers.insert(header::CACHE_CONTROL, keep.header());
    head.secure(headers);
    response
}

pub(crate) const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_for_those_who_would_read_it() {
        for (accept, expected) in [
            ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", true),
            ("*/*", true),
            ("text/*", true),
            ("text/html, application/json", true),
            ("application/json", false),
            ("application/json, text/plain, */*", false),
            ("application/problem+json", false),
            ("image/avif,image/webp", false),
            ("text/html;q=0, */*", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, accept.parse().unwrap());
            assert_eq!(wants_html(&headers), expected, "{accept:?}");
        }
        assert!(wants_html(&HeaderMap::new()));
    }
}
