//! The paths that a rendered page leads to → the same paths below a prefix.
//!
//! Templates are written without the prefix. It is put before each address of a rendered page that
//! begins with one slash: `href`, `src`, `action`, `srcset` and the like. Text, comments, scripts and
//! other attributes stay as they are.

use crate::{
    files::is_hashed,
    header::{Prefix, is_own_path},
};

/// The elements whose content is text. `noscript` is not one of them: it is markup for those who see it.
const TEXT: [&str; 7] = ["iframe", "noembed", "noframes", "script", "style", "textarea", "title"];

/// The attributes whose value is one address.
const ADDRESS: [&str; 7] = ["action", "cite", "formaction", "href", "poster", "src", "xlink:href"];

/// Returns the HTML of a page with its paths below a prefix.
pub(crate) fn below(html: &str, prefix: &Prefix) -> String {
    let mut out = Out { html, prefix, text: String::with_capacity(html.len() * 9 / 8), copied: 0 };
    let mut at = 0;
    while let Some(open) = find(html, at, "<") {
        at = match html.as_bytes().get(open + 1) {
            Some(b'!') if html[open..].starts_with("<!--") => after(html, open + 4, "-->"),
            Some(b'!' | b'/' | b'?') => after(html, open, ">"),
            Some(first) if first.is_ascii_alphabetic() => tag(&mut out, open + 1),
            _ => open + 1,
        };
    }
    out.text.push_str(&html[out.copied..]);
    out.text
}

/// The HTML that is written, and how much of the original has been copied to it.
struct Out<'h> {
    html: &'h str,
    prefix: &'h Prefix,
    text: String,
    copied: usize,
}

impl Out<'_> {
    /// Puts the prefix before the address from `start` to `end`, unless it leads elsewhere or has the
    /// prefix already. `asset` writes whole addresses, which have a hash in their names.
    fn address(&mut self, start: usize, end: usize) {
        let written = &self.html[start..end];
        let address = written.trim_start_matches(|c: char| c <= ' ');
        let start = end - address.len();
        let path = address.split(['?', '#']).next().unwrap_or(address);
        let is_asset = self
            .prefix
            .strip(path)
            .is_some_and(|below| below.strip_prefix('/').is_some_and(is_hashed));
        if is_own_path(address.as_bytes()) && !is_asset {
            self.text.push_str(&self.html[self.copied..start]);
            self.text.push_str(self.prefix.as_str());
            self.copied = start;
        }
    }
}

/// Goes over a start tag whose name begins at `at`, and over its text if it has no other content.
/// Returns where it ends.
fn tag(out: &mut Out<'_>, at: usize) -> usize {
    let html = out.html;
    let name_end = until(html, at, |b| is_blank(b) || matches!(b, b'/' | b'>'));
    let tag = html[at..name_end].to_ascii_lowercase();
    let mut at = name_end;
    loop {
        at = until(html, at, |b| !is_blank(b) && b != b'/');
        match html.as_bytes().get(at) {
            None => return at,
            Some(b'>') => break,
            Some(_) => {}
        }
        let start = at;
        // A `=` at the beginning is part of the name.
        at = until(html, at + 1, |b| is_blank(b) || matches!(b, b'/' | b'>' | b'='));
        let name = &html[start..at];
        let equals = until(html, at, |b| !is_blank(b));
        if html.as_bytes().get(equals) != Some(&b'=') {
            continue;
        }
        let start = until(html, equals + 1, |b| !is_blank(b));
        let (start, end) = match html.as_bytes().get(start) {
            Some(&quote @ (b'"' | b'\'')) => (start + 1, until(html, start + 1, |b| b == quote)),
            _ => (start, until(html, start, |b| is_blank(b) || b == b'>')),
        };
        attribute(out, &tag, &name.to_ascii_lowercase(), start, end);
        at = match html.as_bytes().get(end) {
            Some(b'"' | b'\'') => end + 1,
            _ => end,
        };
    }
    if TEXT.contains(&tag.as_str()) { end_of_text(html, at, &tag) } else { at + 1 }
}

fn attribute(out: &mut Out<'_>, tag: &str, name: &str, start: usize, end: usize) {
    match (tag, name) {
        (_, name) if ADDRESS.contains(&name) => out.address(start, end),
        ("object", "data") => out.address(start, end),
        (_, "ping") => words(out, start, end),
        (_, "srcset" | "imagesrcset") => candidates(out, start, end),
        ("meta", "content") => refresh(out, start, end),
        _ => {}
    }
}

/// Goes over addresses between spaces.
fn words(out: &mut Out<'_>, start: usize, end: usize) {
    let mut at = start;
    while at < end {
        let start = until(out.html, at, |b| !is_blank(b)).min(end);
        at = until(out.html, start, is_blank).min(end);
        out.address(start, at);
    }
}

/// Goes over image candidates: `/a.png 1x, /b.png 2x`. (HTML, "Parsing a srcset attribute")
fn candidates(out: &mut Out<'_>, start: usize, end: usize) {
    let mut at = start;
    while at < end {
        let start = until(out.html, at, |b| !is_blank(b) && b != b',').min(end);
        at = until(out.html, start, is_blank).min(end);
        let address = out.html[start..at].trim_end_matches(',');
        out.address(start, start + address.len());
        if start + address.len() == at {
            at = until(out.html, at, |b| b == b',').min(end);
        }
    }
}

/// Goes over the `content` of `<meta http-equiv="refresh">`: `5; url=/a`. No other content has this
/// form.
fn refresh(out: &mut Out<'_>, start: usize, end: usize) {
    let content = &out.html[start..end];
    let seconds = content.trim_start().trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let Some(rest) = seconds.trim_start().strip_prefix([';', ',']) else { return };
    let (word, rest) = rest.trim_start().split_at_checked(3).unwrap_or_default();
    let Some(address) = rest.trim_start().strip_prefix('=') else { return };
    if word.eq_ignore_ascii_case("url") {
        let address = address.trim_start().trim_start_matches(['\'', '"']);
        out.address(end - address.len(), end);
    }
}

/// Returns where the text of an element ends, which no other tag than its own ends.
fn end_of_text(html: &str, from: usize, tag: &str) -> usize {
    let mut at = from;
    while let Some(close) = find(html, at, "</") {
        let name = html.as_bytes().get(close + 2..close + 2 + tag.len());
        if name.is_some_and(|name| name.eq_ignore_ascii_case(tag.as_bytes())) {
            return close;
        }
        at = close + 2;
    }
    html.len()
}

fn find(html: &str, from: usize, text: &str) -> Option<usize> {
    html.get(from..)?.find(text).map(|at| from + at)
}

/// Returns the position after the next `text`, or the end.
fn after(html: &str, from: usize, text: &str) -> usize {
    find(html, from, text).map_or(html.len(), |at| at + text.len())
}

/// Returns the position of the first byte for which `is_end` holds, or the end.
fn until(html: &str, from: usize, is_end: impl Fn(u8) -> bool) -> usize {
    let rest = html.as_bytes().get(from..).unwrap_or_default();
    rest.iter().position(|b| is_end(*b)).map_or(html.len(), |at| from + at)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'\x0c')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn check(html: &str, expected: &str) {
        assert_eq!(below(html, &Prefix::parse("/app").unwrap()), expected);
    }

    #[track_caller]
    fn stays(html: &str) {
        check(html, html);
    }

    #[test]
    fn each_attribute_that_holds_a_path_gets_the_prefix() {
        check("<a href=\"/\">", "<a href=\"/app/\">");
        check("<A HREF='/a?b=/c#/d'>", "<A HREF='/app/a?b=/c#/d'>");
        check("<a href=/a>/b</a>", "<a href=/app/a>/b</a>");
        check("<a class=x\n href = \" /a\" >", "<a class=x\n href = \" /app/a\" >");
        check("<img src=\"/a.png\"/>", "<img src=\"/app/a.png\"/>");
        check(
            "<form action=/a><button formaction=/b>",
            "<form action=/app/a><button formaction=/app/b>",
        );
        check("<video poster=\"/a\">", "<video poster=\"/app/a\">");
        check("<object data=\"/a\">", "<object data=\"/app/a\">");
        check("<use xlink:href=\"/a#b\">", "<use xlink:href=\"/app/a#b\">");
        check("<a ping=\"/a  /b https://c/d\">", "<a ping=\"/app/a  /app/b https://c/d\">");
        check(
            "<img srcset=\"/a.png 1x, /b,c.png 2x,/d.png, https://e/f 3x\">",
            "<img srcset=\"/app/a.png 1x, /app/b,c.png 2x,/app/d.png, https://e/f 3x\">",
        );
        check(
            "<meta http-equiv=refresh content=\"5; URL='/a'\">",
            "<meta http-equiv=refresh content=\"5; URL='/app/a'\">",
        );
        check("<noscript><a href=/a></noscript>", "<noscript><a href=/app/a></noscript>");
        check("<a href=\"/app/a\">", "<a href=\"/app/app/a\">");
        check("é<a href=\"/é\">é", "é<a href=\"/app/é\">é");
    }

    #[test]
    fn addresses_of_other_places_stay() {
        stays("<a href=\"//evil.example\"><a href=\"/\\evil.example\">");
        stays(
            "<a href=\"https://a/b\"><a href=\"mailto:a/b\"><a href=\"#/a\"><a href=\"a/b\"><a href>",
        );
        stays("<div data-href=\"/a\" data=\"/a\" title=\"/a\" p-navigate=\"/a\"></div>");
        stays(
            "<meta name=description content=\"/a; url=/b\"><meta content=\"5; url\"><meta content=é>",
        );
    }

    #[test]
    fn what_asset_has_written_stays() {
        stays(
            "<link href=\"/app/app.0123456789abcdef.css\"><img src=\"/app/a/b.0123456789abcdef.svg#c\">",
        );
        stays("<img srcset=\"/app/a.0123456789abcdef.png 2x\">");
        check("<a href=\"/b.0123456789abcdef.css\">", "<a href=\"/app/b.0123456789abcdef.css\">");
    }

    #[test]
    fn what_is_no_tag_stays() {
        stays("a < b & <1 href=\"/a\"> < a href=\"/a\">");
        stays("<!-- <a href=\"/a\"> --></a href=\"/a\"><!doctype href=\"/a\">");
        stays("<script>x = '<a href=\"/a\">'</script>");
        stays("<textarea><a href=\"/a\"></p></TEXTAREA >");
        stays("<title><a href=\"/a\">");
        stays("<p title='<a href=\"/a\">'>");
        check(
            "<script src=\"/a\">'<a href=/b>'</script><a href=/c>",
            "<script src=\"/app/a\">'<a href=/b>'</script><a href=/app/c>",
        );
    }

    #[test]
    fn html_that_is_cut_off_stays() {
        for html in [
            "<",
            "<a",
            "<a ",
            "<a href",
            "<a href=",
            "<a href=\"",
            "<!--",
            "</",
            "<script>",
            "<a =\"",
        ] {
            stays(html);
        }
        check("<a href=\"/a", "<a href=\"/app/a");
    }

    proptest! {
        #[test]
        fn only_prefixes_are_added(html in "(<a|<img|<meta|<script|</script| href=| srcset=|content=|[ \"'>/=,;é]|5;url=|-->|<!--){0,30}") {
            let prefix = Prefix::parse("/\u{7e}p").unwrap();
            let written = below(&html, &prefix);
            prop_assert_eq!(written.replace("/~p/", "/"), html);
        }
    }
}
