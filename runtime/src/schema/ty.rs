//! A JSON Schema as a TypeScript type.
//!
//! Rules that TypeScript cannot express (a minimum, a pattern) are left out, and keywords that are
//! not known become `unknown`. So the type accepts every value that the schema accepts.

use serde_json::{Map, Value};

use crate::schema::description::REFERENCE;

/// A TypeScript type.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Type {
    /// A keyword or a literal, as it is written.
    Word(String),
    /// Key of a definition.
    Named(String),
    Array(Box<Self>),
    Tuple {
        elements: Vec<Self>,
        /// The number of required elements; the others are optional.
        required: usize,
        rest: Option<Box<Self>>,
    },
    Object(Object),
    /// At least two, each with its documentation.
    Union(Vec<(String, Self)>),
    /// At least two.
    All(Vec<Self>),
}

/// An object with known fields, a map, or both.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object {
    pub(super) fields: Vec<Field>,
    /// The type of any other key's value.
    pub(super) index: Option<Box<Type>>,
}

/// A property.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) doc: String,
    pub(super) is_optional: bool,
    pub(super) ty: Type,
}

/// Integers as decimal strings; see [`Exact`](crate::Exact).
const EXACT_FORMATS: [&str; 4] =
    ["int64-string", "uint64-string", "int128-string", "uint128-string"];

/// Longer arrays of a fixed length are written as arrays of any length.
const TUPLE_ELEMENTS_MAX: u64 = 16;

impl Type {
    /// Reads a schema.
    pub(super) fn read(schema: &Value) -> Self {
        match schema {
            Value::Bool(false) => Self::word("never"),
            Value::Object(keywords) => read(keywords),
            _ => Self::word("unknown"),
        }
    }

    pub(super) fn word(word: &str) -> Self {
        Self::Word(word.to_owned())
    }

    pub(super) fn is_word(&self, word: &str) -> bool {
        matches!(self, Self::Word(own) if own == word)
    }

    /// Returns the type of a value that has one of the given types.
    pub(super) fn any_of(members: impl IntoIterator<Item = (String, Self)>) -> Self {
        let mut union: Vec<(String, Self)> = Vec::new();
        for (doc, member) in members {
            let flat = match member {
                Self::Union(inner) => inner,
                other => vec![(doc, other)],
            };
            for (doc, member) in flat {
                if member.is_word("unknown") {
                    return member;
                }
                if !member.is_word("never") && union.iter().all(|(_, other)| *other != member) {
                    union.push((doc, member));
                }
            }
        }
        match union.len() {
            0 => Self::word("never"),
            1 => union.remove(0).1,
            _ => Self::Union(union),
        }
    }

    /// Returns the type of a value that has all of the given types.
    pub(super) fn all_of(parts: impl IntoIterator<Item = Self>) -> Self {
        let mut all: Vec<Self> = Vec::new();
        for part in parts {
            let flat = match part {
                Self::All(inner) => inner,
                other => vec![other],
            };
            for part in flat {
                if part.is_word("never") {
                    return part;
                }
                if !part.is_word("unknown") && !all.contains(&part) {
                    all.push(part);
                }
            }
        }
        match all.len() {
            0 => Self::word("unknown"),
            1 => all.remove(0),
            _ => Self::All(all),
        }
    }

    /// Returns the names of the fields that a value may have; `None` if any name will do.
    ///
    /// `resolve` gives the type of a definition.
    pub(super) fn fields(&self, resolve: &dyn Fn(&str) -> Self) -> Option<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |more: Vec<String>| {
            for name in more {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        };
        match self {
            Self::Named(key) => add(resolve(key).fields(resolve)?),
            Self::Object(object) => {
                if object.index.is_some() {
                    return None;
                }
                add(object.fields.iter().map(|field| field.name.clone()).collect());
            }
            Self::Union(members) => {
                for (_, member) in members {
                    add(member.fields(resolve)?);
                }
            }
            Self::All(parts) => {
                for part in parts {
                    add(part.fields(resolve)?);
                }
            }
            Self::Word(_) | Self::Array(_) | Self::Tuple { .. } => {}
        }
        Some(names)
    }

    /// Returns whether `{}` is a value of this type.
    pub(super) fn admits_empty(&self, resolve: &dyn Fn(&str) -> Self) -> bool {
        match self {
            Self::Named(key) => resolve(key).admits_empty(resolve),
            Self::Object(object) => object.fields.iter().all(|field| field.is_optional),
            Self::Union(members) => members.iter().any(|(_, member)| member.admits_empty(resolve)),
            Self::All(parts) => parts.iter().all(|part| part.admits_empty(resolve)),
            Self::Word(_) => self.is_word("unknown"),
            Self::Array(_) | Self::Tuple { .. } => false,
        }
    }
}

impl Object {
    /// Returns whether the object has no field.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty() && self.index.is_none()
    }
}

/// Returns the title and the description of a schema.
pub(super) fn doc(schema: &Value) -> String {
    let text = |keyword| schema.get(keyword).and_then(Value::as_str).unwrap_or_default();
    let mut paragraphs = vec![text("title"), text("description")];
    if schema.get("deprecated") == Some(&Value::Bool(true)) {
        paragraphs.push("@deprecated");
    }
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}

fn read(keywords: &Map<String, Value>) -> Type {
    let mut parts = Vec::new();
    if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
        parts.push(match reference.strip_prefix(REFERENCE) {
            Some(key) => Type::Named(key.to_owned()),
            None => Type::word("unknown"),
        });
    }
    let is_object = keywords.get("type").and_then(Value::as_str) == Some("object");
    for keyword in ["oneOf", "anyOf"] {
        if let Some(members) = keywords.get(keyword).and_then(Value::as_array) {
            parts.push(read_union(members, is_object));
        }
    }
    for part in keywords.get("allOf").and_then(Value::as_array).into_iter().flatten() {
        parts.push(match part {
            // A flattened enum among several is a part of an object as well.
            Value::Object(keywords) if is_object && !keywords.contains_key("type") => {
                let mut keywords = keywords.clone();
                keywords.insert("type".to_owned(), "object".into());
                read(&keywords)
            }
            part => Type::read(part),
        });
    }
    if let Some(mut own) = read_own(keywords) {
        if let Type::Object(object) = &mut own
            && !parts.is_empty()
        {
            if object.is_empty() {
                return Type::all_of(parts);
            }
            // In TypeScript, the values of this map would have to include the fields of the parts.
            if let Some(index) = &mut object.index {
                **index = Type::word("unknown");
            }
        }
        parts.insert(0, own);
    }
    Type::all_of(parts)
}

/// Reads `oneOf` and `anyOf`. Inside an object, `{}` means "none of the others": schemars writes it
/// for an optional enum that is flattened into the object.
fn read_union(members: &[Value], is_object: bool) -> Type {
    let is_anything = |member: &Value| {
        *member == Value::Bool(true) || member.as_object().is_some_and(Map::is_empty)
    };
    let typed = |member: &&Value| !(is_object && is_anything(member));
    let union =
        Type::any_of(members.iter().filter(typed).map(|member| (doc(member), Type::read(member))));
    if members.iter().all(|member| typed(&member)) {
        return union;
    }
    let names = union.fields(&|_| Type::word("unknown")).unwrap_or_default();
    let never =
        |name| Field { name, doc: String::new(), is_optional: true, ty: Type::word("never") };
    let none = Object { fields: names.into_iter().map(never).collect(), index: None };
    match none.is_empty() {
        true => Type::word("unknown"),
        false => Type::any_of([(String::new(), union), (String::new(), Type::Object(none))]),
    }
}

/// Reads the keywords that need no other schema; `None` if there are none.
fn read_own(keywords: &Map<String, Value>) -> Option<Type> {
    let plain = |ty| (String::new(), ty);
    if let Some(value) = keywords.get("const") {
        return Some(literal(value));
    }
    if let Some(values) = keywords.get("enum").and_then(Value::as_array) {
        return Some(Type::any_of(values.iter().map(|value| plain(literal(value)))));
    }
    match keywords.get("type") {
        Some(Value::String(name)) => Some(of_type(name, keywords)),
        Some(Value::Array(names)) => {
            let names = names.iter().filter_map(Value::as_str);
            Some(Type::any_of(names.map(|name| plain(of_type(name, keywords)))))
        }
        _ => {
            let has = |names: &[&str]| names.iter().any(|name| keywords.contains_key(*name));
            if has(&["properties", "patternProperties", "additionalProperties"]) {
                Some(of_type("object", keywords))
            } else if has(&["items", "prefixItems"]) {
                Some(of_type("array", keywords))
            } else {
                None
            }
        }
    }
}

fn of_type(name: &str, keywords: &Map<String, Value>) -> Type {
    match name {
        "null" | "boolean" | "number" => Type::word(name),
        "integer" => Type::word("number"),
        "string" => {
            let format = keywords.get("format").and_then(Value::as_str).unwrap_or_default();
            Type::word(match format {
                "binary" => "Blob",
                _ if EXACT_FORMATS.contains(&format) => "`${bigint}`",
                _ => name,
            })
        }
        "array" => array(keywords),
        "object" => Type::Object(object(keywords)),
        _ => Type::word("unknown"),
    }
}

fn array(keywords: &Map<String, Value>) -> Type {
    let bound = |keyword| keywords.get(keyword).and_then(Value::as_u64);
    let (min, max) = (bound("minItems"), bound("maxItems"));
    let items = keywords.get("items").map_or_else(|| Type::word("unknown"), Type::read);
    let prefix = keywords.get("prefixItems").and_then(Value::as_array);
    let elements: Vec<Type> = match (prefix, max) {
        (Some(prefix), _) => prefix.iter().map(Type::read).collect(),
        (None, Some(length)) if min.unwrap_or(0) == length && length <= TUPLE_ELEMENTS_MAX => {
            (0..length).map(|_| items.clone()).collect()
        }
        (None, _) => return Type::Array(Box::new(items)),
    };
    let is_closed = items.is_word("never") || max.is_some_and(|max| max <= elements.len() as u64);
    let required = usize::try_from(min.unwrap_or(0)).unwrap_or(elements.len()).min(elements.len());
    Type::Tuple { elements, required, rest: (!is_closed).then(|| Box::new(items)) }
}

fn object(keywords: &Map<String, Value>) -> Object {
    let required: Vec<&str> = keywords
        .get("required")
        .and_then(Value::as_array)
        .map(|names| names.iter().filter_map(Value::as_str).collect())
        .unwrap_or_default();
    let fields: Vec<Field> = keywords
        .get("properties")
        .and_then(Value::as_object)
        .into_iter()
        .flatten()
        .map(|(name, schema)| field(name, schema, !required.contains(&name.as_str())))
        .collect();

    let patterns = keywords.get("patternProperties").and_then(Value::as_object);
    let other =
        ["additionalProperties", "unevaluatedProperties"].into_iter().filter_map(|keyword| {
            keywords.get(keyword).filter(|schema| **schema != Value::Bool(false))
        });
    let mut values: Vec<Type> =
        patterns.into_iter().flat_map(Map::values).chain(other).map(Type::read).collect();
    if !values.is_empty() {
        // In TypeScript, an index signature applies to the named fields too.
        values.extend(fields.iter().map(|field| field.ty.clone()));
        if fields.iter().any(|field| field.is_optional) {
            values.push(Type::word("undefined"));
        }
    }
    let index = (!values.is_empty())
        .then(|| Box::new(Type::any_of(values.into_iter().map(|ty| (String::new(), ty)))));
    Object { fields, index }
}

fn field(name: &str, schema: &Value, is_optional: bool) -> Field {
    let mut doc = doc(schema);
    let default = schema.get("default").filter(|default| is_optional && !default.is_null());
    if let Some(default) = default {
        let gap = if doc.is_empty() { "" } else { "\n\n" };
        doc.push_str(&format!("{gap}@default {default}"));
    }
    Field { name: name.to_owned(), doc, is_optional, ty: Type::read(schema) }
}

fn literal(value: &Value) -> Type {
    match value {
        Value::Array(values) => Type::Tuple {
            required: values.len(),
            elements: values.iter().map(literal).collect(),
            rest: None,
        },
        Value::Object(values) => {
            let fields = values.iter().map(|(name, value)| Field {
                name: name.clone(),
                doc: String::new(),
                is_optional: false,
                ty: literal(value),
            });
            Type::Object(Object { fields: fields.collect(), index: None })
        }
        value => Type::Word(value.to_string()),
    }
}
