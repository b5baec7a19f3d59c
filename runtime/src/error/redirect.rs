//! Where a page sends its visitor instead of answering.

use std::fmt::Write as _;

use http::{HeaderValue, StatusCode, Uri, uri::Scheme};

/// A status and an address that are safe to write into a response's head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Redirect {
    pub(crate) status: StatusCode,
    /// Plain ASCII without controls. Of this app, unless [`Redirect::away`] made it.
    location: String,
    /// Whether only those who would read a page are sent on; programs are told the error.
    pub(crate) for_people: bool,
}

impl Redirect {
    /// Returns a redirect to a path of this app, if `to` is one.
    ///
    /// A browser takes two slashes, or a slash and a backslash, for the start of another site's
    /// name. The first is refused; a backslash is encoded, and so is whatever a browser would
    /// drop before it looks.
    pub(crate) fn within(status: StatusCode, to: &str) -> Option<Self> {
        let within = to.starts_with('/') && !to.starts_with("//");
        within.then(|| Self { status, location: plain(to), for_people: false })
    }

    /// Returns a redirect to another site, if `url` is an address of the web.
    pub(crate) fn away(url: &str) -> Option<Self> {
        let location = plain(url);
        let uri: Uri = location.parse().ok()?;
        let of_the_web =
            uri.scheme() == Some(&Scheme::HTTP) || uri.scheme() == Some(&Scheme::HTTPS);
        let named = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
        (of_the_web && named).then_some(Self {
            status: StatusCode::SEE_OTHER,
            location,
            for_people: false,
        })
    }

    /// Returns the same for people alone.
    pub(crate) fn for_people(self) -> Self {
        Self { for_people: true, ..self }
    }

    pub(crate) fn location(&self) -> &str {
        &self.location
    }

    /// Returns the address as a header field's value.
    pub(crate) fn header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.location).expect("plain ASCII is a header value")
    }
}

/// Percent-encodes what may not stand in an address; what is encoded already stays as it is.
fn plain(address: &str) -> String {
    let mut plain = String::with_capacity(address.len());
    for byte in address.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            plain.push(char::from(byte));
        } else {
            let _ = write!(plain, "%{byte:02X}");
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_of_the_app_is_written_plainly() {
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
            let redirect = Redirect::within(StatusCode::SEE_OTHER, to);
            assert_eq!(redirect.as_ref().map(Redirect::location), expected, "{to:?}");
            assert!(redirect.is_none_or(|redirect| redirect.header() == redirect.location()));
        }
    }

    #[test]
    fn another_site_is_one_of_the_web() {
        for (url, right) in [
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
            assert_eq!(Redirect::away(url).is_some(), right, "{url}");
        }
    }
}
