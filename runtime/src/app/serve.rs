//! The app as a router, and on a socket.

use std::sync::Arc;

use axum::Router;
use tokio::net::TcpListener;

use crate::{
    app::{
        build::Built,
        builder::App,
        operations::{self, Operations},
        start_error::StartError,
    },
    error::StartDiagnostic,
    request::{HostCheck, Hosts},
    server::serve,
};

impl App {
    /// Returns the app as a router, for another axum app.
    ///
    /// The router checks `Host` only if [`allow_host`](Self::allow_host) or [`site`](Self::site) names
    /// a host, in debug builds too: the other app's server decides which hosts it serves.
    ///
    /// # Errors
    ///
    /// Fails with all errors of the app: two actions with one name, missing state, a page that does
    /// not parse, a host that is malformed, a data directory that is in use. Fails if the app has a
    /// [`state_async`](Self::state_async), a task, a function of [`on_shutdown`](Self::on_shutdown) or
    /// an [`admin`](Self::admin) address: a router has no moment at which they begin, and none at which they end. [`start`](Self::start)
    /// has both.
    pub fn router(self) -> Result<Router, StartError> {
        let storage = self.storage.clone();
        let has_admin = self.admin.is_some();
        let built = self.build()?;
        if has_admin || !built.lifecycle.is_empty() {
            return Err(StartError(vec![StartDiagnostic::new("App::router", NEEDS_START)]));
        }
        built.shared.use_store(storage.open()?.as_ref());
        built.watch();
        Ok(Hosts::of_router(&built.allowed_hosts).layer(built.router))
    }

    /// Serves the app on a socket until `stop` completes, then drains.
    ///
    /// The system accepts connections from the moment in which the socket listens. The app opens its
    /// data directory and its states before it reads any request from them.
    ///
    /// # Errors
    ///
    /// Fails with the errors of [`router`](Self::router), or if the socket fails.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting at once, drops the tasks, and runs no function of
    /// [`on_shutdown`](Self::on_shutdown). It does not wait for admitted requests, which go on in the
    /// background.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let limits = self.serve_limits;
        let admin = self.admin;
        if let (Some(admin), Ok(address)) = (admin, listener.local_addr()) {
            operations::clash(admin, address).map_or(Ok(()), Err)?;
        }
        let mut storage = self.storage.clone();
        let built = self.build()?;
        let operations = Operations::start(admin, &built.shared.metrics)?;
        let store = storage.open_and_load().await?;
        built.shared.use_store(store.as_ref());
        operations.set_store(store.as_ref());
        built.watch();
        let Built { router, actions, shared, allowed_hosts, lifecycle, .. } = built;
        let opened = lifecycle.open(&shared.states).await?;
        let _tasks = shared.background.drop_with();
        let hooks = opened.start_tasks(&shared);
        let app = HostCheck::new(Hosts::of_server(&allowed_hosts), actions, router);
        operations.set_serving();
        let stop = operations.stop(stop, limits.drain_delay);
        let served = serve::serve(listener, app, Arc::clone(&shared), limits, stop).await;
        hooks.run(&shared.states, limits.on_shutdown).await;
        Ok(served?)
    }
}

const NEEDS_START: &str = "an app with a `state_async`, a task, an `on_shutdown` or an `admin` address needs \
                           `App::start`, which opens and runs them; its `RunningApp` has the router";
