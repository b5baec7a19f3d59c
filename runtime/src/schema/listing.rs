//! The types of the actions for the development panel: schemas for its forms, and TypeScript for
//! its readers.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::schema::{
    description::{Endpoint, EventData, REFERENCE},
    print::Printer,
    ty::Type,
    types::Types,
    typescript::Writer,
};

/// Describes all actions, and every definition that their schemas refer to.
pub(crate) fn of(types: &Types) -> Value {
    let writer = Writer::new(types);
    let actions: Vec<Value> = types.actions.iter().map(|action| endpoint(types, action)).collect();
    let definitions: BTreeMap<&str, Value> = types
        .definitions
        .iter()
        .map(|(key, definition)| {
            let mut text = String::new();
            writer.definition(&mut text, key, 1);
            (key.as_str(), json!({ "schema": definition.schema, "text": outdented(&text) }))
        })
        .collect();
    json!({ "actions": actions, "definitions": definitions })
}

fn endpoint(types: &Types, action: &Endpoint) -> Value {
    let event = |event: &EventData| {
        let EventData { name, doc, data } = event;
        json!({ "name": name, "doc": doc.trim(), "data": data, "text": text(types, data) })
    };
    json!({
        "name": action.name,
        "doc": action.doc.trim(),
        "input": { "$ref": format!("{REFERENCE}{}", action.input) },
        "output": action.output,
        "output_text": text(types, &action.output),
        "events": action.events.as_ref().map(|events| events.iter().map(event).collect::<Vec<_>>()),
    })
}

/// Returns a type as text outside of all namespaces.
fn text(types: &Types, schema: &Value) -> String {
    let mut text = String::new();
    Printer { types, from: &[] }.ty(&mut text, &Type::read(schema), 0);
    text
}

/// Removes one level of indentation from each line.
fn outdented(text: &str) -> String {
    let lines = text.trim_end().lines().map(|line| line.strip_prefix("  ").unwrap_or(line));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::shapes;

    #[test]
    fn every_input_has_a_definition_and_every_output_a_text() {
        let listed = of(&shapes::types());
        for action in listed["actions"].as_array().unwrap() {
            let key = action["input"]["$ref"].as_str().unwrap().strip_prefix(REFERENCE).unwrap();
            let definition = &listed["definitions"][key];
            assert!(definition["schema"].is_object(), "{action}");
            assert!(!definition["text"].as_str().unwrap().starts_with(' '), "{definition}");
            assert!(!action["output_text"].as_str().unwrap().is_empty(), "{action}");
        }
    }
}
