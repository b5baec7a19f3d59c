//! `fn validate`: the rules of a type as calls of the runtime.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Expr;

use super::{
    hygiene::{local, local_at, numbered, user_span},
    option::option_at,
    paths::{FIELD_ERRORS, RULES, VALIDATE},
};
use crate::fields::{Field, JsonPath, Kind, Rule, Variant};

/// Writes `fn validate` of a struct, if there is a rule.
pub(crate) fn of_struct(fields: &[Field], rules: &[Rule]) -> Option<TokenStream> {
    let errors = local("errors");
    let of = |field: &Field| {
        let member = &field.member;
        checks(field, &errors, &|span| quote_spanned!(span=> &self.#member))
    };
    function(&errors, fields.iter().flat_map(of).collect(), rules)
}

/// Writes `fn validate` of an enum, if there is a rule.
pub(crate) fn of_enum(variants: &[Variant], rules: &[Rule]) -> Option<TokenStream> {
    let errors = local("errors");
    let arms: Vec<_> = variants.iter().filter_map(|variant| arm(variant, &errors)).collect();
    let rest = (arms.len() < variants.len()).then(|| quote!(_ => {}));
    let checks = (!arms.is_empty()).then(|| quote!(match self { #(#arms)* #rest }));
    function(&errors, checks.into_iter().collect(), rules)
}

fn function(errors: &Ident, checks: Vec<TokenStream>, rules: &[Rule]) -> Option<TokenStream> {
    let whole = rules.iter().map(|rule| check(rule, &JsonPath::Whole, errors, &quote!(self)));
    let checks: Vec<_> = checks.into_iter().chain(whole).collect();
    (!checks.is_empty()).then(|| {
        quote! {
            fn validate(&self, #errors: &mut #FIELD_ERRORS) {
                #(#checks)*
            }
        }
    })
}

/// Writes the checks of a variant's fields, if there are any.
fn arm(variant: &Variant, errors: &Ident) -> Option<TokenStream> {
    let (mut bindings, mut all) = (Vec::new(), Vec::new());
    for (index, field) in variant.fields.iter().enumerate() {
        if field.rules.is_empty() {
            continue;
        }
        let (member, name) = (&field.member, numbered("field", index));
        bindings.push(quote!(#member: #name));
        let read = |span| local_at(&name, span).into_token_stream();
        all.extend(checks(field, errors, &read));
    }
    if all.is_empty() {
        return None;
    }
    let ident = &variant.ident;
    let checks = within(&variant.path, errors, &quote!(#(#all)*));
    Some(quote!(Self::#ident { #(#bindings,)* .. } => { #checks }))
}

/// Writes the checks of a field. `read` writes the field at the span of a rule.
fn checks(field: &Field, errors: &Ident, read: &dyn Fn(Span) -> TokenStream) -> Vec<TokenStream> {
    let each = field.rules.iter();
    each.map(|rule| check(rule, &field.path, errors, &read(user_span(rule.span)))).collect()
}

fn check(rule: &Rule, path: &JsonPath, errors: &Ident, value: &TokenStream) -> TokenStream {
    let span = user_span(rule.span);
    let bound = |bound: &Option<Expr>| option_at(bound.as_ref(), span);
    let (function, arguments) = match &rule.kind {
        Kind::Nested => {
            let validate = VALIDATE.at(span);
            let nested = quote_spanned!(span=> #validate::validate(#value, #errors););
            return within(path, errors, &nested);
        }
        Kind::Length { min, max } => {
            let (min, max) = (bound(min), bound(max));
            ("length", quote!(, #min, #max))
        }
        Kind::Range { min, max } => {
            let (min, max) = (bound(min), bound(max));
            ("range", quote!(, #min, #max))
        }
        Kind::Email => ("email", TokenStream::new()),
        Kind::Url => ("url", TokenStream::new()),
        Kind::Contains { pattern } => ("contains", quote!(, #pattern)),
        Kind::File { min, max, types } => {
            let (min, max) = (bound(min), bound(max));
            ("file", quote!(, #min, #max, &[#(#types),*]))
        }
        Kind::Required => ("required", TokenStream::new()),
        Kind::Secret => ("secret", TokenStream::new()),
        Kind::Custom { function } => ("custom", quote!(, #function)),
    };
    let (rules, function) = (RULES.at(span), Ident::new(function, span));
    let broken = quote_spanned!(span=> #rules::#function(#value #arguments));
    match path {
        JsonPath::Key(name) => quote!(#errors.check(#name, #broken);),
        JsonPath::Whole => quote!(#errors.check("", #broken);),
        JsonPath::Index(_) => within(path, errors, &quote!(#errors.check("", #broken);)),
    }
}

/// Writes `body` so that its paths start at `path`.
fn within(path: &JsonPath, errors: &Ident, body: &TokenStream) -> TokenStream {
    match path {
        JsonPath::Key(name) => quote!(#errors.within(#name, |#errors| { #body });),
        JsonPath::Index(index) => quote!(#errors.at(#index, |#errors| { #body });),
        JsonPath::Whole => body.clone(),
    }
}
