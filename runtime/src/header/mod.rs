//! The header fields that Kipo parses, and the numbers that it writes into them.

pub(crate) mod accept;
mod authority;
pub(crate) mod coding;
pub(crate) mod entity_tag;
mod forwarded;
pub(crate) mod hex;
mod origin;
mod prefix;
pub(crate) mod range;
mod request_id;
mod single;

pub use self::request_id::RequestId;

pub(crate) use self::{
    authority::{Authority, Host},
    coding::Coding,
    forwarded::TrustedProxies,
    origin::{Origin, TupleOrigin},
    prefix::{FORWARDED_PREFIX, Prefix, is_own_path},
    request_id::REQUEST_ID,
    single::{Malformed, single},
};
