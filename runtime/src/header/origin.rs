//! `Origin`: where the page comes from that sent a request (RFC 6454, section 7, and the Fetch
//! standard).

use std::borrow::Cow;

use http::{HeaderMap, HeaderValue, header};

use crate::header::{
    authority::{Authority, lower_case},
    single::{Malformed, single},
};

/// The value of an `Origin` field.
#[derive(Clone, Debug)]
pub(crate) enum Origin<'t> {
    /// `null`, of which nobody can say whether it is the same as another.
    Opaque,
    Tuple(TupleOrigin<'t>),
}

/// A scheme, a host and a port, such as `https://example.org`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TupleOrigin<'t> {
    /// In lower case.
    scheme: Cow<'t, str>,
    /// Without a port that is the default of the scheme.
    authority: Authority<'t>,
}

impl<'t> Origin<'t> {
    /// Returns the `Origin` field of a request, if it has one.
    ///
    /// # Errors
    ///
    /// Fails if there are several.
    pub(crate) fn field(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Malformed> {
        single(headers, &header::ORIGIN, "a request has at most one Origin field")
    }

    /// Parses the value of that field.
    ///
    /// # Errors
    ///
    /// Fails if the value is not one origin.
    pub(crate) fn parse(field: &'t HeaderValue) -> Result<Self, Malformed> {
        if field.as_bytes() == b"null" {
            return Ok(Self::Opaque);
        }
        let origin = field.to_str().ok().and_then(TupleOrigin::parse).map(Self::Tuple);
        origin.ok_or(Malformed("Origin is null, or one origin such as https://example.org"))
    }
}

impl<'t> TupleOrigin<'t> {
    /// Parses `https://example.org:8080`: nothing stands behind the host and the port.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        let (scheme, authority) = split_scheme(text)?;
        let authority = without_default_port(Authority::parse(authority)?, &scheme);
        Some(Self { scheme, authority })
    }

    /// Returns whether a page at `target` has this origin, if it was loaded by the same scheme.
    ///
    /// The scheme of a request is not known, since a proxy may end TLS. So the scheme of the origin
    /// decides which port of the target is the default one, and only schemes of web pages count.
    pub(crate) fn is_of(&self, target: &Authority<'_>) -> bool {
        self.is_web() && self.authority == without_default_port(target.clone(), &self.scheme)
    }

    /// Returns whether it is an origin of web pages.
    pub(crate) fn is_web(&self) -> bool {
        default_port(&self.scheme).is_some()
    }

    /// Returns its host and its port.
    pub(crate) fn authority(&self) -> &Authority<'t> {
        &self.authority
    }

    /// Returns the same origin without a borrow.
    pub(crate) fn into_owned(self) -> TupleOrigin<'static> {
        let scheme = Cow::Owned(self.scheme.into_owned());
        TupleOrigin { scheme, authority: self.authority.into_owned() }
    }
}

/// Splits `https://example.org` into the scheme, in lower case, and what follows `://`.
fn split_scheme(text: &str) -> Option<(Cow<'_, str>, &str)> {
    // A browser sends one of these two with nearly every call, so they are not searched for.
    for scheme in ["https", "http"] {
        if let Some(authority) = text.strip_prefix(scheme).and_then(|t| t.strip_prefix("://")) {
            return Some((Cow::Borrowed(scheme), authority));
        }
    }
    let (scheme, authority) = text.split_once("://")?;
    let is_allowed = |b: u8| b.is_ascii_alphanumeric() || b"+-.".contains(&b);
    let begins = scheme.starts_with(|c: char| c.is_ascii_alphabetic());
    (begins && scheme.bytes().all(is_allowed)).then(|| (lower_case(scheme), authority))
}

fn without_default_port<'t>(authority: Authority<'t>, scheme: &str) -> Authority<'t> {
    let port = authority.port.filter(|port| default_port(scheme) != Some(*port));
    Authority { port, ..authority }
}

/// Returns the port of a scheme of web pages where an address names none.
fn default_port(scheme: &str) -> Option<u16> {
    match scheme {
        "http" => Some(80),
        "https" => Some(443),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(origin: &str, host: &str, is_of: bool) {
        let parsed = TupleOrigin::parse(origin).unwrap();
        let target = Authority::parse(host).unwrap();
        assert_eq!(parsed.is_of(&target), is_of, "{origin} at {host}");
    }

    #[test]
    fn a_default_port_equals_none_on_either_side() {
        check("https://app.example", "app.example", true);
        check("https://app.example", "app.example:443", true);
        check("https://app.example:443", "app.example", true);
        check("https://app.example:443", "app.example:443", true);
        check("http://app.example", "app.example:80", true);
        check("http://app.example:80", "app.example", true);
        check("http://app.example:8080", "app.example:8080", true);
        check("http://[::1]", "[::1]:80", true);
        check("http://[::1]:80", "[0:0:0:0:0:0:0:1]", true);
        check("http://127.0.0.1:80", "127.0.0.1", true);
    }

    #[test]
    fn the_scheme_of_the_origin_decides_which_port_is_the_default() {
        check("https://app.example", "app.example:80", false);
        check("http://app.example", "app.example:443", false);
        check("http://app.example:443", "app.example", false);
        check("https://app.example:80", "app.example", false);
        check("http://app.example", "app.example:8080", false);
        check("http://app.example:8080", "app.example", false);
    }

    #[test]
    fn scheme_and_host_are_compared_without_case() {
        check("https://app.example", "APP.example", true);
        check("HTTPS://App.Example:443", "app.EXAMPLE", true);
        check("https://app.example", "app.example.", false);
        check("https://app.example.", "app.example.", true);
        check("https://app.example", "xapp.example", false);
    }

    #[test]
    fn only_pages_of_the_web_are_at_an_address_of_the_web() {
        check("capacitor://localhost", "localhost", false);
        check("chrome-extension://abc", "abc", false);
    }

    #[test]
    fn what_is_no_single_origin_is_malformed() {
        for text in [
            "",
            "null",
            "app.example",
            "//app.example",
            "https:app.example",
            "https://",
            "file://",
            "https://app.example/",
            "https://app.example/path",
            "https://app.example?",
            "https://user@app.example",
            "https://a.example https://b.example",
            "https://a.example, https://b.example",
            "https://a.example,https://b.example",
            "1s://a",
            "h t://a",
        ] {
            assert_eq!(TupleOrigin::parse(text), None, "{text:?}");
        }
    }

    #[track_caller]
    fn field(fields: &[&str]) -> Result<Option<bool>, Malformed> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(header::ORIGIN, HeaderValue::from_str(field).unwrap());
        }
        let origin = Origin::field(&headers)?.map(Origin::parse).transpose()?;
        Ok(origin.map(|origin| matches!(origin, Origin::Tuple(_))))
    }

    #[test]
    fn a_request_has_one_origin_at_most() {
        assert_eq!(field(&[]), Ok(None));
        assert_eq!(field(&["null"]), Ok(Some(false)));
        assert_eq!(field(&["https://a.example"]), Ok(Some(true)));
        assert!(field(&["https://a.example", "https://a.example"]).is_err());
        assert!(field(&["https://a.example", "null"]).is_err());
        assert!(field(&["https://a.example, https://b.example"]).is_err());
        assert!(field(&["null, null"]).is_err());
        assert!(field(&["\u{ff}"]).is_err());
        assert!(field(&[""]).is_err());
    }

    proptest! {
        #[test]
        fn bytes_of_a_peer_never_panic(bytes: Vec<u8>, text: String) {
            let _ = TupleOrigin::parse(&text);
            let _ = HeaderValue::from_bytes(&bytes).map(|value| Origin::parse(&value).map(drop));
        }

        #[test]
        fn an_origin_is_of_its_own_host_alone(
            host in "[a-z]{1,3}", other in "[a-z]{1,3}", port in 1u16.., scheme in "https?",
        ) {
            let text = format!("{scheme}://{host}:{port}");
            let origin = TupleOrigin::parse(&text).unwrap();
            let at = format!("{other}:{port}");
            prop_assert_eq!(origin.is_of(&Authority::parse(&at).unwrap()), host == other);
        }
    }
}
