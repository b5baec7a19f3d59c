//! A redirect that a page responds with.

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode, Uri, uri::Scheme};

/// A status and a location that are safe to write into the head of a response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) status: StatusCode,
    /// ASCII without control characters. A path of this app, unless [`Redirect::to_url`] made it.
    location: String,
    /// Whether only a browser that loads a page is redirected; programs read the error.
    pub(crate) only_for_browsers: bool,
}

impl Redirect {
    /// Returns a redirect to a path of this app, if `to` is one.
    ///
    /// A browser reads two slashes, or a slash and a backslash, as the start of another site's
    /// name. This function refuses two slashes. It encodes a backslash, and the tabs and line
    /// breaks that a browser removes before it parses a URL.
    pub(crate) fn to_path(status: StatusCode, to: &str) -> Option<Self> {
        let is_path = to.starts_with('/') && !to.starts_with("//");
        is_path.then(|| Self { status, location: encoded(to), only_for_browsers: false })
    }

    /// Returns a redirect to another site, if `url` is an `http` or `https` URL without a user.
    pub(crate) fn to_url(url: &str) -> Option<Self> {
        let location = encoded(url);
        let uri: Uri = location.parse().ok()?;
        let is_http = uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        let has_host = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        (is_http && has_host).then_some(Self {
            status: StatusCode::SEE_OTHER,
            location,
            only_for_browsers: false,
        })
    }

    /// Returns the same redirect, for a browser that loads a page and for nobody else.
    pub(crate) fn only_for_browsers(self) -> Self {
        Self { only_for_browsers: true, ..self }
    }

    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// Returns the location as the value of a header field.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.location).expect("ASCII without controls is a header value")
    }
}

/// Percent-encodes what a URL may not contain. Existing percent-encoding stays as it is.
fn encoded(url: &str) -> String {
    let mut encoded = String::with_capacity(url.len());
    for byte in url.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_app_is_encoded() {
        for (to, expected) in [
            ("/", Some("/")),
            ("/login?next=/a%20b&x=1#top", Some("/login?next=/a%20b&x=1#top")),
            ("/blog/é", Some("/blog/%C3%A9")),
            ("/a\r\nset-cookie: x=1", Some("/a%0D%0Aset-cookie:%20x=1")),
            ("/\\evil.example", Some("/%5Cevil.example")),
            ("/\t/evil.example", Some("/%09/evil.example")),
            ("//evil.example", None),
            ("https://evil.example", None),
            ("\t//evil.example", None),
            ("javascript:alert(1)", None),
            ("login", None),
            ("", None),
        ] {
            let redirect = Redirect::to_path(StatusCode::SEE_OTHER, to);
            assert_eq!(redirect.as_ref().map(Redirect::location), expected, "{to:?}");
            assert!(redirect.is_none_or(|redirect| redirect.header() == redirect.location()));
        }
    }

    #[test]
    fn another_site_has_an_http_or_https_url_without_a_user() {
        for (url, is_valid) in [
            ("https://id.example/login?app=1", true),
            ("http://localhost:8080", true),
            ("https://user@evil.example/", false),
            ("javascript:alert(1)", false),
            ("javascript://x/%0Aalert(1)", false),
            ("ftp://a.example/", false),
            ("/login", false),
            ("//id.example", false),
            ("https://", false),
        ] {
            assert_eq!(Redirect::to_url(url).is_some(), is_valid, "{url}");
        }
    }
}
