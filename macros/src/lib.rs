//! The attributes and derives of Kipo, as the crate `kipo` re-exports and documents them.
//!
//! A macro here is a translator: tokens become a model of the item (`item`, `event`,
//! `page`), the model is checked, and `expand` writes it down as code that calls
//! `kipo::__private`. What that code does is the runtime's business. A mistake is reported at
//! the smallest wrong thing, all of them in one compile, and the item itself survives.

mod action;
mod data;
mod diagnostics;
mod emit;
mod event;
mod expand;
mod fields;
mod files;
mod item;
mod page;
mod syntax;
mod topic;
mod tree;

#[cfg(test)]
mod golden;

use proc_macro::TokenStream;

/// See `kipo::action`.
#[proc_macro_attribute]
pub fn action(args: TokenStream, item: TokenStream) -> TokenStream {
    action::action(args.into(), &item.into()).into()
}

/// See `kipo::data`.
#[proc_macro_attribute]
pub fn data(args: TokenStream, item: TokenStream) -> TokenStream {
    data::data(&args.into(), &item.into()).into()
}

/// See `kipo::Event`.
#[proc_macro_derive(Event, attributes(event, serde, schemars))]
pub fn event(item: TokenStream) -> TokenStream {
    event::event(item.into()).into()
}

/// See `kipo::page`.
#[proc_macro_attribute]
pub fn page(args: TokenStream, item: TokenStream) -> TokenStream {
    page::page(args.into(), &item.into()).into()
}

/// See `kipo::topic`.
#[proc_macro_attribute]
pub fn topic(args: TokenStream, item: TokenStream) -> TokenStream {
    topic::topic(&args.into(), &item.into()).into()
}

/// See `kipo::actions`.
#[proc_macro]
pub fn actions(folder: TokenStream) -> TokenStream {
    tree::actions(folder.into(), &manifest_dir()).into()
}

/// See `kipo::files`.
#[proc_macro]
pub fn files(nothing: TokenStream) -> TokenStream {
    files::files(nothing.into(), &manifest_dir()).into()
}

/// Returns the folder of the crate that is being compiled; cargo always names it.
fn manifest_dir() -> std::path::PathBuf {
    std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_default().into()
}
