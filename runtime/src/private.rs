//! The one door for generated code. Nothing here is for people, and all of it may change.

pub use inventory;
pub use kipo_topic::EventType;
pub use schemars;
pub use serde;
pub use serde_json;

pub use crate::{
    action::{
        Field, Incoming, Input, IntoOutput, NoWay, Outgoing, StateNeed, Way, incoming, outgoing,
        rules,
    },
    error::FieldErrors,
    page::{PageData, PageRegistration},
    request::{Registration, endpoint},
    stream::TopicRegistration,
};
