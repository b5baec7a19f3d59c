//! What all requests of one app share.

use std::net::SocketAddr;

use tokio_util::task::TaskTracker;

use crate::{
    action::{Guards, Limits, States},
    metrics::Metrics,
    server::{addresses::Addresses, background::Background},
    stream::{DetachedStream, Drain},
};

/// The settings and the state behind every request.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) guards: Guards,
    pub(crate) states: States,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    /// What each client address has open.
    pub(crate) addresses: Addresses,
    pub(crate) streams_per_address_max: usize,
    /// Begins when the server shuts down, and ends streams.
    pub(crate) drain: Drain,
    /// Calls whose client has disconnected. The drain waits for them.
    pub(crate) calls: TaskTracker,
    /// The app's own tasks. The drain cancels them and waits for them.
    pub(crate) background: Background,
}

/// The other end of a connection. `serve` adds it to each request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Where a stream is put that leaves hyper.
    pub(crate) detached_stream: Option<DetachedStream>,
}
