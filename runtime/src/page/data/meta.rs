//! What a page says of itself to tabs, search engines and those who share it.
//!
//! A [`Meta`] is tags in the head. A template may have some of them as well; those that the page's
//! data names are taken out of the rendered head, so that each stands there once.

use std::{collections::BTreeSet, ops::Range};

use crate::page::html::{escape, inject};

/// The title of a page, its description, and what else stands in its head for others to read.
///
/// What is given here wins over a tag of the same name in the template; a tag that is only in the
/// template stays. So a layout has the words for pages that have none of their own.
///
/// # Examples
///
/// ```
/// use kipo::{Context, Meta, PageContext};
///
/// # let cx = PageContext::from(Context::test());
/// cx.meta(
///     Meta::new()
///         .title("Hello, world")
///         .description("The first post of all.")
///         .canonical("/blog/hello")
///         .image("/hello.png"),
/// );
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    title: Option<String>,
    description: Option<String>,
    canonical: Option<String>,
    image: Option<String>,
    image_alt: Option<String>,
    tags: Vec<(String, String)>,
}

impl Meta {
    /// Returns nothing to say yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the title: `<title>`, and `og:title` for those who share the page.
    #[must_use]
    pub fn title(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    /// Sets the description: `description`, and `og:description`.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Sets the one address of what the page shows, whatever the visitor asked for: a path from
    /// the first slash on, or a whole `https` address. `<link rel="canonical">`, and `og:url`.
    ///
    /// With [`App::site`](crate::App::site) a path becomes a whole address. Without, the link
    /// keeps the path, and there is no `og:url`, which has to be whole.
    #[must_use]
    pub fn canonical(mut self, address: impl Into<String>) -> Self {
        self.canonical = Some(address.into());
        self
    }

    /// Sets the picture for those who share the page, by a path or a whole `https` address:
    /// `og:image`, and a large `twitter:card`. A path needs [`App::site`](crate::App::site), or it
    /// is left out.
    #[must_use]
    pub fn image(mut self, address: impl Into<String>) -> Self {
        self.image = Some(address.into());
        self
    }

    /// Says what the picture shows, for those who do not see it: `og:image:alt`.
    #[must_use]
    pub fn image_alt(mut self, text: impl Into<String>) -> Self {
        self.image_alt = Some(text.into());
        self
    }

    /// Adds any other tag: `robots`, `author`, `og:type`, `article:published_time`,
    /// `twitter:creator`… One that this type writes by itself, such as `og:title`, is replaced.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>, content: impl Into<String>) -> Self {
        self.tags.push((name.into(), content.into()));
        self
    }

    /// Returns a page's HTML with these tags in its head. `site` is the app's own address,
    /// `https://example.org`, and `prefix` the path before all paths of the app.
    pub(crate) fn put_into(&self, html: String, site: Option<&str>, prefix: &str) -> String {
        if *self == Self::default() {
            return html;
        }
        let elements = elements(&html);
        let there: BTreeSet<&str> = elements.iter().map(|element| element.key.as_str()).collect();
        let tags = self.tags(site, prefix);
        let kept = |tag: &&Tag| !(tag.derived && there.contains(tag.key.as_str()));
        let tags: Vec<&Tag> = tags.iter().filter(kept).collect();
        let block: String = tags.iter().map(|tag| format!("{}\n", tag.html)).collect();

        let replaced = |element: &&Element| tags.iter().any(|tag| tag.key == element.key);
        let mut rest = String::with_capacity(html.len() + block.len());
        let (mut from, mut at) = (0, None);
        for element in elements.iter().filter(replaced) {
            rest.push_str(&html[from..element.range.start]);
            // Where the title stands it may rely on the encoding that was declared before.
            if element.key == TITLE && at.is_none() {
                at = Some(rest.len());
            }
            from = element.range.end;
        }
        rest.push_str(&html[from..]);
        match at {
            Some(at) => rest.insert_str(at, block.trim_end()),
            None => inject(&mut rest, &block),
        }
        rest
    }

    /// Returns the tags, each name once.
    fn tags(&self, site: Option<&str>, prefix: &str) -> Vec<Tag> {
        let address = |address: &str| Address::of(address, site, prefix);
        let canonical = self.canonical.as_deref().and_then(address);
        let image = self.image.as_deref().and_then(|image| address(image)?.whole);
        let shared = self.title.is_some() || image.is_some();
        let card = if image.is_some() { "summary_large_image" } else { "summary" };

        let mut tags: Vec<Tag> = Vec::new();
        tags.extend(self.title.as_deref().map(Tag::title));
        tags.extend(canonical.as_ref().map(|address| Tag::canonical(&address.shown)));
        let og_url = canonical.and_then(|address| address.whole);
        let named = [
            ("description", self.description.as_deref()),
            ("og:title", self.title.as_deref()),
            ("og:description", self.description.as_deref()),
            ("og:url", og_url.as_deref()),
            ("og:image", image.as_deref()),
            ("og:image:alt", self.image_alt.as_deref().filter(|_| image.is_some())),
        ];
        tags.extend(
            named.into_iter().filter_map(|(name, content)| Some(Tag::named(name, content?))),
        );
        if shared {
            let derived = |name, content| Tag { derived: true, ..Tag::named(name, content) };
            tags.extend([derived("og:type", "website"), derived("twitter:card", card)]);
        }
        for (name, content) in &self.tags {
            let tag = Tag::named(name, content);
            tags.retain(|other| other.key != tag.key);
            tags.push(tag);
        }
        tags
    }
}

/// An address of a page, as links have it and as others need it.
struct Address {
    shown: String,
    /// With the site's name.
    whole: Option<String>,
}

impl Address {
    fn of(address: &str, site: Option<&str>, prefix: &str) -> Option<Self> {
        if address.starts_with('/') && !address.starts_with("//") {
            let whole = site.map(|site| format!("{site}{prefix}{address}"));
            let shown = whole.clone().unwrap_or_else(|| format!("{prefix}{address}"));
            return Some(Self { shown, whole });
        }
        if address.starts_with("https://") || address.starts_with("http://") {
            return Some(Self { shown: address.to_owned(), whole: Some(address.to_owned()) });
        }
        tracing::warn!(address, "left out: an address of a page is a path or `https://…`");
        None
    }
}

/// One tag for the head.
struct Tag {
    /// What it says something of: there is one tag of each.
    key: String,
    html: String,
    /// Nobody asked for it: the template's own is better.
    derived: bool,
}

const TITLE: &str = "<title>";
const CANONICAL: &str = "<link rel=canonical>";

impl Tag {
    fn title(title: &str) -> Self {
        let html = format!("<title>{}</title>", escape(title));
        Self { key: TITLE.to_owned(), html, derived: false }
    }

    fn canonical(address: &str) -> Self {
        let html = format!("<link rel=\"canonical\" href=\"{}\">", escape(address));
        Self { key: CANONICAL.to_owned(), html, derived: false }
    }

    fn named(name: &str, content: &str) -> Self {
        // Open Graph is RDFa, which has its names in an attribute of its own.
        let key = name.to_ascii_lowercase();
        let is_property = key.contains(':') && !key.starts_with("twitter:");
        let attribute = if is_property { "property" } else { "name" };
        let html =
            format!("<meta {attribute}=\"{}\" content=\"{}\">", escape(name), escape(content));
        Self { key, html, derived: false }
    }
}

/// A tag that a rendered page has already.
struct Element {
    /// In bytes, from `<` to `>`; with a title's text.
    range: Range<usize>,
    key: String,
}

/// What may stand in a head. As in a browser, the head ends where anything else begins.
const HEAD: [&str; 10] =
    ["html", "head", "title", "meta", "link", "base", "script", "style", "noscript", "template"];

/// Elements of a head whose content is no part of it.
const CLOSED: [&str; 5] = ["title", "script", "style", "noscript", "template"];

/// Returns the tags in the head of a rendered page that a [`Meta`] might replace.
fn elements(html: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut at = 0;
    while let Some(start) = html[at..].find('<').map(|found| at + found) {
        let rest = &html[start..];
        if let Some(comment) = rest.strip_prefix("<!--") {
            let Some(end) = comment.find("-->") else { break };
            at = start + 4 + end + 3;
            continue;
        }
        let Some(length) = tag_length(rest) else { break };
        let tag = &rest[1..length - 1];
        at = start + length;
        if tag.starts_with('!') {
            continue;
        }
        let name_end = tag.find(|c: char| c.is_ascii_whitespace() || c == '/').unwrap_or(tag.len());
        let name = tag[..name_end].to_ascii_lowercase();
        if !HEAD.contains(&name.as_str()) {
            break;
        }
        if CLOSED.contains(&name.as_str()) {
            let Some(end) = closing(&html[at..], &name) else { break };
            at += end;
        }
        if let Some(key) = key(&name, &tag[name_end..]) {
            elements.push(Element { range: start..at, key });
        }
    }
    elements
}

/// Returns how long the tag is that starts here, up to its `>`.
fn tag_length(html: &str) -> Option<usize> {
    let mut quote = None;
    html.bytes()
        .position(|byte| match (quote, byte) {
            (None, b'>') => true,
            (None, b'"' | b'\'') => {
                quote = Some(byte);
                false
            }
            (Some(open), close) if open == close => {
                quote = None;
                false
            }
            _ => false,
        })
        .map(|end| end + 1)
}

/// Returns where the end tag of `name` ends.
fn closing(html: &str, name: &str) -> Option<usize> {
    let is_end = |at: &usize| {
        let tag = &html.as_bytes()[at + 2..];
        tag.len() >= name.len() && tag[..name.len()].eq_ignore_ascii_case(name.as_bytes())
    };
    let at = html.match_indices("</").map(|(at, _)| at).find(is_end)?;
    Some(at + html[at..].find('>')? + 1)
}

/// Returns what a tag says something of, if that is anything that a [`Meta`] may say.
fn key(name: &str, attributes: &str) -> Option<String> {
    let value = |name: &str| attribute(attributes, name).map(|value| value.to_ascii_lowercase());
    match name {
        "title" => Some(TITLE.to_owned()),
        "link" => (value("rel")? == "canonical").then(|| CANONICAL.to_owned()),
        "meta" => value("property").or_else(|| value("name")),
        _ => None,
    }
}

/// Returns the value of an attribute, as written, from the text of all of them.
fn attribute<'a>(attributes: &'a str, wanted: &str) -> Option<&'a str> {
    let mut rest = attributes;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '/');
        if rest.is_empty() {
            return None;
        }
        let ends = |c: char| c.is_ascii_whitespace() || matches!(c, '=' | '/');
        let (name, after) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        let Some(value) = after.trim_ascii_start().strip_prefix('=') else {
            // Without a value; a `=` that no name stands before is passed over.
            rest = after;
            continue;
        };
        let value = value.trim_ascii_start();
        let (value, after) = match value.chars().next() {
            Some(quote @ ('"' | '\'')) => value[1..].split_once(quote).unwrap_or((&value[1..], "")),
            _ => {
                value.split_at(value.find(|c: char| c.is_ascii_whitespace()).unwrap_or(value.len()))
            }
        };
        if name.eq_ignore_ascii_case(wanted) {
            return Some(value.trim());
        }
        rest = after;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SITE: Option<&str> = Some("https://example.org");

    #[track_caller]
    fn check(html: &str, meta: &Meta, site: Option<&str>, expected: &str) {
        assert_eq!(meta.put_into(html.to_owned(), site, ""), expected);
    }

    fn post() -> Meta {
        Meta::new()
            .title("A & B")
            .description("Both \"letters\"")
            .canonical("/blog/a?b=1&c=2")
            .image("/a.png")
            .image_alt("A and B")
    }

    #[test]
    fn a_page_says_what_it_is_in_place_of_its_title() {
        check(
            "<!doctype html><html><head>\n<meta charset=\"utf-8\">\n<title>Layout</title>\n</head><body>",
            &post(),
            SITE,
            "<!doctype html><html><head>\n<meta charset=\"utf-8\">\n\
             <title>A &amp; B</title>\n\
             <link rel=\"canonical\" href=\"https://example.org/blog/a?b=1&amp;c=2\">\n\
             <meta name=\"description\" content=\"Both &quot;letters&quot;\">\n\
             <meta property=\"og:title\" content=\"A &amp; B\">\n\
             <meta property=\"og:description\" content=\"Both &quot;letters&quot;\">\n\
             <meta property=\"og:url\" content=\"https://example.org/blog/a?b=1&amp;c=2\">\n\
             <meta property=\"og:image\" content=\"https://example.org/a.png\">\n\
             <meta property=\"og:image:alt\" content=\"A and B\">\n\
             <meta property=\"og:type\" content=\"website\">\n\
             <meta name=\"twitter:card\" content=\"summary_large_image\">\n</head><body>",
        );
    }

    #[test]
    fn without_a_site_what_has_to_be_whole_is_left_out() {
        check(
            "<head></head>",
            &Meta::new().canonical("/a").image("/a.png").image_alt("x"),
            None,
            "<head><link rel=\"canonical\" href=\"/a\">\n</head>",
        );
        let whole = Meta::new().canonical("https://a.example/b").tag("og:locale", "de");
        let expected = "<head><link rel=\"canonical\" href=\"https://a.example/b\">\n\
                        <meta property=\"og:url\" content=\"https://a.example/b\">\n\
                        <meta property=\"og:locale\" content=\"de\">\n</head>";
        check("<head></head>", &whole, None, expected);
        check("<head></head>", &whole, SITE, expected);
    }

    #[test]
    fn the_addresses_of_the_app_are_below_the_prefix() {
        let meta = Meta::new().canonical("/a").image("https://cdn.example/a.png");
        let below = |site| meta.put_into("<head></head>".to_owned(), site, "/app");
        assert!(below(None).contains("rel=\"canonical\" href=\"/app/a\""), "{}", below(None));
        let whole = below(SITE);
        assert!(whole.contains("\"og:url\" content=\"https://example.org/app/a\""), "{whole}");
        assert!(whole.contains("\"og:image\" content=\"https://cdn.example/a.png\""), "{whole}");
    }

    #[test]
    fn an_address_of_another_kind_is_left_out() {
        for address in ["javascript:alert(1)", "//evil.example/a", "a", "", "data:text/html,x"] {
            check("<head></head>", &Meta::new().canonical(address), SITE, "<head></head>");
        }
    }

    #[test]
    fn what_is_given_wins_and_the_rest_of_the_template_stays() {
        let head = "<head><TITLE lang=en>a > b</TITLE ><meta name='description' content='a > b'>\
                    <meta content=x NAME = description ><link href=/x rel=\"canonical\">\
                    <link rel=\"icon\" href=\"/i\"><meta property=\"og:type\" content=\"article\">\
                    <meta name=\"robots\" content=\"noindex\"></head><body><title>svg</title>";
        check(
            head,
            &Meta::new().title("t").description("d").tag("robots", "all"),
            None,
            "<head><title>t</title>\n<meta name=\"description\" content=\"d\">\n\
             <meta property=\"og:title\" content=\"t\">\n\
             <meta property=\"og:description\" content=\"d\">\n\
             <meta name=\"twitter:card\" content=\"summary\">\n\
             <meta name=\"robots\" content=\"all\"><link href=/x rel=\"canonical\">\
             <link rel=\"icon\" href=\"/i\"><meta property=\"og:type\" content=\"article\">\
             </head><body><title>svg</title>",
        );
        check(head, &Meta::new(), None, head);
    }

    #[test]
    fn what_only_looks_like_a_tag_of_the_head_stays() {
        for html in [
            "<head><!-- <title>x</title> --></head>",
            "<head><script>'<title>x</title>'</script></head>",
            "<head><noscript><meta name=\"description\"></noscript></head>",
            "<head></head><body><meta name=\"description\" content=\"x\">",
            "<p>x</p><title>y</title>",
            "<head></head><svg><title>y</title></svg>",
        ] {
            let page =
                Meta::new().tag("description", "d").title("t").put_into(html.to_owned(), None, "");
            let (start, end) =
                html.split_at(page.bytes().zip(html.bytes()).take_while(|(a, b)| a == b).count());
            assert!(page.starts_with(start) && page.ends_with(end), "{html}\n{page}");
            assert_eq!(page.matches("<title>t</title>").count(), 1, "{page}");
        }
    }

    #[test]
    fn what_a_visitor_wrote_stays_text() {
        let evil = "</title><script>alert(1)</script>\"><img src=x onerror=1>";
        let meta = Meta::new()
            .title(evil)
            .description(evil)
            .canonical(format!("/{evil}"))
            .image(format!("/{evil}"))
            .image_alt(evil)
            .tag(evil, evil);
        let page = meta.put_into("<head><title>x</title></head>".to_owned(), SITE, "");
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert_eq!(page.matches("</title>").count(), 1);
    }

    #[test]
    fn a_head_that_is_broken_is_left_as_it_is() {
        for html in
            ["<head><meta name=\"x", "<head><title>x", "<head><!-- ", "<", "<head><script>", "é<"]
        {
            let page = Meta::new().title("t").put_into(html.to_owned(), None, "");
            assert!(
                page.contains("<title>t</title>")
                    && page.contains(html.trim_start_matches("<head>")),
                "{page}"
            );
        }
    }
}
