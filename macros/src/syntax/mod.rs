//! The user's Rust, as every macro reads it.

pub(crate) mod args;
