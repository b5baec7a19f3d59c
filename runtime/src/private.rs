//! The one door for generated code. Nothing here is for people, and all of it may change.

pub use inventory;
pub use schemars;
pub use serde;
pub use serde_json;

pub use crate::{
    action::Input,
    context::StateNeed,
    dispatch::endpoint,
    error::FieldErrors,
    event::EventType,
    field::Field,
    page::{PageData, PageRegistration},
    returned::Returned,
    route::Registration,
    topic::TopicRegistration,
    travel::{Incoming, NoWay, Outgoing, Way, incoming, outgoing},
    validate::rules,
};
