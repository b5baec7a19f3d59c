//! A struct, an enum or a function as the macros understand it.

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{
    Attribute, Expr, ExprLit, GenericArgument, Lit, Meta, PathArguments, Token, Type,
    ext::IdentExt, punctuated::Punctuated,
};

use crate::{
    diagnostics::Errors,
    fields::rules::{self, Rule},
};

/// One field, as JSON and `#[validate]` know it.
pub(crate) struct Field {
    /// How code reads it: its name, or its number.
    pub member: syn::Member,
    pub ty: Type,
    pub place: Place,
    /// Whether the field stands in the JSON under its own name and in its own type's form.
    pub plain: bool,
    /// Whether its own type's derives read it.
    pub own: bool,
    /// Whether serde fills it in when it is missing.
    pub defaulted: bool,
    pub rules: Vec<Rule>,
}

/// Where a field's value stands in its owner's JSON.
pub(crate) enum Place {
    Key(String),
    Index(usize),
    /// The value is all of it, or its fields are those of the owner.
    Whole,
}

/// Parses the fields of a struct or of a variant that `case` and `defaulted` hold for.
pub(crate) fn fields(of: &syn::Fields, container: &Serde, errors: &mut Errors) -> Vec<Field> {
    let alone = of.len() == 1;
    let named = matches!(of, syn::Fields::Named(_));
    let each = of.iter().zip(of.members()).enumerate();
    let field = |(index, (field, member)): (usize, (&syn::Field, syn::Member))| {
        let serde = Serde::of(&field.attrs);
        let place = match &field.ident {
            _ if serde.flatten || container.transparent => Place::Whole,
            Some(ident) => Place::Key(
                serde
                    .rename
                    .clone()
                    .unwrap_or_else(|| container.case.field(&ident.unraw().to_string())),
            ),
            None if alone => Place::Whole,
            None => Place::Index(index),
        };
        Field {
            member,
            ty: field.ty.clone(),
            place,
            own: !serde.skip && !serde.with,
            plain: named && !serde.flatten && !serde.skip && !serde.with,
            defaulted: serde.default || container.default,
            rules: rules::of_field(&field.attrs, errors),
        }
    };
    each.map(field).collect()
}

/// What serde's attributes say about the JSON that is read.
#[derive(Default)]
pub(crate) struct Serde {
    pub rename: Option<String>,
    pub case: Case,
    /// Of an enum: the case of its variants' fields.
    pub case_fields: Case,
    pub default: bool,
    pub flatten: bool,
    pub skip: bool,
    pub with: bool,
    pub transparent: bool,
    pub untagged: bool,
    pub tag: Option<String>,
    pub content: Option<String>,
}

impl Serde {
    /// Reads what there is; what is wrong with it serde says better.
    pub(crate) fn of(attrs: &[Attribute]) -> Self {
        let mut serde = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
            for meta in attr.parse_args_with(parser).into_iter().flatten() {
                serde.read(&meta);
            }
        }
        serde
    }

    fn read(&mut self, meta: &Meta) {
        let Some(key) = meta.path().get_ident() else { return };
        match key.to_string().as_str() {
            "rename" => self.rename = when_read(meta),
            "rename_all" => self.case = Case::of(when_read(meta).as_deref()),
            "rename_all_fields" => self.case_fields = Case::of(when_read(meta).as_deref()),
            "default" => self.default = true,
            "flatten" => self.flatten = true,
            "skip" | "skip_deserializing" => self.skip = true,
            "with" | "deserialize_with" => self.with = true,
            "transparent" => self.transparent = true,
            "untagged" => self.untagged = true,
            "tag" => self.tag = when_read(meta),
            "content" => self.content = when_read(meta),
            _ => {}
        }
    }
}

/// Returns the text of `key = "text"`, or of `key(deserialize = "text")`.
fn when_read(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) => text(&pair.value),
        Meta::List(list) => {
            let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
            let metas = list.parse_args_with(parser).ok()?;
            metas.iter().find(|meta| meta.path().is_ident("deserialize")).and_then(when_read)
        }
        Meta::Path(_) => None,
    }
}

/// Returns the value of a string literal.
fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// A `rename_all` of serde.
#[derive(Clone, Copy, Default)]
pub(crate) enum Case {
    #[default]
    AsWritten,
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("lowercase") => Self::Lower,
            Some("UPPERCASE") => Self::Upper,
            Some("PascalCase") => Self::Pascal,
            Some("camelCase") => Self::Camel,
            Some("snake_case") => Self::Snake,
            Some("SCREAMING_SNAKE_CASE") => Self::ScreamingSnake,
            Some("kebab-case") => Self::Kebab,
            Some("SCREAMING-KEBAB-CASE") => Self::ScreamingKebab,
            _ => Self::AsWritten,
        }
    }

    /// Returns the JSON name of a field that is written in snake case.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::AsWritten | Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => upper_camel(name),
            Self::Camel => lower_first(&upper_camel(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// Returns the JSON name of a variant that is written in upper camel case.
    pub(crate) fn variant(self, name: &str) -> String {
        // serde puts an underscore before every capital, acronyms or not.
        let snake = || {
            let mut snake = String::new();
            for (index, letter) in name.char_indices() {
                if index > 0 && letter.is_uppercase() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
            }
            snake
        };
        match self {
            Self::AsWritten | Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => lower_first(name),
            Self::Snake => snake(),
            Self::ScreamingSnake => snake().to_ascii_uppercase(),
            Self::Kebab => snake().replace('_', "-"),
            Self::ScreamingKebab => snake().to_ascii_uppercase().replace('_', "-"),
        }
    }
}

fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// Returns `send_message` as `SendMessage`.
pub(crate) fn upper_camel(snake: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        let first = letters.next().map(|first| first.to_ascii_uppercase());
        first.into_iter().chain(letters).collect::<String>()
    };
    snake.split('_').map(word).collect()
}

/// Returns `HTTPError` as `http_error`: a word starts at a capital that follows a small letter
/// or a digit, and at the last capital of a run that a small letter follows.
pub(crate) fn snake(camel: &str) -> String {
    let letters: Vec<char> = camel.chars().collect();
    let mut snake = String::new();
    for (index, letter) in letters.iter().enumerate() {
        let before = index.checked_sub(1).map(|index| letters[index]);
        let after = letters.get(index + 1);
        let starts = before.is_some_and(|before| {
            before.is_lowercase()
                || before.is_ascii_digit()
                || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
        });
        if letter.is_uppercase() && starts {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Returns the doc comment, its lines without the space they start with.
pub(crate) fn doc(attrs: &[Attribute]) -> String {
    let line = |attr: &Attribute| match &attr.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => text(&pair.value),
        _ => None,
    };
    let lines = attrs.iter().filter_map(line);
    // A block comment is one attribute of many lines.
    let lines: Vec<String> =
        lines.flat_map(|text| text.split('\n').map(strip_margin).collect::<Vec<_>>()).collect();
    lines.join("\n").trim_matches('\n').trim_end().to_owned()
}

fn strip_margin(line: &str) -> String {
    line.strip_prefix(' ').unwrap_or(line).trim_end().to_owned()
}

/// Tells whether an attribute is one that only a macro of ours or of a derive understands.
pub(crate) fn is_helper(attr: &Attribute) -> bool {
    ["serde", "schemars", "validate", "event"].iter().any(|name| attr.path().is_ident(name))
}

/// Reports derives of `ours` that the user wrote as well.
pub(crate) fn refuse_derives(attrs: &[Attribute], owner: &str, ours: &[&str], errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        let parser = Punctuated::<syn::Path, Token![,]>::parse_terminated;
        for path in attr.parse_args_with(parser).into_iter().flatten() {
            let Some(last) = path.segments.last() else { continue };
            let name = last.ident.to_string();
            if ours.contains(&name.as_str()) {
                errors
                    .under(&path, format!("`{owner}` derives `{name}` itself: leave it out here"));
            }
        }
    }
}

/// Returns the attributes without derives of `ours`, so that one mistake is not also a conflict.
pub(crate) fn without_derives(attrs: &mut [Attribute], ours: &[&str]) {
    for attr in attrs.iter_mut().filter(|attr| attr.path().is_ident("derive")) {
        let parser = Punctuated::<syn::Path, Token![,]>::parse_terminated;
        let Ok(paths) = attr.parse_args_with(parser) else { continue };
        let theirs = paths.into_iter().filter(|path| {
            let last = path.segments.last().map(|last| last.ident.to_string());
            last.is_none_or(|last| !ours.contains(&last.as_str()))
        });
        let theirs: Punctuated<syn::Path, Token![,]> = theirs.collect();
        if let Meta::List(list) = &mut attr.meta {
            list.tokens = theirs.into_token_stream();
        }
    }
}

/// Reports a `#[cfg]` that stands below the macro, where half of what it writes would escape it.
pub(crate) fn refuse_cfg(attrs: &[Attribute], owner: &str, errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("cfg")) {
        errors.under(attr, format!("put this above `{owner}`, so that it holds for all of it"));
    }
}

/// Returns the last segment of a type's path and its only type argument, if it has one.
pub(crate) fn last_segment(ty: &Type) -> Option<(&Ident, Option<&Type>)> {
    let Type::Path(path) = ungrouped(ty) else { return None };
    let last = path.path.segments.last()?;
    let argument = match &last.arguments {
        PathArguments::AngleBracketed(list) => {
            list.args.iter().find_map(|argument| match argument {
                GenericArgument::Type(ty) => Some(ty),
                _ => None,
            })
        }
        _ => None,
    };
    Some((&last.ident, argument))
}

/// Returns the type without the invisible brackets that a `macro_rules!` puts around it.
pub(crate) fn ungrouped(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungrouped(&group.elem),
        Type::Paren(paren) => ungrouped(&paren.elem),
        _ => ty,
    }
}

/// Tells whether a field is written and described by its type's own means.
pub(crate) fn written_by_type(attrs: &[Attribute]) -> bool {
    let others = ["skip", "skip_serializing", "with", "serialize_with", "schema_with"];
    !others.iter().any(|key| has_key(attrs, key))
}

/// Tells whether a struct is read or described by other means than those of its fields.
pub(crate) fn is_described_otherwise(attrs: &[Attribute]) -> bool {
    let others = [
        "bound",
        "default",
        "rename",
        "from",
        "try_from",
        "remote",
        "with",
        "schema_with",
        "transform",
    ];
    others.iter().any(|key| has_key(attrs, key))
}

/// Tells whether serde's or schemars' attributes hold a key.
fn has_key(attrs: &[Attribute], key: &str) -> bool {
    let mut derives = attrs
        .iter()
        .filter(|attr| attr.path().is_ident("serde") || attr.path().is_ident("schemars"));
    derives.any(|attr| {
        let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
        let metas = attr.parse_args_with(parser).unwrap_or_default();
        metas.iter().any(|meta| meta.path().is_ident(key))
    })
}

/// Tells whether a type names `ident` or `Self` somewhere.
pub(crate) fn mentions(ty: &Type, ident: &Ident) -> bool {
    fn any(tokens: TokenStream, ident: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(word) => word == *ident || word == "Self",
            TokenTree::Group(group) => any(group.stream(), ident),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    any(ty.to_token_stream(), ident)
}

/// Returns a name without `r#`.
pub(crate) fn unraw(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// Returns where a token stands, read as if the macro's caller had written it.
pub(crate) fn located(span: Span) -> Span {
    span.resolved_at(Span::call_site())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_snake(camel: &str, expected: &str) {
        assert_eq!(snake(camel), expected);
    }

    #[test]
    fn an_event_is_named_as_one_would_say_it() {
        check_snake("Chat", "chat");
        check_snake("UserJoined", "user_joined");
        check_snake("HTTPError", "http_error");
        check_snake("ParseHTTP", "parse_http");
        check_snake("Step1Done", "step1_done");
        check_snake("V2", "v2");
        check_snake("Already_Snake", "already_snake");
        check_snake("X", "x");
    }

    #[test]
    fn a_function_names_its_action() {
        assert_eq!(upper_camel("send_message"), "SendMessage");
        assert_eq!(upper_camel("delete"), "Delete");
        assert_eq!(upper_camel("get_2fa"), "Get2fa");
    }

    #[test]
    fn json_names_are_those_of_serde() {
        assert_eq!(Case::Camel.field("first_name"), "firstName");
        assert_eq!(Case::Pascal.field("first_name"), "FirstName");
        assert_eq!(Case::ScreamingKebab.field("first_name"), "FIRST-NAME");
        assert_eq!(Case::Snake.variant("HTTPError"), "h_t_t_p_error");
        assert_eq!(Case::Camel.variant("InUse"), "inUse");
    }

    #[test]
    fn a_doc_comment_loses_its_margin_and_keeps_its_shape() {
        let item: syn::ItemStruct = syn::parse_quote! {
            /// First.
            ///
            ///   indented
            struct Unit;
        };
        assert_eq!(doc(&item.attrs), "First.\n\n  indented");
    }
}
