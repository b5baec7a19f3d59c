//! Refuses requests that a page of another site makes with this site's cookies.
//!
//! No tokens, so pages stay the same for everyone. In order:
//!
//! 1. An `Origin` that is listed as trusted is let through.
//! 2. `Sec-Fetch-Site` (Fetch Metadata) decides where it is there: `same-origin` and `none` (the
//!    person typed it) are let through. `same-site` is not the same origin: a neighbour under
//!    one domain is a stranger too.
//! 3. An `Origin` decides otherwise: its host and port must be those of `Host`. Behind a proxy,
//!    keep `Host`, or list the origin.
//! 4. Without either the request is not from a page of a browser: let through.
//!
//! Streams by GET are asked too: they run an action as well.

use http::{HeaderMap, Uri, header};

use crate::{
    action::context::Context,
    error::{Code, Error, Result},
};

/// The check, and the origins that pass without it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// Such as `https://admin.example.org`.
    pub(crate) trusted: Vec<String>,
}

impl Origin {
    pub(crate) fn admit(&self, cx: &Context) -> Result<()> {
        if self.is_own(cx.headers(), cx.uri()) {
            return Ok(());
        }
        Err(Error::new(Code::CrossSite, "this call came from another site"))
    }

    fn is_own(&self, headers: &HeaderMap, uri: &Uri) -> bool {
        let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("null"));
        if origin.is_some_and(|origin| self.trusted.iter().any(|trusted| trusted == origin)) {
            return true;
        }
        if let Some(site) = headers.get("sec-fetch-site") {
            return matches!(site.as_bytes(), b"same-origin" | b"none");
        }
        let Some(origin) = origin else { return true };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(http::uri::Authority::as_str));
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some() && authority == host
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], admitted: bool) {
        let cx =
            headers.iter().fold(Context::test(), |cx, (name, value)| cx.with_header(name, value));
        let guard = Origin { trusted: vec!["https://trusted.example".to_owned()] };
        assert_eq!(guard.admit(&cx).is_ok(), admitted, "{headers:?}");
    }

    #[test]
    fn only_the_own_origin_and_trusted_ones_pass() {
        let host = ("host", "chat.example:8080");
        check(&[host], true);
        check(&[host, ("sec-fetch-site", "same-origin")], true);
        check(&[host, ("sec-fetch-site", "none")], true);
        check(&[host, ("sec-fetch-site", "cross-site")], false);
        check(&[host, ("sec-fetch-site", "same-site")], false);
        check(
            &[host, ("sec-fetch-site", "cross-site"), ("origin", "https://trusted.example")],
            true,
        );
        check(&[host, ("origin", "http://chat.example:8080")], true);
        check(&[host, ("origin", "http://chat.example")], false);
        check(&[host, ("origin", "https://evil.example")], false);
        check(&[host, ("origin", "null")], false);
        check(&[("origin", "http://chat.example:8080")], false);
    }
}
