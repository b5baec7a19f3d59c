//! What generated code uses. This module is not part of the public API and may change at any time.

pub use inventory;
pub use kipo_topic::EventType;
pub use schemars;
pub use serde;
pub use serde_json;

pub use crate::{
    action::{
        Field, GuardType, GuardValue, Incoming, Input, IntoOutput, NoWay, Outgoing, Requirement,
        StateNeed, Values, Way, guard_name, incoming, outgoing, public, rules,
    },
    error::FieldErrors,
    page::{PageData, PageRegistration},
    request::{Registration, endpoint},
    stream::{Decodable, TopicRegistration},
};
