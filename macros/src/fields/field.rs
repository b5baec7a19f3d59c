//! One field, as JSON and `#[validate]` know it.

use syn::{Expr, Type};

use super::{
    rules::{Kind, Rule},
    serde_attrs::Serde,
};
use crate::{
    diagnostics::Errors,
    syntax::{names, types},
};

/// One field of a struct or of a variant.
pub(crate) struct Field {
    /// How code reads it: its name, or its number.
    pub member: syn::Member,
    pub ty: Type,
    pub path: JsonPath,
    /// Whether the JSON has the field under a key of its own and in the form of its type.
    pub plain: bool,
    /// Whether the derives of its type read it.
    pub read_by_type: bool,
    /// Whether serde fills it in when it is missing.
    pub defaulted: bool,
    /// Whether the JSON that is written may leave the field out and may hold null for it.
    pub writes_null: bool,
    pub rules: Vec<Rule>,
}

/// The path, of one step at most, from the JSON of a struct or a variant to a value in it.
pub(crate) enum JsonPath {
    Key(String),
    Index(usize),
    /// No step: the value is all of the JSON, or its fields are keys of the same object.
    Whole,
}

impl Field {
    /// Parses the fields of a struct or of a variant; `container` is what serde's attributes
    /// say about all of them.
    pub(crate) fn parse_all(
        fields: &syn::Fields,
        container: &Serde,
        errors: &mut Errors,
    ) -> Vec<Self> {
        let alone = fields.len() == 1;
        let named = matches!(fields, syn::Fields::Named(_));
        let each = fields.iter().zip(fields.members()).enumerate();
        let field = |(index, (field, member)): (usize, (&syn::Field, syn::Member))| {
            let serde = Serde::parse(&field.attrs);
            let path = match &field.ident {
                _ if serde.flatten || container.transparent => JsonPath::Whole,
                Some(ident) => JsonPath::Key(
                    serde
                        .rename
                        .clone()
                        .unwrap_or_else(|| container.case.field(&names::unraw(ident))),
                ),
                None if alone => JsonPath::Whole,
                None => JsonPath::Index(index),
            };
            Self {
                member,
                ty: field.ty.clone(),
                path,
                plain: named && !serde.flatten && !serde.skip && !serde.with,
                read_by_type: !serde.skip && !serde.with,
                writes_null: writes_null(&serde, &field.ty),
                defaulted: serde.default || container.default,
                rules: Rule::of_field(&field.attrs, errors),
            }
        };
        each.map(field).collect()
    }
}

impl Field {
    /// Returns whether the field may be a file: whether its type, or the one in its `Option` or `Vec`, is
    /// not one that everybody knows. Of all others the compiler decides.
    pub(crate) fn may_be_file(&self) -> bool {
        const OTHERS: &[&str] = &[
            "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
            "u32", "u64", "u128", "usize", "String", "HashMap", "BTreeMap", "HashSet", "BTreeSet",
        ];
        let mut ty = &self.ty;
        loop {
            match types::last_segment(ty) {
                Some((ident, Some(inner))) if ident == "Option" || ident == "Vec" => ty = inner,
                Some((ident, _)) => {
                    break self.plain && !OTHERS.iter().any(|other| ident == other);
                }
                None => break false,
            }
        }
    }

    /// Returns the size that a rule allows a file.
    pub(crate) fn file_bytes_max(&self) -> Option<&Expr> {
        self.rules.iter().find_map(|rule| match &rule.kind {
            Kind::File { max, .. } => max.as_ref(),
            _ => None,
        })
    }

    /// Returns the types that the rule of a file allows; none if it allows all.
    pub(crate) fn file_types(&self) -> impl Iterator<Item = &Expr> {
        self.rules.iter().flat_map(|rule| match &rule.kind {
            Kind::File { types, .. } => types.as_slice(),
            _ => &[],
        })
    }
}

/// Returns whether the JSON that is written may leave a field out and may hold null for it: an
/// `Option` that something else than `Option::is_none` leaves out, an `Option` in an `Option`, and
/// fields that are flattened together with an `Option` around them.
pub(crate) fn writes_null(serde: &Serde, ty: &Type) -> bool {
    let Some(inner) = in_option(ty) else { return false };
    match &serde.skip_if {
        Some(function) => {
            let skips_none = function.rsplit("::").next().is_some_and(|f| f.trim() == "is_none");
            !skips_none || in_option(inner).is_some()
        }
        None => serde.flatten,
    }
}

fn in_option(ty: &Type) -> Option<&Type> {
    types::last_segment(ty).filter(|(ident, _)| *ident == "Option").and_then(|(_, inner)| inner)
}
