//! `If-Match` and `If-None-Match`, by RFC 9110, section 13.1.

use http::{HeaderMap, HeaderName};

/// Returns whether a field of conditions names this tag exactly, or is `*`.
pub(crate) fn names(headers: &HeaderMap, field: &HeaderName, tag: &[u8]) -> bool {
    any(headers, field, |name| name == tag)
}

/// Returns whether a field of conditions names this tag, or is `*`. Weak tags count: a proxy that
/// compresses makes a weak one of ours.
pub(crate) fn names_weakly(headers: &HeaderMap, field: &HeaderName, tag: &[u8]) -> bool {
    any(headers, field, |name| name.strip_prefix(b"W/").unwrap_or(name) == tag)
}

fn any(headers: &HeaderMap, field: &HeaderName, counts: impl Fn(&[u8]) -> bool) -> bool {
    let fields = headers.get_all(field).iter();
    let mut named = fields.flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    named.any(|name| {
        let name = name.trim_ascii();
        name == b"*" || counts(name)
    })
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, header::IF_NONE_MATCH};

    use super::*;

    #[test]
    fn a_tag_is_found_among_others_and_a_weak_one_only_weakly() {
        for (field, exactly, weakly) in [
            (&b"\"a\""[..], true, true),
            (b"\"b\" , \"a\"", true, true),
            (b"*", true, true),
            (b"W/\"a\"", false, true),
            (b"\"\xfc\", \"a\"", true, true),
            (b"\"b\"", false, false),
            (b"a", false, false),
            (b"", false, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.append(IF_NONE_MATCH, HeaderValue::from_bytes(field).unwrap());
            assert_eq!(names(&headers, &IF_NONE_MATCH, b"\"a\""), exactly, "{field:?}");
            assert_eq!(names_weakly(&headers, &IF_NONE_MATCH, b"\"a\""), weakly, "{field:?}");
        }
        assert!(!names(&HeaderMap::new(), &IF_NONE_MATCH, b"\"a\""));
    }
}
