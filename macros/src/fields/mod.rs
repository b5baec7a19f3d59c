//! The fields of a struct or of a variant: their types, their names in JSON, and the rules for
//! their values.
//!
//! Start at `field`.

mod field;
mod payload;
mod rules;
mod serde_attrs;
mod variant;

pub(crate) use field::{Field, JsonPath, writes_null};
pub(crate) use payload::{Object, Payload};
pub(crate) use rules::{Kind, Rule, is_validate};
pub(crate) use serde_attrs::Serde;
pub(crate) use variant::Variant;
