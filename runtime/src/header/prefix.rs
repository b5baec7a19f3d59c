//! The path prefix of an app that does not have a host for itself, and `X-Forwarded-Prefix`, by which
//! a trusted proxy reports it.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::header::single::{Malformed, single};

/// The field by which a proxy reports the prefix that it has removed from the path.
pub(crate) const FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// The longest prefix, in bytes. It is in each address of a page.
const BYTES_MAX: usize = 256;

/// The path before every path of an app, or none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Prefix(
    /// `/app`: one segment or more, each of [allowed characters](is_allowed). No slash at the end.
    Option<Arc<str>>,
);

impl Prefix {
    pub(crate) const NONE: Self = Self(None);

    /// What a text that is no prefix should look like.
    pub(crate) const EXPECTED: &str = "a prefix looks like `/app` or `/tools/chat`: a path of at most 256 \
                                       letters, digits and `-._~`, without a host, a query, `//`, `.` or `..`";

    /// Parses `/app` or `/app/`. An empty text and `/` are no prefix.
    ///
    /// The characters are those that no part of a URL, of a cookie or of a page reads in another way.
    /// Percent-encoding is refused, because proxies differ in what they decode.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let path = text.strip_suffix('/').unwrap_or(text);
        if path.is_empty() {
            return Some(Self::NONE);
        }
        let is_segment =
            |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(is_allowed);
        let is_valid =
            path.len() <= BYTES_MAX && path.strip_prefix('/')?.split('/').all(is_segment);
        is_valid.then(|| Self(Some(path.into())))
    }

    /// Returns the prefix that the fields of a request report.
    ///
    /// # Errors
    ///
    /// Fails if there are several fields, or if one is no prefix.
    pub(crate) fn forwarded(headers: &HeaderMap) -> Result<Self, Malformed> {
        let field =
            single(headers, &FORWARDED_PREFIX, "a request has one X-Forwarded-Prefix field")?;
        let Some(field) = field else { return Ok(Self::NONE) };
        let parsed = field.to_str().ok().and_then(Self::parse);
        parsed.ok_or(Malformed("X-Forwarded-Prefix is a path such as /app"))
    }

    /// Returns whether there is none.
    pub(crate) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Returns the prefix, or an empty text.
    pub(crate) fn as_str(&self) -> &str {
        self.0.as_deref().unwrap_or_default()
    }

    /// Returns the path and query below the prefix: `/a?b` of `/app/a?b`, and an empty text of `/app`.
    pub(crate) fn strip<'t>(&self, target: &'t str) -> Option<&'t str> {
        let below = target.strip_prefix(self.as_str())?;
        (below.is_empty() || below.starts_with(['/', '?'])).then_some(below)
    }
}

/// Returns whether an address leads to a path of this app: it begins with one slash. A browser reads
/// two slashes, or a slash and a backslash, as the start of another site's name.
pub(crate) fn is_own_path(address: &[u8]) -> bool {
    matches!(address, [b'/', rest @ ..] if !matches!(rest, [b'/' | b'\\', ..]))
}

fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<&str>) {
        let parsed = Prefix::parse(text);
        assert_eq!(parsed.as_ref().map(Prefix::as_str), expected, "{text:?}");
    }

    #[test]
    fn a_prefix_is_a_plain_path() {
        check("/app", Some("/app"));
        check("/app/", Some("/app"));
        check("/tools/Chat-2_a.b~c", Some("/tools/Chat-2_a.b~c"));
        check("/.well-known", Some("/.well-known"));
        check("", Some(""));
        check("/", Some(""));
        let longest = format!("/{}", "a".repeat(255));
        check(&longest, Some(&longest));
    }

    #[test]
    fn anything_else_is_no_prefix() {
        for text in [
            "app",
            "//",
            "//evil.example",
            "/app//",
            "/a//b",
            "/..",
            "/a/../b",
            "/./a",
            "/a?b",
            "/a#b",
            "/a\\b",
            "/\\evil.example",
            "/a%2fb",
            "/a%2Fb",
            "/%2e%2e",
            "/a b",
            "/a\nb",
            "/a\0",
            "/a\u{7f}",
            "/ü",
            "/a;b",
            "/a,b",
            "/a'\"><script>",
            "https://evil.example",
            "https://evil.example/app",
            "javascript:alert(1)",
            " /app",
        ] {
            check(text, None);
        }
        check(&format!("/{}", "a".repeat(256)), None);
    }

    #[test]
    fn one_field_reports_it() {
        let forwarded = |fields: &[&[u8]]| {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(FORWARDED_PREFIX, HeaderValue::from_bytes(field).unwrap());
            }
            Prefix::forwarded(&headers).map(|prefix| prefix.as_str().to_owned()).ok()
        };
        assert_eq!(forwarded(&[]).as_deref(), Some(""));
        assert_eq!(forwarded(&[b"/app/"]).as_deref(), Some("/app"));
        assert_eq!(forwarded(&[b"/app", b"/app"]), None);
        assert_eq!(forwarded(&[b"/app, /other"]), None);
        assert_eq!(forwarded(&[b"//evil.example"]), None);
        assert_eq!(forwarded(&[b"/\xff"]), None);
    }

    #[test]
    fn a_target_is_below_at_a_slash() {
        let prefix = Prefix::parse("/app").unwrap();
        assert_eq!(prefix.strip("/app/a?b"), Some("/a?b"));
        assert_eq!(prefix.strip("/app"), Some(""));
        assert_eq!(prefix.strip("/app?b"), Some("?b"));
        assert_eq!(prefix.strip("/apple"), None);
        assert_eq!(prefix.strip("/other"), None);
        assert_eq!(prefix.strip("*"), None);
    }

    #[test]
    fn an_own_path_begins_with_one_slash() {
        for (address, expected) in [
            ("/", true),
            ("/a//b", true),
            ("//evil.example", false),
            ("/\\evil.example", false),
            ("https://a", false),
            ("a", false),
            ("", false),
        ] {
            assert_eq!(is_own_path(address.as_bytes()), expected, "{address:?}");
        }
    }

    proptest! {
        #[test]
        fn a_prefix_is_read_in_one_way(text in r"[/a.%?#;,\\\x00-\x20é]{0,12}") {
            if let Some(prefix) = Prefix::parse(&text) {
                prop_assert!(prefix.is_none() || is_own_path(prefix.as_str().as_bytes()));
                let uri: http::Uri = format!("http://host{}/x", prefix.as_str()).parse().unwrap();
                prop_assert_eq!(uri.host(), Some("host"));
                prop_assert_eq!(prefix.strip(uri.path()), Some("/x"));
            }
        }
    }
}
