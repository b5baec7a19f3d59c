//! The load: clients on one thread that count what they get.

pub(crate) mod calls;
pub(crate) mod http;
pub(crate) mod listeners;
mod sse;
