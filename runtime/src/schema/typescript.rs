//! The types of the actions as `client.d.ts`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
};

use crate::{
    action::BodyForm,
    schema::{
        description::{Endpoint, EventData},
        named::Named,
        print::{Printer, comment, indent, property, quoted},
        ty::{self, Field, Object, Type},
        types::Types,
    },
};

/// Writes `client.d.ts`: the head (`types.d.ts`), then the types, the actions, the marked elements
/// (name and tags of each `p-ref`) and the parts (the texts between the expressions of each
/// `p-part`) of one app.
pub(crate) fn declarations(
    types: &Types,
    head: &str,
    refs: &[(String, Vec<String>)],
    parts: &[Vec<String>],
) -> String {
    let writer = Writer::new(types);
    let mut text = head.trim_end().to_owned();
    if !text.is_empty() {
        text.push_str("\n\n");
    }
    text.push_str("// Generated from the actions and pages of this app.\n\n");
    writer.definitions(&mut text);
    writer.actions(&mut text);
    elements(&mut text, refs);
    part_names(&mut text, parts);
    text.push_str("declare global {\n  const action: Actions;\n}\n");
    text
}

/// Writes the types of an app.
pub(super) struct Writer<'a> {
    types: &'a Types,
    named: Named<'a>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(types: &'a Types) -> Self {
        Self { types, named: Named::of(types) }
    }

    /// Writes all named types, by namespace.
    fn definitions(&self, text: &mut String) {
        let mut namespaces: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
        for (key, definition) in &self.types.definitions {
            namespaces.entry(&definition.namespace).or_default().push(key);
        }
        for (namespace, keys) in namespaces {
            if namespace.is_empty() {
                for key in keys {
                    self.definition(text, key, 0);
                    text.push('\n');
                }
                continue;
            }
            let _ = writeln!(text, "export declare namespace {} {{", namespace.join("."));
            for (index, key) in keys.into_iter().enumerate() {
                if index > 0 {
                    text.push('\n');
                }
                self.definition(text, key, 1);
            }
            text.push_str("}\n\n");
        }
    }

    /// Writes one named type.
    pub(super) fn definition(&self, text: &mut String, key: &str, depth: usize) {
        let Some(definition) = self.types.definitions.get(key) else { return };
        let name = &definition.name;
        let printer = Printer { types: self.types, from: &definition.namespace };
        comment(text, &ty::doc(&definition.schema), depth);
        indent(text, depth);
        if depth == 0 {
            text.push_str("export ");
        }
        match self.named.resolve(key) {
            Type::Object(object) => {
                let _ = write!(text, "interface {name} ");
                printer.block(text, &object, depth);
                text.push('\n');
            }
            ty => {
                let _ = write!(text, "type {name} =");
                printer.after(text, &ty, depth);
                text.push_str(";\n");
            }
        }
    }

    /// Writes the tree of actions.
    fn actions(&self, text: &mut String) {
        let mut tree = Tree::default();
        for action in &self.types.actions {
            let mut branch = &mut tree;
            for part in action.name.split('.') {
                branch = branch.branches.entry(part).or_default();
            }
            branch.actions.push(action);
        }
        text.push_str(
            "/** The actions of this app, by namespace. */\nexport interface Actions {\n",
        );
        self.branches(text, &tree, 1);
        text.push_str(
            "}\n\n/** Calls the actions of this app. */\nexport declare const action: Actions;\n\n",
        );
    }

    fn branches(&self, text: &mut String, tree: &Tree<'_>, depth: usize) {
        for (name, branch) in &tree.branches {
            let is_namespace = !branch.branches.is_empty();
            if !is_namespace {
                for action in &branch.actions {
                    comment(text, action.doc, depth);
                    indent(text, depth);
                    text.push_str(&method(name));
                    self.signature(text, action, depth);
                }
                continue;
            }
            indent(text, depth);
            let _ = writeln!(text, "{}: {{", property(name));
            for action in &branch.actions {
                comment(text, action.doc, depth + 1);
                indent(text, depth + 1);
                self.signature(text, action, depth + 1);
            }
            self.branches(text, branch, depth + 1);
            indent(text, depth);
            text.push_str("};\n");
        }
    }

    /// Writes `(input: chat.Send | FormInput): Call<…>;`.
    fn signature(&self, text: &mut String, action: &Endpoint, depth: usize) {
        let resolve = |key: &str| self.named.resolve(key);
        let input = Type::Named(action.input.clone());
        let printer = Printer { types: self.types, from: &[] };
        let optional = if self.named.admits_empty(&action.input) { "?" } else { "" };
        let is_form = matches!(action.form, BodyForm::Fields | BodyForm::Multipart);
        let form = if is_form { " | FormInput" } else { "" };
        let _ = write!(text, "(input{optional}: {}{form}): ", printer.reference(&action.input));

        text.push_str(if action.events.is_some() { "StreamCall<" } else { "Call<" });
        printer.ty(text, &Type::read(&action.output), depth);
        text.push_str(", ");
        if let Some(events) = &action.events {
            let field = |event: &EventData| Field {
                name: event.name.to_owned(),
                doc: event.doc.trim().to_owned(),
                is_optional: false,
                ty: Type::read(&event.data),
            };
            let events = Object { fields: events.iter().map(field).collect(), index: None };
            match events.is_empty() {
                true => text.push_str("{}"),
                false => printer.object(text, &events, depth),
            }
            text.push_str(", ");
        }
        let names = match input.fields(&resolve) {
            None => "string".to_owned(),
            Some(names) if names.is_empty() => "never".to_owned(),
            Some(names) => {
                names.into_iter().map(|name| quoted(&name)).collect::<Vec<_>>().join(" | ")
            }
        };
        text.push_str(&names);
        if let Some(errors) = &action.errors {
            text.push_str(", ");
            printer.ty(text, &Type::read(errors), depth);
        }
        text.push_str(">;\n");
    }
}

/// Actions by the parts of their names. One name may be an action and a namespace.
#[derive(Default)]
struct Tree<'a> {
    actions: Vec<&'a Endpoint>,
    branches: BTreeMap<&'a str, Self>,
}

/// Writes the elements that pages mark with `p-ref`.
fn elements(text: &mut String, refs: &[(String, Vec<String>)]) {
    text.push_str(
        "/** The element of a tag. */\n\
         export type ElementOf<Tag extends string> = Tag extends keyof HTMLElementTagNameMap\n  \
           ? HTMLElementTagNameMap[Tag]\n  \
           : Tag extends keyof SVGElementTagNameMap\n  \
           ? SVGElementTagNameMap[Tag]\n  \
           : HTMLElement;\n\n\
         /** The elements that pages mark with `p-ref`. */\nexport interface Refs {",
    );
    let mut sorted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, tags) in refs {
        sorted.entry(name).or_default().extend(tags.iter().map(String::as_str));
    }
    for (name, tags) in sorted {
        let tags: Vec<String> = tags.into_iter().map(quoted).collect();
        let element = match tags.is_empty() {
            true => "HTMLElement".to_owned(),
            false => format!("ElementOf<{}>", tags.join(" | ")),
        };
        let _ = write!(text, "\n  {}: {element};", property(name));
    }
    if !refs.is_empty() {
        text.push('\n');
    }
    text.push_str(
        "}\n\n/** The marked elements of this page. */\nexport declare const refs: Refs;\n\n",
    );
}

/// Writes the names of the parts that pages mark with `p-part`.
fn part_names(text: &mut String, parts: &[Vec<String>]) {
    let name = |pieces: &Vec<String>| match pieces.as_slice() {
        [name] => quoted(name),
        pieces => {
            let literal = |piece: &String| {
                piece.replace('\\', r"\\").replace('`', r"\`").replace("${", r"\${")
            };
            let pieces: Vec<String> = pieces.iter().map(literal).collect();
            format!("`{}`", pieces.join("${string}"))
        }
    };
    let names: Vec<String> = parts.iter().map(name).collect();
    let names = if names.is_empty() { "never".to_owned() } else { names.join(" | ") };
    let _ = write!(
        text,
        "/** The parts that pages mark with `p-part`. */\nexport type PartName = {names};\n\n\
         /**\n \
          * Fetches the current page and updates its elements with this `p-part`. The focus and the text that was\n \
          * typed stay. Calls at the same time share one request.\n \
          *\n \
          * Rejects with an `ActionError`: `missing_part` (404) if this page or the response has no such element.\n \
          */\n\
         export declare function reloadPart(name: PartName, options?: {{ signal?: AbortSignal }}): Promise<void>;\n\n"
    );
}

/// Writes the name of a method. Without quotes, `new` would declare a constructor.
fn method(name: &str) -> String {
    if name == "new" { quoted(name) } else { property(name) }
}

#[cfg(test)]
mod tests {
    use super::{super::shapes, *};

    #[test]
    fn every_shape_is_written() {
        let refs = [
            ("feed".to_owned(), vec!["ul".to_owned(), "ol".to_owned()]),
            ("a-b".to_owned(), vec!["my-element".to_owned()]),
            ("anything".to_owned(), Vec::new()),
        ];
        let parts = [
            vec!["list".to_owned()],
            vec!["row-".to_owned(), String::new()],
            vec!["`\\${".to_owned(), "\"".to_owned(), String::new()],
        ];
        let text = declarations(&shapes::types(), "// The head.\n", &refs, &parts);
        shapes::check_golden("shapes.d.ts", &text);
    }
}
