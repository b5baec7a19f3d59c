//! The HTML tags of a template, found without rendering it.
//!
//! Not a parser: it knows as much of HTML as it takes to tell a tag's attributes from text, from
//! comments and from what stands in a script, and takes each Tera expression as one opaque piece.

use std::borrow::Cow;

use crate::page::check::expression::text_end;

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag<'a> {
    /// As written, with the expressions that make it.
    pub(crate) name: &'a str,
    /// Where the name starts in the template, in bytes.
    pub(crate) at: usize,
    pub(crate) attributes: Vec<Attribute<'a>>,
    /// What stands in an element whose content is no markup, and where that starts.
    pub(crate) raw: Option<(usize, &'a str)>,
}

/// An attribute of a start tag.
#[derive(Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: &'a str,
    /// The quote around the value, if there is one.
    pub(crate) quote: Option<char>,
    /// Where the value starts in the template, in bytes.
    pub(crate) at: usize,
    /// Where the name starts.
    pub(crate) name_at: usize,
}

/// A piece of a template, as Tera sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'a> {
    Text(&'a str),
    /// `{{ … }}`
    Expression(&'a str),
    /// `{% … %}`
    Statement(&'a str),
    /// `{# … #}`
    Comment(&'a str),
}

/// Returns the start tags of a template, in order.
pub(crate) fn tags(source: &str) -> Vec<Tag<'_>> {
    let mut scanner = Scanner { source, at: 0 };
    let mut tags = Vec::new();
    while let Some(tag) = scanner.tag() {
        tags.push(tag);
    }
    tags
}

/// Returns the pieces of a template or of a part of it, each with where it starts in bytes; `at`
/// is where the part starts.
pub(crate) fn pieces(part: &str, at: usize) -> Vec<(usize, Piece<'_>)> {
    let mut pieces = Vec::new();
    let (mut start, mut end) = (0, 0);
    while end < part.len() {
        let Some(after) = expression(part, end) else {
            end += part[end..].chars().next().map_or(1, char::len_utf8);
            continue;
        };
        if start < end {
            pieces.push((at + start, Piece::Text(&part[start..end])));
        }
        let written = &part[end..after];
        let piece = match written.as_bytes()[1] {
            b'{' => Piece::Expression(written),
            b'%' => Piece::Statement(written),
            _ => Piece::Comment(written),
        };
        pieces.push((at + end, piece));
        (start, end) = (after, after);
    }
    if start < part.len() {
        pieces.push((at + start, Piece::Text(&part[start..])));
    }
    pieces
}

/// Returns a template in which what stands between `{% raw %}` and `{% endraw %}` looks like no
/// expression. All the rest stays at its place.
pub(crate) fn without_raw(source: &str) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(source);
    let mut at = 0;
    while let Some(start) = source[at..].find("{%").map(|start| at + start) {
        let Some(body) = statement_end(source, start, "raw") else {
            at = start + 2;
            continue;
        };
        let mut ends = source[body..].match_indices("{%").map(|(end, _)| body + end);
        let end = ends.find(|end| statement_end(source, *end, "endraw").is_some());
        let end = end.unwrap_or(source.len());
        let plain = source[body..end].replace(['{', '}', '%', '#'], " ");
        text.to_mut().replace_range(body..end, &plain);
        at = end;
    }
    text
}

/// Returns where a statement ends that is nothing but this word.
fn statement_end(source: &str, at: usize, word: &str) -> Option<usize> {
    let rest = &source[at + 2..];
    let inner = rest.strip_prefix('-').unwrap_or(rest).trim_start().strip_prefix(word)?;
    let inner = inner.trim_start();
    let inner = inner.strip_prefix('-').unwrap_or(inner).strip_prefix("%}")?;
    Some(source.len() - inner.len())
}

/// Elements whose content is no markup.
const RAW: [&str; 4] = ["script", "style", "textarea", "title"];

struct Scanner<'a> {
    source: &'a str,
    /// Always between two characters.
    at: usize,
}

impl<'a> Scanner<'a> {
    fn tag(&mut self) -> Option<Tag<'a>> {
        loop {
            self.take_until(|rest| rest.starts_with('<'));
            let rest = self.rest();
            if rest.is_empty() {
                return None;
            }
            if let Some(comment) = rest.strip_prefix("<!--") {
                self.at = match comment.find("-->") {
                    Some(end) => self.at + 4 + end + 3,
                    None => self.source.len(),
                };
                continue;
            }
            self.at += 1;
            if self.rest().starts_with(|c: char| c.is_ascii_alphabetic() || c == '{') {
                return Some(self.start_tag());
            }
        }
    }

    fn start_tag(&mut self) -> Tag<'a> {
        let at = self.at;
        let name = self.take_until(|rest| rest.starts_with(ends_name));
        let mut attributes = Vec::new();
        loop {
            self.take_until(|rest| {
                let blank = rest.starts_with(|c: char| c.is_ascii_whitespace() || c == '/');
                !blank && !is_statement(rest)
            });
            if self.rest().is_empty() {
                break;
            }
            if self.rest().starts_with('>') {
                self.at += 1;
                break;
            }
            attributes.extend(self.attribute());
        }
        let raw = RAW.iter().any(|raw| raw.eq_ignore_ascii_case(name)).then(|| {
            let content = self.at;
            let end = |rest: &str| {
                rest.strip_prefix("</")
                    .and_then(|rest| rest.get(..name.len()))
                    .is_some_and(|end| end.eq_ignore_ascii_case(name))
            };
            (content, self.take_until(end))
        });
        Tag { name, at, attributes, raw }
    }

    fn attribute(&mut self) -> Option<Attribute<'a>> {
        let start = self.at;
        // A lone `=` belongs to a name, as HTML has it; so at least one character is taken.
        self.step();
        self.take_until(|rest| {
            rest.starts_with(|c| ends_name(c) || c == '=') || is_statement(rest)
        });
        let name = &self.source[start..self.at];
        let after = self.rest().trim_ascii_start();
        let Some(value) = after.strip_prefix('=') else {
            let at = self.at;
            return Some(Attribute { name, value: "", quote: None, at, name_at: start });
        };
        self.at = self.source.len() - value.trim_ascii_start().len();
        let quote = self.rest().chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            let at = self.at;
            let ends = |c: char| c.is_ascii_whitespace() || c == '>';
            let value = self.take_until(|rest| rest.starts_with(ends) || is_statement(rest));
            return Some(Attribute { name, value, quote: None, at, name_at: start });
        };
        self.at += 1;
        let at = self.at;
        let value = self.take_until(|rest| rest.starts_with(quote));
        self.at = self.source.len().min(self.at + 1);
        Some(Attribute { name, value, quote: Some(quote), at, name_at: start })
    }

    /// Moves on to where `stop` holds, and returns what was passed. What lies within an expression
    /// is never asked about.
    fn take_until(&mut self, stop: impl Fn(&str) -> bool) -> &'a str {
        let start = self.at;
        while !self.rest().is_empty() && !stop(self.rest()) {
            self.step();
        }
        &self.source[start..self.at]
    }

    /// Moves over one expression or one character.
    fn step(&mut self) {
        let character = self.rest().chars().next().map_or(0, char::len_utf8);
        self.at = expression(self.source, self.at).unwrap_or(self.at + character);
    }

    fn rest(&self) -> &'a str {
        &self.source[self.at..]
    }
}

/// Tells whether a statement or a comment starts here: it writes nothing, so it is a gap.
fn is_statement(rest: &str) -> bool {
    rest.starts_with("{%") || rest.starts_with("{#")
}

fn ends_name(c: char) -> bool {
    c.is_ascii_whitespace() || matches!(c, '/' | '>')
}

/// Returns where the Tera expression, statement or comment that starts at `at` ends. A string
/// within it may hold what would end it.
fn expression(source: &str, at: usize) -> Option<usize> {
    let rest = &source[at..];
    let end = match rest.get(..2)? {
        "{{" => "}}",
        "{%" => "%}",
        "{#" => return Some(rest.find("#}").map_or(source.len(), |end| at + end + 2)),
        _ => return None,
    };
    let mut index = 2;
    while let Some(c) = rest[index..].chars().next() {
        if rest[index..].starts_with(end) {
            return Some(at + index + 2);
        }
        index += match c {
            '"' | '\'' | '`' => text_end(&rest[index..]),
            c => c.len_utf8(),
        };
    }
    Some(source.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &[&str]) {
        let tags = tags(source);
        let found = tags.iter().map(|tag| {
            let attributes = tag.attributes.iter().map(|a| format!(" {}={}", a.name, a.value));
            format!("{}{}", tag.name, attributes.collect::<String>())
        });
        assert_eq!(found.collect::<Vec<_>>(), expected, "{source}");
    }

    #[test]
    fn tags_are_told_from_text() {
        check("a < b <p>x</p><br/>", &["p", "br"]);
        check("<!-- <p a=1> --><b>", &["b"]);
        check("<!doctype html><html lang=\"en\">", &["html lang=en"]);
        check("<script>if (a <b) '<i>'</script><u>", &["script", "u"]);
        check("<textarea><i></textarea ><u>", &["textarea", "u"]);
        check("<title>{{ a }}<b></title><u>", &["title", "u"]);
    }

    #[test]
    fn attributes_of_all_shapes_are_found() {
        check("<input a='1' b = \"2\" c=3 d e=>", &["input a=1 b=2 c=3 d= e="]);
        check("<a\n\thref=/x/y>z", &["a href=/x/y"]);
        check("<input a=\"x > y\">", &["input a=x > y"]);
        check("<my-part p-ref=x>", &["my-part p-ref=x"]);
        check("<a =b c>", &["a =b= c="]);
    }

    #[test]
    fn an_expression_is_one_piece() {
        check("<a {% if x > y %}b=1{% endif %} c=2>", &["a b=1 c=2"]);
        check("<a {% if x %}b{% else %}c{% endif %}>", &["a b= c="]);
        check("<a {% block b %}{% endblock %}><b>", &["a", "b"]);
        check(
            "<a b=\"{{ x | default(value=\"}}>\") }}\">",
            &["a b={{ x | default(value=\"}}>\") }}"],
        );
        check("{# <p> #}<b>", &["b"]);
        check("{{ \"<p>\" }}<b>", &["b"]);
        check("<{{ tag }} p-ref=x>", &["{{ tag }} p-ref=x"]);
        check("<a {{ attributes }}>", &["a {{ attributes }}="]);
    }

    #[test]
    fn what_does_not_end_is_not_read_beyond_the_end() {
        for source in
            ["<", "<a", "<a b", "<a b=", "<a b=\"", "<!--", "{{", "<a {{ '", "<é", "<script>"]
        {
            let _ = tags(source);
        }
    }

    #[test]
    fn a_template_falls_into_pieces() {
        assert_eq!(
            pieces("a {{ b }}{% if c %}é{{ '}}' }}{# d #}", 5),
            [
                (5, Piece::Text("a ")),
                (7, Piece::Expression("{{ b }}")),
                (14, Piece::Statement("{% if c %}")),
                (24, Piece::Text("é")),
                (26, Piece::Expression("{{ '}}' }}")),
                (36, Piece::Comment("{# d #}")),
            ]
        );
        assert_eq!(pieces("{{ \"\\\"}}\" }}x", 0).len(), 2);
    }

    #[test]
    fn what_stands_in_raw_is_text() {
        let source = "{{ a }}{% raw %}{{ b }}{% if %}{%- endraw -%}{{ c }}{% raw -%}{{ d";
        let text = without_raw(source);
        assert_eq!(text.len(), source.len());
        let expressions = pieces(&text, 0);
        let expressions: Vec<_> = expressions
            .iter()
            .filter_map(|(_, piece)| match piece {
                Piece::Expression(written) => Some(*written),
                _ => None,
            })
            .collect();
        assert_eq!(expressions, ["{{ a }}", "{{ c }}"]);
        assert!(matches!(without_raw("{{ a }}{% if raw %}"), Cow::Borrowed(_)));
    }

    #[test]
    fn a_tag_knows_its_places_and_what_it_holds() {
        let tags = tags("<b><script a='x'>let {{ y }}</script>");
        let script = &tags[1];
        assert_eq!(script.raw, Some((17, "let {{ y }}")));
        assert_eq!((script.attributes[0].name_at, script.attributes[0].at), (11, 14));
    }
}
