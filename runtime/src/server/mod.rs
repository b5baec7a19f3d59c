//! Sockets: the accept loop, one task for each connection, limits for each client address, and what
//! all requests of an app share.
//!
//! This room may know streams, actions, failures and the words of HTTP. It knows no route: it hands
//! each request to what responds to it. `admin` is the address for those who run the app. Its room `tasks` runs what the
//! app's author has beside the server. Start reading at `serve`, then `connection`.

mod activity;
pub(crate) mod addresses;
pub(crate) mod admin;
mod background;
pub(crate) mod connection;
pub(crate) mod listen;
pub(crate) mod notify;
pub(crate) mod serve;
mod shared;
pub(crate) mod tasks;

pub use self::{serve::ServeLimits, tasks::TaskContext};

pub(crate) use self::{
    addresses::{Addresses, Permit},
    background::Background,
    serve::Respond,
    shared::{Peer, Shared},
};
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::{connection::IdleConnection, serve::Shutdown};
