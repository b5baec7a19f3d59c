//! What attributes say: doc comments, derives, and the helper attributes of derives.

use quote::ToTokens;
use syn::{Attribute, Expr, ExprLit, FnArg, Item, Lit, Meta, Token, punctuated::Punctuated};

/// Returns the doc comment, each line without its margin of one space.
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

/// Returns whether an attribute is a line of a doc comment.
pub(crate) fn is_doc(attr: &Attribute) -> bool {
    attr.path().is_ident("doc")
}

/// Returns whether only one of our macros or a derive understands an attribute.
pub(crate) fn is_helper(attr: &Attribute) -> bool {
    ["serde", "schemars", "validate", "event", "error", "from", "source", "context"]
        .iter()
        .any(|name| attr.path().is_ident(name))
}

/// Returns whether an attribute of an argument belongs to the field that the argument becomes.
pub(crate) fn is_of_field(attr: &Attribute) -> bool {
    is_helper(attr) || is_doc(attr)
}

/// Returns whether attributes named `name` hold one of `keys`.
pub(crate) fn holds(attrs: &[Attribute], name: &str, keys: &[&str]) -> bool {
    attrs.iter().filter(|attr| attr.path().is_ident(name)).any(|attr| {
        let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
        let metas = attr.parse_args_with(parser).unwrap_or_default();
        metas.iter().any(|meta| keys.iter().any(|key| meta.path().is_ident(key)))
    })
}

/// Returns the value of a string literal.
pub(crate) fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
        _ => None,
    }
}

/// Removes `derives`, so that an error about one of them is not followed by a conflict.
pub(crate) fn remove_derives(attrs: &mut [Attribute], derives: &[&str]) {
    for attr in attrs.iter_mut().filter(|attr| attr.path().is_ident("derive")) {
        let parser = Punctuated::<syn::Path, Token![,]>::parse_terminated;
        let Ok(paths) = attr.parse_args_with(parser) else { continue };
        let others = paths.into_iter().filter(|path| {
            let last = path.segments.last().map(|last| last.ident.to_string());
            last.is_none_or(|last| !derives.contains(&last.as_str()))
        });
        let others: Punctuated<syn::Path, Token![,]> = others.collect();
        if let Meta::List(list) = &mut attr.meta {
            list.tokens = others.into_token_stream();
        }
    }
}

/// Removes the attributes that the compiler does not understand without our derives.
pub(crate) fn remove_helpers(item: &mut Item) {
    let remove = |attrs: &mut Vec<Attribute>| attrs.retain(|attr| !is_helper(attr));
    match item {
        Item::Struct(item) => {
            remove(&mut item.attrs);
            item.fields.iter_mut().for_each(|field| remove(&mut field.attrs));
        }
        Item::Enum(item) => {
            remove(&mut item.attrs);
            for variant in &mut item.variants {
                remove(&mut variant.attrs);
                variant.fields.iter_mut().for_each(|field| remove(&mut field.attrs));
            }
        }
        Item::Fn(item) => {
            remove(&mut item.attrs);
            for argument in &mut item.sig.inputs {
                if let FnArg::Typed(argument) = argument {
                    argument.attrs.retain(|attr| !is_of_field(attr));
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_found_at_any_position() {
        let item: syn::ItemStruct = syn::parse_quote! {
            #[schemars(inline, rename = "Page_{T}")]
            struct Page;
        };
        assert!(holds(&item.attrs, "schemars", &["rename"]));
        assert!(!holds(&item.attrs, "schemars", &["with"]));
        assert!(!holds(&item.attrs, "serde", &["rename"]));
    }

    #[test]
    fn a_doc_comment_loses_its_margin_but_not_its_indentation() {
        let item: syn::ItemStruct = syn::parse_quote! {
            /// First.
            ///
            ///   indented
            struct Unit;
        };
        assert_eq!(doc(&item.attrs), "First.\n\n  indented");
    }
}
