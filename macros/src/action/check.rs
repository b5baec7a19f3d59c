//! The checks of an action beyond its syntax.

use syn::{Fields, GenericParam, ItemFn, ItemStruct, ReturnType, Type};

use super::model::{Action, Argument, Call, DERIVES, Decoding, Settings, Source};
use crate::{
    diagnostics::{Errors, list},
    syntax::{attrs, context, names, refuse, types},
};

/// Attributes of serde that make the whole struct, also the fields that do not come from the caller.
const OF_WHOLE_STRUCT: &[&str] = &["default", "from", "try_from", "remote"];

/// Checks an action.
pub(crate) fn action(action: &Action, errors: &mut Errors) {
    action.access.check(errors);
    if !action.values.is_empty() && attrs::holds(&action.input.attrs, "serde", OF_WHOLE_STRUCT) {
        let list = list(OF_WHOLE_STRUCT);
        let message = format!(
            "the struct has `#[context]` fields, which serde does not read: {list} are for a field or \
             for another struct"
        );
        errors.under(&action.input.ident, message);
    }
    method(action, errors);
    settings(action, errors);
    match &action.call {
        Some(call) => function(call, errors),
        None => input(&action.input, errors),
    }
}

/// Checks that the method fits the input and the output.
fn method(action: &Action, errors: &mut Errors) {
    let Some(method) = &action.method else { return };
    if let Decoding::Whole(whole) = &action.decoding
        && method.variant == "Get"
    {
        let name = if whole.is_raw { "RawBody" } else { "Json" };
        let message =
            format!("a GET has no body, so it cannot send a `{name}`: its fields are the query");
        errors.under(&whole.ty, message);
    }
    if action.call.as_ref().is_some_and(|call| call.event().is_some()) {
        errors.under(&method.text, "a stream is opened by GET and by POST: it has no `method`");
    }
}

/// Checks that the action is a function, and has a cache only if it answers once.
fn settings(action: &Action, errors: &mut Errors) {
    let Settings { limits, cache } = &action.settings;
    let Some(call) = &action.call else {
        let all =
            [(limits, "limits", "LIMITS: Limits"), (cache, "cache", "CACHE: OutputCache<Self>")];
        for (value, key, constant) in all {
            if let Some(value) = value {
                let message = format!(
                    "`{key}` is for an `async fn`: a struct has `const {constant}` in its `impl Action`"
                );
                errors.under(value, message);
            }
        }
        return;
    };
    if let (Some(cache), Some(_)) = (cache, call.event()) {
        errors.under(cache, "a stream has no cache: each client gets events of its own");
    }
}

fn input(input: &ItemStruct, errors: &mut Errors) {
    generics(input, errors);
    if let Fields::Unnamed(fields) = &input.fields
        && !fields.unnamed.is_empty()
    {
        let ident = &input.ident;
        let message = format!("an action's fields have names: `struct {ident} {{ name: Type }}`");
        errors.under(fields, message);
    }
    if input.generics.params.is_empty() {
        for field in &input.fields {
            owned(&field.ty, errors);
        }
    }
    refuse::cfg(&input.attrs, "#[action]", errors);
    refuse::derives(&input.attrs, "#[action]", DERIVES, errors);
}

fn generics(input: &ItemStruct, errors: &mut Errors) {
    let Some(first) = input.generics.params.first() else { return };
    let ident = &input.ident;
    let message = match first {
        GenericParam::Lifetime(_) => "an action owns its input: `String` instead of `&'a str`, \
                                      and no lifetime"
            .to_owned(),
        GenericParam::Type(_) | GenericParam::Const(_) => format!(
            "an action has no generic parameters: the browser calls it as `{ident}`, with types \
             that are known"
        ),
    };
    errors.under(&input.generics.params, message);
}

fn function(call: &Call, errors: &mut Errors) {
    signature(&call.function, errors);
    refuse::cfg(&call.function.attrs, "#[action]", errors);
    let mut streams = 0;
    for argument in &call.arguments {
        match &argument.source {
            Source::Field(_) => {
                owned(&argument.ty, errors);
                refuse::impl_trait(&argument.ty, errors);
            }
            Source::Context | Source::State(_) => filled(argument, errors),
            Source::Stream(_) => {
                filled(argument, errors);
                streams += 1;
                if streams > 1 {
                    let message = "an action has one stream: `EventStream` is given twice";
                    errors.under(&argument.ty, message);
                }
            }
        }
    }
}

fn signature(function: &ItemFn, errors: &mut Errors) {
    let sig = &function.sig;
    let name = names::unraw(&sig.ident);
    if sig.asyncness.is_none() {
        errors.under(sig.fn_token, format!("an action is `async`: `async fn {name}(…)`"));
    }
    if let Some(receiver) = sig.receiver() {
        errors.under(receiver, "an action is a free function: it has no `self`");
    }
    if !sig.generics.params.is_empty() {
        errors.under(
            &sig.generics.params,
            "an action has no generic parameters: the browser calls it with types that are known",
        );
    }
    match &sig.output {
        ReturnType::Default => {
            let form = format!("`async fn {name}(…) -> Result<()>`");
            errors.under(&sig.ident, format!("an action returns a `Result`: {form}"));
        }
        ReturnType::Type(_, ty) if is_never_a_result(ty) => {
            errors.under(ty, "an action returns a `Result`: put `Result<…>` around this");
        }
        ReturnType::Type(_, ty) => refuse::impl_trait(ty, errors),
    }
}

/// Returns whether a type cannot be an alias of `Result`. Of all others the compiler decides.
fn is_never_a_result(ty: &Type) -> bool {
    const OTHERS: &[&str] = &[
        "bool", "char", "f32", "f64", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16",
        "u32", "u64", "u128", "usize", "String", "Vec", "Option", "Box", "HashMap", "BTreeMap",
    ];
    match types::ungrouped(ty) {
        Type::Path(_) => types::last_segment(ty)
            .is_some_and(|(ident, _)| OTHERS.iter().any(|word| ident == word)),
        Type::Array(_) | Type::Never(_) | Type::Reference(_) | Type::Tuple(_) => true,
        _ => false,
    }
}

/// Reports a borrowed input: a request has nothing that outlives the action to borrow from.
fn owned(ty: &Type, errors: &mut Errors) {
    if let Type::Reference(reference) = types::ungrouped(ty) {
        let owned = match types::last_segment(&reference.elem) {
            Some((ident, None)) if ident == "str" => "`String`".to_owned(),
            Some((ident, None)) => format!("`{ident}`"),
            _ => "an owned type such as a `Vec`".to_owned(),
        };
        errors.under(ty, format!("an action owns its input: {owned} instead of a reference"));
    }
}

/// Checks an argument that the runtime fills.
fn filled(argument: &Argument, errors: &mut Errors) {
    let ty = &argument.ty;
    let (inner, borrowed) = match types::ungrouped(ty) {
        Type::Reference(reference) => (&*reference.elem, true),
        ty => (ty, false),
    };
    match types::last_segment(inner) {
        Some((ident, _)) if ident == "PageContext" => {
            errors.under(ty, "a `PageContext` is for `#[page]`; an action takes a `Context`");
        }
        Some((ident, _)) if borrowed => {
            errors.under(ty, format!("take it by value: `{ident}` is cheap to clone"));
        }
        _ => {}
    }
    for attr in &argument.attrs {
        if context::is_context(attr) {
            errors.under(attr, context::NOT_NEEDED);
        } else {
            errors.under(attr, "this argument is not part of the input");
        }
    }
}
