//! The fields of a struct or of a variant, and the rules for their values.

pub(crate) mod rules;
