//! What all requests of one app share.

use std::{net::SocketAddr, sync::Arc};

use kipo_topic::Store;
use tokio_util::task::TaskTracker;

use crate::{
    action::{Guards, Limiter, Limits, States},
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
    /// The permits of callers for rates.
    pub(crate) limiter: Limiter,
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

impl Shared {
    /// Uses the store that the app has opened: if many nodes share it, they count rates together.
    pub(crate) fn use_store(&self, store: Option<&Store>) {
        if let Some(engine) = store.map(Store::engine).filter(|engine| engine.profile().shared) {
            self.limiter.count_in(Arc::clone(engine));
        }
    }
}

/// The other end of a connection. `serve` adds it to each request.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    /// Where a stream is put that leaves hyper.
    pub(crate) detached_stream: Option<DetachedStream>,
}
