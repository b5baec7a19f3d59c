//! `#[topic]` on a `static`.

mod model;

pub(crate) use model::topic;
