//! What somebody who writes an application waits for: compiling it, and seeing a change.

pub(crate) mod building;
pub(crate) mod edits;
