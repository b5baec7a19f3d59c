//! What a type shows without being resolved.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{GenericArgument, PathArguments, Type};

/// Returns the last segment of a type's path and its first type argument, if it has one.
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

/// Returns whether a derive of `of` may assume a bound for each of its fields' types.
///
/// There has to be a type, and each has to be writable as text. If one of them holds `of`, the bound
/// would be proven by itself.
pub(crate) fn can_be_assumed(types: &[Type], of: &Ident) -> bool {
    !types.is_empty() && types.iter().all(|ty| !mentions(ty, of) && can_be_text(ty))
}

/// Returns whether a type can be written in the text of a bound: `$crate` cannot.
pub(crate) fn can_be_text(ty: &Type) -> bool {
    !ty.to_token_stream().to_string().contains('$')
}

/// Returns whether a type names `ident` or `Self` somewhere.
fn mentions(ty: &Type, ident: &Ident) -> bool {
    fn any(tokens: TokenStream, ident: &Ident) -> bool {
        tokens.into_iter().any(|token| match token {
            TokenTree::Ident(word) => word == *ident || word == "Self",
            TokenTree::Group(group) => any(group.stream(), ident),
            TokenTree::Punct(_) | TokenTree::Literal(_) => false,
        })
    }
    any(ty.to_token_stream(), ident)
}

/// Returns whether a type is a list of files, as far as it shows that.
pub(crate) fn is_list_of_files(ty: &Type) -> bool {
    let is_file = |ty: &Type| {
        last_segment(ty).is_some_and(|(ident, _)| ident == "Upload" || ident == "UploadTo")
    };
    match last_segment(ty) {
        Some((ident, Some(inner))) => ident == "Vec" && is_file(inner),
        _ => false,
    }
}
