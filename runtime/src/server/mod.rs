//! Sockets: the accept loop, one task for each connection, bounds for each address, and what all requests share. Start reading at [`serve`].

mod activity;
pub(crate) mod addresses;
pub(crate) mod connection;
pub(crate) mod listen;
pub(crate) mod serve;
mod shared;

pub use self::serve::ServeLimits;

pub(crate) use self::{
    addresses::{Addresses, Permit},
    shared::{Peer, Shared},
};
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::{connection::IdleConnection, serve::Shutdown};
