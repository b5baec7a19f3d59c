//! The header fields that Kipo parses, and the numbers that it writes into them.

pub(crate) mod accept;
mod authority;
pub(crate) mod chunk;
pub(crate) mod coding;
pub(crate) mod entity_tag;
mod essence;
mod forwarded;
pub(crate) mod hex;
mod origin;
mod own_fields;
mod prefix;
pub(crate) mod range;
mod request_id;
mod single;

pub use self::request_id::RequestId;

pub(crate) use self::{
    authority::{Authority, Host},
    coding::Coding,
    essence::essence,
    forwarded::TrustedProxies,
    origin::{Origin, TupleOrigin},
    own_fields::{OF_BODY, OF_RESPONSE},
    prefix::{FORWARDED_PREFIX, Prefix, is_own_path},
    request_id::REQUEST_ID,
    single::{Malformed, single},
};
