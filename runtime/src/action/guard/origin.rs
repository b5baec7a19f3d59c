//! Refuses requests that a page of another site makes with this site's cookies.
//!
//! No tokens, so pages stay the same for everyone. In order:
//!
//! 1. A request with several `Host`, `Origin` or `Sec-Fetch-Site` fields, or with several values in
//!    one, is malformed.
//! 2. An `Origin` that is trusted passes.
//! 3. `Sec-Fetch-Site` (Fetch Metadata) decides if it is there: `same-origin` and `none` (the person
//!    typed the address) pass. `same-site` does not: a neighbour under one domain is another site.
//! 4. An `Origin` decides otherwise: its host and port must be those of `Host`. Behind a proxy, keep
//!    `Host`, or trust the origin.
//! 5. Without either the request is not from a page of a browser, and passes.
//!
//! Streams by GET are checked too: they run an action as well.

use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use crate::{
    action::context::Context,
    error::{Code, Error, Result},
    header::{Authority, Malformed, Origin, TupleOrigin, single},
};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The check, and the origins that pass it although they are other sites.
#[derive(Clone, Debug, Default)]
pub(crate) struct OriginCheck {
    pub(crate) trusted: Vec<TupleOrigin<'static>>,
}

impl OriginCheck {
    pub(crate) fn admit(&self, cx: &Context) -> Result<()> {
        match self.passes(cx.headers(), cx.uri()) {
            Ok(true) => Ok(()),
            Ok(false) => Err(Error::new(Code::CrossSite, "this call came from another site")),
            Err(Malformed(sentence)) => Err(Error::bad_request(sentence)),
        }
    }

    fn passes(&self, headers: &HeaderMap, uri: &Uri) -> Result<bool, Malformed> {
        let host = Authority::field(headers)?;
        let origin = Origin::field(headers)?;
        let site =
            single(headers, &SEC_FETCH_SITE, "a request has at most one Sec-Fetch-Site field")?;
        if site.is_some_and(is_own) && repeats(origin, host) {
            return Authority::check(uri, host).map(|_| true);
        }
        let target = Authority::of(uri, host)?;
        let origin = origin.map(Origin::parse).transpose()?;
        if let Some(Origin::Tuple(origin)) = &origin
            && self.trusted.contains(origin)
        {
            return Ok(true);
        }
        if let Some(site) = site {
            let is_word = site.as_bytes().iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
            return if is_word {
                Ok(is_own(site))
            } else {
                Err(Malformed("Sec-Fetch-Site is one word"))
            };
        }
        Ok(match (origin, target) {
            (None, _) => true,
            (Some(Origin::Tuple(origin)), Some(target)) => origin.is_of(&target),
            (Some(_), _) => false,
        })
    }
}

/// Returns whether `Origin` is `https://` or `http://` and the text of `Host`, which is well-formed.
/// Nearly every call of a page is like that, and its `Origin` needs no parser.
fn repeats(origin: Option<&HeaderValue>, host: Option<&HeaderValue>) -> bool {
    let origin = origin.map(HeaderValue::as_bytes).and_then(|origin| {
        origin.strip_prefix(b"https://").or_else(|| origin.strip_prefix(b"http://"))
    });
    origin.is_some() && origin == host.map(HeaderValue::as_bytes)
}

/// Returns whether Fetch Metadata says that a request is from a page of its own origin, or from no page.
fn is_own(site: &HeaderValue) -> bool {
    matches!(site.as_bytes(), b"same-origin" | b"none")
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use proptest::prelude::*;

    use super::*;

    const HOST: (&str, &str) = ("host", "chat.example:8080");

    fn status(headers: &[(&'static str, &str)]) -> StatusCode {
        let cx =
            headers.iter().fold(Context::test(), |cx, (name, value)| cx.with_header(name, value));
        let trusted = ["https://trusted.example", "capacitor://localhost"];
        let trusted = trusted.into_iter().filter_map(TupleOrigin::parse).collect();
        let admitted = OriginCheck { trusted }.admit(&cx);
        admitted.map_or_else(|error| error.code().status(), |()| StatusCode::OK)
    }

    #[track_caller]
    fn check(headers: &[(&'static str, &str)], expected: u16) {
        assert_eq!(status(headers), expected, "{headers:?}");
    }

    #[test]
    fn fetch_metadata_decides_if_it_is_there() {
        check(&[HOST], 200);
        check(&[HOST, ("sec-fetch-site", "same-origin")], 200);
        check(&[HOST, ("sec-fetch-site", "none")], 200);
        check(&[HOST, ("sec-fetch-site", "cross-site")], 403);
        check(&[HOST, ("sec-fetch-site", "same-site")], 403);
        check(&[HOST, ("sec-fetch-site", "another-word")], 403);
        // `Referrer-Policy: no-referrer` makes the origin of a page's own request opaque.
        check(&[HOST, ("sec-fetch-site", "same-origin"), ("origin", "null")], 200);
    }

    #[test]
    fn a_trusted_origin_passes() {
        let other = ("sec-fetch-site", "cross-site");
        check(&[HOST, other, ("origin", "https://trusted.example")], 200);
        check(&[HOST, other, ("origin", "https://TRUSTED.example:443")], 200);
        check(&[HOST, other, ("origin", "capacitor://localhost")], 200);
        check(&[HOST, other, ("origin", "http://trusted.example")], 403);
        check(&[HOST, other, ("origin", "https://trusted.example:444")], 403);
        check(&[("origin", "https://trusted.example")], 200);
    }

    #[test]
    fn an_origin_decides_without_fetch_metadata() {
        check(&[HOST, ("origin", "http://chat.example:8080")], 200);
        check(&[HOST, ("origin", "http://chat.example")], 403);
        check(&[HOST, ("origin", "https://evil.example")], 403);
        check(&[HOST, ("origin", "null")], 403);
        check(&[("origin", "http://chat.example:8080")], 403);
        check(&[("host", "app.example:443"), ("origin", "https://app.example")], 200);
        check(&[("host", "APP.example"), ("origin", "https://app.example")], 200);
    }

    #[test]
    fn more_than_one_value_is_malformed() {
        let own = ("origin", "http://chat.example:8080");
        check(&[HOST, own, own], 400);
        check(&[HOST, own, ("origin", "https://evil.example")], 400);
        check(&[HOST, ("origin", "http://chat.example:8080, https://evil.example")], 400);
        let same = ("sec-fetch-site", "same-origin");
        check(&[HOST, same, same], 400);
        check(&[HOST, same, ("sec-fetch-site", "cross-site")], 400);
        check(&[HOST, ("sec-fetch-site", "same-origin, cross-site")], 400);
        check(&[HOST, HOST, own], 400);
        check(&[("host", "a b"), ("origin", "http://a b"), same], 400);
        check(&[HOST, ("origin", "http://"), same], 400);
        check(&[HOST, ("host", "evil.example"), same], 400);
        check(&[HOST, same, own, own], 400);
    }

    proptest! {
        #[test]
        fn text_of_a_peer_never_panics(
            host in "[ -~]{0,9}", origin in "[ -~]{0,9}", site in "[ -~]{0,9}",
        ) {
            let _ = status(&[("host", &host), ("origin", &origin), ("sec-fetch-site", &site)]);
        }
    }
}
