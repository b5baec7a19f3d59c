//! The forms of a template, as its author wrote them: found without rendering it.

use std::ops::Range;

use crate::page::check::{
    Expression, Piece, Token,
    scan::{self, Attribute, Tag},
};

/// The functions that write what belongs to a form.
const FUNCTIONS: [&str; 3] = ["field", "field_error", "form_error"];

/// What a template has of forms, in the order of the text.
#[derive(Debug, Default)]
pub(super) struct Written<'a> {
    pub(super) forms: Vec<Form<'a>>,
    pub(super) calls: Vec<Call<'a>>,
    pub(super) controls: Vec<Control<'a>>,
    /// The options of a `<select {{ field(…) }}>`.
    pub(super) options: Vec<Choice<'a>>,
}

/// A `<form p-action="…">`.
#[derive(Debug)]
pub(super) struct Form<'a> {
    pub(super) action: &'a str,
    /// Where the name of the action starts.
    pub(super) at: usize,
    /// Where the attribute `p-action` ends.
    pub(super) attribute_end: usize,
    /// The value of `p-action-key`, and where it starts.
    pub(super) key: Option<(usize, &'a str)>,
    /// What lies between its tags, with its start tag.
    pub(super) range: Range<usize>,
    /// The attributes that the server writes, by name and start.
    pub(super) refused: Vec<(&'a str, usize)>,
    /// Whether it stands in a loop.
    pub(super) is_repeated: bool,
    /// Whether something in it comes from another template.
    pub(super) has_foreign: bool,
}

/// A call of `field`, `field_error` or `form_error`.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) function: &'a str,
    pub(super) at: usize,
    /// Where its closing parenthesis stands.
    pub(super) close: usize,
    pub(super) arguments: Vec<Argument<'a>>,
    /// The control whose attribute it is.
    pub(super) control: Option<Element<'a>>,
}

/// One argument of a call.
#[derive(Debug)]
pub(super) struct Argument<'a> {
    pub(super) name: Option<&'a str>,
    /// Where its value starts.
    pub(super) at: usize,
    /// Its value, as written.
    pub(super) value: &'a str,
    /// Its value, if that is a text.
    pub(super) text: Option<&'a str>,
}

/// The element that a call of `field` stands in.
#[derive(Clone, Debug)]
pub(super) struct Element<'a> {
    pub(super) tag: &'a str,
    /// The value of `type`.
    pub(super) kind: &'a str,
    /// The value of `value`, and where it starts.
    pub(super) value: Option<(usize, &'a str)>,
    /// The value of `accept`, and where it starts.
    pub(super) accept: Option<(usize, &'a str)>,
    /// The names of its attributes, with where each starts.
    pub(super) attributes: Vec<(&'a str, usize)>,
    /// Where the text of a text area starts, if that is empty.
    pub(super) empty_text: Option<usize>,
    /// The text of a text area, if it has one, and where it starts.
    pub(super) text: Option<(usize, &'a str)>,
}

impl Element<'_> {
    /// Returns whether the control is one of several for the same field, or is sent only if it is checked.
    pub(super) fn is_choice(&self) -> bool {
        is(self.tag, "input") && (is(self.kind, "radio") || is(self.kind, "checkbox"))
    }

    /// Returns whether the value that the author wrote is part of what the control is.
    pub(super) fn keeps_value(&self) -> bool {
        self.is_choice()
            || is(self.tag, "button")
            || ["hidden", "submit", "button", "image", "reset"]
                .iter()
                .any(|kind| is(self.kind, kind))
    }
}

/// A control with a name that is written out.
#[derive(Debug)]
pub(super) struct Control<'a> {
    pub(super) name: &'a str,
    /// Where the name starts.
    pub(super) at: usize,
    pub(super) kind: &'a str,
    /// The value of `accept`, and where it starts.
    pub(super) accept: Option<(usize, &'a str)>,
    /// Whether it names its form by `form="…"`.
    pub(super) is_elsewhere: bool,
}

/// An option of a select whose attributes [`field`](FUNCTIONS) writes.
#[derive(Debug)]
pub(super) struct Choice<'a> {
    /// Where the name of its tag ends.
    pub(super) name_end: usize,
    pub(super) value: (usize, &'a str),
    /// Where `selected` is written, if it is.
    pub(super) selected: Option<usize>,
    /// The index of the select's call.
    pub(super) call: usize,
}

impl<'a> Written<'a> {
    /// Reads a template. What stands in `{% raw %}` has to be blanked out.
    pub(super) fn of(source: &'a str) -> Self {
        let mut written = Self::default();
        if !source.contains("p-action") && !FUNCTIONS.iter().any(|name| source.contains(name)) {
            return written;
        }
        let pieces = scan::pieces(source, 0);
        for (at, piece) in &pieces {
            if let Piece::Expression(text) | Piece::Statement(text) = piece {
                written.calls.extend(calls(source, &Expression::of(text, *at)));
            }
        }
        let tags = scan::tags(source);
        let mut select = None;
        for tag in &tags {
            if is(tag.name, "form") {
                written.forms.extend(form(source, tag, &pieces));
            }
            if is(tag.name, "option") {
                written.options.extend(select.and_then(|call| choice(tag, call)));
                continue;
            }
            if is(tag.name, "optgroup") {
                continue;
            }
            let call = written.call_in(tag);
            if let Some(call) = call {
                written.calls[call].control = Some(element(tag));
            }
            select = call.filter(|_| is(tag.name, "select"));
            written.controls.extend(control(tag));
        }
        written
    }

    /// Returns the index of the call of `field` that is an attribute of a tag.
    fn call_in(&self, tag: &Tag<'_>) -> Option<usize> {
        let within = |at: usize| {
            tag.attributes.iter().any(|attribute| {
                let range = attribute.name_at..attribute.name_at + attribute.name.len();
                attribute.name.starts_with("{{") && range.contains(&at)
            })
        };
        self.calls.iter().position(|call| call.function == "field" && within(call.at))
    }

    /// Returns the form that a byte of the template lies in.
    pub(super) fn form_at(&self, at: usize) -> Option<&Form<'a>> {
        self.forms.iter().rev().find(|form| form.range.contains(&at))
    }
}

impl<'a> Call<'a> {
    /// Returns an argument by its name, or by its index if it has none.
    pub(super) fn argument(&self, index: usize, name: &str) -> Option<&Argument<'a>> {
        let named = self.arguments.iter().find(|argument| argument.name == Some(name));
        named.or_else(|| self.arguments.get(index).filter(|argument| argument.name.is_none()))
    }

    /// Returns the action.
    pub(super) fn action(&self) -> Option<&Argument<'a>> {
        self.argument(0, "of")
    }

    /// Returns the name of the field.
    pub(super) fn field(&self) -> Option<&Argument<'a>> {
        (self.function != "form_error").then(|| self.argument(1, "name")).flatten()
    }
}

/// Returns the calls in an expression.
fn calls<'a>(source: &'a str, expression: &Expression<'a>) -> Vec<Call<'a>> {
    let tokens = &expression.tokens;
    let mut calls = Vec::new();
    for index in 0..tokens.len() {
        let (at, Token::Word(function)) = tokens[index] else { continue };
        let is_member = index > 0 && matches!(tokens[index - 1].1, Token::Mark('.' | '|'));
        let opens = matches!(tokens.get(index + 1), Some((_, Token::Mark('('))));
        if is_member || !opens || !FUNCTIONS.contains(&function) {
            continue;
        }
        if let Some((close, arguments)) = arguments(source, &tokens[index + 1..]) {
            calls.push(Call { function, at, close, arguments, control: None });
        }
    }
    calls
}

/// Reads the arguments of a call from its opening parenthesis on, and where it closes.
fn arguments<'a>(
    source: &'a str,
    tokens: &[(usize, Token<'a>)],
) -> Option<(usize, Vec<Argument<'a>>)> {
    let mut arguments = Vec::new();
    let (mut depth, mut first) = (0_usize, 1);
    for (index, (at, token)) in tokens.iter().enumerate() {
        match token {
            Token::Mark('(' | '[' | '{') => depth += 1,
            Token::Mark(')' | ']' | '}') => depth = depth.checked_sub(1)?,
            _ => {}
        }
        let closes = depth == 0;
        let separates = depth == 1 && *token == Token::Mark(',');
        if !closes && !separates {
            continue;
        }
        arguments.extend(argument(source, &tokens[first..index], *at));
        if closes {
            return Some((*at, arguments));
        }
        first = index + 1;
    }
    None
}

/// Reads one argument, which ends at `end`.
fn argument<'a>(
    source: &'a str,
    tokens: &[(usize, Token<'a>)],
    end: usize,
) -> Option<Argument<'a>> {
    let (name, value) = match tokens {
        [(_, Token::Word(name)), (_, Token::Mark('=')), value @ ..]
            if !matches!(value.first(), Some((_, Token::Mark('=')))) =>
        {
            (Some(*name), value)
        }
        value => (None, value),
    };
    let (at, _) = *value.first()?;
    let text = match value {
        [(_, Token::Text(text))] => Some(*text),
        _ => None,
    };
    Some(Argument { name, at, value: source.get(at..end)?.trim_end(), text })
}

/// The attributes of a form that the server writes.
const REFUSED: [&str; 4] = ["action", "method", "enctype", "accept-charset"];

/// Reads a form that has an action.
fn form<'a>(source: &'a str, tag: &Tag<'a>, pieces: &[(usize, Piece<'a>)]) -> Option<Form<'a>> {
    let attribute = |name: &str| tag.attributes.iter().find(|attribute| is(attribute.name, name));
    let action = attribute("p-action")?;
    let quoted = usize::from(action.quote.is_some());
    let end = end_tag(source, tag.at).unwrap_or(source.len());
    let within = |at: &usize| (tag.at..end).contains(at);
    let statement = |piece: &Piece<'a>| match piece {
        Piece::Statement(text) => Expression::of(text, 0).keyword(),
        _ => None,
    };
    let before = pieces.iter().take_while(|(at, _)| *at < tag.at);
    let loops = before.fold(0_i32, |loops, (_, piece)| match statement(piece) {
        Some("for") => loops + 1,
        Some("endfor") => loops - 1,
        _ => loops,
    });
    let has_foreign = pieces.iter().filter(|(at, _)| within(at)).any(|(at, piece)| match piece {
        Piece::Statement(text) | Piece::Expression(text) => {
            matches!(statement(piece), Some("include" | "block"))
                || !Expression::of(text, *at).components().is_empty()
        }
        Piece::Text(_) | Piece::Comment(_) => false,
    });
    let value = action.value;
    Some(Form {
        action: value.trim(),
        at: action.at,
        attribute_end: action.at + value.len() + quoted,
        key: attribute("p-action-key").map(|key| (key.at, key.value)),
        range: tag.at..end,
        refused: tag
            .attributes
            .iter()
            .filter(|attribute| REFUSED.iter().any(|name| is(attribute.name, name)))
            .map(|attribute| (attribute.name, attribute.name_at))
            .collect(),
        is_repeated: loops > 0,
        has_foreign,
    })
}

/// Returns where the next end tag of a form starts.
fn end_tag(source: &str, from: usize) -> Option<usize> {
    let mut starts = source[from..].match_indices("</").map(|(at, _)| from + at);
    starts.find(|at| source.get(at + 2..at + 6).is_some_and(|name| is(name, "form")))
}

/// Reads the element of a tag.
fn element<'a>(tag: &Tag<'a>) -> Element<'a> {
    let attribute = |name: &str| tag.attributes.iter().find(|attribute| is(attribute.name, name));
    let text = tag.raw.filter(|_| is(tag.name, "textarea"));
    Element {
        tag: tag.name,
        kind: attribute("type").map_or("", |kind| kind.value),
        value: attribute("value").map(|value| (value.at, value.value)),
        accept: attribute("accept").map(|accept| (accept.at, accept.value)),
        attributes: tag.attributes.iter().map(|found| (found.name, found.name_at)).collect(),
        empty_text: text.filter(|(_, text)| text.trim().is_empty()).map(|(at, _)| at),
        text: text.filter(|(_, text)| !text.trim().is_empty()),
    }
}

/// Reads a control with a name that is written out.
fn control<'a>(tag: &Tag<'a>) -> Option<Control<'a>> {
    let attribute = |name: &str| tag.attributes.iter().find(|attribute| is(attribute.name, name));
    if !["input", "select", "textarea", "button"].iter().any(|name| is(tag.name, name)) {
        return None;
    }
    let name = attribute("name");
    let kind = attribute("type").map_or("", |kind: &Attribute<'a>| kind.value);
    Some(Control {
        name: name.map_or("", |name| name.value),
        at: name.map_or(tag.at, |name| name.at),
        kind,
        accept: attribute("accept").map(|accept| (accept.at, accept.value)),
        is_elsewhere: attribute("form").is_some(),
    })
}

/// Reads an option of a select.
fn choice<'a>(tag: &Tag<'a>, call: usize) -> Option<Choice<'a>> {
    let attribute = |name: &str| tag.attributes.iter().find(|attribute| is(attribute.name, name));
    let value = attribute("value")?;
    Some(Choice {
        name_end: tag.at + tag.name.len(),
        value: (value.at, value.value),
        selected: attribute("selected").map(|selected| selected.name_at),
        call,
    })
}

pub(super) fn is(name: &str, other: &str) -> bool {
    name.eq_ignore_ascii_case(other)
}

/// Returns an attribute's value as an expression of the engine. A value with a statement has none.
pub(super) fn as_expression(value: &str) -> Option<String> {
    let mut terms = Vec::new();
    for (_, piece) in scan::pieces(value, 0) {
        match piece {
            Piece::Text(text) => {
                let quote = ['"', '\'', '`'].into_iter().find(|quote| !text.contains(*quote))?;
                if text.contains('\\') {
                    return None;
                }
                terms.push(format!("{quote}{text}{quote}"));
            }
            Piece::Expression(text) => {
                let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
                let inner = inner.strip_prefix('-').unwrap_or(inner);
                let inner = inner.strip_suffix('-').unwrap_or(inner);
                terms.push(format!("({})", inner.trim()));
            }
            Piece::Statement(_) => return None,
            Piece::Comment(_) => {}
        }
    }
    match terms.as_slice() {
        [] => Some("\"\"".to_owned()),
        terms => Some(terms.join(" ~ ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_found_with_its_calls() {
        let source = "<form p-action=\"a.B\" p-action-key=\"{{ id }}\" method=get>\
                      <input {{ field(\"a.B\", \"name\", key=f(x, [1, 2])) }} id=n>\
                      <select {{ field('a.B', 'kind') }}><option value=\"x\" selected><option value='{{ y }}'></select>\
                      <textarea {{ field(\"a.B\", name=\"text\") }}> </textarea>\
                      {{ field_error(action, \"name\") }}</form>{{ form_error(\"a.B\") }}{{ a.field(1) }}";
        let written = Written::of(source);
        let [form] = written.forms.as_slice() else { panic!("{written:#?}") };
        assert_eq!((form.action, form.key.map(|key| key.1)), ("a.B", Some("{{ id }}")));
        assert!(source[form.attribute_end..].starts_with(" p-action-key"));
        assert_eq!(form.refused.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["method"]);
        assert!(!form.is_repeated && !form.has_foreign);
        let names: Vec<_> = written.calls.iter().map(|call| call.function).collect();
        assert_eq!(names, ["field", "field", "field", "field_error", "form_error"]);
        let first = &written.calls[0];
        assert_eq!(first.argument(2, "key").unwrap().value, "f(x, [1, 2])");
        assert_eq!(first.control.as_ref().unwrap().tag, "input");
        assert_eq!(&source[first.close..=first.close], ")");
        assert!(written.calls[2].control.as_ref().unwrap().empty_text.is_some());
        assert_eq!(written.calls[2].field().unwrap().text, Some("text"));
        assert_eq!(written.calls[3].action().unwrap().text, None);
        assert_eq!(written.calls[3].action().unwrap().value, "action");
        assert_eq!(written.options.len(), 2);
        assert!(written.options.iter().all(|option| option.call == 1));
        assert!(written.form_at(written.calls[3].at).is_some());
        assert!(written.form_at(written.calls[4].at).is_none());
    }

    #[test]
    fn a_form_in_a_loop_or_with_parts_of_other_templates_is_known_as_such() {
        let source = "{% for a in b %}{% for c in d %}{% endfor %}<form p-action=\"x\"></form>{% endfor %}\
                      <form p-action=\"y\">{% include \"_fields.html\" %}</form><form></form>";
        let written = Written::of(source);
        let found: Vec<_> =
            written.forms.iter().map(|f| (f.action, f.is_repeated, f.has_foreign)).collect();
        assert_eq!(found, [("x", true, false), ("y", false, true)]);
    }

    #[test]
    fn a_value_with_expressions_is_an_expression() {
        for (value, expected) in [
            ("2", Some("\"2\"")),
            ("{{ card.id }}", Some("(card.id)")),
            ("card-{{- card.id | upper -}}", Some("\"card-\" ~ (card.id | upper)")),
            ("", Some("\"\"")),
            ("a\"'`", None),
            ("{% if a %}b{% endif %}", None),
        ] {
            assert_eq!(as_expression(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn what_does_not_end_is_no_call() {
        for source in
            ["{{ field(", "{{ field(\"a\"", "<form p-action", "<input {{ field(a,", "{{ field)( }}"]
        {
            assert!(Written::of(source).calls.is_empty(), "{source}");
        }
    }
}
