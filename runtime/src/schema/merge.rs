//! Merges the definitions of all actions into one set.
//!
//! Each action has generators of its own, so the names that schemars gives its types do not depend
//! on other actions. Partition refinement then finds equal definitions: it starts with parts of the
//! same name and text, and splits a part while its references lead to different parts. It unrolls
//! nothing, so it ends and handles recursive types.

use std::collections::{BTreeMap, BTreeSet};

use kipo_topic::EventType;
use schemars::generate::SchemaSettings;
use serde_json::Value;

use crate::schema::{
    description::{Definition, Described, Endpoint, EventData, REFERENCE, each_reference},
    names::{self, ActionName, Use},
    refine,
};

/// All definitions of all actions. References between them are `#/<index of a node>`.
#[derive(Debug, Default)]
pub(super) struct Graph {
    nodes: Vec<Node>,
    /// In the order in which the actions are added.
    action_names: Vec<ActionName>,
}

/// One definition of one action, on one side.
#[derive(Debug)]
struct Node {
    /// The name that schemars gives it.
    name: String,
    schema: Value,
    action: usize,
    side: Side,
    /// Whether it is the input of the action.
    is_input: bool,
}

/// Whether the server reads or writes a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Read,
    Written,
}

impl Graph {
    /// Describes an action and adds its definitions. Until [`finish`](Self::finish), references and
    /// the key of the input are indexes of nodes.
    pub(super) fn add(&mut self, action: Described) -> Endpoint {
        let Described { name, doc, needs, refusals, method, form, describe } = action;
        let settings = SchemaSettings::draft2020_12().with(|settings| settings.meta_schema = None);
        let mut de = settings.clone().for_deserialize().into_generator();
        let mut ser = settings.for_serialize().into_generator();
        let shape = describe(&mut de, &mut ser);

        let read = self.add_definitions(Side::Read, de.take_definitions(true));
        let written = self.add_definitions(Side::Written, ser.take_definitions(true));
        let action_name = ActionName::of(&name);
        let mut input = shape.input.to_value();
        refine::read(&mut input);
        link(&mut input, &read);
        let input = match node_of(&input) {
            Some(index) => index,
            // A schema without a name gets the name of the action.
            None => {
                self.nodes.push(Node::new(
                    action_name.name.clone(),
                    input,
                    self.action_names.len(),
                    Side::Read,
                ));
                self.nodes.len() - 1
            }
        };
        self.nodes[input].is_input = true;
        self.action_names.push(action_name);

        let written = |mut schema: Value| {
            refine::written(&mut schema);
            link(&mut schema, &written);
            schema
        };
        Endpoint {
            name,
            doc,
            needs,
            refusals,
            method,
            form,
            input: input.to_string(),
            output: written(shape.output.to_value()),
            errors: shape.errors.map(|errors| written(errors.to_value())),
            events: shape.events.map(|events| {
                let described = |event: EventType| EventData {
                    name: event.name,
                    doc: event.doc,
                    data: written(event.data.to_value()),
                };
                events.into_iter().map(described).collect()
            }),
        }
    }

    /// Adds the definitions of one side, linked to each other; returns their nodes by name.
    fn add_definitions(
        &mut self,
        side: Side,
        definitions: serde_json::Map<String, Value>,
    ) -> BTreeMap<String, usize> {
        let first = self.nodes.len();
        let action = self.action_names.len();
        let (names, schemas): (Vec<_>, Vec<_>) = definitions.into_iter().unzip();
        let indexes: BTreeMap<_, _> = names.iter().cloned().zip(first..).collect();
        for (name, mut schema) in names.into_iter().zip(schemas) {
            match side {
                Side::Read => refine::read(&mut schema),
                Side::Written => refine::written(&mut schema),
            }
            link(&mut schema, &indexes);
            self.nodes.push(Node::new(name, schema, action, side));
        }
        indexes
    }

    /// Merges equal definitions, names the others, and updates all references.
    pub(super) fn finish(self, actions: &mut [Endpoint]) -> BTreeMap<String, Definition> {
        let parts = self.parts();
        let names = names::assign(&self.uses(&parts), &self.action_names);
        let keys: Vec<String> =
            names.iter().map(|(namespace, name)| names::key(namespace, name)).collect();
        let point = |schema: &mut Value| {
            each_reference(schema, &mut |reference| {
                if let Some(node) = number(reference) {
                    *reference = format!("{REFERENCE}{}", keys[parts[node]]);
                }
            });
        };

        for action in actions {
            if let Ok(node) = action.input.parse::<usize>() {
                action.input.clone_from(&keys[parts[node]]);
            }
            point(&mut action.output);
            action.errors.iter_mut().for_each(point);
            for event in action.events.iter_mut().flatten() {
                point(&mut event.data);
            }
        }
        let mut definitions = BTreeMap::new();
        for (node, part) in self.nodes.into_iter().zip(&parts) {
            definitions.entry(keys[*part].clone()).or_insert_with(|| {
                let mut schema = node.schema;
                point(&mut schema);
                let (namespace, name) = names[*part].clone();
                Definition { namespace, name, schema }
            });
        }
        definitions
    }

    /// Returns the part of each node: nodes of one part become one definition.
    fn parts(&self) -> Vec<usize> {
        // References are compared by their targets and not as text.
        let cut: Vec<(String, Vec<usize>)> = self.nodes.iter().map(Node::cut).collect();
        let refine = |alone: &BTreeSet<usize>| {
            let mut parts = numbered(self.nodes.iter().enumerate().map(|(index, node)| {
                (&node.name, &cut[index].0, alone.contains(&index).then_some(index))
            }));
            loop {
                let finer = numbered(parts.iter().zip(&cut).map(|(part, (_, references))| {
                    (*part, references.iter().map(|node| parts[*node]).collect::<Vec<_>>())
                }));
                if finer.iter().max() == parts.iter().max() {
                    return parts;
                }
                parts = finer;
            }
        };

        // An input has the name of its action. It merges only with types of its namespace that are
        // no input of another action.
        let parts = refine(&BTreeSet::new());
        let mut members: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, part) in parts.iter().enumerate() {
            members.entry(*part).or_default().push(index);
        }
        let mut alone = BTreeSet::new();
        for nodes in members.values() {
            let inputs = nodes.iter().filter(|node| self.nodes[**node].is_input);
            let namespaces: BTreeSet<_> = nodes
                .iter()
                .map(|node| &self.action_names[self.nodes[*node].action].namespace)
                .collect();
            if inputs.clone().count() > 1 || namespaces.len() > 1 {
                alone.extend(inputs.copied());
            }
        }
        if alone.is_empty() { parts } else { refine(&alone) }
    }

    /// Returns which actions use each part, and how.
    fn uses(&self, parts: &[usize]) -> Vec<Use> {
        let mut uses: Vec<Use> = Vec::new();
        for (node, part) in self.nodes.iter().zip(parts) {
            if *part == uses.len() {
                uses.push(Use { name: node.name.clone(), ..Use::default() });
            }
            let used = &mut uses[*part];
            used.actions.insert(node.action);
            used.is_read |= node.side == Side::Read;
            used.is_written |= node.side == Side::Written;
            if node.is_input {
                used.input_of = Some(node.action);
            }
        }
        uses
    }
}

impl Node {
    fn new(name: String, schema: Value, action: usize, side: Side) -> Self {
        Self { name, schema, action, side, is_input: false }
    }

    /// Returns the schema's text without its references to nodes, and those references.
    fn cut(&self) -> (String, Vec<usize>) {
        let mut schema = self.schema.clone();
        let mut references = Vec::new();
        each_reference(&mut schema, &mut |reference| {
            if let Some(node) = number(reference) {
                references.push(node);
                reference.clear();
            }
        });
        (schema.to_string(), references)
    }
}

/// Replaces the references of a generator by the indexes of its nodes.
fn link(schema: &mut Value, indexes: &BTreeMap<String, usize>) {
    each_reference(schema, &mut |reference| {
        let Some(name) = reference.strip_prefix("#/$defs/").map(decoded) else { return };
        if let Some(index) = indexes.get(&name) {
            *reference = format!("#/{index}");
        }
    });
}

/// Returns the node of a schema that is only a reference.
fn node_of(schema: &Value) -> Option<usize> {
    let keywords = schema.as_object().filter(|keywords| keywords.len() == 1)?;
    number(keywords.get("$ref")?.as_str()?)
}

/// Returns the node that a reference leads to.
fn number(reference: &str) -> Option<usize> {
    reference.strip_prefix("#/")?.parse().ok()
}

/// Numbers keys in the order of their first appearance; equal keys get one number.
fn numbered<K: Ord>(keys: impl Iterator<Item = K>) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    keys.map(|key| {
        let next = numbers.len();
        *numbers.entry(key).or_insert(next)
    })
    .collect()
}

/// Decodes a segment of a JSON pointer in a URL: `%XX`, then `~1` and `~0`.
fn decoded(segment: &str) -> String {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.as_bytes();
    while let [first, tail @ ..] = rest {
        let escape = match (first, tail.get(..2)) {
            (b'%', Some(digits)) => std::str::from_utf8(digits)
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        bytes.push(escape.unwrap_or(*first));
        rest = if escape.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_is_read_back_as_schemars_writes_it() {
        for (segment, name) in [
            ("Message", "Message"),
            ("Page%3CUser%3E", "Page<User>"),
            ("a~1b~0c", "a/b~c"),
            ("100%", "100%"),
            ("Gr%C3%B6%C3%9Fe", "Größe"),
        ] {
            assert_eq!(decoded(segment), name, "{segment}");
        }
    }
}
