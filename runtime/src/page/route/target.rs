//! A request's path, split and then decoded.

use std::borrow::Cow;

/// A request's path, split and then decoded.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Target<'p> {
    /// Few of them have something to decode.
    pub(crate) segments: Vec<Cow<'p, str>>,
    /// Whether the path ended in a slash that is not the whole of it.
    pub(crate) trailing_slash: bool,
}

impl<'p> Target<'p> {
    /// Returns a path's segments, or nothing if no page can be at such a path: it has an empty
    /// segment, is not percent-encoded UTF-8, holds a control character, or goes up.
    pub(crate) fn of(path: &'p str) -> Option<Self> {
        let path = path.strip_prefix('/')?;
        if path.is_empty() {
            return Some(Self { segments: Vec::new(), trailing_slash: false });
        }
        let (path, trailing_slash) = match path.strip_suffix('/') {
            Some(path) => (path, true),
            None => (path, false),
        };
        let segments = path.split('/').map(decode).collect::<Option<_>>()?;
        Some(Self { segments, trailing_slash })
    }

    /// Returns the name of the file that would be at this path. An encoded slash is part of a
    /// name, and no file has such a name.
    pub(crate) fn file_name(&self) -> Option<String> {
        let plain = !self.trailing_slash && !self.segments.iter().any(|s| s.contains('/'));
        plain.then(|| self.segments.join("/"))
    }
}

fn decode(segment: &str) -> Option<Cow<'_, str>> {
    // Browsers take a backslash for a slash.
    if segment.contains('\\') {
        return None;
    }
    let text = match segment.contains('%') {
        true => Cow::Owned(percent_decoded(segment)?),
        false => Cow::Borrowed(segment),
    };
    let goes_up = text.split(['/', '\\']).any(|part| matches!(part, "." | ".."));
    (!text.is_empty() && !goes_up && !text.contains(char::is_control)).then_some(text)
}

fn percent_decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let mut digit = || char::from(rest.next()?).to_digit(16);
            let value = digit()? * 16 + digit()?;
            bytes.push(u8::try_from(value).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_none_names_nothing() {
        for path in [
            "",
            "*",
            "a",
            "//",
            "//evil.example/",
            "/a//b",
            "/a//",
            "/..",
            "/a/../b",
            "/%2e%2e/b",
            "/.%2E",
            "/./a",
            "/a%00",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/%ff",
            "/%C3",
            "/a\\b",
            "/a%0d%0aset-cookie:x",
            "/..%2f..%2fetc%2fpasswd",
            "/..%5cx",
            "/%7f",
        ] {
            assert_eq!(Target::of(path), None, "{path}");
        }
    }

    #[test]
    fn a_trailing_slash_is_noticed() {
        let target = Target::of("/about/").unwrap();
        assert!(target.trailing_slash && target.segments == ["about"]);
        assert!(!Target::of("/").unwrap().trailing_slash);
    }
}
