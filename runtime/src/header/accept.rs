//! `Accept`, by RFC 9110, section 12.5.1.

use http::{HeaderMap, header};

/// Returns whether the request accepts a response of the type `main/sub`.
///
/// The most specific range that covers the type decides; a weight of 0 refuses it. Without the
/// field, every type is accepted.
pub(crate) fn admits(headers: &HeaderMap, main: &str, sub: &str) -> bool {
    let mut fields = headers.get_all(header::ACCEPT).iter().peekable();
    let Some(first) = fields.peek() else { return true };
    // The browser client and many others send this type and nothing else.
    let rest = first.as_bytes().strip_prefix(main.as_bytes());
    if rest.and_then(|rest| rest.strip_prefix(b"/")) == Some(sub.as_bytes()) {
        return true;
    }
    let ranges = fields.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let covering = ranges.filter_map(|range| {
        let mut parts = range.split(';').map(str::trim);
        let (range_main, range_sub) = parts.next()?.split_once('/')?;
        let is = |range: &str, name: &str| range.eq_ignore_ascii_case(name);
        let specific = match (range_main, range_sub) {
            ("*", "*") => 0,
            (range_main, "*") if is(range_main, main) => 1,
            (range_main, range_sub) if is(range_main, main) && is(range_sub, sub) => 2,
            _ => return None,
        };
        let weight = parts.find_map(|part| {
            let (name, value) = part.split_once('=')?;
            is(name.trim(), "q").then(|| value.trim().parse::<f32>().unwrap_or(0.0))
        });
        Some((specific, weight.unwrap_or(1.0)))
    });
    covering.max_by_key(|(specific, _)| *specific).is_some_and(|(_, weight)| weight > 0.0)
}

/// Returns whether the field names event streams, as the browser's `EventSource` does. Other
/// clients accept them by `*/*`, and handle an error.
pub(crate) fn names_streams(headers: &HeaderMap) -> bool {
    let fields = headers.get_all(header::ACCEPT).iter();
    fields.filter_map(|value| value.to_str().ok()).any(text_names_streams)
}

/// Returns whether the text of an `Accept` field names event streams.
pub(crate) fn text_names_streams(text: &str) -> bool {
    text.split([',', ';']).any(|range| range.trim().eq_ignore_ascii_case("text/event-stream"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(accept: Option<&str>, admitted: bool) {
        let mut headers = HeaderMap::new();
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, accept.parse().unwrap());
        }
        assert_eq!(admits(&headers, "text", "event-stream"), admitted, "{accept:?}");
    }

    #[test]
    fn ranges_are_parsed_and_weighed() {
        check(None, true);
        check(Some("text/event-stream"), true);
        check(Some("TEXT/Event-Stream ; q=0.5"), true);
        check(Some("application/json, text/*"), true);
        check(Some("*/*"), true);
        check(Some("application/json"), false);
        check(Some("*/*, text/event-stream;q=0"), false);
        check(Some("text/*;q=0, text/event-stream"), true);
        check(Some("text/event-stream-x"), false);
        check(Some(""), false);
        check(Some(";;,/"), false);
    }
}
