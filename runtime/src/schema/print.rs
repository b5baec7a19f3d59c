//! Types as TypeScript text.
//!
//! The text uses no global that a type of the app could hide: maps are index signatures and not
//! `Record`, lists are `T[]` and not `Array<T>`. So an app may have a type `Record`.

use std::fmt::Write as _;

use serde_json::Value;

use crate::schema::{
    ty::{Field, Object, Type},
    types::Types,
};

/// The longest type on one line.
const LINE_CHARS: usize = 90;

/// Writes types inside of one namespace.
pub(super) struct Printer<'a> {
    pub(super) types: &'a Types,
    /// The namespace that the text is in.
    pub(super) from: &'a [String],
}

impl Printer<'_> {
    /// Returns the name of a definition in this namespace.
    pub(super) fn reference(&self, key: &str) -> String {
        let Some(definition) = self.types.definitions.get(key) else { return "unknown".to_owned() };
        if self.from.starts_with(&definition.namespace) {
            return definition.name.clone();
        }
        format!("{}.{}", definition.namespace.join("."), definition.name)
    }

    /// Writes a type after `:` or `=`, with a space or a line break in between.
    pub(super) fn after(&self, text: &mut String, ty: &Type, depth: usize) {
        let mut written = String::new();
        self.ty(&mut written, ty, depth);
        if !written.starts_with('\n') {
            text.push(' ');
        }
        text.push_str(&written);
    }

    pub(super) fn ty(&self, text: &mut String, ty: &Type, depth: usize) {
        match ty {
            Type::Word(word) => text.push_str(word),
            Type::Named(key) => text.push_str(&self.reference(key)),
            Type::Array(element) => {
                self.operand(text, element, depth);
                text.push_str("[]");
            }
            Type::Tuple { elements, required, rest } => {
                text.push('[');
                for (index, element) in elements.iter().enumerate() {
                    text.push_str(if index > 0 { ", " } else { "" });
                    if index < *required {
                        self.ty(text, element, depth);
                    } else {
                        self.operand(text, element, depth);
                        text.push('?');
                    }
                }
                if let Some(rest) = rest {
                    text.push_str(if elements.is_empty() { "..." } else { ", ..." });
                    self.operand(text, rest, depth);
                    text.push_str("[]");
                }
                text.push(']');
            }
            Type::Object(object) => self.object(text, object, depth),
            Type::Union(members) => self.union(text, members, depth),
            Type::All(parts) => {
                for (index, part) in parts.iter().enumerate() {
                    text.push_str(if index > 0 { " & " } else { "" });
                    self.operand(text, part, depth);
                }
            }
        }
    }

    /// Writes a type that an operator may follow.
    fn operand(&self, text: &mut String, ty: &Type, depth: usize) {
        let is_compound = matches!(ty, Type::Union(_) | Type::All(_));
        text.push_str(if is_compound { "(" } else { "" });
        self.ty(text, ty, depth);
        text.push_str(if is_compound { ")" } else { "" });
    }

    /// Writes a union on one line, or each member on its own line if it is long or documented.
    fn union(&self, text: &mut String, members: &[(String, Type)], depth: usize) {
        let mut line = String::new();
        for (index, (_, member)) in members.iter().enumerate() {
            line.push_str(if index > 0 { " | " } else { "" });
            self.ty(&mut line, member, depth);
        }
        let is_plain = members.iter().all(|(doc, _)| doc.is_empty());
        if is_plain && line.len() <= LINE_CHARS && !line.contains('\n') {
            text.push_str(&line);
            return;
        }
        for (doc, member) in members {
            text.push('\n');
            comment(text, doc, depth + 1);
            indent(text, depth + 1);
            text.push('|');
            self.after(text, member, depth + 1);
        }
    }

    /// Writes an object on one line, or as a block if it is long or documented.
    pub(super) fn object(&self, text: &mut String, object: &Object, depth: usize) {
        let mut line = "{ ".to_owned();
        for (index, field) in object.fields.iter().enumerate() {
            line.push_str(if index > 0 { "; " } else { "" });
            self.field(&mut line, field, depth);
        }
        if let Some(index) = index(object) {
            line.push_str(if object.fields.is_empty() { "" } else { "; " });
            line.push_str("[key: string]:");
            self.after(&mut line, &index, depth);
        }
        line.push_str(" }");
        let is_plain = object.fields.iter().all(|field| field.doc.is_empty());
        if is_plain && line.len() <= LINE_CHARS && !line.contains('\n') {
            text.push_str(&line);
        } else {
            self.block(text, object, depth);
        }
    }

    pub(super) fn block(&self, text: &mut String, object: &Object, depth: usize) {
        text.push_str("{\n");
        for field in &object.fields {
            comment(text, &field.doc, depth + 1);
            indent(text, depth + 1);
            self.field(text, field, depth + 1);
            text.push_str(";\n");
        }
        if let Some(index) = index(object) {
            indent(text, depth + 1);
            text.push_str("[key: string]:");
            self.after(text, &index, depth + 1);
            text.push_str(";\n");
        }
        indent(text, depth);
        text.push('}');
    }

    fn field(&self, text: &mut String, field: &Field, depth: usize) {
        let optional = if field.is_optional { "?" } else { "" };
        let _ = write!(text, "{}{optional}:", property(&field.name));
        self.after(text, &field.ty, depth);
    }
}

/// Returns the index signature. An object without fields has one that allows no field, since the
/// type `{}` accepts any object.
fn index(object: &Object) -> Option<Type> {
    match &object.index {
        Some(index) => Some((**index).clone()),
        None => object.is_empty().then(|| Type::word("never")),
    }
}

/// Writes a JSDoc comment, or nothing for an empty text.
pub(super) fn comment(text: &mut String, doc: &str, depth: usize) {
    // Only `*/` could end the comment early.
    let doc = doc.trim().replace("*/", "*\\/");
    let mut lines = doc.lines().map(str::trim_end).peekable();
    let Some(first) = lines.next().filter(|first| !first.is_empty()) else { return };
    indent(text, depth);
    if lines.peek().is_none() {
        let _ = writeln!(text, "/** {first} */");
        return;
    }
    text.push_str("/**\n");
    for line in std::iter::once(first).chain(lines) {
        indent(text, depth);
        text.push_str(if line.is_empty() { " *" } else { " * " });
        let _ = writeln!(text, "{line}");
    }
    indent(text, depth);
    text.push_str(" */\n");
}

pub(super) fn indent(text: &mut String, depth: usize) {
    for _ in 0..depth {
        text.push_str("  ");
    }
}

/// Writes a property's name, quoted unless it is an identifier.
pub(super) fn property(name: &str) -> String {
    let mut chars = name.chars();
    let is_start = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$');
    let is_identifier =
        chars.next().is_some_and(is_start) && chars.all(|c| is_start(c) || c.is_ascii_digit());
    if is_identifier { name.to_owned() } else { quoted(name) }
}

/// Writes a string literal. Those of JSON are valid in TypeScript.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}
