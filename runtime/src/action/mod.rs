//! What an app author writes against: actions, their request as plain data, guards, rules and limits. Start reading at [`call`].

mod call;
mod context;
mod effects;
mod exact;
mod field;
mod guard;
mod limits;
mod origin;
mod returned;
mod travel;
mod validate;

pub use self::{
    call::{Action, Input, StreamAction},
    context::{Context, RequestId, State, StateNeed},
    exact::Exact,
    field::Field,
    guard::Guard,
    limits::Limits,
    returned::Returned,
    travel::{Incoming, NoWay, Outgoing, Way, incoming, outgoing},
    validate::{Validate, rules},
};

pub(crate) use self::{
    context::{REQUEST_ID, States},
    field::sentence,
    guard::Guards,
    limits::Bounds,
};
