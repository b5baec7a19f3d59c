//! Fields of HTTP heads that Kipo reads by itself, and the numbers it writes into them.

pub(crate) mod accept;
pub(crate) mod coding;
pub(crate) mod hex;
mod request_id;

pub use self::request_id::RequestId;

pub(crate) use self::{coding::Coding, request_id::REQUEST_ID};
