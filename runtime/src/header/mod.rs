//! Fields of HTTP heads that Kipo reads by itself, and the numbers it writes into them.

pub(crate) mod accept;
pub(crate) mod coding;
pub(crate) mod hex;

pub(crate) use self::coding::Coding;
