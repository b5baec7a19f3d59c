//! The host and the port that a request is for: `Host` (RFC 9110, section 7.2) and the authority of
//! a URL (RFC 3986, section 3.2).

use std::{
    borrow::Cow,
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use http::{HeaderMap, HeaderValue, Uri, header};

use crate::header::single::{Malformed, single};

const MALFORMED: Malformed =
    Malformed("Host is the name or the address of one host, and a port or none");

/// A host, with or without a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'t> {
    pub(crate) host: Host<'t>,
    pub(crate) port: Option<u16>,
}

/// The host of an [`Authority`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Host<'t> {
    Ip(IpAddr),
    /// Never empty, and in lower case: names of hosts are compared without case. A dot at the end
    /// stays, because browsers treat `example.org.` as another host than `example.org`.
    Name(Cow<'t, str>),
}

impl<'t> Authority<'t> {
    /// Parses `example.org`, `example.org:8080`, `127.0.0.1:80` or `[::1]:80`.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        // Each request has an authority to parse, so its bytes are searched, not its characters.
        let bytes = text.as_bytes();
        let end = match bytes.first() {
            // The colons of an IPv6 address are between brackets.
            Some(b'[') => bytes.iter().position(|b| *b == b']')? + 1,
            _ => bytes.iter().position(|b| *b == b':').unwrap_or(bytes.len()),
        };
        let port = match &bytes[end..] {
            [] => None,
            [b':', digits @ ..] => port(digits)?,
            _ => return None,
        };
        Some(Self { host: Host::parse(&text[..end])?, port })
    }

    /// Fails where [`Authority::of`] fails, and costs less. Returns whether there is an authority.
    pub(crate) fn check(uri: &Uri, field: Option<&HeaderValue>) -> Result<bool, Malformed> {
        let text = match (uri.authority(), field) {
            (Some(authority), _) => authority.as_str().as_bytes(),
            (None, Some(field)) => field.as_bytes(),
            (None, None) => return Ok(false),
        };
        if is_valid(text) { Ok(true) } else { Err(MALFORMED) }
    }

    /// Returns the `Host` field of a request, if it has one.
    ///
    /// # Errors
    ///
    /// Fails if there are several.
    pub(crate) fn field(headers: &HeaderMap) -> Result<Option<&HeaderValue>, Malformed> {
        single(headers, &header::HOST, "a request has one Host field")
    }

    /// Returns the authority that a request is for. That of an absolute request target wins over
    /// `Host` (RFC 9112, section 3.2.2). `None` means that neither is there.
    ///
    /// # Errors
    ///
    /// Fails if the authority is malformed.
    pub(crate) fn of(
        uri: &'t Uri,
        field: Option<&'t HeaderValue>,
    ) -> Result<Option<Self>, Malformed> {
        let text = match (uri.authority(), field) {
            (Some(authority), _) => Some(authority.as_str()),
            (None, Some(field)) => field.to_str().ok(),
            (None, None) => return Ok(None),
        };
        text.and_then(Self::parse).map(Some).ok_or(MALFORMED)
    }

    /// Returns the same authority without a borrow.
    pub(crate) fn into_owned(self) -> Authority<'static> {
        let host = match self.host {
            Host::Ip(address) => Host::Ip(address),
            Host::Name(name) => Host::Name(Cow::Owned(name.into_owned())),
        };
        Authority { host, port: self.port }
    }
}

impl<'t> Host<'t> {
    /// Parses a host without a port.
    pub(crate) fn parse(text: &'t str) -> Option<Self> {
        if let Some(address) = text.strip_prefix('[') {
            let address = address.strip_suffix(']')?.parse::<Ipv6Addr>().ok()?;
            return Some(Self::Ip(address.into()));
        }
        let begins_as_ipv4 = text.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if begins_as_ipv4 && let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Ip(address.into()));
        }
        let is_name = !text.is_empty() && text.bytes().all(|b| IN_NAMES[usize::from(b)]);
        is_name.then(|| Self::Name(lower_case(text)))
    }
}

impl fmt::Display for Host<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ip(IpAddr::V4(address)) => write!(f, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// Returns a text in lower case, copied only if it has an upper-case letter.
pub(super) fn lower_case(text: &str) -> Cow<'_, str> {
    if text.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Returns whether [`Authority::parse`] parses these bytes.
fn is_valid(bytes: &[u8]) -> bool {
    if bytes.first() == Some(&b'[') {
        return std::str::from_utf8(bytes).is_ok_and(|text| Authority::parse(text).is_some());
    }
    // An IPv4 address has the characters of a name.
    let end = bytes.iter().position(|b| !IN_NAMES[usize::from(*b)]).unwrap_or(bytes.len());
    let is_port = match &bytes[end..] {
        [] => true,
        [b':', digits @ ..] => port(digits).is_some(),
        _ => false,
    };
    end > 0 && is_port
}

/// The bytes that names of hosts have: those that DNS and its users have names of, which are fewer than
/// RFC 3986 allows.
const IN_NAMES: [bool; 256] = {
    let mut in_names = [false; 256];
    let mut b = 0;
    while b < 256 {
        let byte = b as u8;
        in_names[b] = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
        b += 1;
    }
    in_names
};

/// Parses the digits of a port; none are no port.
fn port(digits: &[u8]) -> Option<Option<u16>> {
    if digits.is_empty() {
        return Some(None);
    }
    let port = digits.iter().try_fold(0_u16, |port, digit| {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit - b'0'))?;
        port.checked_mul(10)?.checked_add(digit)
    });
    port.map(Some)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Option<(&str, Option<u16>)>) {
        let parsed = Authority::parse(text);
        let parsed = parsed.map(|authority| (authority.host.to_string(), authority.port));
        assert_eq!(parsed, expected.map(|(host, port)| (host.to_owned(), port)), "{text:?}");
    }

    #[test]
    fn a_host_has_a_port_or_none() {
        check("example.org", Some(("example.org", None)));
        check("example.org:8080", Some(("example.org", Some(8080))));
        check("example.org:", Some(("example.org", None)));
        check("example.org:00080", Some(("example.org", Some(80))));
        check("127.0.0.1:80", Some(("127.0.0.1", Some(80))));
        check("[::1]", Some(("[::1]", None)));
        check("[0:0::0:1]:80", Some(("[::1]", Some(80))));
        check("my_app-1:1", Some(("my_app-1", Some(1))));
    }

    #[test]
    fn names_are_compared_without_case_and_with_their_last_dot() {
        check("APP.Example", Some(("app.example", None)));
        check("app.example.", Some(("app.example.", None)));
    }

    #[test]
    fn what_is_no_single_host_is_malformed() {
        for text in [
            "",
            ":80",
            "a:b",
            "a:1:2",
            "a:65536",
            "a:+1",
            "a:-1",
            "a b",
            "a,b",
            "a, b",
            "user@a",
            "a/b",
            "http://a",
            "a%20b",
            "::1",
            "[::1",
            "[::1]x:80",
            "[::1]:80:80",
            "[::1%25eth0]",
            "[v1.a]",
            "[]",
            "b\u{fc}cher.example",
        ] {
            check(text, None);
        }
    }

    #[track_caller]
    fn check_request(fields: &[&str], target: &str, expected: Result<Option<&str>, ()>) {
        let fields =
            fields.iter().map(|field| (header::HOST, HeaderValue::from_str(field).unwrap()));
        let mut headers = HeaderMap::new();
        fields.for_each(|(name, value)| _ = headers.append(name, value));
        let uri = target.parse().unwrap();
        let found = Authority::field(&headers).and_then(|field| Authority::of(&uri, field));
        let found = found.map(|found| found.map(|found| found.host.to_string())).map_err(drop);
        assert_eq!(found, expected.map(|host| host.map(str::to_owned)), "{target} {headers:?}");
    }

    #[test]
    fn an_absolute_target_wins_over_the_field() {
        check_request(&["a"], "/", Ok(Some("a")));
        check_request(&["a"], "http://b:1/", Ok(Some("b")));
        check_request(&[], "http://b/", Ok(Some("b")));
        check_request(&["a b"], "http://b/", Ok(Some("b")));
        check_request(&[], "/", Ok(None));
    }

    #[test]
    fn several_fields_and_malformed_ones_are_refused() {
        check_request(&["a", "a"], "/", Err(()));
        check_request(&["a", "a"], "http://a/", Err(()));
        check_request(&["a, b"], "/", Err(()));
        check_request(&[""], "/", Err(()));
        check_request(&["\u{ff}"], "/", Err(()));
        check_request(&["a"], "http://user@b/", Err(()));
    }

    proptest! {
        #[test]
        fn bytes_of_a_peer_never_panic(bytes: Vec<u8>, text: String) {
            let mut headers = HeaderMap::new();
            headers.extend(HeaderValue::from_bytes(&bytes).map(|value| (header::HOST, value)));
            let field = Authority::field(&headers).unwrap();
            let parsed = Authority::of(&Uri::default(), field).map(|parsed| parsed.is_some());
            prop_assert_eq!(Authority::check(&Uri::default(), field), parsed);
            prop_assert_eq!(is_valid(text.as_bytes()), Authority::parse(&text).is_some());
        }

        #[test]
        fn what_is_parsed_is_the_same_when_it_is_written_and_parsed_again(
            text in r"(\[[0-9a-f:]{2,9}\]|[0-9.]{1,9}|[a-zA-Z0-9.-]{1,9})(:[0-9]{0,6})?",
        ) {
            prop_assert_eq!(is_valid(text.as_bytes()), Authority::parse(&text).is_some());
            if let Some(Authority { host, port }) = Authority::parse(&text) {
                let port = port.map_or_else(String::new, |port| format!(":{port}"));
                let written = format!("{host}{port}");
                let again = Authority::parse(&written);
                prop_assert_eq!(again, Authority::parse(&text));
                let upper = text.to_uppercase();
                prop_assert_eq!(Authority::parse(&upper), Authority::parse(&text));
            }
        }
    }
}
