//! What schemas say beyond what schemars writes: the rules that are functions of the app, and which
//! fields of an output are never null.

use serde_json::{Map, Value};

use crate::schema::description::subschemas;

/// The keyword that `#[validate(custom(function = …))]` gives a schema: the name of the function.
const RULE: &str = "x-kipo-rule";

/// The keyword that `#[data]` and `#[derive(Event)]` give a type in which a field may be left out
/// and may be null as well.
const WRITES_NULL: &str = "x-kipo-null";

/// The keyword that `#[validate(file(types(…)))]` gives a schema: the types, which only forms read.
pub(crate) const TYPES: &str = "x-kipo-types";

/// Refines a schema of what the server reads.
pub(super) fn read(schema: &mut Value) {
    require_files(schema);
    name_rules(schema);
}

/// Refines a schema of what the server writes.
pub(super) fn written(schema: &mut Value) {
    without_nulls(schema);
    name_rules(schema);
}

/// Requires each list of files that a rule refuses when it is empty. The decoder takes a form without
/// such a field, as it is where nobody chose a file, for one with an empty list.
fn require_files(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    let is_asked_for = |field: &Value| {
        field["items"]["format"] == "binary"
            && field["minItems"].as_u64().is_some_and(|min| min > 0)
    };
    let properties = keywords.get("properties").and_then(Value::as_object);
    let asked = properties.into_iter().flatten().filter(|(_, field)| is_asked_for(field));
    let asked: Vec<Value> = asked.map(|(name, _)| name.clone().into()).collect();
    if asked.is_empty() {
        return;
    }
    let required = keywords.entry("required").or_insert_with(|| Value::Array(Vec::new()));
    if let Value::Array(required) = required {
        required.extend(asked);
    }
}

/// Adds the names of rules, and removes the keywords that are for this file alone.
fn name_rules(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    keywords.shift_remove(WRITES_NULL);
    keywords.shift_remove(TYPES);
    if let Some(Value::String(rule)) = keywords.shift_remove(RULE) {
        let checked = format!("The server also checks `{rule}`.");
        match keywords.get_mut("description") {
            Some(Value::String(description)) => {
                description.push_str("\n\n");
                description.push_str(&checked);
            }
            _ => _ = keywords.insert("description".to_owned(), checked.into()),
        }
    }
    subschemas(keywords).into_iter().for_each(name_rules);
}

/// Removes null from each field that may be left out.
///
/// Such a field has `skip_serializing_if`, which is there to leave out `None`. Where it does
/// something else, our macros give the type [`WRITES_NULL`].
fn without_nulls(schema: &mut Value) {
    let Value::Object(keywords) = schema else { return };
    if keywords.contains_key(WRITES_NULL) {
        return;
    }
    let required: Vec<Value> =
        keywords.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
    let properties = keywords.get_mut("properties").and_then(Value::as_object_mut);
    for (name, property) in properties.into_iter().flatten() {
        if let (Value::Object(keywords), false) =
            (property, required.iter().any(|required| required == name))
        {
            remove_null(keywords);
        }
    }
    subschemas(keywords).into_iter().for_each(without_nulls);
}

/// Removes null from the values that a schema allows, if it allows others.
fn remove_null(keywords: &mut Map<String, Value>) {
    if let Some(Value::Array(names)) = keywords.get_mut("type") {
        names.retain(|name| name != "null");
        if let [name] = names.as_slice() {
            let name = name.clone();
            keywords.insert("type".to_owned(), name);
        }
        if let Some(Value::Array(values)) = keywords.get_mut("enum") {
            values.retain(|value| !value.is_null());
        }
    }
    let Some(Value::Array(members)) = keywords.get_mut("anyOf") else { return };
    let is_null = |member: &Value| member.get("type").is_some_and(|name| name == "null");
    if members.iter().all(is_null) {
        return;
    }
    members.retain(|member| !is_null(member));
    // A union that an `Option` made around one schema is that schema again.
    let only = match members.as_slice() {
        [Value::Object(only)] => only.clone(),
        _ => return,
    };
    if !only.keys().any(|keyword| keywords.contains_key(keyword)) {
        for (keyword, value) in std::mem::take(keywords) {
            match keyword.as_str() {
                "anyOf" => keywords.extend(only.clone()),
                _ => _ = keywords.insert(keyword, value),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(field: Value, expected: Value) {
        let object = |field: Value| json!({ "type": "object", "properties": { "f": field } });
        let mut schema = object(field.clone());
        written(&mut schema);
        assert_eq!(schema, object(expected));
        // A field that is always there is null for `None`, and an input may be null anyway.
        let mut required = object(field.clone());
        required["required"] = json!(["f"]);
        let before = required.clone();
        written(&mut required);
        assert_eq!(required, before);
        let mut input = object(field.clone());
        read(&mut input);
        assert_eq!(input, object(field));
    }

    #[test]
    fn a_list_of_files_is_required_if_it_may_not_be_empty() {
        let files =
            |min: u32| json!({ "type": "array", "items": { "format": "binary" }, "minItems": min });
        let mut schema =
            json!({ "properties": { "all": files(1), "any": files(0) }, "required": ["id"] });
        read(&mut schema);
        assert_eq!(schema["required"], json!(["id", "all"]));
        let mut only = json!({ "properties": { "all": files(2) } });
        read(&mut only);
        assert_eq!(only["required"], json!(["all"]));
    }

    #[test]
    fn a_field_that_may_be_left_out_of_an_output_is_never_null() {
        check(json!({ "type": ["string", "null"] }), json!({ "type": "string" }));
        check(
            json!({ "type": ["string", "integer", "null"] }),
            json!({ "type": ["string", "integer"] }),
        );
        check(
            json!({ "type": ["string", "null"], "enum": ["a", "b", null] }),
            json!({ "type": "string", "enum": ["a", "b"] }),
        );
        check(
            json!({ "description": "d", "anyOf": [{ "$ref": "#/1" }, { "type": "null" }], "deprecated": true }),
            json!({ "description": "d", "$ref": "#/1", "deprecated": true }),
        );
        check(
            json!({ "description": "d", "anyOf": [{ "type": "object", "description": "e" }, { "type": "null" }] }),
            json!({ "description": "d", "anyOf": [{ "type": "object", "description": "e" }] }),
        );
        // These hold no null that could be removed.
        check(json!({ "type": "null" }), json!({ "type": "null" }));
        check(json!(true), json!(true));
        check(json!({ "$ref": "#/1" }), json!({ "$ref": "#/1" }));
    }

    #[test]
    fn a_type_that_writes_null_keeps_it() {
        let mut schema = json!({
            "x-kipo-null": true,
            "oneOf": [{ "type": "object", "properties": { "f": { "type": ["string", "null"] } } }],
        });
        written(&mut schema);
        assert_eq!(
            schema,
            json!({
                "oneOf": [{ "type": "object", "properties": { "f": { "type": ["string", "null"] } } }],
            })
        );
    }

    #[test]
    fn the_types_of_a_file_are_for_forms_alone() {
        let mut schema =
            json!({ "properties": { "f": { "format": "binary", "x-kipo-types": ["image/*"] } } });
        read(&mut schema);
        assert_eq!(schema, json!({ "properties": { "f": { "format": "binary" } } }));
    }

    #[test]
    fn a_rule_that_no_schema_can_say_is_named_in_the_description() {
        let mut schema = json!({
            "type": "object",
            "x-kipo-rule": "in_order",
            "properties": { "f": { "type": "string", "description": "Text.", "x-kipo-rule": "not_blank" } },
        });
        written(&mut schema);
        assert_eq!(
            schema,
            json!({
                "type": "object",
                "properties": {
                    "f": { "type": "string", "description": "Text.\n\nThe server also checks `not_blank`." },
                },
                "description": "The server also checks `in_order`.",
            })
        );
    }
}
