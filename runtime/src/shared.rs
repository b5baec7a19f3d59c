//! What all requests of one app share.

use tokio_util::task::TaskTracker;

use crate::{context::States, drain::Drain, guard::Guards, limits::Limits};

/// Settings and state that a request is served with.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) guards: Guards,
    pub(crate) states: States,
    pub(crate) limits: Limits,
    /// Begins when the server goes away: streams end.
    pub(crate) drain: Drain,
    /// Calls that go on without their client; a draining server waits for them.
    pub(crate) calls: TaskTracker,
}

/// The address of a connection's peer, as `serve` notes it on each request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer(pub(crate) std::net::SocketAddr);
