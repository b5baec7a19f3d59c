//! Text as HTML, addresses as HTML, and where the head of a page ends.

pub(super) mod links;

use std::fmt::Write as _;

use memchr::memchr_iter;

/// Puts `block` before the end of the head, or where a head would begin if there is none.
pub(crate) fn inject(html: &mut String, block: &str) {
    let at = head_end(html).unwrap_or_else(|| after_doctype(html));
    html.insert_str(at, block);
}

fn head_end(html: &str) -> Option<usize> {
    const END: &[u8] = b"</head";

    let html = html.as_bytes();
    memchr_iter(b'<', html).find(|&at| {
        let Some((name, [after, ..])) = html[at..].split_at_checked(END.len()) else {
            return false;
        };
        name.eq_ignore_ascii_case(END)
            && matches!(after, b'>' | b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
    })
}

/// Anything before the doctype would put the page into quirks mode.
fn after_doctype(html: &str) -> usize {
    let blank = html.len() - html.trim_start().len();
    let doctype =
        html[blank..].get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"));
    let end = html.find('>').filter(|_| doctype);
    end.map_or(0, |end| end + 1)
}

/// Returns text as it may stand in an attribute's value or between tags.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// Returns a path of ours with all that is not plain in an URL percent-encoded.
pub(crate) fn encode_path(path: &str) -> String {
    let mut url = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_go_before_the_end_of_the_head() {
        for (html, expected) in [
            ("<head><title>x</title></head><body>", "<head><title>x</title>!</head><body>"),
            ("<HEAD></HEAD >", "<HEAD>!</HEAD >"),
            ("<head></header></head>", "<head></header>!</head>"),
            ("é</head></head>", "é!</head></head>"),
            ("<!DOCTYPE html><p>x", "<!DOCTYPE html>!<p>x"),
            (" <!doctype html>\n<p>", " <!doctype html>!\n<p>"),
            ("<p>x</p>", "!<p>x</p>"),
            ("</head", "!</head"),
            ("", "!"),
        ] {
            let mut page = html.to_owned();
            inject(&mut page, "!");
            assert_eq!(page, expected, "{html}");
        }
    }

    #[test]
    fn a_path_is_plain_in_an_url() {
        assert_eq!(encode_path("blog/[slug] é.js"), "blog/%5Bslug%5D%20%C3%A9.js");
    }
}
