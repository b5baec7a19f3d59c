//! A failure → a page that people can read, or a problem document for programs.

use std::{fmt::Write as _, sync::Arc};

use axum::{body::Body, response::Response};
use http::{HeaderMap, HeaderValue, StatusCode, header};

use crate::{
    action::Context,
    error::{Error, Redirect, problem},
    files::Folder,
    header::accept,
    page::{
        answer::respond::Keep,
        form::State,
        html::{escape, inject},
        route::Target,
        template::{Failure, Fault, Head, Set, error_data, json},
    },
    request::encode,
};

/// Who reads what is wrong with a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// The one who writes it: the cause, the place, and the lines around it.
    Author,
    /// A visitor: a fixed sentence and the request's id.
    Stranger,
}

/// Answers with a failure.
pub(crate) fn answer(
    cx: &Context,
    set: &Set,
    head: &Head,
    failure: Failure,
    audience: Audience,
) -> Response {
    let mut response = match failure {
        Failure::Fault(fault) if audience == Audience::Author && wants_html(cx.headers()) => {
            problem::log(&fault.error, cx.request_id());
            for_author(cx, head, &fault)
        }
        Failure::Fault(fault) => of_error(cx, set, head, &fault.error),
        Failure::Error(error) => of_error(cx, set, head, &error),
    };
    response.headers_mut().append(header::VARY, HeaderValue::from_name(header::ACCEPT));
    response
}

fn of_error(cx: &Context, set: &Set, head: &Head, error: &Error) -> Response {
    let person = wants_html(cx.headers());
    match error.redirection() {
        Some(redirect) if person || !redirect.only_for_browsers => elsewhere(redirect),
        _ if person => for_visitor(cx, set, head, error),
        _ => encode::problem(error, cx.request_id()),
    }
}

/// Sends the visitor on.
pub(crate) fn elsewhere(redirect: &Redirect) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = redirect.status;
    let headers = response.headers_mut();
    headers.insert(header::LOCATION, redirect.header());
    // Without a word on it a browser keeps a 308 for good, and the page may move once more.
    headers.insert(header::CACHE_CONTROL, Keep::RevalidatePrivately.header());
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
    problem::log(error, cx.request_id());
    let status = error.status();
    let path = cx.uri().path();
    let segments = Target::of(path).map_or_else(Vec::new, |target| target.segments);
    let page = set.error_page(status.as_u16(), &segments).and_then(|page| {
        let id = cx.request_id().as_str();
        let data = error_data(status.as_u16(), error, path, id).ok()?;
        let state = page.forms.as_ref().map(|_| Arc::new(State::at(cx.uri())));
        let data = page.with_forms(data, state.as_ref()).ok()?;
        let rendered = set.render(page, head, &data, state.as_ref());
        rendered.inspect_err(|diagnostic| tracing::error!(request_id = %id, "{diagnostic}")).ok()
    });
    let page = page.unwrap_or_else(|| last_resort(cx, status, error));
    let mut response = with_head(head, status, page, Keep::Never);
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
    let mut fields = String::new();
    for (field, messages) in error.fields().iter() {
        let _ = writeln!(fields, "<p>{}: {}</p>", escape(field), escape(&messages.join(", ")));
    }
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{title}</title>\n</head>\n\
         <body>\n<main>\n<h1>{number} {title}</h1>\n<p>{message}</p>\n{fields}<p>Request {id}</p>\n</main>\n</body>\n\
         </html>\n"
    )
}

/// Shows a fault of a page where its author looks. Goes away by itself once it is mended: the
/// page follows edits as any other.
fn for_author(cx: &Context, head: &Head, fault: &Fault) -> Response {
    let Fault { error, page, diagnostic } = fault;
    let (place, message) = (escape(&diagnostic.place()), escape(&diagnostic.message));
    let excerpt = match diagnostic.excerpt.as_str() {
        "" => String::new(),
        excerpt => format!("<pre>{}</pre>\n", escape(excerpt)),
    };
    let shown = escape(&format!("{}/{page}", Folder::Pages));
    let id = escape(cx.request_id().as_str());
    // For the script that follows edits, which shows it as any other error.
    let mut report = serde_json::to_value(diagnostic).unwrap_or_default();
    report["kind"] = "data".into();
    report["name"] = page.as_str().into();
    report["request_id"] = cx.request_id().as_str().into();
    let report = json::safe(&report.to_string());
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>{place}</title>\n\
         </head>\n<body>\n<main>\n<h1>{message}</h1>\n<p>{place}</p>\n\
         {excerpt}<p>The page is {shown}, the request {id}.</p>\n</main>\n\
         <script type=\"application/json\" id=\"kipo-failure\">{report}</script>\n\
         </body>\n</html>\n"
    );
    inject(&mut html, &head.block("", 0, None, None));
    with_head(head, error.status(), html, Keep::Never)
}

/// Returns a page with the header fields that every page has.
pub(crate) fn with_head(head: &Head, status: StatusCode, page: String, keep: Keep) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, Head::HTML);
    headers.insert(header::CACHE_CONTROL, keep.header());
    head.secure(headers);
    response
}

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
