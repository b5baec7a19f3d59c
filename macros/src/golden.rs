//! The code that users get: each test expands `tests/expand/<name>.rs` and compares the result with
//! `tests/expand/<name>.expanded.rs`. `UPDATE_GOLDEN=1` rewrites the expected files.

use std::{env, fs, path::Path};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, Item, Meta};

use crate::{action, action_error, data, event, files, page, topic, tree};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/expand");

#[track_caller]
fn check(name: &str) {
    let folder = Path::new(FOLDER);
    let source = fs::read_to_string(folder.join(format!("{name}.rs"))).unwrap();
    let file = syn::parse_file(&source).unwrap();
    let tokens: TokenStream = file.items.into_iter().map(expand).collect();
    let expanded = syn::parse2(tokens.clone()).unwrap_or_else(|error| panic!("{error}: {tokens}"));
    let text = prettyplease::unparse(&expanded).replace(FOLDER, "/app");

    let golden = folder.join(format!("{name}.expanded.rs"));
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&golden, text).unwrap();
    } else {
        let expected = fs::read_to_string(&golden).unwrap_or_default();
        assert!(text == expected, "{name} differs; UPDATE_GOLDEN=1 writes this:\n{text}");
    }
}

/// Expands the macro of ours that an item has.
fn expand(mut item: Item) -> TokenStream {
    let attrs = match &mut item {
        Item::Struct(item) => &mut item.attrs,
        Item::Enum(item) => &mut item.attrs,
        Item::Fn(item) => &mut item.attrs,
        Item::Static(item) => &mut item.attrs,
        Item::Macro(item) => {
            let tokens = item.mac.tokens.clone();
            return match item.mac.path.get_ident().unwrap().to_string().as_str() {
                "actions" => tree::actions(tokens, Path::new(FOLDER)),
                _ => {
                    let expression = files::files(tokens, Path::new(FOLDER));
                    quote::quote!(fn app() -> Files { #expression })
                }
            };
        }
        _ => return item.into_token_stream(),
    };
    let is_ours = |attr: &Attribute| {
        ["action", "data", "page", "topic", "derive"].iter().any(|name| attr.path().is_ident(name))
    };
    let attr = attrs.remove(attrs.iter().position(is_ours).expect("a macro of ours"));
    let args = match &attr.meta {
        Meta::List(list) => list.tokens.clone(),
        _ => TokenStream::new(),
    };
    match attr.path().get_ident().unwrap().to_string().as_str() {
        "action" => action::action(args, &item.into_token_stream()),
        "data" => data::data(&args, &item.into_token_stream()),
        "page" => page::page(args, &item.into_token_stream()),
        "topic" => topic::topic(topic::Kind::Topic, &args, &item.into_token_stream()),
        _ => {
            let derived = match args.to_string().as_str() {
                "ActionError" => action_error::action_error(&item.to_token_stream()),
                _ => event::event(&item.to_token_stream()),
            };
            quote::quote! { #item #derived }
        }
    }
}

#[test]
fn action_settings() {
    check("action_settings");
}

#[test]
fn action_struct() {
    check("action_struct");
}

#[test]
fn action_unit() {
    check("action_unit");
}

#[test]
fn action_body() {
    check("action_body");
}

#[test]
fn action_files() {
    check("action_files");
}

#[test]
fn action_context() {
    check("action_context");
}

#[test]
fn action_fn() {
    check("action_fn");
}

#[test]
fn action_fn_stream() {
    check("action_fn_stream");
}

#[test]
fn errors_of_an_action() {
    check("action_error");
}

#[test]
fn action_broken() {
    check("action_broken");
}

#[test]
fn data_struct() {
    check("data_struct");
}

#[test]
fn data_enum() {
    check("data_enum");
}

#[test]
fn data_schema() {
    check("data_schema");
}

#[test]
fn event_enum() {
    check("event_enum");
}

#[test]
fn page_context() {
    check("page_context");
}

#[test]
fn page_data() {
    check("page_data");
}

#[test]
fn topic_static() {
    check("topic_static");
}

#[test]
fn folders() {
    check("folders");
}

#[test]
fn folders_broken() {
    check("folders_broken");
}
