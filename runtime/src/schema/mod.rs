//! What the registered actions take and give, as types: collected once at start, then written as
//! TypeScript ([`typescript`]) or as OpenAPI ([`openapi`]).
//!
//! # Two sides
//!
//! serde may accept another form than it writes: an `Option` may be left out of an input, but is
//! always there in an output, and one that `skip_serializing_if` leaves out is never null in an
//! output. So each type is described twice, as it is read and as it is written.
//! Where both agree there is one definition. Where they differ there are two: the written one keeps
//! the name and the read one is called `…Input`.
//!
//! # Names
//!
//! 1. The input of `chat.Send` is `chat.Send`, whatever its struct is called; `chat.SendInput` if
//!    something that is written has that name.
//! 2. Any other type has the name of its Rust type, in the innermost namespace that holds all
//!    actions which use it: `chat.Message` as long as only actions in `chat` know it, `Message`
//!    once another namespace does too.
//! 3. Different types of one name in one namespace get the action's name in front (`SendStatus`,
//!    `ListenStatus`), or a number if several actions share them.
//! 4. A word of TypeScript gets `_` behind it. What the head of `client.d.ts` declares is taken, so
//!    an output `Call` outside of all namespaces is `CallOutput`.
//!
//! Two types of one name and one form are one definition, wherever they come from. So a new action
//! renames nothing, unless it shares a type or brings another of the same name.
//!
//! # Ordering
//!
//! Everything is sorted by name: the same actions give the same text.

mod bounds;
mod circle;
mod description;
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) mod listing;
mod merge;
mod named;
mod names;
pub(crate) mod openapi;
mod print;
mod refine;
#[cfg(test)]
#[expect(dead_code, reason = "described, but never made")]
mod shapes;
mod ty;
mod types;
pub(crate) mod typescript;

pub(crate) use self::{
    description::{Describe, Shape},
    types::Types,
};
