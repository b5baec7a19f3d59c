//! An app that has started, for a server of the author's own.

use std::{any::TypeId, collections::BTreeMap, fmt, future::ready, sync::Arc};

use axum::Router;
use tokio::time::timeout;

use crate::{
    app::{build::Built, builder::App, operations::Operations, start_error::StartError},
    request::{Hosts, Route},
    server::tasks::Hooks,
    server::{ServeLimits, Shared},
};

/// An app that [`App::start`] has started: its states are open and its tasks run.
///
/// It is for a server of your own, and for tests. Its tasks end with [`drain`](Self::drain) or
/// [`shutdown`](Self::shutdown); without them they run as long as the async runtime.
///
/// # Examples
///
/// ```standalone_crate
/// use kipo::{App, TaskContext};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let app = App::new()
///     .state_async(async || Ok(String::from("the database")))
///     .task("watcher", async |cx: TaskContext| {
///         assert_eq!(*cx.state::<String>()?, "the database");
///         cx.cancelled().await;
///         Ok(())
///     });
/// let app = app.start().await.unwrap();
/// let router: axum::Router = axum::Router::new().merge(app.router());
///
/// // When the server is asked to stop, it ends its streams. With `axum::serve` this future goes into
/// // `with_graceful_shutdown`:
/// let drain = app.drain();
/// drain.await;
///
/// // When the server has stopped:
/// app.shutdown().await;
/// # drop(router);
/// # });
/// ```
pub struct RunningApp {
    router: Router,
    shared: Arc<Shared>,
    hooks: Hooks,
    limits: ServeLimits,
    operations: Arc<Operations>,
    base: String,
    routes: Vec<Arc<Route>>,
}

impl App {
    /// Starts the app for a server of your own: opens its durable topics and its states, and starts
    /// its tasks.
    ///
    /// [`run`](Self::run) and [`serve`](Self::serve) do this themselves.
    ///
    /// # Errors
    ///
    /// Fails with the errors of [`router`](Self::router), or with that of the first state that cannot
    /// be opened.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the state that is being opened, and starts no task.
    ///
    /// # Examples
    ///
    /// See [`RunningApp`].
    pub async fn start(self) -> Result<RunningApp, StartError> {
        let limits = self.serve_limits_set();
        let mut storage = self.storage_set();
        let admin = self.admin;
        let built = self.build()?;
        let operations = Operations::start(admin, &built.shared.metrics)?;
        let store = storage.open_and_load().await?;
        built.shared.use_store(store.as_ref());
        operations.set_store(store.as_ref());
        built.watch();
        let Built { router, shared, base, routes, allowed_hosts, lifecycle, .. } = built;
        let opened = lifecycle.open(&shared.states).await?;
        let hooks = opened.start_tasks(&shared);
        let router = Hosts::of_router(&allowed_hosts).layer(router);
        operations.set_serving();
        let operations = Arc::new(operations);
        Ok(RunningApp { router, shared, hooks, limits, operations, base, routes })
    }
}

impl RunningApp {
    /// Returns the app as a router, like [`App::router`].
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Returns the path of each action by its type.
    pub(crate) fn action_paths(&self) -> BTreeMap<TypeId, String> {
        let path = |route: &Arc<Route>| format!("{}/actions/{}", self.base, route.name);
        self.routes.iter().map(|route| ((route.endpoint.action)(), path(route))).collect()
    }

    /// Begins the drain: ends the open streams, refuses new calls with a 503, and cancels the tasks.
    ///
    /// [`/ready`](App::admin) is a 503 at once, and the drain begins after
    /// [`ServeLimits::drain_delay`]. The future completes when all streams have been asked to end. A server that waits for its
    /// connections to close then has no stream to wait for.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves some streams open.
    ///
    /// # Examples
    ///
    /// See [`RunningApp`].
    pub fn drain(&self) -> impl Future<Output = ()> + Send + use<> {
        let (shared, limits) = (Arc::clone(&self.shared), self.limits);
        let operations = Arc::clone(&self.operations);
        async move {
            operations.stop(ready(()), limits.drain_delay).await;
            shared.background.cancel();
            shared.drain.begin(limits.drain).await;
        }
    }

    /// Drains, waits for the tasks and for admitted calls whose clients have disconnected, at most for
    /// [`ServeLimits::drain`](crate::ServeLimits), and then runs the functions of
    /// [`App::on_shutdown`].
    ///
    /// Call it when the server has stopped: it does not wait for requests that the server still has.
    ///
    /// # Cancel safety
    ///
    /// Not cancel safe: dropping the future drops the functions that have not run.
    ///
    /// # Examples
    ///
    /// See [`RunningApp`].
    pub async fn shutdown(self) {
        let Shared { background, calls, states, .. } = &*self.shared;
        calls.close();
        // The server has stopped, so nobody waits for `/ready` any more.
        self.operations.set_draining();
        let ended = async {
            self.drain().await;
            calls.wait().await;
            background.wait().await;
        };
        if timeout(self.limits.drain, ended).await.is_err() {
            tracing::warn!(tasks = background.len(), "the time to drain is over");
            background.drop_all().await;
        }
        self.hooks.run(states, self.limits.on_shutdown).await;
    }
}

impl fmt::Debug for RunningApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunningApp").finish_non_exhaustive()
    }
}
