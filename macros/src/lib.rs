//! The attributes and derives of Kipo, as the crate `kipo` re-exports and documents them.
//!
//! Each macro has a folder of its own and translates in three stages: `model` parses what the user
//! wrote, `check` reports what is wrong with it, and `expand` writes code that calls
//! `kipo::__private`. The runtime does all the work: the code that a macro writes only joins the
//! user's item to it. One compile reports all errors, each at the smallest wrong part, and the
//! user's item is written in any case.
//!
//! What several macros need lies below them: `emit` uses `fields`, `fields` uses `syntax`, and all
//! use `diagnostics`.

mod action;
mod action_error;
mod crate_root;
mod data;
mod diagnostics;
mod emit;
mod event;
mod fields;
mod files;
mod page;
mod syntax;
mod topic;
mod tree;

#[cfg(test)]
mod golden;

use proc_macro::TokenStream;

use crate_root::crate_root;

/// See `kipo::action`.
#[proc_macro_attribute]
pub fn action(args: TokenStream, item: TokenStream) -> TokenStream {
    action::action(args.into(), &item.into()).into()
}

/// See `kipo::ActionError`.
#[proc_macro_derive(ActionError, attributes(error, from, source, serde, schemars))]
pub fn action_error(item: TokenStream) -> TokenStream {
    action_error::action_error(&item.into()).into()
}

/// See `kipo::data`.
#[proc_macro_attribute]
pub fn data(args: TokenStream, item: TokenStream) -> TokenStream {
    data::data(&args.into(), &item.into()).into()
}

/// See `kipo::Event`.
#[proc_macro_derive(Event, attributes(event, serde, schemars))]
pub fn event(item: TokenStream) -> TokenStream {
    event::event(&item.into()).into()
}

/// See `kipo::page`.
#[proc_macro_attribute]
pub fn page(args: TokenStream, item: TokenStream) -> TokenStream {
    page::page(args.into(), &item.into()).into()
}

/// See `kipo::topic`.
#[proc_macro_attribute]
pub fn topic(args: TokenStream, item: TokenStream) -> TokenStream {
    topic::topic(topic::Kind::Topic, &args.into(), &item.into()).into()
}

/// See `kipo::presence`.
#[proc_macro_attribute]
pub fn presence(args: TokenStream, item: TokenStream) -> TokenStream {
    topic::topic(topic::Kind::Presence, &args.into(), &item.into()).into()
}

/// See `kipo::actions`.
#[proc_macro]
pub fn actions(folder: TokenStream) -> TokenStream {
    tree::actions(folder.into(), &crate_root()).into()
}

/// See `kipo::files`.
#[proc_macro]
pub fn files(args: TokenStream) -> TokenStream {
    files::files(args.into(), &crate_root()).into()
}
