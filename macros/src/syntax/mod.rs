//! The user's Rust as every macro reads it: arguments, attributes, names and types.
//!
//! Nothing here knows one of the macros, and nothing here emits code. `refuse` holds the checks
//! that several attributes make.

pub(crate) mod access;
pub(crate) mod args;
pub(crate) mod attrs;
pub(crate) mod context;
pub(crate) mod enums;
pub(crate) mod names;
pub(crate) mod refuse;
pub(crate) mod types;
