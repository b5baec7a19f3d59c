//! `Accept-Encoding`, by RFC 9110, section 12.5.3.

use std::cmp::Reverse;

use http::{HeaderMap, header};

/// A content coding: how content is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    /// Returns its name in header fields.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

/// The weight of uncompressed content (`identity`) in a field that does not name it: acceptable, and
/// after all codings that the field names.
const UNNAMED: u16 = 1;

/// Returns the codings that the request accepts, the one with the highest weight first; `None` is
/// uncompressed content. Of equal weights, the coding that compresses best is first.
///
/// Without the field only uncompressed content is returned. The RFC would allow any coding, but a
/// client that does not send the field may not be able to decode one.
pub(crate) fn admitted(headers: &HeaderMap) -> Vec<Option<Coding>> {
    let mut fields = headers.get_all(header::ACCEPT_ENCODING).iter().peekable();
    if fields.peek().is_none() {
        return vec![None];
    }
    let weights: Vec<(&str, u16)> = fields
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(weighed)
        .collect();
    let of = |names: &[&str]| {
        let named = |(name, _): &&(&str, u16)| names.iter().any(|n| n.eq_ignore_ascii_case(name));
        weights.iter().find(named).map(|(_, weight)| *weight)
    };
    let any = of(&["*"]);
    let mut admitted = [
        (of(&["br"]).or(any).unwrap_or(0), Some(Coding::Brotli)),
        (of(&["gzip", "x-gzip"]).or(any).unwrap_or(0), Some(Coding::Gzip)),
        (of(&["identity"]).or(any).unwrap_or(UNNAMED), None),
    ];
    admitted.sort_by_key(|(weight, _)| Reverse(*weight));
    admitted.iter().filter(|(weight, _)| *weight > 0).map(|(_, coding)| *coding).collect()
}

/// Parses `gzip;q=0.5`; the weight is in thousandths. A malformed weight counts as 0.
fn weighed(item: &str) -> Option<(&str, u16)> {
    let mut parts = item.split(';').map(str::trim);
    let name = parts.next().filter(|name| !name.is_empty())?;
    let weight = parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()).unwrap_or(0))
    });
    Some((name, weight.unwrap_or(1000)))
}

/// Parses a weight: 0 to 1, with up to three digits after the point (section 12.4.2).
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let part = format!("{part:0<3}").parse::<u16>().ok()?;
    match (whole, part) {
        ("0", part) => Some(part),
        ("1", 0) => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(field: Option<&str>, expected: &[&str]) {
        let mut headers = HeaderMap::new();
        if let Some(field) = field {
            headers.insert(header::ACCEPT_ENCODING, field.parse().unwrap());
        }
        let admitted = admitted(&headers);
        let names: Vec<_> =
            admitted.iter().map(|coding| coding.map_or("identity", Coding::name)).collect();
        assert_eq!(names, expected, "{field:?}");
    }

    #[test]
    fn the_highest_weight_is_first() {
        check(None, &["identity"]);
        check(Some(""), &["identity"]);
        check(Some("gzip, deflate, br, zstd"), &["br", "gzip", "identity"]);
        check(Some("gzip;q=1.0, br;q=0.5"), &["gzip", "br", "identity"]);
        check(Some("br;q=0.001"), &["br", "identity"]);
        check(Some("identity, gzip;q=0.9"), &["identity", "gzip"]);
        check(Some("GZIP ; Q=0.3"), &["gzip", "identity"]);
        check(Some("x-gzip"), &["gzip", "identity"]);
        check(Some("zstd"), &["identity"]);
    }

    #[test]
    fn a_weight_of_zero_refuses() {
        check(Some("br;q=0, gzip;q=0.000"), &["identity"]);
        check(Some("identity;q=0, gzip"), &["gzip"]);
        check(Some("*;q=0"), &[]);
        check(Some("*;q=0, gzip"), &["gzip"]);
        check(Some("gzip, identity;q=0.5, *;q=0"), &["gzip", "identity"]);
    }

    #[test]
    fn a_star_is_every_coding_that_is_not_named() {
        check(Some("*"), &["br", "gzip", "identity"]);
        check(Some("*;q=0.5, br;q=0.1"), &["gzip", "identity", "br"]);
        check(Some("*, br;q=0"), &["gzip", "identity"]);
    }

    #[test]
    fn a_malformed_weight_refuses() {
        for weight in ["", "2", "1.001", "-1", "0.1234", "0,5", "NaN", "1e0", ".5", "+0"] {
            check(Some(&format!("br;q={weight}")), &["identity"]);
        }
        check(Some(";;, ,;q=1"), &["identity"]);
    }
}
