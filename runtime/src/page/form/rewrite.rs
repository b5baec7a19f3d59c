//! A template as the engine reads it: with what the forms and controls in it need.
//!
//! Text is only inserted, and never a line break, so a diagnostic of the engine finds its way back to what the author wrote.

use std::fmt::Write as _;

use crate::page::form::written::{Call, Element, Form, Written, as_expression};

/// A template with what was inserted into it.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub(super) text: String,
    /// Where something was inserted into the text of the author, and how many bytes; in order.
    inserted: Vec<(usize, usize)>,
}

impl Rewritten {
    /// Returns the template as the engine reads it; `None` if that is what the author wrote.
    pub(super) fn of(source: &str, written: &Written<'_>) -> Option<Self> {
        let mut insertions = insertions(written);
        if insertions.is_empty() {
            return None;
        }
        insertions.sort_by_key(|(at, _)| *at);
        let (mut text, mut from) = (String::with_capacity(source.len() * 2), 0);
        for (at, insertion) in &insertions {
            text.push_str(source.get(from..*at)?);
            text.push_str(insertion);
            from = *at;
        }
        text.push_str(source.get(from..)?);
        let inserted = insertions.into_iter().map(|(at, text)| (at, text.len())).collect();
        Some(Self { text, inserted })
    }

    /// Returns the byte of the author's text for a line and a column of this text, both counted from one.
    pub(super) fn original(&self, line: usize, column: usize) -> Option<usize> {
        let start: usize = self.text.split_inclusive('\n').take(line - 1).map(str::len).sum();
        let rest = self.text.get(start..)?;
        let within = rest.char_indices().map(|(at, _)| at).nth(column - 1).unwrap_or(rest.len());
        let mut at = start + within;
        for (original, length) in &self.inserted {
            if at < original + length {
                // What was inserted belongs to what follows it.
                return Some(at.min(*original));
            }
            at -= length;
        }
        Some(at)
    }
}

/// Returns what is inserted, by its position in the text of the author.
fn insertions(written: &Written<'_>) -> Vec<(usize, String)> {
    let mut insertions = Vec::new();
    for form in written.forms.iter().filter(|form| !form.action.contains(['{', '}', '"'])) {
        let key = key_of(form).map(|key| format!(", key={key}")).unwrap_or_default();
        let call = format!("{{{{ form_attributes(of=\"{}\"{key}) }}}}", form.action);
        insertions.push((form.attribute_end, call));
    }
    for call in &written.calls {
        let names =
            ["of", "name"].into_iter().take(if call.function == "form_error" { 1 } else { 2 });
        for (name, argument) in names.zip(&call.arguments) {
            if argument.name.is_none() {
                insertions.push((argument.at, format!("{name}=")));
            }
        }
        if call.arguments.is_empty() {
            continue;
        }
        let mut more = inherited_key(written, call);
        if let Some(control) = &call.control {
            more.push_str(&of_control(control));
        }
        insertions.push((call.close, more));
        let empty_text = call.control.as_ref().and_then(|control| control.empty_text);
        insertions.extend(empty_text.and_then(|at| {
            Some((at, format!("{{{{ field_text({}) }}}}", of_field(written, call)?)))
        }));
    }
    for option in &written.options {
        let call = &written.calls[option.call];
        let inserted = of_field(written, call).zip(as_expression(option.value.1));
        insertions.extend(inserted.map(|(of_field, value)| {
            (option.name_end, format!("{{{{ field_option({of_field}, option={value}) }}}}"))
        }));
    }
    insertions.retain(|(_, text)| !text.is_empty());
    insertions
}

/// Returns the key of a form as an expression.
fn key_of(form: &Form<'_>) -> Option<String> {
    form.key.and_then(|(_, key)| as_expression(key))
}

/// Returns the key of the form that a call stands in, as an argument, unless the call has a key.
fn inherited_key(written: &Written<'_>, call: &Call<'_>) -> String {
    let has_key = call.arguments.iter().any(|argument| argument.name == Some("key"));
    let form = written.form_at(call.at).filter(|_| !has_key);
    let of_call = call.action().and_then(|action| action.text);
    let form = form.filter(|form| of_call.is_none_or(|action| action == form.action));
    form.and_then(key_of).map(|key| format!(", key={key}")).unwrap_or_default()
}

/// Returns the arguments that name the field of a call, its key and its value.
fn of_field(written: &Written<'_>, call: &Call<'_>) -> Option<String> {
    let (action, field) = (call.action()?, call.field()?);
    let mut arguments = format!("of={}, name={}", action.value, field.value);
    for name in ["key", "value"] {
        let argument = call.arguments.iter().find(|argument| argument.name == Some(name));
        if let Some(argument) = argument {
            let _ = write!(arguments, ", {name}={}", argument.value);
        }
    }
    arguments.push_str(&inherited_key(written, call));
    Some(arguments.replace(['\n', '\r'], " "))
}

/// Returns what `field` has to know of the control that it writes attributes of.
fn of_control(control: &Element<'_>) -> String {
    let names = control.attributes.iter().map(|(name, _)| *name);
    let written: Vec<&str> = names.filter(|name| !name.contains(['{', '"', '\\'])).collect();
    let mut arguments = format!(", tag=\"{}\", written=\"{}\"", control.tag, written.join(" "));
    if !control.kind.is_empty() {
        let kind = as_expression(control.kind).unwrap_or_else(|| "\"\"".to_owned());
        let _ = write!(arguments, ", type={kind}");
    }
    let value = control.value.filter(|_| control.is_choice());
    if let Some(value) = value.and_then(|(_, value)| as_expression(value)) {
        let _ = write!(arguments, ", option={value}");
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(source: &str, expected: &str) {
        let rewritten = Rewritten::of(source, &Written::of(source));
        assert_eq!(
            rewritten.map_or_else(|| source.to_owned(), |rewritten| rewritten.text),
            expected
        );
    }

    #[test]
    fn forms_and_their_controls_get_what_they_need() {
        check(
            "<form method=\"post\"></form><p p-action='x'>",
            "<form method=\"post\"></form><p p-action='x'>",
        );
        check(
            "<form p-action=\"a.B\" class=c></form>",
            "<form p-action=\"a.B\"{{ form_attributes(of=\"a.B\") }} class=c></form>",
        );
        check(
            "<form p-action=a.B p-action-key='{{ id }}'>{{ form_error(\"a.B\") }}</form>",
            "<form p-action=a.B{{ form_attributes(of=\"a.B\", key=(id)) }} p-action-key='{{ id }}'>\
             {{ form_error(of=\"a.B\", key=(id)) }}</form>",
        );
        check(
            "<input {{ field(\"a.B\", \"c\", key=1) }} id=\"n\">",
            "<input {{ field(of=\"a.B\", name=\"c\", key=1, tag=\"input\", written=\"id\") }} id=\"n\">",
        );
        check(
            "<input type=\"radio\" value=\"{{ v }}\" {{ field('a.B', 'c') }}>",
            "<input type=\"radio\" value=\"{{ v }}\" {{ field(of='a.B', name='c', tag=\"input\", \
             written=\"type value\", type=\"radio\", option=(v)) }}>",
        );
        check(
            "<textarea {{ field('a.B', 'c', value=d) }}></textarea>",
            "<textarea {{ field(of='a.B', name='c', value=d, tag=\"textarea\", written=\"\") }}>\
             {{ field_text(of='a.B', name='c', value=d) }}</textarea>",
        );
        check(
            "<select {{ field('a.B', 'c') }}><option value=\"1\"></select>",
            "<select {{ field(of='a.B', name='c', tag=\"select\", written=\"\") }}>\
             <option{{ field_option(of='a.B', name='c', option=\"1\") }} value=\"1\"></select>",
        );
    }

    #[test]
    fn a_column_finds_its_way_back() {
        let source = "é\n<form p-action=\"a.B\"><input {{ field(\"a.B\", \"c\") }}>{{ x }}</form>";
        let rewritten = Rewritten::of(source, &Written::of(source)).unwrap();
        for what in [
            "<form",
            "class",
            "<input",
            "field(\"",
            "\"a.B\", \"c",
            "\"c\")",
            ") }}>",
            "{{ x",
            "</form",
        ] {
            let Some(at) = source.find(what) else { continue };
            // Where the same text stands in the rewritten template.
            let moved: usize =
                rewritten.inserted.iter().filter(|(o, _)| *o <= at).map(|(_, length)| length).sum();
            let line_start = rewritten.text[..at + moved].rfind('\n').map_or(0, |at| at + 1);
            let column = rewritten.text[line_start..at + moved].chars().count() + 1;
            let line = rewritten.text[..at + moved].matches('\n').count() + 1;
            assert_eq!(rewritten.original(line, column), Some(at), "{what}");
        }
        assert_eq!(rewritten.original(2, 25), Some("é\n<form p-action=\"a.B\"".len()));
    }
}
