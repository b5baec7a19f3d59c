//! The functions of templates that write what belongs to a form: `field`, `field_error`, `form_error`,
//! and those that [`rewrite`](super::rewrite) calls.

use std::{borrow::Cow, fmt::Write as _};

use tera::{Kwargs, State as Engine, Tera, TeraResult, Value};

use crate::page::{
    check::did_you_mean,
    form::{
        inputs::{Field, Kind},
        render::{self, Current, Failed, OfAction},
        written::is,
    },
    html::escape,
};

/// Adds the functions to an engine.
pub(crate) fn register(tera: &mut Tera) {
    type Write = fn(&Asked<'_>, &Kwargs) -> TeraResult<String>;
    let functions: [(&'static str, Write); 6] = [
        ("field", field),
        ("field_error", field_error),
        ("form_error", form_error),
        ("form_attributes", form_attributes),
        ("field_text", field_text),
        ("field_option", field_option),
    ];
    for (name, write) in functions {
        let function = move |arguments: Kwargs, _: &Engine<'_>| -> TeraResult<Value> {
            let action = arguments.must_get::<&str>("of")?;
            let current = render::current();
            let asked = Asked::of(current.as_ref(), action, &arguments)?;
            // All that is written is escaped already.
            write(&asked, &arguments).map(|html| Value::safe_string(&html))
        };
        tera.register_function(name, function);
    }
}

/// The form that a function is called for.
struct Asked<'a> {
    action: &'a str,
    key: Option<String>,
    current: &'a Current,
    of_action: &'a OfAction,
}

impl<'a> Asked<'a> {
    fn of(current: Option<&'a Current>, action: &'a str, arguments: &Kwargs) -> TeraResult<Self> {
        let known = current.map(|current| &*current.forms);
        let (Some(current), Some(of_action)) =
            (current, known.and_then(|known| known.0.get(action)))
        else {
            let known = known.into_iter().flat_map(|known| known.0.keys().map(String::as_str));
            let meant = did_you_mean(action, known);
            return Err(tera::Error::message(format!("the page has no form of `{action}`{meant}")));
        };
        let key = arguments.get::<&Value>("key")?.and_then(text);
        Ok(Self { action, key: key.filter(|key| !key.is_empty()), current, of_action })
    }

    /// Returns the failed post of this form.
    fn failed(&self) -> Option<&'a Failed> {
        let failed = self.current.state.failed.as_ref()?;
        (failed.action == self.action && failed.key == self.key).then_some(failed)
    }

    /// Returns what was typed into the controls of a field; `None` if the form was not posted.
    fn typed(&self, name: &str) -> Option<Vec<&'a str>> {
        let failed = self.failed()?;
        if self.of_action.is_secret(name) {
            return Some(Vec::new());
        }
        let values = failed.values.iter().filter(|(field, _)| field == name);
        Some(values.map(|(_, value)| value.as_str()).collect())
    }

    /// Returns the start of all ids in the form.
    fn id(&self) -> String {
        let id = match &self.key {
            None => self.action.to_owned(),
            Some(key) => format!("{}-{key}", self.action),
        };
        plain(&id.replace('.', "-"))
    }

    fn error_id(&self, name: &str) -> String {
        format!("{}-{}-error", self.id(), plain(name))
    }

    /// Returns what the action says about a field.
    fn declared(&self, name: &str) -> TeraResult<Cow<'a, Field>> {
        let of_action = self.of_action;
        match (&of_action.input.fields, of_action.input.field(name)) {
            (_, Some(field)) => Ok(Cow::Borrowed(field)),
            (None, None) => Ok(Cow::Owned(Field::default())),
            // A part of a field, such as `items[0].name`.
            (Some(fields), None) if fields.contains_key(first_segment(name)) => {
                Ok(Cow::Owned(Field { kind: Kind::Other, ..Field::default() }))
            }
            (Some(fields), None) => {
                let meant = did_you_mean(name, fields.keys().map(String::as_str));
                let message = format!("`{}` has no field `{name}`{meant}", self.action);
                Err(tera::Error::message(message))
            }
        }
    }
}

/// Returns the name of the field that a name leads into: `items` for `items[0].name`.
pub(super) fn first_segment(name: &str) -> &str {
    name.split(['.', '[']).next().unwrap_or(name)
}

/// Returns a text as it may stand in an id.
fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join("-")
}

/// Returns a value as the text of a control.
fn text(value: &Value) -> Option<String> {
    let is_absent = value.is_none() || value.is_undefined();
    (!is_absent).then(|| value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

/// Returns whether the value that a control starts with is this choice, or has it.
fn chooses(value: &Value, choice: &str) -> bool {
    match value.as_array() {
        Some(values) => values.iter().any(|value| text(value).as_deref() == Some(choice)),
        None => text(value).as_deref() == Some(choice),
    }
}

/// Writes the attributes of a control.
fn field(asked: &Asked<'_>, arguments: &Kwargs) -> TeraResult<String> {
    let name = arguments.must_get::<&str>("name")?;
    let argument = |name: &'static str| arguments.get::<&str>(name).map(Option::unwrap_or_default);
    let (tag, kind, written) = (argument("tag")?, argument("type")?, argument("written")?);
    let option = arguments.get::<&Value>("option")?.and_then(text);
    let start = arguments.get::<&Value>("value")?;
    let declared = asked.declared(name)?;

    let is_input = tag.is_empty() || is(tag, "input");
    let is_box = is_input && kind.is_empty() && declared.kind == Kind::Bool;
    let is_choice = is_box || (is_input && (is(kind, "radio") || is(kind, "checkbox")));
    let mut id = format!("{}-{}", asked.id(), plain(name));
    if let Some(option) = option.as_deref().filter(|_| is_choice) {
        let _ = write!(id, "-{}", plain(option));
    }
    let mut attributes = vec![("name", Some(name.to_owned())), ("id", Some(id))];
    let of_control = |attribute: &str| match attribute {
        _ if is(kind, "hidden") || is(tag, "button") => false,
        "required" => !(is(kind, "checkbox") && declared.is_list),
        "multiple" => !is_choice && !is(tag, "textarea"),
        "minlength" | "maxlength" => !is_choice && !is(tag, "select"),
        "type" => is_input && kind.is_empty(),
        _ => is_input && !is_choice,
    };
    attributes.extend(declared.attributes().into_iter().filter(|(name, _)| of_control(name)));
    let is_password = is(kind, "password") || (is_input && kind.is_empty());
    if declared.is_secret && !is_password && !is(kind, "hidden") {
        attributes.push(("p-secret", None));
    }
    let typed = asked.typed(name);
    if is_choice {
        let choice = option.as_deref().unwrap_or("true");
        if option.is_none() {
            attributes.push(("value", Some(choice.to_owned())));
        }
        let is_checked = match &typed {
            Some(typed) => typed.contains(&choice),
            None => start.is_some_and(|start| chooses(start, choice)),
        };
        if is_checked {
            attributes.push(("checked", None));
        }
    } else if is_input && !is(kind, "file") && !asked.of_action.is_secret(name) {
        let typed = typed.as_ref().map(|typed| typed.first().map(|text| (*text).to_owned()));
        let value = typed.unwrap_or_else(|| start.and_then(text));
        attributes.extend(value.map(|value| ("value", Some(value))));
    }
    if asked.failed().is_some_and(|failed| failed.errors.contains_key(name)) {
        attributes.push(("aria-invalid", Some("true".to_owned())));
        // Screen readers announce the control with its error once the page has loaded.
        if !is(kind, "hidden") && render::takes_focus() {
            attributes.push(("autofocus", None));
        }
    }
    if !is(kind, "hidden") && asked.of_action.shows(name) {
        attributes.push(("aria-describedby", Some(asked.error_id(name))));
    }
    let is_written = |name: &str| written.split(' ').any(|other| is(other, name));
    let mut html = String::new();
    for (name, value) in attributes.iter().filter(|(name, _)| !is_written(name)) {
        if !html.is_empty() {
            html.push(' ');
        }
        html.push_str(name);
        if let Some(value) = value {
            let _ = write!(html, "=\"{}\"", escape(value));
        }
    }
    Ok(html)
}

/// Writes the text of a text area.
fn field_text(asked: &Asked<'_>, arguments: &Kwargs) -> TeraResult<String> {
    let name = arguments.must_get::<&str>("name")?;
    let start = arguments.get::<&Value>("value")?.and_then(text);
    let typed = asked.typed(name).map(|typed| typed.first().map(|text| (*text).to_owned()));
    let value = typed.unwrap_or(start).unwrap_or_default();
    // A parser removes one line break at the start of a text area.
    let line_break = if value.starts_with(['\n', '\r']) { "\n" } else { "" };
    Ok(format!("{line_break}{}", escape(&value)))
}

/// Writes whether an option is selected.
fn field_option(asked: &Asked<'_>, arguments: &Kwargs) -> TeraResult<String> {
    let name = arguments.must_get::<&str>("name")?;
    let option = arguments.get::<&Value>("option")?.and_then(text).unwrap_or_default();
    let start = arguments.get::<&Value>("value")?;
    let is_selected = match asked.typed(name) {
        Some(typed) => typed.contains(&option.as_str()),
        None => start.is_some_and(|start| chooses(start, &option)),
    };
    Ok(if is_selected { " selected".to_owned() } else { String::new() })
}

/// Writes the element for the errors of a field.
fn field_error(asked: &Asked<'_>, arguments: &Kwargs) -> TeraResult<String> {
    let name = arguments.must_get::<&str>("name")?;
    asked.declared(name)?;
    let messages = asked.failed().and_then(|failed| failed.errors.get(name));
    let (id, field) = (escape(&asked.error_id(name)), escape(name));
    let (hidden, message) = match messages {
        None => (" hidden", String::new()),
        Some(messages) => ("", escape(&messages.join(", "))),
    };
    Ok(format!("<p class=\"field-error\" id=\"{id}\" p-error=\"{field}\"{hidden}>{message}</p>"))
}

/// Writes the element for the errors of the form as a whole.
fn form_error(asked: &Asked<'_>, _: &Kwargs) -> TeraResult<String> {
    let messages = asked.failed().map(|failed| failed.of_form(asked.of_action));
    let messages = messages.unwrap_or_default();
    let hidden = if messages.is_empty() { " hidden" } else { "" };
    let text = escape(&messages.join("; "));
    Ok(format!("<p class=\"form-error\" p-error role=\"alert\"{hidden}>{text}</p>"))
}

/// Writes the attributes of a form.
fn form_attributes(asked: &Asked<'_>, _: &Kwargs) -> TeraResult<String> {
    let address = asked.current.state.address.of_form(asked.action, asked.key.as_deref());
    let encoding =
        if asked.of_action.input.takes_files() { " enctype=\"multipart/form-data\"" } else { "" };
    Ok(format!(" method=\"post\" action=\"{}\"{encoding}", escape(&address)))
}
