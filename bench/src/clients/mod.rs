//! The load: clients on one thread that count what they receive.

pub(crate) mod calls;
mod delays;
pub(crate) mod drains;
pub(crate) mod listeners;
pub(crate) mod sign_ins;
pub(crate) mod stream;
