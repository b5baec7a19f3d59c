//! What actions take, as far as the control of a form has to know it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::{
    action::{BodyForm, InputMethod},
    page::form::pattern::of_control,
    request::Route,
    schema::{Describe, TYPES, input_of},
};

/// The actions that a form can name; nothing is known of them if they are wrong themselves.
#[derive(Clone, Debug, Default)]
pub(crate) struct Inputs(BTreeMap<String, Source>);

#[derive(Clone, Copy, Debug)]
struct Source {
    describe: Describe,
    method: InputMethod,
    form: BodyForm,
}

impl Inputs {
    pub(crate) fn of<'r>(routes: impl IntoIterator<Item = &'r Route>) -> Self {
        let source = |route: &Route| {
            let endpoint = route.endpoint;
            let (describe, method, form) = (endpoint.describe, endpoint.method, endpoint.form);
            (route.name.to_string(), Source { describe, method, form })
        };
        Self(routes.into_iter().map(source).collect())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns what an action takes. It is described at each call.
    pub(super) fn input(&self, action: &str) -> Option<Input> {
        let source = self.0.get(action)?;
        let (schema, definitions) = input_of(source.describe);
        Some(Input { fields: fields(&schema, &definitions), refusal: refusal(*source) })
    }
}

/// Returns why no form can send what the action takes, if none can.
fn refusal(source: Source) -> Option<&'static str> {
    match (source.method, source.form) {
        (InputMethod::Get, _) => {
            Some("is sent by GET, and a form posts: read the query of the page instead")
        }
        (_, BodyForm::Raw) => Some("takes any bytes, which no form sends"),
        (_, BodyForm::Json) => Some("takes JSON, which no form sends"),
        (_, BodyForm::Fields | BodyForm::Multipart) => None,
    }
}

/// What an action takes.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Input {
    /// `None` if the input is no plain list of fields: then a control may have any name.
    pub(super) fields: Option<BTreeMap<String, Field>>,
    /// Why no form can post to it, after its name.
    pub(super) refusal: Option<&'static str>,
}

impl Input {
    pub(super) fn field(&self, name: &str) -> Option<&Field> {
        self.fields.as_ref()?.get(name)
    }

    pub(super) fn takes_files(&self) -> bool {
        self.fields.iter().flatten().any(|(_, field)| field.kind == Kind::File)
    }
}

/// What a field holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    #[default]
    Text,
    Email,
    Url,
    Date,
    Time,
    Integer,
    Number,
    Bool,
    File,
    /// Anything that no single control holds.
    Other,
}

/// One field of an input.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Field {
    pub(super) kind: Kind,
    /// Whether the input is refused without it.
    pub(super) is_required: bool,
    /// Whether it holds several values.
    pub(super) is_list: bool,
    /// Whether its value is never sent back.
    pub(super) is_secret: bool,
    pub(super) min_length: Option<u64>,
    pub(super) max_length: Option<u64>,
    pub(super) min: Option<String>,
    pub(super) max: Option<String>,
    pub(super) pattern: Option<String>,
    pub(super) is_choice: bool,
    /// The types that a file may have, such as `image/*`; any if there is none.
    pub(super) types: Vec<String>,
}

impl Field {
    /// Returns the attributes of a control that holds the field, in order. `None` has no value.
    pub(super) fn attributes(&self) -> Vec<(&'static str, Option<String>)> {
        let mut attributes = Vec::new();
        let mut add = |name, value: Option<&String>| {
            attributes.extend(value.map(|value| (name, Some(value.clone()))));
        };
        let kind = match self.kind {
            Kind::Email => Some("email"),
            Kind::Url => Some("url"),
            Kind::Date => Some("date"),
            Kind::Time => Some("time"),
            Kind::Integer | Kind::Number => Some("number"),
            Kind::Bool => Some("checkbox"),
            Kind::File => Some("file"),
            Kind::Text if self.is_secret => Some("password"),
            Kind::Text | Kind::Other => None,
        };
        add("type", kind.map(str::to_owned).as_ref());
        add(
            "minlength",
            self.min_length.filter(|min| *min > 0).map(|min| min.to_string()).as_ref(),
        );
        add("maxlength", self.max_length.map(|max| max.to_string()).as_ref());
        add("min", self.min.as_ref());
        add("max", self.max.as_ref());
        let step = (self.kind == Kind::Number).then(|| "any".to_owned());
        add("step", step.as_ref());
        add("pattern", self.pattern.as_ref());
        let accept = (!self.types.is_empty()).then(|| self.types.join(", "));
        add("accept", accept.as_ref());
        if self.is_list && matches!(self.kind, Kind::Email | Kind::File) {
            attributes.push(("multiple", None));
        }
        if self.refuses_empty() {
            attributes.push(("required", None));
        }
        attributes
    }

    /// Returns whether the server refuses an empty control. It takes an empty text where no rule asks
    /// for a longer one.
    fn refuses_empty(&self) -> bool {
        let refuses = match self.kind {
            Kind::Text => self.min_length.is_some_and(|min| min > 0) || self.is_choice,
            _ => true,
        };
        // The boxes of a list are choices: no one of them has to be ticked.
        self.is_required && refuses && (!self.is_list || self.kind == Kind::File)
    }
}

/// Returns the fields of an input, if its schema is a plain object.
fn fields(schema: &Value, definitions: &Map<String, Value>) -> Option<BTreeMap<String, Field>> {
    let schema = resolved(schema, definitions)?;
    if ["anyOf", "oneOf", "allOf"].iter().any(|keyword| schema.contains_key(*keyword))
        || schema.get("additionalProperties").is_some_and(|more| *more != Value::Bool(false))
    {
        return None;
    }
    let required: Vec<&str> = schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let properties = schema.get("properties").and_then(Value::as_object);
    let field = |(name, schema): (&String, &Value)| {
        let field = field(schema, definitions);
        let is_required = field.is_required || required.contains(&name.as_str());
        (name.clone(), Field { is_required, ..field })
    };
    Some(properties.into_iter().flatten().map(field).collect())
}

/// How many references lead from a schema to what it describes.
const REFERENCES_MAX: usize = 8;

/// Returns the keywords of a schema, behind its references, and without null.
fn resolved<'s>(
    schema: &'s Value,
    definitions: &'s Map<String, Value>,
) -> Option<&'s Map<String, Value>> {
    let mut schema = schema.as_object()?;
    for _ in 0..REFERENCES_MAX {
        let reference = schema.get("$ref").and_then(Value::as_str);
        let members = schema.get("anyOf").and_then(Value::as_array);
        let is_null = |member: &&Value| member.get("type").is_none_or(|name| name != "null");
        schema = match (reference, members) {
            (Some(reference), _) => definitions.get(reference.rsplit('/').next()?)?.as_object()?,
            // An `Option` of a type with a name.
            (None, Some(members)) if members.len() == 2 => {
                members.iter().find(is_null)?.as_object()?
            }
            _ => return Some(schema),
        };
    }
    None
}

fn field(written: &Value, definitions: &Map<String, Value>) -> Field {
    let is_secret = written.get("writeOnly").is_some_and(|secret| *secret == Value::Bool(true));
    let Some(schema) = resolved(written, definitions) else {
        return Field { kind: Kind::Other, is_secret, ..Field::default() };
    };
    let named = match schema.get("type") {
        Some(Value::String(name)) => Some(name.as_str()),
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|n| *n != "null"),
        _ => None,
    };
    let is_choice = schema.contains_key("enum") || schema.contains_key("const") || is_union(schema);
    if named == Some("array") {
        let items = schema.get("items").map(|items| field(items, definitions));
        let kind = items.map_or(Kind::Other, |items| items.kind);
        let types = types(written, kind);
        // A list of files may be missing as far as the decoder knows. Its rule decides.
        let min = written.get("minItems").or_else(|| schema.get("minItems"));
        let is_required =
            kind == Kind::File && min.and_then(Value::as_u64).is_some_and(|min| min > 0);
        return Field {
            kind,
            is_required,
            is_list: true,
            is_secret,
            is_choice,
            types,
            ..Field::default()
        };
    }
    let format = schema.get("format").and_then(Value::as_str);
    let kind = match (named, format) {
        (Some("string"), Some("email")) => Kind::Email,
        (Some("string"), Some("uri")) => Kind::Url,
        (Some("string"), Some("date")) => Kind::Date,
        (Some("string"), Some("time" | "partial-time")) => Kind::Time,
        (Some("string"), Some("binary")) => Kind::File,
        (Some("string"), _) => Kind::Text,
        (Some("integer"), _) => Kind::Integer,
        (Some("number"), _) => Kind::Number,
        (Some("boolean"), _) => Kind::Bool,
        // The names of an enum with a comment each.
        (None, _) if is_union(schema) => Kind::Text,
        _ => Kind::Other,
    };
    // Keywords of rules stand beside a reference.
    let keyword = |name: &str| schema.get(name).or_else(|| written.get(name));
    let length = |name: &str| keyword(name).and_then(Value::as_u64);
    let bound = |name: &str| keyword(name).filter(|bound| bound.is_number()).map(Value::to_string);
    let is_text = matches!(kind, Kind::Text | Kind::Email | Kind::Url);
    let has_bounds = matches!(kind, Kind::Integer | Kind::Number);
    // The types of controls have these patterns already.
    let pattern = keyword("pattern").and_then(Value::as_str).filter(|_| kind == Kind::Text);
    Field {
        kind,
        is_required: false,
        is_list: false,
        is_secret,
        min_length: length("minLength").filter(|_| is_text),
        max_length: length("maxLength").filter(|_| is_text),
        min: bound("minimum").filter(|_| has_bounds),
        max: bound("maximum").filter(|_| has_bounds),
        // A schema looks for its pattern anywhere, a control matches the whole value.
        pattern: pattern.map(|pattern| format!(".*(?:{}).*", of_control(pattern))),
        is_choice,
        types: types(written, kind),
    }
}

/// Returns the types that the rule of a file names, if it does not take all.
fn types(written: &Value, kind: Kind) -> Vec<String> {
    let types = written.get(TYPES).and_then(Value::as_array).filter(|_| kind == Kind::File);
    let types: Vec<_> = types.into_iter().flatten().filter_map(Value::as_str).collect();
    let takes_all = types.iter().any(|name| ["*", "*/*"].contains(name));
    types.into_iter().filter(|_| !takes_all).map(str::to_owned).collect()
}

/// Returns whether a schema is one of several texts.
fn is_union(schema: &Map<String, Value>) -> bool {
    let members = schema.get("oneOf").and_then(Value::as_array);
    let is_text = |member: &Value| member.get("type").is_some_and(|name| name == "string");
    members.is_some_and(|members| members.iter().all(is_text))
}
