//! The types of the actions as an OpenAPI 3.1 document.

use serde_json::{Map, Value, json};

use crate::schema::{
    description::{Endpoint, REFERENCE},
    types::Types,
};

/// Where OpenAPI 3.1 says what its schemas are; the same draft that they are generated for.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Describes all actions: calls with their answer, streams with their events as well.
///
/// OpenAPI 3.1 has no word for what the events of a stream hold, so that stands in `x-events`:
/// a schema for each event name.
pub(crate) fn document(types: &Types, base: &str, title: &str, version: &str) -> Value {
    let base = base.trim_end_matches('/');
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for action in &types.actions {
        paths.insert(format!("{base}/actions/{}", action.name), path(types, action));
        tags.extend(namespace(action));
    }
    tags.sort_unstable();
    tags.dedup();
    let tags: Vec<Value> = tags.into_iter().map(|name| json!({ "name": name })).collect();

    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), problem());
    for (key, definition) in &types.definitions {
        schemas.insert(key.clone(), definition.schema.clone());
    }
    json!({
        "openapi": "3.1.1",
        "info": { "title": title, "version": version },
        "jsonSchemaDialect": DIALECT,
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Problem": {
                    "description": "The action did not run, or failed.",
                    "content": {
                        "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
                    },
                },
            },
        },
    })
}

/// Describes the verbs of one action.
fn path(types: &Types, action: &Endpoint) -> Value {
    let input = format!("{}{}", REFERENCE, action.input);
    let mut post = operation(types, action, &action.name);
    post.insert(
        "requestBody".to_owned(),
        json!({ "required": true, "content": { "application/json": { "schema": { "$ref": input } } } }),
    );
    let mut verbs = Map::new();
    if action.events.is_some() {
        let resume = json!({
            "name": "Last-Event-ID",
            "in": "header",
            "description": "Where to go on: the id of the last event that arrived.",
            "schema": { "type": "string" },
        });
        post.insert("parameters".to_owned(), json!([resume]));
        let mut get = operation(types, action, &format!("{}.get", action.name));
        let mut parameters = query(types, &input);
        parameters.push(resume);
        get.insert("parameters".to_owned(), parameters.into());
        verbs.insert("get".to_owned(), get.into());
    }
    verbs.insert("post".to_owned(), post.into());
    verbs.into()
}

/// Describes what all verbs of an action have in common.
fn operation(types: &Types, action: &Endpoint, id: &str) -> Map<String, Value> {
    let mut operation = Map::new();
    operation.insert("operationId".to_owned(), id.into());
    if let Some(namespace) = namespace(action) {
        operation.insert("tags".to_owned(), json!([namespace]));
    }
    let doc = action.doc.trim();
    let summary = doc.split("\n\n").next().unwrap_or_default().replace('\n', " ");
    if doc.contains("\n\n") {
        operation.insert("description".to_owned(), doc.into());
    }
    if !summary.is_empty() {
        operation.insert("summary".to_owned(), summary.into());
    }
    operation.insert("responses".to_owned(), responses(types, action));
    operation
}

fn responses(types: &Types, action: &Endpoint) -> Value {
    let problem = json!({ "$ref": "#/components/responses/Problem" });
    let Some(events) = &action.events else {
        return match is_null(types, &action.output) {
            true => json!({ "204": { "description": "Done." }, "default": problem }),
            false => json!({
                "200": {
                    "description": "The output.",
                    "content": { "application/json": { "schema": action.output } },
                },
                "default": problem,
            }),
        };
    };
    let mut schemas = Map::new();
    for event in events {
        let mut schema = event.data.clone();
        if let (Value::Object(keywords), false) = (&mut schema, event.doc.is_empty()) {
            keywords.insert("description".to_owned(), event.doc.trim().into());
        }
        schemas.insert(event.name.to_owned(), schema);
    }
    schemas.insert("complete".to_owned(), action.output.clone());
    schemas.insert("error".to_owned(), json!({ "$ref": "#/components/schemas/Problem" }));
    json!({
        "200": {
            "description": "Events, then `complete` with the output or `error` with the problem.",
            "content": {
                "text/event-stream": { "schema": { "type": "string" }, "x-events": schemas },
            },
        },
        "default": problem,
    })
}

/// Describes the fields of an input as query parameters.
fn query(types: &Types, input: &str) -> Vec<Value> {
    let Some((_, definition)) = types.definition(input) else { return Vec::new() };
    let required = definition.schema.get("required").and_then(Value::as_array);
    let properties = definition.schema.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| {
        json!({
            "name": name,
            "in": "query",
            "required": required.is_some_and(|names| names.iter().any(|other| other == name)),
            "schema": schema,
        })
    };
    properties.into_iter().flatten().map(parameter).collect()
}

/// Returns `admin.users` of `admin.users.Purge`.
fn namespace(action: &Endpoint) -> Option<&str> {
    action.name.rsplit_once('.').map(|(namespace, _)| namespace)
}

/// Tells whether a schema is that of `()`, by whatever name.
fn is_null(types: &Types, schema: &Value) -> bool {
    let named = schema.get("$ref").and_then(Value::as_str).and_then(|key| types.definition(key));
    let schema = named.map_or(schema, |(_, definition)| &definition.schema);
    schema.get("type").and_then(Value::as_str) == Some("null")
}

/// Describes the body of every failed answer (RFC 9457).
fn problem() -> Value {
    json!({
        "type": "object",
        "properties": {
            "type": { "type": "string", "format": "uri-reference" },
            "title": { "type": "string" },
            "status": { "type": "integer", "minimum": 400, "maximum": 599 },
            "detail": { "type": "string" },
            "code": { "type": "string", "description": "One word for programs." },
            "errors": {
                "type": "object",
                "description": "Messages by the path of the field.",
                "additionalProperties": { "type": "array", "items": { "type": "string" } },
            },
            "request_id": { "type": "string" },
        },
        "required": ["title", "status", "code", "request_id"],
    })
}

#[cfg(test)]
mod tests {
    use super::{super::shapes, *};

    #[test]
    fn every_shape_is_described() {
        let document = document(&shapes::types(), "/_kipo", "shapes", "1.2.3");
        shapes::check_golden("shapes.openapi.json", &format!("{document:#}\n"));
    }
}
