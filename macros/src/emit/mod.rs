//! The code that several macros emit, and what all generated code is made of.
//!
//! Generated paths are absolute and generated locals carry the span of the macro, so no name of the
//! user's can change what the code means. Start at `paths`, which lists every generated path.

pub(crate) mod access;
pub(crate) mod bounds;
pub(crate) mod hygiene;
pub(crate) mod option;
pub(crate) mod paths;
pub(crate) mod payload;
pub(crate) mod schema;
pub(crate) mod state;
pub(crate) mod validate;
