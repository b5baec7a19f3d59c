//! The types of the registered actions: collected once at start, then written as TypeScript
//! ([`typescript`]) or as OpenAPI ([`openapi`]).
//!
//! # Two sides
//!
//! serde may accept another form than it writes: an `Option` may be missing in an input; in an output
//! it is always present, or `skip_serializing_if` leaves it out and it is never null. So each type is
//! described twice, as the server reads it and as the server writes it. If both forms are equal,
//! there is one definition. If not, the written form has the name and the read form is `…Input`.
//!
//! # Names
//!
//! 1. The input of `chat.Send` is `chat.Send` under any name of its struct; `chat.SendInput` if a
//!    written type has that name.
//! 2. Any other type has the name of its Rust type, in the innermost namespace of all actions that
//!    use it: `chat.Message` while only actions in `chat` use it, `Message` when actions of another
//!    namespace use it too.
//! 3. Different types with one name in one namespace get the name of their action as a prefix
//!    (`SendStatus`, `ListenStatus`), or a number if several actions share them.
//! 4. A word of TypeScript gets the suffix `_`. The names in the head of `client.d.ts` are taken: an
//!    output `Call` outside of all namespaces is `CallOutput`.
//!
//! Two types with one name and one form are one definition, also if they are two Rust types. So a new
//! action renames a type only if it shares it, or has another type with its name.
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
#[expect(dead_code, reason = "only their schemas are used")]
mod shapes;
mod ty;
mod types;
pub(crate) mod typescript;

pub(crate) use self::{
    description::{Describe, Described, Refusals, Shape, input_of},
    refine::TYPES,
    types::Types,
};
