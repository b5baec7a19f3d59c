//! The types of the actions as an OpenAPI 3.2 document.

use std::collections::BTreeMap;

use kipo_topic::{GapReason, frame};
use serde_json::{Map, Value, json};

use crate::{
    action::{BodyForm, InputMethod},
    schema::{
        bounds,
        description::{Endpoint, EventData, REFERENCE, Refusals},
        named::Named,
        types::Types,
    },
};

/// Where OpenAPI says what its schemas are; the same draft that they are generated for.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// What no schema says: to JSON Schema, `75.0` is an integer.
const INTEGERS: &str = "Write an integer without a fraction: `75`, not `75.0`.";

const ENDS_WITH_PROBLEM: &str = "The problem: the stream ends with it.";

/// Keys of the events that every stream has. The key of a type has no hyphen.
const READY_EVENT: &str = "kipo-ready";
const GAP_EVENT: &str = "kipo-gap";
const ERROR_EVENT: &str = "kipo-stream-error";

/// Returns the text of a document whose paths are below a path of the server.
pub(crate) fn with_server(document: &str, path: &str) -> String {
    let servers = json!([{ "url": path }]);
    match document.strip_prefix('{') {
        Some(rest) => format!("{{\"servers\":{servers},{rest}"),
        None => document.to_owned(),
    }
}

/// What a document says besides its actions.
pub(crate) struct Info<'i> {
    pub(crate) title: &'i str,
    pub(crate) version: &'i str,
    /// The path below which the actions are.
    pub(crate) base: &'i str,
    /// The name of the cookie with the session, if the app has sessions.
    pub(crate) session_cookie: Option<&'i str>,
}

/// Describes all actions: calls with their answer, streams with each of their events.
pub(crate) fn document(types: &Types, info: &Info<'_>) -> Value {
    let Info { title, version, base, session_cookie } = *info;
    let base = base.trim_end_matches('/');
    let named = Named::of(types);
    let mut paths = Map::new();
    let mut tags: Vec<&str> = Vec::new();
    for action in &types.actions {
        let path = path(types, &named, action, session_cookie);
        paths.insert(format!("{base}/actions/{}", action.name), path);
        tags.extend(namespace(action));
    }
    tags.sort_unstable();
    tags.dedup();
    let tags: Vec<Value> = tags.into_iter().map(|name| json!({ "name": name })).collect();

    // No type of an app is called `Problem`: `client.d.ts` has one of its own.
    let mut schemas = Map::new();
    schemas.insert("Problem".to_owned(), problem());
    if types.actions.iter().any(|action| action.events.is_some()) {
        schemas.insert(READY_EVENT.to_owned(), ready_event());
        schemas.insert(GAP_EVENT.to_owned(), gap_event());
        schemas.insert(ERROR_EVENT.to_owned(), error_event());
    }
    for (key, definition) in &types.definitions {
        schemas.insert(key.clone(), bounded(&definition.schema));
    }
    let mut needs: Vec<&String> = types.actions.iter().flat_map(|action| &action.needs).collect();
    needs.sort_unstable();
    needs.dedup();
    let needs = |cookie| needs.iter().map(move |name| ((*name).clone(), need(name, cookie)));
    let needs: Option<Map<String, Value>> = session_cookie.map(|cookie| needs(cookie).collect());
    let mut document = json!({
        "openapi": "3.2.0",
        "info": { "title": title, "description": INTEGERS, "version": version },
        "jsonSchemaDialect": DIALECT,
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": {
                "Problem": {
                    "description": "The action did not run, or failed.",
                    "content": {
                        "application/problem+json": { "schema": reference("Problem") },
                    },
                },
            },
        },
    });
    let refuses = |by: fn(&Refusals) -> bool| types.actions.iter().any(|a| by(&a.refusals));
    if refuses(|refusals| refusals.by_rate) {
        document["components"]["responses"]["TooManyRequests"] = too_many_requests();
    }
    if refuses(|refusals| refusals.by_runs) {
        let response = refusal("Too many runs of the action at once, or the server restarts.");
        document["components"]["responses"]["TooManyRuns"] = response;
    }
    if let Some(needs) = needs.filter(|needs| !needs.is_empty()) {
        document["components"]["securitySchemes"] = needs.into();
    }
    document
}

/// Describes a type that a caller has to prove, in an app with sessions: the cookie of the session is
/// the proof. How a proof travels in other apps only the type itself knows, and OpenAPI has no scheme
/// for that: [`NEEDS`] names the types.
fn need(name: &str, cookie: &str) -> Value {
    json!({
        "type": "apiKey",
        "in": "cookie",
        "name": cookie,
        "description": format!("needs: {name}. The server makes it from the session."),
    })
}

/// The types that a caller has to prove, in an app without sessions.
const NEEDS: &str = "x-kipo-needs";

/// Describes the verbs of one action.
fn path(
    types: &Types,
    named: &Named<'_>,
    action: &Endpoint,
    session_cookie: Option<&str>,
) -> Value {
    let mut verbs = Map::new();
    let has_scheme = session_cookie.is_some();
    let mut post = operation(types, action, &action.name, has_scheme);
    if action.method == InputMethod::Get {
        post.insert("parameters".to_owned(), query(types, &action.input).into());
        post["responses"]["304"] = json!({ "description": "The output has not changed." });
        verbs.insert("get".to_owned(), post.into());
        return verbs.into();
    }
    let content = match action.form {
        BodyForm::Fields | BodyForm::Json => {
            json!({ "application/json": { "schema": reference(&action.input) } })
        }
        BodyForm::Multipart => {
            json!({ "multipart/form-data": { "schema": reference(&action.input) } })
        }
        BodyForm::Raw => json!({ "*/*": { "schema": reference(&action.input) } }),
    };
    let is_required = action.form == BodyForm::Json || !named.admits_empty(&action.input);
    post.insert("requestBody".to_owned(), json!({ "required": is_required, "content": content }));
    if action.events.is_some() {
        let resume = json!({
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The id of the last event that the client received: the stream continues after it.",
            "schema": { "type": "string" },
        });
        post.insert("parameters".to_owned(), json!([resume]));
        let mut get = operation(types, action, &format!("{}.get", action.name), has_scheme);
        let mut parameters = query(types, &action.input);
        parameters.push(resume);
        get.insert("parameters".to_owned(), parameters.into());
        verbs.insert("get".to_owned(), get.into());
    }
    verbs.insert(action.method.as_str().to_ascii_lowercase(), post.into());
    verbs.into()
}

/// Describes what all verbs of an action have in common.
fn operation(types: &Types, action: &Endpoint, id: &str, has_scheme: bool) -> Map<String, Value> {
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
    if !action.needs.is_empty() && !has_scheme {
        operation.insert(NEEDS.to_owned(), json!(action.needs));
    }
    if !action.needs.is_empty() && has_scheme {
        let all: Map<String, Value> =
            action.needs.iter().map(|name| (name.clone(), json!([]))).collect();
        operation.insert("security".to_owned(), json!([all]));
    }
    let mut responses = responses(types, action);
    if action.refusals.by_rate {
        responses["429"] = json!({ "$ref": "#/components/responses/TooManyRequests" });
    }
    if action.refusals.by_runs {
        responses["503"] = json!({ "$ref": "#/components/responses/TooManyRuns" });
    }
    operation.insert("responses".to_owned(), responses);
    operation
}

fn responses(types: &Types, action: &Endpoint) -> Value {
    let mut responses = Map::new();
    let (status, response) = success(types, action);
    responses.insert(status.to_owned(), response);
    responses.extend(own_errors(types, action));
    responses.insert("default".to_owned(), json!({ "$ref": "#/components/responses/Problem" }));
    responses.into()
}

/// Describes the errors that only this action has, by status.
fn own_errors(types: &Types, action: &Endpoint) -> BTreeMap<String, Value> {
    let mut by_status: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for variant in variants(types, action) {
        let status = &variant["properties"]["status"]["const"];
        by_status.entry(status.to_string()).or_default().push(bounded(variant));
    }
    let response = |(status, variants): (String, Vec<Value>)| {
        let codes = variants.iter().filter_map(|variant| {
            variant["properties"]["code"]["const"].as_str().map(|code| format!("`{code}`"))
        });
        let description = codes.collect::<Vec<_>>().join(" or ");
        let description = format!("Such as {description}.");
        let content = json!({ "application/problem+json": { "schema": one_of(variants) } });
        (status, json!({ "description": description, "content": content }))
    };
    by_status.into_iter().map(response).collect()
}

/// Describes a problem that is one of these, or one with another code: an error of Kipo or of a guard
/// may have the same status.
fn one_of(mut variants: Vec<Value>) -> Value {
    let codes = variants.iter().map(|variant| &variant["properties"]["code"]["const"]);
    let other =
        json!({ "properties": { "code": { "not": { "enum": codes.collect::<Vec<_>>() } } } });
    variants.push(other);
    json!({ "allOf": [reference("Problem"), { "anyOf": variants }] })
}

/// Returns the schemas of the errors that only this action has.
fn variants<'a>(types: &'a Types, action: &Endpoint) -> impl Iterator<Item = &'a Value> {
    let key = action.errors.as_ref().and_then(|errors| errors["$ref"].as_str());
    let definition = key.and_then(|key| types.definition(key));
    definition
        .and_then(|(_, definition)| definition.schema["oneOf"].as_array())
        .into_iter()
        .flatten()
}

/// Describes the answer of an action that succeeds, with its status.
fn success(types: &Types, action: &Endpoint) -> (&'static str, Value) {
    let Some(events) = &action.events else {
        return match is_null(types, &action.output) {
            true => ("204", json!({ "description": "Done." })),
            false => (
                "200",
                json!({
                    "description": "The output.",
                    "content": { content_type(&action.output): { "schema": bounded(&action.output) } },
                }),
            ),
        };
    };
    let mut items: Vec<Value> =
        events.iter().map(|EventData { name, doc, data }| event(name, doc, data)).collect();
    items.extend([
        event(frame::COMPLETE, "The output: the stream ends with it.", &action.output),
        end_with_error(types, action),
        reference(READY_EVENT),
        reference(GAP_EVENT),
    ]);
    let description = "Events, then `complete` with the output or `error` with the problem.";
    let content = json!({ "text/event-stream": { "itemSchema": { "oneOf": items } } });
    ("200", json!({ "description": description, "content": content }))
}

/// Returns the content type of an output: a `Download` has any.
fn content_type(output: &Value) -> &'static str {
    match output.get("format").and_then(Value::as_str) {
        Some("binary") => "*/*",
        _ => "application/json",
    }
}

/// Describes the event that ends a stream with an error: one of its own, or any other.
fn end_with_error(types: &Types, action: &Endpoint) -> Value {
    let own: Vec<Value> = variants(types, action).map(bounded).collect();
    if own.is_empty() {
        return reference(ERROR_EVENT);
    }
    event(frame::ERROR, ENDS_WITH_PROBLEM, &one_of(own))
}

/// Describes the response for a caller that calls too often.
fn too_many_requests() -> Value {
    let mut response = refusal("The caller calls too often.");
    let field = |description: &str| {
        json!({
            "description": format!("{description} (draft-ietf-httpapi-ratelimit-headers-09)."),
            "schema": { "type": "string" },
        })
    };
    response["headers"]["RateLimit-Policy"] = field("How many calls a caller has in which time");
    response["headers"]["RateLimit"] = field("How many of them are left, and when all are back");
    response
}

/// Describes a response that asks the caller to come back later.
fn refusal(description: &str) -> Value {
    json!({
        "description": description,
        "headers": {
            "Retry-After": {
                "description": "Seconds.",
                "schema": { "type": "integer", "minimum": 0 },
            },
        },
        "content": { "application/problem+json": { "schema": reference("Problem") } },
    })
}

/// Describes an event. Its fields are texts, as OpenAPI 3.2 has it, and `data` is JSON.
fn event(name: &str, doc: &str, data: &Value) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": {
            "event": { "const": name },
            "data": {
                "type": "string",
                "contentMediaType": "application/json",
                "contentSchema": bounded(data),
            },
            "id": { "type": "string" },
        },
        "required": ["event", "data"],
    });
    if !doc.trim().is_empty() {
        schema["description"] = doc.trim().into();
    }
    schema
}

/// Describes the event that opens a stream.
fn ready_event() -> Value {
    let data = json!({
        "type": "object",
        "properties": {
            "resume": {
                "type": "string",
                "enum": ["fresh", "resumed", "gap"],
                "description": "Whether the stream continues after `Last-Event-ID`.",
            },
            "ping_ms": {
                "type": "integer",
                "minimum": 0,
                "description": "The longest silence: the server sends a comment at least this often.",
            },
        },
        "required": ["resume", "ping_ms"],
    });
    event(frame::READY, "The first event of a stream.", &data)
}

/// Describes the event that reports what a client misses.
fn gap_event() -> Value {
    let reasons =
        [GapReason::Trimmed, GapReason::NewGeneration, GapReason::Diverged, GapReason::TooMany]
            .map(GapReason::as_str);
    let data = json!({
        "type": "object",
        "properties": {
            "reason": { "type": "string", "enum": reasons },
            "missed": {
                "type": ["integer", "null"],
                "minimum": 0,
                "description": "How many messages are missing; null if the server cannot know.",
            },
            "first": {
                "type": "integer",
                "minimum": 0,
                "description": "The number of the message that follows.",
            },
        },
        "required": ["reason", "missed", "first"],
    });
    event(frame::GAP, "Messages are missing between the last event and the next.", &data)
}

/// Describes the event that ends a stream with a problem.
fn error_event() -> Value {
    event(frame::ERROR, ENDS_WITH_PROBLEM, &reference("Problem"))
}

/// Returns a schema with the bounds of its integers.
fn bounded(schema: &Value) -> Value {
    let mut schema = schema.clone();
    bounds::add(&mut schema);
    schema
}

fn reference(key: &str) -> Value {
    json!({ "$ref": format!("{REFERENCE}{key}") })
}

/// Describes the fields of an input as query parameters.
fn query(types: &Types, input: &str) -> Vec<Value> {
    let Some(definition) = types.definitions.get(input) else { return Vec::new() };
    let required = definition.schema.get("required").and_then(Value::as_array);
    let properties = definition.schema.get("properties").and_then(Value::as_object);
    let parameter = |(name, schema): (&String, &Value)| {
        json!({
            "name": name,
            "in": "query",
            "required": required.is_some_and(|names| names.iter().any(|other| other == name)),
            "schema": bounded(schema),
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
            "data": { "description": "What a typed error says to programs." },
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
        let document = document(&shapes::types(), &INFO);
        shapes::check_golden("shapes.openapi.json", &format!("{document:#}\n"));
    }

    const INFO: Info<'_> = Info {
        title: "shapes",
        version: "1.2.3",
        base: "/_kipo",
        session_cookie: Some("kipo-session"),
    };

    #[test]
    fn without_sessions_an_operation_names_its_needs_and_no_scheme() {
        let document = document(&shapes::types(), &Info { session_cookie: None, ..INFO });
        let text = document.to_string();
        assert!(text.contains(r#""x-kipo-needs":["#), "{text}");
        assert!(!text.contains("securitySchemes") && !text.contains(r#""security""#), "{text}");
    }
}
