//! A whole app in the process of a test.

use std::{fmt, ops::Deref, path::Path, sync::Arc};

use crate::{
    app::{self, RunningApp},
    testing::{
        client::{Client, Served},
        data_dir::DataDir,
        topics::open_topics,
    },
};

/// An app in the process of a test, without a socket.
///
/// Requests pass the same layers, guards, limits and validation as those that come over a socket. The
/// app is a [`Client`] as well, its first one; [`client`](Self::client) returns others.
///
/// - **Stores.** Durable topics are in memory, and all tests of a process share them, since a topic is
///   a `static`. Everything else that the app stores is in a data directory of its own, which is
///   removed when the app and its clients are dropped.
/// - **Time.** Under `#[tokio::test(start_paused = true)]` timers fire at once while nothing else can
///   run, so a test of an hour takes no time. A clock that is paused waits for the topics in memory.
/// - **Start and end.** The states of [`App::state_async`](crate::App::state_async) are open and the
///   tasks run. [`shutdown`](Self::shutdown) drains the app and runs what is to run after that.
///
/// # Examples
///
/// ```standalone_crate
/// use kipo::{Context, Result, action, testing::{self, json}};
///
/// #[action]
/// async fn greet(cx: Context, name: String) -> Result<String> {
///     Ok(format!("{}, {name}!", *cx.state::<&'static str>()?))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let app = testing::App::start(kipo::App::new().state("Hello")).await;
/// let greeting = app.call::<Greet>(json!({ "name": "Ann" })).await;
/// assert_eq!(greeting.output(), "Hello, Ann!");
/// # });
/// ```
pub struct App {
    app: RunningApp,
    client: Client,
}

impl App {
    /// Starts an app as [`App::start`](crate::App::start) does.
    ///
    /// # Panics
    ///
    /// Panics with all errors of an app that does not start. Panics outside of a tokio runtime with
    /// time enabled.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the state that is being opened.
    pub async fn start(app: app::App) -> Self {
        let data_dir = DataDir::new();
        open_topics();
        let app = app.without_edits().data_dir(data_dir.path()).start().await;
        let app = app.unwrap_or_else(|error| panic!("the app does not start:\n{error}"));
        let (router, paths) = (app.router(), app.action_paths());
        Self { app, client: Client::new(Arc::new(Served { router, paths, data_dir })) }
    }

    /// Returns another client, without cookies.
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(Arc::clone(self.client.served()))
    }

    /// Returns the data directory of this app.
    #[must_use]
    pub fn data_dir(&self) -> &Path {
        self.client.served().data_dir.path()
    }

    /// Drains the app: ends its streams and its tasks, waits for its calls, and runs the functions of
    /// [`App::on_shutdown`](crate::App::on_shutdown).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the functions that have not run.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use std::sync::atomic::{AtomicBool, Ordering};
    /// use kipo::testing;
    ///
    /// static CLOSED: AtomicBool = AtomicBool::new(false);
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = kipo::App::new().on_shutdown(async |_| {
    ///     CLOSED.store(true, Ordering::Relaxed);
    ///     Ok(())
    /// });
    /// let app = testing::App::start(app).await;
    /// let data = app.data_dir().to_owned();
    /// app.shutdown().await;
    /// assert!(CLOSED.load(Ordering::Relaxed) && !data.exists());
    /// # });
    /// ```
    pub async fn shutdown(self) {
        self.app.shutdown().await;
    }
}

impl Deref for App {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("data_dir", &self.data_dir()).finish_non_exhaustive()
    }
}
