//! `#[derive(Event)]` on an enum.

mod model;

pub(crate) use model::{Events, Payload, Variant, event};
