//! `Range` and `If-Range`, by RFC 9110, sections 13.1.5 and 14.

use http::{HeaderMap, HeaderName, header};

/// As much of a content as a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    /// From the first byte to before the last; at least one, and all of them are there.
    Bytes {
        start: u64,
        end: u64,
    },
    /// Bytes that are not there.
    Beyond,
}

impl Part {
    /// Returns what a request asks for of a content with this length and this name.
    ///
    /// Several ranges at once are answered with the whole, which a server may do; so is what is
    /// no range, and a range of a content that is not this one any more.
    pub(crate) fn asked(headers: &HeaderMap, length: u64, etag: &str) -> Self {
        let Some(field) = only(headers, &header::RANGE) else { return Self::Whole };
        if headers.contains_key(header::IF_RANGE)
            && only(headers, &header::IF_RANGE).is_none_or(|named| named.trim() != etag)
        {
            // A weak name never matches, nor does a date: files have no time here.
            return Self::Whole;
        }
        // Some ask for a range of everything. Of what is empty there is none, and that is no fault.
        if length == 0 {
            return Self::Whole;
        }
        let Some((unit, ranges)) = field.split_once('=') else { return Self::Whole };
        let mut ranges = ranges.split(',').map(str::trim).filter(|range| !range.is_empty());
        match (unit.trim().eq_ignore_ascii_case("bytes"), ranges.next(), ranges.next()) {
            (true, Some(range), None) => Self::one(range, length).unwrap_or(Self::Whole),
            _ => Self::Whole,
        }
    }

    /// Reads `0-499`, `500-` or `-500`.
    fn one(range: &str, length: u64) -> Option<Self> {
        let (first, last) = range.split_once('-')?;
        let (start, end) = match (first, last) {
            ("", suffix) => (length.saturating_sub(number(suffix)?), length),
            (first, "") => (number(first)?, length),
            (first, last) => {
                let (first, last) = (number(first)?, number(last)?);
                if last < first {
                    return None;
                }
                (first, last.saturating_add(1).min(length))
            }
        };
        Some(if start < end { Self::Bytes { start, end } } else { Self::Beyond })
    }
}

/// Reads digits; what is too large for us is larger than any file.
fn number(digits: &str) -> Option<u64> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Returns a field that may stand once, if it does.
fn only<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut fields = headers.get_all(name).iter();
    let field = fields.next()?.to_str().ok()?;
    fields.next().is_none().then_some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(fields: &[(&'static str, &str)], length: u64) -> Part {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers.append(*name, value.parse().unwrap());
        }
        Part::asked(&headers, length, "\"a\"")
    }

    #[track_caller]
    fn check(range: &str, expected: Part) {
        assert_eq!(asked(&[("range", range)], 1000), expected, "{range}");
    }

    #[test]
    fn one_range_is_that_part() {
        check("bytes=0-0", Part::Bytes { start: 0, end: 1 });
        check("bytes=0-499", Part::Bytes { start: 0, end: 500 });
        check("bytes=500-", Part::Bytes { start: 500, end: 1000 });
        check("bytes=999-999", Part::Bytes { start: 999, end: 1000 });
        check("bytes=-1", Part::Bytes { start: 999, end: 1000 });
        check("bytes=-5000", Part::Bytes { start: 0, end: 1000 });
        check("bytes=990-5000", Part::Bytes { start: 990, end: 1000 });
        check("bytes=1-99999999999999999999999", Part::Bytes { start: 1, end: 1000 });
        check("Bytes= 1-2 ,", Part::Bytes { start: 1, end: 3 });
    }

    #[test]
    fn what_is_not_there_is_beyond() {
        check("bytes=1000-", Part::Beyond);
        check("bytes=1000-2000", Part::Beyond);
        check("bytes=99999999999999999999999-", Part::Beyond);
        check("bytes=-0", Part::Beyond);
    }

    #[test]
    fn what_is_no_single_range_is_the_whole() {
        for range in [
            "bytes=0-1,5-6",
            "bytes=5-1",
            "bytes=-",
            "bytes=",
            "bytes",
            "bytes=a-b",
            "bytes=+1-2",
            "bytes=1-2-3",
            "bytes=1 - 2",
            "bytes=--1",
            "lines=0-1",
            "0-1",
        ] {
            check(range, Part::Whole);
        }
        assert_eq!(asked(&[("range", "bytes=0-")], 0), Part::Whole);
        assert_eq!(asked(&[("range", "bytes=-1")], 0), Part::Whole);
        assert_eq!(asked(&[("range", "bytes=0-1"), ("range", "bytes=0-1")], 10), Part::Whole);
        assert_eq!(asked(&[], 10), Part::Whole);
    }

    #[test]
    fn a_range_of_another_content_is_the_whole() {
        for (named, expected) in [
            ("\"a\"", Part::Bytes { start: 0, end: 2 }),
            ("\"b\"", Part::Whole),
            ("W/\"a\"", Part::Whole),
            ("a", Part::Whole),
            ("Tue, 24 Nov 2026 00:00:00 GMT", Part::Whole),
        ] {
            let part = asked(&[("range", "bytes=0-1"), ("if-range", named)], 10);
            assert_eq!(part, expected, "{named}");
        }
    }
}
