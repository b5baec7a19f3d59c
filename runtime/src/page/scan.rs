//! The HTML tags of a template, found without rendering it.
//!
//! Not a parser: it knows as much of HTML as it takes to tell a tag's attributes from text, from
//! comments and from what stands in a script, and takes each Tera expression as one opaque piece.

/// A start tag.
#[derive(Debug)]
pub(crate) struct Tag<'a> {
    /// As written; empty if an expression makes it.
    pub(crate) name: &'a str,
    pub(crate) attributes: Vec<Attribute<'a>>,
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

/// Returns the Tera expressions, `{{ … }}`, within a piece of a template.
pub(crate) fn expressions(piece: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < piece.len() {
        if let Some(end) = expression(piece, at) {
            if piece[at..].starts_with("{{") {
                found.push(&piece[at..end]);
            }
            at = end;
        } else {
            at += piece[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    found
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
        let start = self.at;
        let name = self.take_until(|rest| rest.starts_with(ends_name));
        let name = if expression(self.source, start).is_some() { "" } else { name };
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
        if RAW.iter().any(|raw| raw.eq_ignore_ascii_case(name)) {
            self.take_until(|rest| {
                rest.strip_prefix("</")
                    .and_then(|rest| rest.get(..name.len()))
                    .is_some_and(|end| end.eq_ignore_ascii_case(name))
            });
        }
        Tag { name, attributes }
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
            return Some(Attribute { name, value: "", quote: None, at: self.at });
        };
        self.at = self.source.len() - value.trim_ascii_start().len();
        let quote = self.rest().chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            let at = self.at;
            let ends = |c: char| c.is_ascii_whitespace() || c == '>';
            let value = self.take_until(|rest| rest.starts_with(ends) || is_statement(rest));
            return Some(Attribute { name, value, quote: None, at });
        };
        self.at += 1;
        let at = self.at;
        let value = self.take_until(|rest| rest.starts_with(quote));
        self.at = self.source.len().min(self.at + 1);
        Some(Attribute { name, value, quote: Some(quote), at })
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
    let mut quote = None;
    for (index, c) in rest.char_indices().skip(2) {
        match quote {
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if rest[index..].starts_with(end) => return Some(at + index + 2),
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            None => {}
        }
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
        check("<{{ tag }} p-ref=x>", &[" p-ref=x"]);
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
    fn expressions_are_found_in_a_value() {
        assert_eq!(expressions("a {{ b }}{% if c %}é{{ '}}' }}"), ["{{ b }}", "{{ '}}' }}"]);
    }
}
