//! What an app has around its actions: states that are opened at start, routes, layers, tasks, and
//! functions that run at the end; and the address for those who run the app.

use std::{borrow::Cow, convert::Infallible, net::SocketAddr, path::PathBuf, time::Duration};

use axum::{Router, extract::Request, response::IntoResponse, routing::Route};
use tower_layer::Layer;
use tower_service::Service;

use crate::{
    app::{builder::App, own_routes::CrossSite},
    error::Result,
    server::tasks::TaskContext,
};

/// Around the actions.
impl App {
    /// Adds a state whose value is opened at start: a pool of connections, a client that logs in.
    ///
    /// The app opens these states one after the other, in the order in which they were added, after
    /// its durable topics and before it reads the first request. [`Context::state`] returns the value
    /// by its type, like that of [`state`](Self::state). An error or a panic stops the start; its
    /// message names the type. The log names a state that takes longer than 5 s.
    ///
    /// [`run`](Self::run), [`serve`](Self::serve) and [`start`](Self::start) open the states.
    /// [`router`](Self::router) cannot wait for them, and returns an error.
    ///
    /// [`Context::state`]: crate::Context::state
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{App, Context, Error, Result, TaskContext};
    ///
    /// struct Db(&'static str);
    ///
    /// impl Db {
    ///     async fn open(name: &'static str) -> Result<Db> {
    ///         if name.is_empty() { Err(Error::not_found("no such database")) } else { Ok(Db(name)) }
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = App::new()
    ///     .state_async(async || Db::open("orders").await)
    ///     .on_shutdown(async |cx: TaskContext| {
    ///         assert_eq!(cx.state::<Db>()?.0, "orders");
    ///         Ok(())
    ///     });
    /// app.start().await.unwrap().shutdown().await;
    ///
    /// let error = App::new().state_async(async || Db::open("").await).start().await.unwrap_err();
    /// assert!(error.to_string().contains("Db` could not be opened: no such database"));
    /// # });
    /// ```
    #[must_use]
    pub fn state_async<T, F, R>(mut self, open: F) -> Self
    where
        T: Send + Sync + 'static,
        F: FnOnce() -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
    {
        self.states.declare::<T>();
        self.lifecycle.add_state(|_| open());
        self
    }

    /// Adds a state that is opened in the data directory, such as a database in a file.
    ///
    /// It is opened like those of [`state_async`](Self::state_async), in the order in which both were
    /// added. `open` gets the path of the directory, which exists: that of `--data-dir`
    /// (`DATA_DIR`), or of [`data_dir`](Self::data_dir). In a test it is the directory of that
    /// [`testing::App`](crate::testing::App).
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use std::{fs::File, path::PathBuf};
    ///
    /// use kipo::{App, Context, Result, State, action};
    ///
    /// struct Orders(File);
    ///
    /// impl Orders {
    ///     async fn open(dir: PathBuf) -> Result<Orders> {
    ///         Ok(Orders(File::create_new(dir.join("orders.db"))?))
    ///     }
    /// }
    ///
    /// /// Returns the size of the file.
    /// #[action]
    /// async fn size(orders: State<Orders>) -> Result<u64> {
    ///     Ok(orders.0.metadata()?.len())
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = kipo::testing::App::start(App::new().state_in_data_dir(Orders::open)).await;
    /// # });
    /// ```
    #[must_use]
    pub fn state_in_data_dir<T, F, R>(mut self, open: F) -> Self
    where
        T: Send + Sync + 'static,
        F: FnOnce(PathBuf) -> R + Send + 'static,
        R: Future<Output = Result<T>> + Send + 'static,
    {
        self.states.declare::<T>();
        self.lifecycle.add_state(async move |dir: PathBuf| {
            tokio::fs::create_dir_all(&dir).await?;
            open(dir).await
        });
        self
    }

    /// Adds axum routes of your own beside the actions and pages.
    ///
    /// - They answer before public files and pages. A route that answers the address of a page or of
    ///   an action is an error at start, which names both.
    /// - A request with an unsafe method (such as POST) from a page of another site is a 403, as with
    ///   actions; [`routes_cross_site`](Self::routes_cross_site) leaves this check out. Guards
    ///   ([`guard`](Self::guard)) do not run.
    /// - A handler may take a [`Context`](crate::Context): the state of the app, the request's id, and
    ///   header fields for the response. It may return a [`kipo::Result`](crate::Result): an error is
    ///   a problem document.
    /// - Every response has an `X-Request-Id`. A panic is a 500 for that request alone.
    /// - The body that axum's extractors read is at most that of
    ///   [`Limits::body_bytes_max`](crate::Limits::body_bytes_max); a route sets its own by axum's
    ///   `DefaultBodyLimit`. A handler that reads the body without an extractor has no limit.
    /// - The drain waits for the response. A response of the type `text/event-stream` ends when the
    ///   drain begins.
    /// - As in any axum server, a handler is dropped when its client disconnects. The server does not
    ///   upgrade connections, so WebSockets do not work.
    ///
    /// The app answers what no route matches, so a fallback of the router has no effect.
    ///
    /// # Panics
    ///
    /// Panics if a route overlaps with one that was added before, as `axum::Router::merge` does.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use axum::{Router, body::Body, http::Request, routing::get};
    /// use kipo::{App, Context, Result};
    ///
    /// async fn export(cx: Context) -> Result<String> {
    ///     Ok(format!("id,name\n1,{}\n", *cx.state::<&'static str>()?))
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let routes = Router::new().route("/export.csv", get(export));
    /// let mut router = App::new().state("Ann").routes(routes).router().unwrap();
    ///
    /// use tower_service::Service as _;
    /// let request = Request::get("/export.csv").body(Body::empty()).unwrap();
    /// let response = router.call(request).await.unwrap();
    /// assert_eq!(response.status(), 200);
    /// assert!(response.headers().contains_key("x-request-id"));
    /// # });
    ///
    /// let routes = Router::new().route("/_kipo/actions/{name}", get(export));
    /// # #[kipo::action]
    /// # async fn greet() -> Result<()> { Ok(()) }
    /// let error = App::new().routes(routes).router().unwrap_err();
    /// assert!(error.to_string().contains("the address of the action `Greet`"));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn routes(mut self, routes: Router) -> Self {
        self.own_routes.add(routes, CrossSite::Refused);
        self
    }

    /// Adds axum routes like [`routes`](Self::routes), which pages of other sites may call too, with
    /// the cookies of their visitors.
    ///
    /// Use it for a webhook, which checks a signature, or a route that no cookie protects. Programs
    /// send no `Origin`, and pass the check of [`routes`](Self::routes) too; a form or a script of
    /// another site does not.
    ///
    /// # Panics
    ///
    /// As [`routes`](Self::routes).
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use axum::{Router, body::Body, http::Request, routing::post};
    /// use kipo::App;
    /// use tower_service::Service as _;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let webhooks = Router::new().route("/webhooks/pay", post(async |body: String| body));
    /// let account = Router::new().route("/account/close", post(async || "closed"));
    /// let mut router = App::new().routes_cross_site(webhooks).routes(account).router().unwrap();
    ///
    /// let mut status = async |path: &str| {
    ///     let request = Request::post(path).header("origin", "https://other.example");
    ///     router.call(request.body(Body::empty()).unwrap()).await.unwrap().status()
    /// };
    /// assert_eq!(status("/webhooks/pay").await, 200);
    /// assert_eq!(status("/account/close").await, 403);
    /// # });
    /// ```
    #[must_use]
    #[track_caller]
    pub fn routes_cross_site(mut self, routes: Router) -> Self {
        self.own_routes.add(routes, CrossSite::Allowed);
        self
    }

    /// Adds a tower layer around everything: actions, streams, pages, files and routes. A later layer
    /// is around the earlier ones, as with axum's `Router::layer`.
    ///
    /// The layer sees the request before it is routed, so it may change the path. It does not see a
    /// request for a host that the app does not [serve](Self#hosts).
    ///
    /// An app with a layer writes its streams through hyper, since the layer may change their bodies. An
    /// open stream then costs about three times the memory. A layer that buffers whole responses, or
    /// that limits their time, stops streams: apply it to [`routes`](Self::routes) alone.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use axum::{body::Body, http::{HeaderValue, Request}, middleware::map_response, response::Response};
    /// use kipo::App;
    /// use tower_service::Service as _;
    ///
    /// async fn name_server(mut response: Response) -> Response {
    ///     response.headers_mut().insert("server", HeaderValue::from_static("shop"));
    ///     response
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let mut router = App::new().layer(map_response(name_server)).router().unwrap();
    /// let request = Request::get("/").body(Body::empty()).unwrap();
    /// assert_eq!(router.call(request).await.unwrap().headers()["server"], "shop");
    /// # });
    /// ```
    #[must_use]
    pub fn layer<L>(mut self, layer: L) -> Self
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.layers.add(layer);
        self
    }

    /// Adds a task that runs beside the server, from its start to its drain.
    ///
    /// *Starting again.* When the task fails, panics or ends, the log names it, and it starts again
    /// after a delay: up to 1 s, 2 s, 4 s and so on, at most 60 s, each with jitter. After a run of 60 s
    /// the delays begin again with the first one.
    ///
    /// *The drain.* [`TaskContext::cancelled`] completes when the drain begins. The server drops a
    /// task that has not asked for its cancellation, at its next `.await`. It waits for one that has,
    /// at most for [`ServeLimits::drain`](crate::ServeLimits), and then drops it.
    ///
    /// The closure runs again for each start, so it cannot lend what it has captured to its future:
    /// use the state of the app, or clone into an `async move` block.
    ///
    /// An empty name, or the name of another task, is an error at start.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{App, Result, TaskContext};
    /// use tokio::sync::{Mutex, mpsc};
    ///
    /// type Orders = Mutex<mpsc::Receiver<String>>;
    ///
    /// /// Sends a mail for each order.
    /// async fn send_mails(cx: TaskContext) -> Result<()> {
    ///     let orders = cx.state::<Orders>()?;
    ///     let mut orders = orders.lock().await;
    ///     while let Some(order) = orders.recv().await {
    ///         send_mail(&order).await?;
    ///     }
    ///     Ok(())
    /// }
    /// # async fn send_mail(_: &str) -> Result<()> { Ok(()) }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let (orders, receiver) = mpsc::channel(1);
    /// let app = App::new().state(Orders::new(receiver)).task("mails", send_mails);
    /// let app = app.start().await.unwrap();
    /// orders.send("a book".into()).await.unwrap();
    /// orders.reserve().await.unwrap(); // The task has received the order.
    /// app.shutdown().await;
    /// # });
    /// ```
    #[must_use]
    pub fn task<F, R>(mut self, name: impl Into<Cow<'static, str>>, task: F) -> Self
    where
        F: Fn(TaskContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.lifecycle.tasks.add(name.into(), task);
        self
    }

    /// Adds a task that runs at the start of the server, and then once in each period.
    ///
    /// The ticks are multiples of the period since the start. A run never overlaps with the one
    /// before: the ticks that pass during a long run are one run right after it. A run that fails or
    /// panics is logged with the name of the task, and repeated with the delays of
    /// [`task`](Self::task) instead of at the ticks, until a run succeeds.
    ///
    /// When the drain begins, the server starts no new run, and waits for the current one to end, at
    /// most for [`ServeLimits::drain`](crate::ServeLimits). A long run can ask
    /// [`TaskContext::is_cancelled`].
    ///
    /// A period below 1 ms, an empty name, or the name of another task is an error at start.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use std::{sync::atomic::{AtomicU32, Ordering}, time::Duration};
    /// use kipo::{App, Result, TaskContext};
    ///
    /// /// Deletes the carts that nobody has paid for.
    /// async fn tidy(cx: TaskContext) -> Result<()> {
    ///     cx.state::<AtomicU32>()?.fetch_add(1, Ordering::Relaxed);
    ///     Ok(())
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// tokio::time::pause();
    /// let app = App::new()
    ///     .state(AtomicU32::new(0))
    ///     .every("tidy", Duration::from_secs(60), tidy)
    ///     .on_shutdown(async |cx: TaskContext| {
    ///         assert_eq!(cx.state::<AtomicU32>()?.load(Ordering::Relaxed), 3);
    ///         Ok(())
    ///     });
    /// let app = app.start().await.unwrap();
    /// tokio::time::sleep(Duration::from_secs(150)).await; // It ran at 0, 60 and 120 s.
    /// app.shutdown().await;
    ///
    /// let error = App::new().every("tidy", Duration::ZERO, tidy).start().await.unwrap_err();
    /// assert!(error.to_string().contains("it must be at least 1 ms"));
    /// # });
    /// ```
    #[must_use]
    pub fn every<F, R>(
        mut self,
        name: impl Into<Cow<'static, str>>,
        period: Duration,
        task: F,
    ) -> Self
    where
        F: Fn(TaskContext) -> R + Send + Sync + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.lifecycle.tasks.add_every(name.into(), period, task);
        self
    }

    /// Adds a function that runs when the server has drained: it closes a pool, flushes a buffer.
    ///
    /// The functions run one after the other, the last one first, so what was opened first is closed
    /// last. Durable topics are still open. All functions together have
    /// [`ServeLimits::on_shutdown`](crate::ServeLimits); the app drops the rest then. An error or a
    /// panic of one is logged, and the next one runs. They do not run if the app does not start.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use std::sync::Mutex;
    /// use kipo::{App, Result, TaskContext};
    ///
    /// async fn flush(cx: TaskContext) -> Result<()> {
    ///     cx.state::<&'static Mutex<Vec<u8>>>()?.lock().unwrap().push(1);
    ///     Ok(())
    /// }
    ///
    /// static DISK: Mutex<Vec<u8>> = Mutex::new(Vec::new());
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = App::new().state(&DISK).on_shutdown(flush).start().await.unwrap();
    /// app.shutdown().await;
    /// assert_eq!(*DISK.lock().unwrap(), [1]);
    /// # });
    /// ```
    #[must_use]
    pub fn on_shutdown<F, R>(mut self, hook: F) -> Self
    where
        F: FnOnce(TaskContext) -> R + Send + 'static,
        R: Future<Output = Result<()>> + Send + 'static,
    {
        self.lifecycle.hooks.add(hook);
        self
    }

    /// Serves `/live`, `/ready` and `/metrics` on an address of their own, and counts calls, streams,
    /// tasks and connections for that. `--admin` (`KIPO_ADMIN`) wins. Without an address the app
    /// counts nothing, and none of these paths exist.
    ///
    /// Everybody who can connect to the address can read it, so it is one of the machine or of a private
    /// network. See the [guide](crate::guide::operations).
    ///
    /// ```standalone_crate
    /// use std::net::SocketAddr;
    ///
    /// use kipo::App;
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// # let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    /// # let free = socket.local_addr().unwrap();
    /// # drop(socket);
    /// let address = SocketAddr::from(([127, 0, 0, 1], 9000));
    /// # let address = free;
    /// let running = App::new().admin(address).start().await.unwrap();
    /// assert!(std::net::TcpStream::connect(address).is_ok());
    /// running.shutdown().await;
    /// # });
    /// ```
    #[must_use]
    pub fn admin(mut self, address: impl Into<SocketAddr>) -> Self {
        self.admin = Some(address.into());
        self
    }
}
