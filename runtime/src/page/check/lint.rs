//! What is wrong with a template though it parses: values where escaping does not help, and names
//! of things that do not exist.
//!
//! Each template is looked at by itself, so a block is judged where it is written and not where
//! its layout puts it. The rules, and why they are no stricter:
//!
//! - A value in an unquoted attribute, or as the name of one, is refused: a blank in it would begin
//!   another attribute.
//! - A value in an `on…` attribute or in `srcdoc` is refused: it is read as a script or as markup
//!   after it was unescaped.
//! - A value within `<script>` or `<style>` has to come out of `json`, which those need instead of
//!   escaping.
//! - A value that begins an address which a browser goes to or runs has to come out of `url` or
//!   `asset`: it could begin with `javascript:`. Behind `/blog/` it can not, and in an image's
//!   address nothing runs.
//! - `safe` turns escaping off, so it is refused.
//!
//! The one who writes a template may know better: a comment `{# kipo: safe because … #}` on the
//! same line or the one before lets any of these through.

use std::collections::BTreeSet;

use crate::{
    files::Folder,
    page::check::{
        diagnostic::Diagnostic,
        expression::Expression,
        scan::{self, Attribute, Piece, Tag},
        sources::Sources,
        suggestion::did_you_mean,
        url_start::Start,
    },
};

/// What templates may name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Known<'k> {
    /// Nothing if the actions themselves are wrong.
    pub(crate) actions: Option<&'k [String]>,
    /// The public files.
    pub(crate) public: &'k [String],
}

/// Attributes that hold an address which a browser goes to or runs.
const ADDRESSES: [&str; 6] = ["href", "xlink:href", "src", "action", "formaction", "data"];

/// Elements whose `src` or `href` is shown or heard, and never run.
const SHOWN: [&str; 7] = ["img", "source", "video", "audio", "track", "input", "image"];

/// Schemes of addresses that are scripts.
const SCRIPTS: [&str; 2] = ["javascript", "vbscript"];

/// Says that there is no such public file.
pub(crate) fn unknown_file(path: &str, known: &[String]) -> String {
    let meant = did_you_mean(path.trim_start_matches('/'), known.iter().map(String::as_str));
    format!("there is no file {}/{path}{meant}", Folder::Public)
}

/// Returns all that is wrong with one template.
pub(crate) fn lint(sources: &Sources, name: &str, known: Known<'_>) -> Vec<Diagnostic> {
    let Some(source) = sources.get(name) else { return Vec::new() };
    let plain = scan::without_raw(source);
    let mut lint = Lint { sources, name, known, excused: BTreeSet::new(), diagnostics: Vec::new() };
    let pieces = scan::pieces(&plain, 0);
    lint.comments(&pieces);
    lint.expressions(&pieces);
    for tag in scan::tags(&plain) {
        lint.tag(&tag);
    }
    lint.diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
    lint.diagnostics
}

struct Lint<'a> {
    sources: &'a Sources,
    name: &'a str,
    known: Known<'a>,
    /// The lines whose values are safe, as a comment says.
    excused: BTreeSet<usize>,
    diagnostics: Vec<Diagnostic>,
}

impl Lint<'_> {
    /// Reads `{# kipo: safe because … #}`.
    fn comments(&mut self, pieces: &[(usize, Piece<'_>)]) {
        for (at, piece) in pieces {
            let Piece::Comment(comment) = piece else { continue };
            let text = comment.trim_matches(|c: char| "{#-}".contains(c) || c.is_whitespace());
            let Some(words) = text.strip_prefix("kipo:").map(str::trim) else { continue };
            let reason = words.strip_prefix("safe because").map(str::trim);
            if reason.is_none_or(str::is_empty) {
                self.wrong(*at, "this says nothing to Kipo: write `{# kipo: safe because … #}`, with the reason");
                continue;
            }
            let end = self.line(at + comment.len());
            self.excused.extend([end, end + 1]);
        }
    }

    /// Looks at expressions and statements wherever they stand.
    fn expressions(&mut self, pieces: &[(usize, Piece<'_>)]) {
        for (at, piece) in pieces {
            let (Piece::Expression(written) | Piece::Statement(written)) = piece else { continue };
            let expression = Expression::of(written, *at);
            if let Some(at) = expression.filter("safe") {
                self.unsafe_at(
                    at,
                    "`safe` puts text into the page as markup, whoever wrote it: leave it out",
                );
            }
            for (at, path) in expression.arguments("asset", "path") {
                if !self.known.public.iter().any(|known| known == path) {
                    let diagnostic = self.diagnostic(at, &unknown_file(path, self.known.public));
                    self.diagnostics
                        .push(Diagnostic { known: self.known.public.to_vec(), ..diagnostic });
                }
            }
        }
    }

    fn tag(&mut self, tag: &Tag<'_>) {
        for attribute in &tag.attributes {
            self.attribute(tag, attribute);
        }
        if let Some((at, content)) = tag.raw
            && (is(tag.name, "script") || is(tag.name, "style"))
        {
            self.script(tag.name, at, content);
        }
    }

    fn attribute(&mut self, tag: &Tag<'_>, attribute: &Attribute<'_>) {
        let name = attribute.name;
        if name.contains("{{") {
            // `field` escapes all that it writes.
            let is_field = Expression::of(name, attribute.name_at).is_call("field");
            if !(is_field && name.starts_with("{{")) {
                self.unsafe_at(
                    attribute.name_at,
                    "a value may not name an attribute: write the attribute out, as in \
                     `{% if x %}hidden{% endif %}`",
                );
            }
            return;
        }
        if is(name, "p-action") {
            self.action(attribute);
        }
        let pieces = scan::pieces(attribute.value, attribute.at);
        let expressions = || {
            pieces.iter().filter_map(|(at, piece)| match piece {
                Piece::Expression(written) => Some(Expression::of(written, *at)).map(|e| (*at, e)),
                Piece::Text(_) | Piece::Statement(_) | Piece::Comment(_) => None,
            })
        };
        let Some((first, _)) = expressions().next() else {
            self.address(tag, attribute, &pieces);
            return;
        };
        let json = expressions().find(|(_, expression)| expression.filter("json").is_some());
        if let Some((at, _)) = json.filter(|_| attribute.quote != Some('\'')) {
            let message = "the value of `json` holds double quotes: \
                           put single quotes around this attribute";
            self.wrong(at, message);
        } else if attribute.quote.is_none() {
            let message = format!(
                "put quotes around the value of `{name}`: a blank in it would begin another \
                 attribute"
            );
            self.unsafe_at(first, &message);
        }
        if is_handler(name) {
            let message = format!(
                "a value in `{name}` is run as a script: give the element a `p-ref`, and let the \
                 page's script listen"
            );
            self.unsafe_at(first, &message);
        } else if is(name, "srcdoc") {
            self.unsafe_at(first, "a value in `srcdoc` is read as markup: give the frame a page");
        } else {
            self.address(tag, attribute, &pieces);
        }
    }

    /// Looks at an attribute that may hold an address.
    fn address(&mut self, tag: &Tag<'_>, attribute: &Attribute<'_>, pieces: &[(usize, Piece<'_>)]) {
        let name = attribute.name;
        if !ADDRESSES.iter().any(|address| is(name, address))
            || (is(name, "data") && !is(tag.name, "object"))
        {
            return;
        }
        let shown = SHOWN.iter().any(|element| is(tag.name, element)) && !is(name, "formaction");
        let mut start = Start::default();
        for (at, piece) in pieces {
            match piece {
                Piece::Text(text) => {
                    if start.text(text).is_some_and(|s| SCRIPTS.contains(&s.as_str())) {
                        let message = "an address may not be a script: let the page's script \
                                       listen instead";
                        self.unsafe_at(*at, message);
                    }
                }
                Piece::Statement(written) => start.statement(&Expression::of(written, *at)),
                Piece::Expression(written) => {
                    let expression = Expression::of(written, *at);
                    let good = expression.ends_in(&["url"]) || expression.is_call("asset");
                    if start.expression() && !shown && !good {
                        let message = format!(
                            "a value that begins `{name}` may begin with `javascript:`: \
                             write `{{{{ … | url }}}}`, which lets only addresses of the web \
                             through, or put a path before it"
                        );
                        self.unsafe_at(*at, &message);
                    }
                }
                Piece::Comment(_) => {}
            }
        }
    }

    /// Looks at what stands in a script or a style.
    fn script(&mut self, element: &str, at: usize, content: &str) {
        let mut before = "";
        for (at, piece) in scan::pieces(content, at) {
            match piece {
                Piece::Text(text) => before = text,
                Piece::Expression(written) => {
                    let quoted = before.ends_with(['"', '\'', '`']);
                    if !Expression::of(written, at).ends_in(&["json"]) {
                        let message = format!(
                            "a value in <{element}> is not escaped as that needs it: \
                             write `{{{{ … | json }}}}`"
                        );
                        self.unsafe_at(at, &message);
                    } else if quoted {
                        self.unsafe_at(
                            at,
                            "`json` brings its own quotes: leave out those around it",
                        );
                    }
                    before = "";
                }
                Piece::Statement(written) => {
                    let keyword = Expression::of(written, at).keyword();
                    if matches!(keyword, Some("block" | "include")) {
                        let message = format!(
                            "what another template puts into <{element}> cannot be checked: \
                             write it here"
                        );
                        self.unsafe_at(at, &message);
                    }
                }
                Piece::Comment(_) => {}
            }
        }
    }

    /// Looks at `p-action="chat.Send"`.
    fn action(&mut self, attribute: &Attribute<'_>) {
        let (name, Some(known)) = (attribute.value.trim(), self.known.actions) else { return };
        if name.contains(['{', '}']) || known.iter().any(|known| known == name) {
            return;
        }
        let meant = did_you_mean(name, known.iter().map(String::as_str));
        let diagnostic =
            self.diagnostic(attribute.at, &format!("there is no action `{name}`{meant}"));
        self.diagnostics.push(Diagnostic { known: known.to_vec(), ..diagnostic });
    }

    /// Tells of a value that would be unsafe, if no comment says that it is not.
    fn unsafe_at(&mut self, at: usize, message: &str) {
        if !self.excused.contains(&self.line(at)) {
            let or = "or say in the line before why this one is safe: \
                      {# kipo: safe because … #}";
            self.wrong(at, &format!("{message}; {or}"));
        }
    }

    fn wrong(&mut self, at: usize, message: &str) {
        let diagnostic = self.diagnostic(at, message);
        self.diagnostics.push(diagnostic);
    }

    fn diagnostic(&self, at: usize, message: &str) -> Diagnostic {
        Diagnostic::at_byte(self.sources, self.name, at, message)
    }

    fn line(&self, at: usize) -> usize {
        let before = self.sources.get(self.name).and_then(|source| source.get(..at));
        before.map_or(0, |before| before.matches('\n').count()) + 1
    }
}

fn is(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

/// Tells whether an attribute of this name holds a script: `onclick`, and whatever else begins
/// like it, as there will be more of them.
fn is_handler(name: &str) -> bool {
    let event = name.get(..2).filter(|on| is(on, "on")).and_then(|_| name.get(2..));
    event.is_some_and(|event| !event.is_empty() && event.bytes().all(|b| b.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostics(source: &str) -> Vec<Diagnostic> {
        let sources = Sources::from([("a.html".to_owned(), source.to_owned())]);
        let (actions, public) = (["chat.Send".to_owned()], ["app.css".to_owned()]);
        let known = Known { actions: Some(&actions), public: &public };
        lint(&sources, "a.html", known)
    }

    #[track_caller]
    fn right(source: &str) {
        assert_eq!(diagnostics(source), [], "{source}");
    }

    #[track_caller]
    fn wrong(source: &str, column: usize, message: &str) {
        let diagnostics = diagnostics(source);
        let [diagnostic] = diagnostics.as_slice() else { panic!("{source}: {diagnostics:#?}") };
        assert_eq!(
            (diagnostic.line, diagnostic.column),
            (Some(1), Some(column)),
            "{source}: {diagnostic}"
        );
        assert!(diagnostic.message.contains(message), "{source}: {diagnostic}");
        assert!(diagnostic.excerpt.contains(source), "{source}: {diagnostic}");
    }

    #[test]
    fn a_value_in_an_attribute_stands_in_quotes() {
        wrong("<p class={{ x }}>", 10, "put quotes around the value of `class`");
        wrong("<p class=a-{{ x }}>", 12, "put quotes");
        wrong("<p {% if y %}class={{ x }}{% endif %}>", 20, "put quotes");
        wrong("<p {{ x }}>", 4, "may not name an attribute");
        wrong("<p data-{{ x }}='1'>", 4, "may not name an attribute");
        right("<p class='{{ x }}' title=\"a {{ y }}\" {% if z %}hidden{% endif %} a=b>{{ x }}</p>");
        right("<!-- <p class={{ x }}> --><textarea><p class={{ x }}></textarea>");
        right("{% raw %}<p class={{ x }}>{% endraw %}<h{{ level }}></h{{ level }}>");
    }

    #[test]
    fn a_value_is_no_script_and_no_markup() {
        wrong("<p onclick=\"f('{{ x }}')\">", 16, "`onclick` is run as a script");
        wrong("<p ONCLICK='f({{ x | json }})'>", 15, "is run as a script");
        wrong("<iframe srcdoc='{{ x }}'>", 17, "read as markup");
        right("<p onclick='f()' on='{{ x }}' on-sale='{{ x }}' p-on='{{ x }}'>");
    }

    #[test]
    fn a_value_in_a_script_goes_through_json() {
        wrong("<script>let a = {{ x }};</script>", 17, "write `{{ … | json }}`");
        wrong("<script>let a = {{ x | json | upper }};</script>", 17, "in <script> is not escaped");
        wrong("<SCRIPT>let a = \"{{ x | json }}\";</SCRIPT>", 18, "brings its own quotes");
        wrong("<style>a { color: {{ x }} }</style>", 19, "in <style>");
        wrong("<script>{% include 'a.js' %}</script>", 9, "cannot be checked");
        wrong("<script>{%- block a %}{% endblock %}</script>", 9, "cannot be checked");
        right("<script type=\"application/json\">{\"a\": {{ x | json }}}</script>");
        right("<script>{% for a in b %}{{ a | json }},{% endfor %}</script>");
        right("<title>{{ x }}</title><textarea>{{ x }}</textarea>");
    }

    #[test]
    fn json_between_double_quotes_is_found() {
        wrong("<p a=\"{{ v | json }}\">", 7, "single quotes");
        wrong("<p a={{ v|json }}>", 6, "single quotes");
        wrong("<p a=\"x{{ v | sort | json() }}\">", 8, "single quotes");
        right("<p a='{{ v | json }}'>");
        right("<p>{{ v | json }}</p>");
        right("<p a=\"{{ v | jsonish }}\">");
        right("<p a=\"{{ v }} | json\">");
    }

    #[test]
    fn a_value_does_not_begin_an_address() {
        let begins = "may begin with `javascript:`";
        wrong("<a href='{{ x }}'>", 10, begins);
        wrong("<a href='{{ x }}/a'>", 10, begins);
        wrong("<a href=' {{ x | upper }}'>", 11, begins);
        wrong("<a href='java{{ x }}'>", 14, begins);
        wrong("<a href='{% if a %}/b/{% endif %}{{ x }}'>", 34, begins);
        wrong("<a href='{% if a %}/b/{% else %}{{ x }}{% endif %}'>", 33, begins);
        wrong("<form action='{{ x }}'>", 15, begins);
        wrong("<button formaction=\"{{ x }}\">", 21, begins);
        wrong("<input formaction=\"{{ x }}\">", 20, begins);
        wrong("<iframe src='{{ x }}'>", 14, begins);
        wrong("<script src='{{ x }}'></script>", 14, begins);
        wrong("<svg><a xlink:href='{{ x }}'/></svg>", 21, begins);
        wrong("<object data='{{ x }}'>", 15, begins);
        right("<a href='/blog/{{ slug }}?page={{ page }}#{{ id }}'>");
        right("<a href='?page={{ x }}'><a href='#{{ x }}'><a href='./{{ x }}'>");
        right(
            "<a href='https://{{ host }}/'><a href='mailto:{{ x }}'><a href='page-{{ n }}.html'>",
        );
        right("<a href='{{ x | url }}'><a href='{{ x.y | trim | url }}/more'>");
        right("<a href='{% if a %}{{ x | url }}{% else %}/{% endif %}'>");
        right("<a href='{% if a %}/b/{% else %}/c/{% endif %}{{ x }}'>");
        right("<link href='{{ asset(path=\"app.css\") }}'>");
        right("<img src='{{ x }}'><video poster='{{ x }}' src='{{ x }}'><p data='{{ x }}'>");
    }

    #[test]
    fn an_address_is_no_script() {
        wrong("<a href='javascript:f()'>", 10, "may not be a script");
        wrong("<a href=' JavaScript:f()'>", 10, "may not be a script");
        wrong("<img src=javascript:f()>", 10, "may not be a script");
        wrong("<form action='javascript:{{ x }}'>", 15, "may not be a script");
        right("<a href='/javascript:'><a href='javascript'><link href='data:,'>");
    }

    #[test]
    fn safe_needs_a_reason() {
        wrong("<p>{{ x | safe }}</p>", 11, "`safe` puts text into the page as markup");
        wrong("{% set a = x | safe %}", 16, "`safe`");
        wrong("{% filter safe %}{{ x }}{% endfilter %}", 11, "`safe`");
        right("{{ x | safe }} {# kipo: safe because the server makes it #}");
        right("{#- kipo: safe because\nthe server makes it -#}\n{{ x | safe }}");
        wrong("{{ x | safe }} {# safe #}", 8, "`safe`");
        right("{{ '| safe' }}{{ x is defined }}{# {{ x | safe }} #}");
    }

    #[test]
    fn a_comment_excuses_its_line_and_the_next() {
        let excuse = "{# kipo: safe because it is a number #}";
        right(&format!("{excuse}\n<p class={{{{ level }}}}>"));
        right(&format!("{excuse}<a href='{{{{ x }}}}' class={{{{ x }}}}>"));
        assert_eq!(diagnostics(&format!("{excuse}\n\n<p class={{{{ level }}}}>")).len(), 1);
        for comment in ["{# kipo: safe #}", "{# kipo: safe because #}", "{# kipo: ok #}"] {
            wrong(comment, 1, "with the reason");
        }
        // What can never work is not excused.
        assert_eq!(diagnostics(&format!("{excuse}\n<p a=\"{{{{ x | json }}}}\">")).len(), 1);
    }

    #[test]
    fn names_are_known() {
        wrong(
            "<form p-action=\"chat.send\">",
            17,
            "no action `chat.send`; did you mean `chat.Send`?",
        );
        wrong("{{ asset(path='ap.css') }}", 15, "no file public/ap.css; did you mean `app.css`?");
        wrong("{{ asset(path='/app.css') }}", 15, "did you mean `app.css`?");
        wrong("{% set a = asset(path='gone') %}", 23, "there is no file public/gone");
        assert_eq!(diagnostics("<form p-action='x'>")[0].known, ["chat.Send"]);
        assert_eq!(diagnostics("{{ asset(path='x') }}")[0].known, ["app.css"]);
        right("<form p-action='chat.Send'><form p-action='{{ x }}'>{{ asset(path='app.css') }}");
        right("{{ asset(path=x) }}");
    }

    #[test]
    fn all_is_told_in_order() {
        let diagnostics =
            diagnostics("{{ a | safe }}\n<p b={{ c }} onclick='{{ d }}'>\n<a href='{{ e }}'>");
        let places = diagnostics
            .iter()
            .map(|diagnostic| (diagnostic.line.unwrap(), diagnostic.column.unwrap()));
        assert_eq!(places.collect::<Vec<_>>(), [(1, 8), (2, 6), (2, 23), (3, 10)]);
    }
}
