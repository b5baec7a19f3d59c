//! What one variant of an enum carries to the browser: nothing, one value, or an object.

use proc_macro2::Ident;
use syn::{Attribute, Fields, LitStr, Type};

use crate::{
    diagnostics::Errors,
    syntax::{attrs, types},
};

/// What a variant carries to the browser.
pub(crate) enum Payload {
    Nothing,
    /// The one value in brackets is the data.
    Value {
        ty: Type,
        attrs: Vec<Attribute>,
    },
    /// The fields make an object.
    Object(Object),
}

/// The fields of a variant as an object.
pub(crate) struct Object {
    /// `#[serde(rename_all = …)]` and the like, for the object.
    pub attrs: Vec<Attribute>,
    /// With the attributes of serde and schemars.
    pub fields: Vec<syn::Field>,
    /// The types of the fields that are written and described by their types.
    pub types: Vec<Type>,
    /// Whether derives assume their bounds for these types.
    pub assumed: bool,
    pub read: Read,
}

/// How the fields of an object are read.
pub(crate) struct Read {
    /// The types of the fields that are read by their types.
    pub types: Vec<Type>,
    /// The types of the fields that are not read, so that each has its default.
    pub defaults: Vec<Type>,
    /// Whether a derive assumes its bounds for these types.
    pub assumed: bool,
}

impl Payload {
    /// Returns what a variant of the enum `of` carries. `noun` is what a variant is, such as "an
    /// event".
    pub(crate) fn of(variant: &syn::Variant, of: &Ident, noun: &str, errors: &mut Errors) -> Self {
        match &variant.fields {
            Fields::Unnamed(fields) if fields.unnamed.len() > 1 => {
                let ident = &variant.ident;
                let message = format!(
                    "{noun} carries one value: give the fields names, `{ident} {{ name: Type }}`, \
                     or put them into one type, `{ident}(Type)`"
                );
                errors.under(fields, message);
                Self::Nothing
            }
            Fields::Unnamed(fields) => match fields.unnamed.first() {
                Some(field) => Self::Value { ty: field.ty.clone(), attrs: field.attrs.clone() },
                None => Self::Nothing,
            },
            Fields::Named(fields) => {
                Self::Object(Object::of(object_attrs(variant), fields.named.iter(), of))
            }
            Fields::Unit => Self::Nothing,
        }
    }
}

impl Object {
    fn of<'a>(
        attrs: Vec<Attribute>,
        fields: impl Iterator<Item = &'a syn::Field>,
        of: &Ident,
    ) -> Self {
        let mut fields: Vec<syn::Field> = fields.cloned().collect();
        for field in &mut fields {
            field.attrs.retain(|attr| {
                ["serde", "schemars", "doc", "cfg"].iter().any(|name| attr.path().is_ident(name))
            });
        }
        let types = fields.iter().filter(|field| is_written_by_type(field));
        let types: Vec<_> = types.map(|field| field.ty.clone()).collect();
        let assumed = types::can_be_assumed(&types, of);
        let read = Read::of(&fields);
        Self { attrs, fields, types, assumed, read }
    }
}

impl Read {
    fn of(fields: &[syn::Field]) -> Self {
        let (mut types, mut defaults) = (Vec::new(), Vec::new());
        for syn::Field { attrs, ty, .. } in fields {
            if attrs::holds(attrs, "serde", &["skip", "skip_deserializing"]) {
                defaults.push(ty.clone());
            } else if !attrs::holds(attrs, "serde", &["with", "deserialize_with"]) {
                types.push(ty.clone());
            }
        }
        let assumed = types.iter().chain(&defaults).all(types::can_be_text);
        Self { types, defaults, assumed }
    }
}

/// Returns the attributes of the variant that say how its object is written.
fn object_attrs(variant: &syn::Variant) -> Vec<Attribute> {
    let is_case = |attr: &&Attribute| {
        let mut case = false;
        if attr.path().is_ident("serde") {
            // serde reports what does not parse, where the enum derives it.
            let _ = attr.parse_nested_meta(|meta| {
                case |= meta.path.is_ident("rename_all");
                meta.value()?.parse::<LitStr>().map(drop)
            });
        }
        case
    };
    variant.attrs.iter().filter(is_case).cloned().collect()
}

/// Returns whether a field is written and described by what its type derives.
fn is_written_by_type(field: &syn::Field) -> bool {
    let keys = ["skip", "skip_serializing", "with", "serialize_with", "schema_with"];
    !attrs::holds(&field.attrs, "serde", &keys) && !attrs::holds(&field.attrs, "schemars", &keys)
}
