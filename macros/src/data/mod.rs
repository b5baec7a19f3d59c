//! `#[data]` on a struct or on an enum.

mod model;

pub(crate) use model::{Body, Data, Variant, data};
