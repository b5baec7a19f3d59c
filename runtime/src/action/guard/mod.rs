//! Guards, requirements and the check of the origin: they decide before the body of a request is
//! read. Start reading at `guards`.

mod guards;
mod origin;
mod requirement;

pub use self::{
    guards::Guard,
    requirement::{GuardType, GuardValue, Requirement, guard_name},
};

pub(crate) use self::guards::Guards;
