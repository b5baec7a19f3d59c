//! Checks that several attributes make.

use syn::{Attribute, Token, Type, punctuated::Punctuated};

use super::types;
use crate::diagnostics::Errors;

/// Reports a `#[cfg]` below `owner`: it would not apply to all of the code that `owner` generates.
pub(crate) fn cfg(attrs: &[Attribute], owner: &str, errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("cfg")) {
        errors.under(
            attr,
            format!("put this above `{owner}`, so that it applies to all of the generated code"),
        );
    }
}

/// Reports those of `derives`, which `owner` writes itself, that the user wrote as well.
pub(crate) fn derives(attrs: &[Attribute], owner: &str, derives: &[&str], errors: &mut Errors) {
    for attr in attrs.iter().filter(|attr| attr.path().is_ident("derive")) {
        let parser = Punctuated::<syn::Path, Token![,]>::parse_terminated;
        for path in attr.parse_args_with(parser).into_iter().flatten() {
            let Some(last) = path.segments.last() else { continue };
            let name = last.ident.to_string();
            if derives.contains(&name.as_str()) {
                errors
                    .under(&path, format!("`{owner}` derives `{name}` itself: leave it out here"));
            }
        }
    }
}

/// Reports `impl Trait`: generated code cannot name such a type.
pub(crate) fn impl_trait(ty: &Type, errors: &mut Errors) {
    if let Type::ImplTrait(ty) = types::ungrouped(ty) {
        errors.under(ty, "`impl Trait` cannot be decoded or described: name the type");
    } else if let Some((_, Some(argument))) = types::last_segment(ty) {
        impl_trait(argument, errors);
    }
}
