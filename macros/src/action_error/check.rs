//! The checks of an action's errors beyond their syntax.

use super::{
    message,
    model::{ActionErrors, Kind, Own},
};
use crate::{
    diagnostics::{Errors, suggest},
    fields::Payload,
    syntax::attrs::is_helper,
};

/// Checks the errors of an action.
pub(crate) fn action_errors(action_errors: &ActionErrors, errors: &mut Errors) {
    if !action_errors.generics.params.is_empty() {
        let message = "errors have no generic parameters: the browser knows each by its code and \
                       its data";
        errors.under(&action_errors.generics.params, message);
    }
    let mut codes: Vec<&str> = Vec::new();
    let mut wraps_kipo = false;
    for variant in &action_errors.variants {
        match &variant.kind {
            Kind::Transparent(wrapped) => {
                if wrapped.is_kipo() && std::mem::replace(&mut wraps_kipo, true) {
                    errors.under(&wrapped.ty, "two variants wrap `kipo::Error`");
                }
            }
            Kind::Own(own) => {
                if codes.contains(&own.code.text.as_str()) {
                    let message = format!("two errors have the code `{}`", own.code.text);
                    errors.at(own.code.span, message);
                }
                codes.push(&own.code.text);
                one(own, errors);
            }
        }
    }
}

fn one(own: &Own, errors: &mut Errors) {
    let status = own.status.number;
    if !(400..=599).contains(&status) {
        let message = format!("{status} is not the status of an error: use 400 to 599");
        errors.at(own.status.span, message);
    }
    let code = &own.code.text;
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "_-.".contains(letter);
    if code.is_empty() || !code.chars().all(letter) {
        let message =
            format!("{code:?} is not a valid code: use letters, digits, `_`, `-` and `.`");
        errors.at(own.code.span, message);
    }
    if let Payload::Value { attrs, .. } = &own.payload {
        for attr in attrs.iter().filter(|attr| is_helper(attr)) {
            errors.under(attr, "this has no effect on the whole data: put it on its type");
        }
    }
    let Some(text) = &own.message else { return };
    let names = message::fields(&own.fields);
    let source = own.source.as_ref().map(|(member, _)| message::name(member));
    for name in message::used(&text.value()) {
        if source.as_ref() == Some(&name) {
            let message = "the caller reads the message, and the source is only for the log";
            errors.under(text, message);
        } else if !names.contains(&name) {
            let known: Vec<&str> = names.iter().map(String::as_str).collect();
            let hint = match known.as_slice() {
                [] => "the variant has none".to_owned(),
                known => suggest(&name, known),
            };
            errors
                .under(text, format!("the message names no field of the error: `{name}`; {hint}"));
        }
    }
}
