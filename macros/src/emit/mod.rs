//! What several macros write.

pub(crate) mod paths;
