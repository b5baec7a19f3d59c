//! What is wrong with the forms of templates, and where.
//!
//! What an expression names is not checked: the name of a control that is one, and all controls of a
//! form with a part from another template, with a control whose name is an expression, or with controls
//! that stand elsewhere and name the form by `form="…"`. The app still answers such a form by the rules
//! of its action.

use std::collections::{BTreeMap, BTreeSet};

use crate::page::{
    check::{Diagnostic, Sources, Uses, did_you_mean, scan::without_raw},
    form::{
        inputs::{Field, Input, Inputs, Kind},
        markup::first_segment,
        written::{Call, Form, Written, as_expression, is},
    },
};

/// Returns all that is wrong with the forms of one template.
pub(crate) fn lint(sources: &Sources, name: &str, inputs: &Inputs) -> Vec<Diagnostic> {
    let Some(source) = sources.get(name) else { return Vec::new() };
    let plain = without_raw(source);
    let written = Written::of(&plain);
    let mut described = BTreeMap::new();
    let of_calls = written.calls.iter().filter_map(|call| call.action()?.text);
    for action in written.forms.iter().map(|form| form.action).chain(of_calls) {
        described.entry(action).or_insert_with(|| inputs.input(action));
    }
    let mut lint =
        Lint { sources, name, written: &written, inputs, described, diagnostics: Vec::new() };
    for form in &written.forms {
        lint.form(form);
    }
    for call in &written.calls {
        lint.call(call);
    }
    lint.options();
    lint.controls();
    lint.diagnostics
}

/// Returns a diagnostic for each form that a page cannot tell from another one.
pub(crate) fn lint_pages<'p>(
    sources: &Sources,
    uses: &Uses<'_>,
    pages: impl IntoIterator<Item = &'p str>,
) -> Vec<Diagnostic> {
    let mut found = BTreeMap::new();
    for page in pages {
        let Some((page, _)) = sources.get_key_value(page) else { continue };
        let mut seen = BTreeSet::new();
        for template in uses.of_page(page) {
            let Some(source) = sources.get(template) else { continue };
            let plain = without_raw(source);
            for form in Written::of(&plain).forms {
                let key = form.key.map_or("", |(_, key)| key.trim()).to_owned();
                if !key.contains('{') && !seen.insert((form.action.to_owned(), key)) {
                    let message = format!(
                        "{page} has another form of `{}`: give each a key, as in `p-action-key=\"2\"`",
                        form.action
                    );
                    found.entry((template.to_owned(), form.at)).or_insert_with(|| {
                        Diagnostic::at_byte(sources, template, form.at, &message)
                    });
                }
            }
        }
    }
    found.into_values().collect()
}

struct Lint<'a> {
    sources: &'a Sources,
    name: &'a str,
    written: &'a Written<'a>,
    inputs: &'a Inputs,
    /// What each action takes that the template names.
    described: BTreeMap<&'a str, Option<Input>>,
    diagnostics: Vec<Diagnostic>,
}

impl<'a> Lint<'a> {
    fn input(&self, action: &str) -> Option<&Input> {
        self.described.get(action)?.as_ref()
    }

    fn form(&mut self, form: &Form<'_>) {
        let action = form.action;
        if action.contains(['{', '}']) {
            self.wrong(
                form.at,
                "a form names its action in plain text: `p-action=\"contact.Submit\"`",
            );
            return;
        }
        for (name, at) in &form.refused {
            let message = format!(
                "the server writes `{}` of a form with `p-action`: leave it out",
                name.to_ascii_lowercase()
            );
            self.wrong(*at, &message);
        }
        match form.key {
            Some((at, key)) if as_expression(key).is_none() => {
                self.wrong(
                    at,
                    "a key is text and expressions, without quotes and statements in it",
                );
            }
            Some((_, key)) if key.contains("{{") => {}
            _ if form.is_repeated => {
                let message = format!(
                    "a loop repeats this form of `{action}`: give it a key, as in \
                     `p-action-key=\"{{{{ item.id }}}}\"`"
                );
                self.wrong(form.at, &message);
            }
            _ => {}
        }
        let Some(input) = self.input(action) else { return };
        if let Some(refusal) = input.refusal {
            let message = format!("`{action}` {refusal}");
            self.wrong(form.at, &message);
            return;
        }
        let missing = self.missing(form, input);
        if !missing.is_empty() {
            let names: Vec<_> = missing.iter().map(|name| format!("`{name}`")).collect();
            let message = format!(
                "the form has no control for {}, which `{action}` requires",
                names.join(", ")
            );
            self.wrong(form.at, &message);
        }
    }

    /// Returns the fields that an action requires and for which its form has no control.
    fn missing(&self, form: &Form<'_>, input: &Input) -> Vec<String> {
        let Some(fields) = input.fields.as_ref().filter(|_| !form.has_foreign) else {
            return Vec::new();
        };
        let mut named = BTreeSet::new();
        let calls = self.written.calls.iter().filter(|call| call.function == "field");
        for call in calls.filter(|call| form.range.contains(&call.at)) {
            match call.field().map(|field| field.text) {
                Some(Some(name)) => _ = named.insert(first_segment(name)),
                _ => return Vec::new(),
            }
        }
        for control in &self.written.controls {
            if control.is_elsewhere || control.name.contains('{') {
                return Vec::new();
            }
            if form.range.contains(&control.at) {
                named.insert(first_segment(control.name));
            }
        }
        let required = fields.iter().filter(|(_, field)| field.is_required);
        let missing = required.filter(|(name, _)| !named.contains(name.as_str()));
        missing.map(|(name, _)| name.clone()).collect()
    }

    fn call(&mut self, call: &Call<'_>) {
        if call.function == "field" && call.control.is_none() {
            self.wrong(
                call.at,
                "`field` writes the attributes of a control: put it into the tag of one, as in \
                 `<input {{ field(\"contact.Submit\", \"name\") }}>`",
            );
        }
        if let Some(control) = &call.control {
            let value = control.attributes.iter().find(|(name, _)| is(name, "value"));
            if let Some((_, at)) = value.filter(|_| !control.keeps_value()) {
                let message = "`field` writes the value: give it the first one, as in \
                               `field(\"card.Edit\", \"title\", value=card.title)`";
                self.wrong(*at, message);
            }
            if let Some((at, _)) = control.text.filter(|(_, text)| !text.contains("form")) {
                let message = "`field` writes the text of a text area: leave it empty, and give the \
                               first text as in `field(\"card.Edit\", \"text\", value=card.text)`";
                self.wrong(at, message);
            }
        }
        let Some(action) = call.action() else { return };
        let (at, Some(action)) = (action.at, action.text) else { return };
        let Some(input) = self.input(action) else {
            if !self.inputs.is_empty() {
                let meant = did_you_mean(action, self.inputs.names());
                let known = self.inputs.names().map(str::to_owned).collect();
                self.unknown(at, &format!("there is no action `{action}`{meant}"), known);
            }
            return;
        };
        if let Some((at, name)) = call.field().and_then(|field| Some((field.at, field.text?))) {
            let kind = call.control.as_ref().map(|control| control.kind);
            let wrong = wrong_field(action, name, kind, input);
            if let Some((message, known)) = wrong {
                self.unknown(at, &message, known);
            }
            let accept = call.control.as_ref().and_then(|control| control.accept);
            self.accept(action, name, accept);
        }
    }

    /// Looks at the types of files that a control offers, if it names them itself.
    fn accept(&mut self, action: &str, name: &str, accept: Option<(usize, &str)>) {
        let (Some((at, accept)), Some(input)) = (accept, self.input(action)) else { return };
        let Some(field) = input.field(name) else { return };
        if let Some(message) = wrong_accept(action, name, accept, field) {
            self.wrong(at, &message);
        }
    }

    fn options(&mut self) {
        for option in &self.written.options {
            if let Some(at) = option.selected {
                let message = "`field` selects the option: give it the first one, as in \
                               `<select {{ field(\"card.Edit\", \"state\", value=card.state) }}>`";
                self.wrong(at, message);
            }
        }
    }

    /// Looks at the controls of forms that name their field themselves.
    fn controls(&mut self) {
        for control in &self.written.controls {
            let Some(form) = self.written.form_at(control.at) else { continue };
            if control.name.is_empty() || control.name.contains('{') || control.is_elsewhere {
                continue;
            }
            let Some(input) = self.input(form.action) else { continue };
            let wrong = wrong_field(form.action, control.name, Some(control.kind), input);
            if let Some((message, known)) = wrong {
                self.unknown(control.at, &message, known);
            }
            self.accept(form.action, control.name, control.accept);
        }
    }

    fn unknown(&mut self, at: usize, message: &str, known: Vec<String>) {
        let diagnostic = Diagnostic::at_byte(self.sources, self.name, at, message);
        self.diagnostics.push(Diagnostic { known, ..diagnostic });
    }

    fn wrong(&mut self, at: usize, message: &str) {
        self.unknown(at, message, Vec::new());
    }
}

/// Returns what is wrong with a control for a field, and the names that would be right.
fn wrong_field(
    action: &str,
    name: &str,
    kind: Option<&str>,
    input: &Input,
) -> Option<(String, Vec<String>)> {
    let fields = input.fields.as_ref()?;
    let Some(field) = fields.get(first_segment(name)) else {
        let meant = did_you_mean(name, fields.keys().map(String::as_str));
        let message = format!("`{action}` has no field `{name}`{meant}");
        return Some((message, fields.keys().cloned().collect()));
    };
    let kind = kind.filter(|kind| !kind.is_empty() && !kind.contains('{'))?;
    match (is(kind, "file"), field.kind == Kind::File) {
        (true, false) => {
            let message = format!(
                "`{name}` of `{action}` is no file, so the form is not sent as `multipart/form-data`: \
                 only the name of the file would be sent"
            );
            Some((message, Vec::new()))
        }
        (false, true) => {
            let message =
                format!("`{name}` of `{action}` is a file: its control has `type=\"file\"`");
            Some((message, Vec::new()))
        }
        _ => None,
    }
}

/// Returns what is wrong with the types that a control offers: one that the rule of the field refuses.
/// Extensions, such as `.png`, have no type here.
fn wrong_accept(action: &str, name: &str, accept: &str, field: &Field) -> Option<String> {
    if field.types.is_empty() || accept.contains('{') {
        return None;
    }
    let mut offered = accept.split(',').map(str::trim).filter(|offered| offered.contains('/'));
    let refused = offered.find(|offered| !field.types.iter().any(|rule| covers(rule, offered)))?;
    let types: Vec<_> = field.types.iter().map(|rule| format!("`{rule}`")).collect();
    Some(format!(
        "`accept` offers `{refused}`, which the rule of `{name}` of `{action}` refuses: it takes {}. \
         `field` writes `accept` by the rule",
        types.join(", ")
    ))
}

/// Returns whether a type of a rule, such as `image/*`, takes all that is offered.
fn covers(rule: &str, offered: &str) -> bool {
    let all_of = rule.strip_suffix('*').filter(|of| of.ends_with('/'));
    let is_start = |of: &str| offered.get(..of.len()).is_some_and(|start| is(start, of));
    is(rule, offered) || all_of.is_some_and(is_start)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        action::{States, Upload},
        error::Result,
        request::{AppLimits, route},
        session::Sessions,
    };

    /// Saves a card.
    #[crate::action]
    async fn save(
        title: String,
        #[validate(range(min = 1))] number: Option<u32>,
        #[serde(default)] tags: Vec<String>,
    ) -> Result<String> {
        Ok(format!("{title} {number:?} {tags:?}"))
    }

    /// Is sent by GET.
    #[crate::action(method = "GET")]
    async fn find(words: String) -> Result<String> {
        Ok(words)
    }

    /// Takes files.
    #[crate::action]
    async fn attach(
        #[validate(file(types("image/*", "application/pdf")))] file: Upload,
        #[validate(file(types("*/*")))] other: Option<Upload>,
        #[serde(default)]
        #[validate(file(types("text/csv")))]
        tables: Vec<Upload>,
    ) -> Result<usize> {
        Ok(file.name().len() + tables.len() + usize::from(other.is_some()))
    }

    const SAVE: &str = "page.form.check.tests.Save";

    fn inputs() -> Inputs {
        // Actions of other tests in this binary need sessions.
        let mut states = States::default();
        states.insert(Sessions::in_memory());
        let routes = route::collect(&states, &[], &AppLimits::default()).unwrap();
        Inputs::of(routes.iter().map(|route| &**route))
    }

    /// Returns a template in which `@` is the name of the action, as sources.
    fn sources(source: &str) -> Sources {
        Sources::from([("a.html".to_owned(), source.replace('@', SAVE))])
    }

    #[track_caller]
    fn right(source: &str) {
        let sources = sources(source);
        assert_eq!(lint(&sources, "a.html", &inputs()), [], "{source}");
    }

    /// Checks that a template has one diagnostic, where it has `at` first.
    #[track_caller]
    fn wrong(source: &str, at: &str, message: &str) {
        let sources = sources(source);
        let found = lint(&sources, "a.html", &inputs());
        let [found] = found.as_slice() else { panic!("{source}: {found:#?}") };
        let text = &sources["a.html"];
        let column = text[..text.find(&at.replace('@', SAVE)).unwrap()].chars().count() + 1;
        assert!(found.message.contains(message), "{source}: {found}");
        assert_eq!((found.line, found.column), (Some(1), Some(column)), "{source}: {found}");
    }

    #[test]
    fn a_form_has_a_control_for_each_required_field() {
        let message = "has no control for `title`, which `page.form.check.tests.Save` requires";
        wrong("<form p-action=\"@\"><input name=\"number\"></form>", "@", message);
        wrong("<form p-action=\"@\"></form><input name=\"title\">", "@", message);
        right("<form p-action=\"@\"><input name=\"title\"></form>");
        right("<form p-action='@'><button name='title' value='x'></button></form>");
        right("<form p-action=\"@\"><input {{ field(\"@\", \"title\") }}></form>");
        right("<form p-action=\"@\">{% if a %}<input name=\"title\">{% endif %}</form>");
        // What an expression or another template writes is not checked.
        right("<form p-action=\"@\"><input name=\"{{ name }}\"></form>");
        right("<form p-action=\"@\"><input {{ field(\"@\", name) }}></form>");
        right("<form p-action=\"@\">{% include \"b.html\" %}</form>");
        right("<form p-action=\"@\">{% block b %}{% endblock %}</form>");
        right("<form p-action=\"@\">{{<Fields />}}</form>");
        right("<form p-action=\"@\" id=f></form><input name=title form=f>");
    }

    #[test]
    fn a_control_for_a_file_offers_types_that_the_rule_takes() {
        let form = |control: &str| {
            format!("<form p-action='page.form.check.tests.Attach'>{control}</form>")
        };
        let control = |name: &str, accept: &str| {
            form(&format!(
                "<input type=file name=file><input type=file name={name} accept='{accept}'>"
            ))
        };
        let field = |accept: &str| {
            form(&format!(
                "<input {{{{ field('page.form.check.tests.Attach', 'file') }}}} accept='{accept}'>"
            ))
        };
        for accept in
            ["image/*", "image/png, IMAGE/GIF", "application/pdf,.pdf", ".png", "{{ x }}", ""]
        {
            right(&control("file", accept));
            right(&field(accept));
        }
        right(&control("other", "video/*"));
        let message = "refuses: it takes `image/*`, `application/pdf`. `field` writes";
        wrong(&control("file", "image/png,video/*"), "image/png", message);
        wrong(
            &field("image/png, video/*"),
            "image/png",
            "`accept` offers `video/*`, which the rule of `file`",
        );
        wrong(&field("*/*"), "*/*", "`accept` offers `*/*`");
        wrong(&control("tables", "application/pdf"), "application/pdf'", "it takes `text/csv`");
    }

    #[test]
    fn a_control_is_for_a_field_that_there_is() {
        let near = "has no field `titel`; did you mean `title`?";
        wrong("<form p-action='@'><input name='title'><input name='titel'></form>", "titel'", near);
        wrong(
            "<form p-action='@'><input name='title'>{{ field_error('@', 'titel') }}</form>",
            "'titel'",
            near,
        );
        wrong(
            "<form p-action='@'><input {{ field('@', 'titel') }}><input name=title></form>",
            "'titel'",
            near,
        );
        right(
            "<form p-action='@'><input name='title'><input name='tags[0]'><input name='number'></form>",
        );
        right(
            "<input name='titel'>{{ field_error('@', name) }}{% raw %}{{ field('x') }}{% endraw %}",
        );
        wrong("{{ form_error('x') }}", "'x'", "there is no action `x`");
        let sources = sources("{{ field_error('@', 'x') }}");
        assert_eq!(lint(&sources, "a.html", &inputs())[0].known, ["number", "tags", "title"]);
    }

    #[test]
    fn the_server_writes_where_a_form_goes() {
        let title = "<input name='title'></form>";
        for attribute in
            ["action='/x'", "METHOD=get", "enctype='text/plain'", "accept-charset=latin1"]
        {
            wrong(&format!("<form p-action='@' {attribute}>{title}"), attribute, "leave it out");
        }
        right("<form action='/x' method='post'><input name='x'></form>");
        wrong("<form p-action='{{ x }}'></form>", "{{ x", "names its action in plain text");
        wrong(
            "<form p-action='page.form.check.tests.Find'></form>",
            "page.form",
            "`page.form.check.tests.Find` is sent by GET",
        );
    }

    #[test]
    fn a_repeated_form_has_a_key() {
        let title = "<input name='title'></form>";
        wrong(
            &format!("{{% for a in b %}}<form p-action='@'>{title}{{% endfor %}}"),
            "@",
            "give it a key",
        );
        wrong(
            &format!("{{% for a in b %}}<form p-action='@' p-action-key=2>{title}{{% endfor %}}"),
            "@",
            "give it a key",
        );
        right(&format!(
            "{{% for a in b %}}<form p-action='@' p-action-key='{{{{ a }}}}'>{title}{{% endfor %}}"
        ));
        wrong(
            &format!("<form p-action='@' p-action-key='{{% x %}}'>{title}"),
            "{% x",
            "a key is text",
        );
    }

    #[test]
    fn forms_of_one_page_are_told_apart() {
        let form = |key: &str| format!("<form p-action='x'{key}></form>");
        let sources = Sources::from([
            ("_layout.html".to_owned(), form("")),
            ("a.html".to_owned(), format!("{{% extends '_layout.html' %}}\n{}", form(""))),
            (
                "b.html".to_owned(),
                format!("{{% extends '_layout.html' %}}{}", form(" p-action-key=2")),
            ),
            ("c.html".to_owned(), form(" p-action-key='{{ a }}'").repeat(2)),
            ("d.html".to_owned(), form(" p-action-key=1").repeat(2)),
        ]);
        let uses = Uses::of(&sources);
        let found = lint_pages(&sources, &uses, ["a.html", "b.html", "c.html", "d.html"]);
        let places: Vec<_> = found.iter().map(Diagnostic::place).collect();
        assert_eq!(places, ["pages/a.html:2:17", "pages/d.html:1:58"]);
        assert!(found[0].message.contains("a.html has another form of `x`"), "{}", found[0]);
    }

    #[test]
    fn the_value_of_a_control_is_given_to_field() {
        let form = |control: &str| format!("<form p-action='@'>{control}</form>");
        let value = "`field` writes the value";
        wrong(&form("<input {{ field('@', 'title') }} value='x'>"), "value='x'", value);
        wrong(&form("<textarea {{ field('@', 'title') }}>x</textarea>"), "x</", "writes the text");
        wrong(
            &form("<select {{ field('@', 'title') }}><option value=a selected></select>"),
            "selected",
            "`field` selects the option",
        );
        wrong(
            &form("<input name='title'>{{ field('@', 'tags') }}"),
            "field(",
            "into the tag of one",
        );
        right(&form("<input type=hidden {{ field('@', 'title') }} value='x'>"));
        right(&form("<input type=radio {{ field('@', 'title') }} value='x'>"));
        right(&form(
            "<select {{ field('@', 'title') }}><option value=a></select><select><option selected></select>",
        ));
    }

    #[test]
    fn a_file_goes_only_where_there_is_a_field_for_it() {
        wrong(
            "<form p-action='@'><input type='file' name='title'></form>",
            "title",
            "`title` of `page.form.check.tests.Save` is no file",
        );
        let sources =
            sources("<form p-action='@'><input type='file' {{ field('@', 'title') }}></form>");
        assert!(lint(&sources, "a.html", &inputs())[0].message.contains("is no file"));
    }
}
