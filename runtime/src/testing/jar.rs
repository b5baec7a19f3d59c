//! The cookies of one client.

use std::collections::BTreeMap;

use http::{HeaderMap, HeaderValue, header};

/// The cookies that one client retains between its requests, by name and path.
///
/// The client of a test speaks with one host only, so the jar ignores `Domain`, `Secure` and
/// `SameSite`. It removes a cookie whose `Max-Age` is zero or negative.
#[derive(Clone, Debug, Default)]
pub(super) struct Jar(BTreeMap<(String, String), String>);

impl Jar {
    /// Sets a cookie for all paths.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.0.insert((name.to_owned(), "/".to_owned()), value.to_owned());
    }

    /// Returns the value of a cookie.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|((cookie, _), _)| cookie == name).map(|(_, value)| value.as_str())
    }

    /// Takes the cookies that a response sets.
    pub(super) fn take(&mut self, headers: &HeaderMap) {
        for cookie in set_cookies(headers) {
            let key = (cookie.name.to_owned(), cookie.path.to_owned());
            if cookie.is_removal {
                self.0.remove(&key);
            } else {
                self.0.insert(key, cookie.value.to_owned());
            }
        }
    }

    /// Returns the `Cookie` field of a request for `path`, if there are cookies for it.
    pub(super) fn field(&self, path: &str) -> Option<HeaderValue> {
        let covers = |of: &str| {
            path.strip_prefix(of)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || of.ends_with('/'))
        };
        let pairs = self.0.iter().filter(|((_, of), _)| covers(of));
        let pairs: Vec<_> = pairs.map(|((name, _), value)| format!("{name}={value}")).collect();
        HeaderValue::try_from(pairs.join("; ")).ok().filter(|field| !field.is_empty())
    }
}

/// One `Set-Cookie` field.
pub(super) struct SetCookie<'h> {
    pub(super) name: &'h str,
    pub(super) value: &'h str,
    path: &'h str,
    is_removal: bool,
    /// The whole field.
    pub(super) field: &'h str,
}

/// Returns the cookies that a response sets, in order.
pub(super) fn set_cookies(headers: &HeaderMap) -> impl Iterator<Item = SetCookie<'_>> {
    let fields = headers.get_all(header::SET_COOKIE).iter();
    fields.filter_map(|field| field.to_str().ok()).filter_map(|field| {
        let mut parts = field.split(';').map(str::trim);
        let (name, value) = parts.next()?.split_once('=')?;
        let (mut path, mut is_removal) = ("/", false);
        for (attribute, value) in parts.filter_map(|part| part.split_once('=')) {
            if attribute.eq_ignore_ascii_case("path") && value.starts_with('/') {
                path = value;
            } else if attribute.eq_ignore_ascii_case("max-age") {
                is_removal = value.parse::<i64>().is_ok_and(|seconds| seconds <= 0);
            }
        }
        Some(SetCookie { name, value, path, is_removal, field })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[&'static str]) -> HeaderMap {
        let field = |field: &&'static str| (header::SET_COOKIE, HeaderValue::from_static(field));
        fields.iter().map(field).collect()
    }

    #[test]
    fn a_cookie_is_sent_to_its_path_until_it_is_removed() {
        let mut jar = Jar::default();
        jar.take(&headers(&["a=1; Path=/; HttpOnly", "b=2; path=/app; Max-Age=60", "no pair"]));
        let field =
            |jar: &Jar, path| jar.field(path).map(|field| field.to_str().unwrap().to_owned());
        assert_eq!(field(&jar, "/").as_deref(), Some("a=1"));
        assert_eq!(field(&jar, "/app/x").as_deref(), Some("a=1; b=2"));
        assert_eq!(field(&jar, "/apples").as_deref(), Some("a=1"));
        jar.take(&headers(&["a=; Max-Age=0", "b=3; Path=/app"]));
        assert_eq!((jar.get("a"), jar.get("b")), (None, Some("3")));
        assert_eq!(field(&jar, "/"), None);
    }
}
