//! What all requests of one app share.

use std::net::SocketAddr;

use tokio_util::task::TaskTracker;

use crate::{
    action::{Guards, Limits, States},
    server::addresses::Addresses,
    stream::{DetachedStream, Drain},
};

/// Settings and state that a request is served with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) guards: Guards,
    pub(crate) states: States,
    pub(crate) limits: Limits,
    /// What each client address holds open.
    pub(crate) addresses: Addresses,
    pub(crate) streams_per_address_max: usize,
    /// Begins when the server goes away: streams end.
    pub(crate) drain: Drain,
    /// Calls that go on without their client; a draining server waits for them.
    pub(crate) calls: TaskTracker,
}

/// The other end of a connection, as `serve` notes it on each request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Where a stream is left that shall not be written by hyper.
    pub(crate) detached_stream: Option<DetachedStream>,
}
