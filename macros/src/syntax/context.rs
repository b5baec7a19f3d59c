//! `#[context]`, which marks a field or an argument that comes from the request.

use quote::ToTokens as _;
use syn::{Attribute, Meta};

use super::attrs;
use crate::diagnostics::Errors;

/// The error of a `#[context]` that changes nothing.
pub(crate) const NOT_NEEDED: &str =
    "this argument comes from the request without `#[context]`: remove it";

/// Returns whether an attribute is `#[context]`.
pub(crate) fn is_context(attr: &Attribute) -> bool {
    attr.path().is_ident("context")
}

/// Removes `#[context]` and returns whether it was there. Reports attributes that do not fit to it.
pub(crate) fn take(attrs: &mut Vec<Attribute>, errors: &mut Errors) -> bool {
    let (marks, others): (Vec<_>, Vec<_>) = std::mem::take(attrs).into_iter().partition(is_context);
    *attrs = others;
    let [_, doubles @ ..] = marks.as_slice() else { return false };
    for double in doubles {
        errors.under(double, "`#[context]` is given twice");
    }
    for mark in marks.iter().filter(|mark| !matches!(mark.meta, Meta::Path(_))) {
        errors.under(&mark.meta, "`#[context]` takes no arguments");
    }
    for attr in attrs.iter().filter(|attr| attrs::is_helper(attr)) {
        let name = attr.path().to_token_stream();
        let message = format!(
            "a `#[context]` value is not part of the input, so `#[{name}]` has no effect: remove one \
             of the two"
        );
        errors.under(attr, message);
    }
    true
}
