//! The input, output and events of one action as JSON Schemas, and the definitions they refer to.

use kipo_topic::{Event as _, EventType};
use schemars::{Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value};

use crate::{
    action::{Action, BodyForm, Input, InputMethod, Outgoing},
    error::{ActionError, describe_error},
    stream::StreamAction,
};

/// Describes one endpoint: its input by the first generator, the rest by the second.
pub(crate) type Describe = fn(de: &mut SchemaGenerator, ser: &mut SchemaGenerator) -> Shape;

/// One action that is to be described.
pub(crate) struct Described {
    pub(crate) name: String,
    pub(crate) doc: &'static str,
    /// The names of the types that a caller has to prove.
    pub(crate) needs: Vec<String>,
    pub(crate) refusals: Refusals,
    pub(crate) method: InputMethod,
    pub(crate) form: BodyForm,
    pub(crate) describe: Describe,
}

/// What the limits of an action refuse.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Refusals {
    /// A caller that calls too often, with a 429.
    pub(crate) by_rate: bool,
    /// A call that finds too many runs at once, with a 503.
    pub(crate) by_runs: bool,
}

/// The input, output, errors and events of one endpoint.
#[derive(Debug)]
pub(crate) struct Shape {
    pub(crate) input: Schema,
    pub(crate) output: Schema,
    /// The errors that only this endpoint has, as a union by `code`.
    pub(crate) errors: Option<Schema>,
    /// `None` for a call that answers once.
    pub(crate) events: Option<Vec<EventType>>,
}

impl Shape {
    /// Describes a call; a [`Describe`].
    pub(crate) fn of_call<A: Action<E>, E: ActionError>(
        de: &mut SchemaGenerator,
        ser: &mut SchemaGenerator,
    ) -> Self {
        Self::of::<A, A::Output, E>(de, ser)
    }

    /// Describes a stream; a [`Describe`].
    pub(crate) fn of_stream<A: StreamAction<E>, E: ActionError>(
        de: &mut SchemaGenerator,
        ser: &mut SchemaGenerator,
    ) -> Self {
        let shape = Self::of::<A, A::Output, E>(de, ser);
        Self { events: Some(A::Event::describe(ser)), ..shape }
    }

    fn of<I: Input, O: Outgoing, E: ActionError>(
        de: &mut SchemaGenerator,
        ser: &mut SchemaGenerator,
    ) -> Self {
        let (input, output) = (I::describe(de), O::describe(ser));
        Self { input, output, errors: describe_error::<E>(ser), events: None }
    }
}

/// Returns the schema of an action's input, and the definitions that it refers to.
pub(crate) fn input_of(describe: Describe) -> (Value, Map<String, Value>) {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
    let mut de = settings.clone().for_deserialize().into_generator();
    let mut ser = settings.for_serialize().into_generator();
    let input = describe(&mut de, &mut ser).input.to_value();
    (input, de.take_definitions(true))
}

/// One action. Every reference in its schemas is `#/components/schemas/<key>`.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) doc: &'static str,
    /// The names of the types that a caller has to prove.
    pub(super) needs: Vec<String>,
    pub(super) refusals: Refusals,
    pub(super) method: InputMethod,
    pub(super) form: BodyForm,
    /// Key of the input's definition.
    pub(super) input: String,
    pub(super) output: Value,
    /// A reference to the definition of the errors that only this action has.
    pub(super) errors: Option<Value>,
    /// `None` for a call that answers once.
    pub(super) events: Option<Vec<EventData>>,
}

/// One event of a stream.
#[derive(Debug)]
pub(super) struct EventData {
    pub(super) name: &'static str,
    pub(super) doc: &'static str,
    pub(super) data: Value,
}

/// A type that has a name.
#[derive(Debug)]
pub(super) struct Definition {
    /// Segments, each an identifier; empty for the outermost.
    pub(super) namespace: Vec<String>,
    /// An identifier, unique in its namespace.
    pub(super) name: String,
    pub(super) schema: Value,
}

/// Where OpenAPI keeps definitions; what every reference to one starts with.
pub(super) const REFERENCE: &str = "#/components/schemas/";

/// Calls `visit` with each `$ref` in a schema.
pub(super) fn each_reference(schema: &mut Value, visit: &mut dyn FnMut(&mut String)) {
    let Value::Object(keywords) = schema else { return };
    if let Some(Value::String(reference)) = keywords.get_mut("$ref") {
        visit(reference);
    }
    for schema in subschemas(keywords) {
        each_reference(schema, visit);
    }
}

/// Returns the schemas that are the parts of one, in the order of the text.
///
/// Only where a schema can stand: a default value or a property of that name is data.
pub(super) fn subschemas(keywords: &mut Map<String, Value>) -> Vec<&mut Value> {
    let mut parts = Vec::new();
    for (keyword, value) in keywords {
        match (keyword.as_str(), value) {
            (
                "properties" | "patternProperties" | "dependentSchemas" | "$defs",
                Value::Object(named),
            ) => parts.extend(named.values_mut()),
            ("allOf" | "anyOf" | "oneOf" | "prefixItems", Value::Array(list)) => {
                parts.extend(list);
            }
            (
                "items"
                | "contains"
                | "additionalProperties"
                | "unevaluatedProperties"
                | "unevaluatedItems"
                | "propertyNames"
                | "not"
                | "if"
                | "then"
                | "else",
                schema,
            ) => parts.push(schema),
            _ => {}
        }
    }
    parts
}
