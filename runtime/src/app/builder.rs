//! The app: its settings, the checks at start, and the server or the router that they make.

#[cfg(all(feature = "dev", debug_assertions))]
use std::path::Path;
use std::{
    any::TypeId,
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use axum::Router;
use kipo_topic::engine::{Connector, Engine};
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

use crate::{
    action::{
        FromContext, Guard, Guards, Identify, Limiter, Limits, OUTPUT_CACHE_BYTES_MAX, Outputs,
        RATE_KEYS_MAX, Requirement, States, UploadSettings,
    },
    app::{
        layers::Layers,
        lifecycle::Lifecycle,
        mount::{self, Schema},
        operations::{self, Operations},
        own_routes::OwnRoutes,
        start_error::StartError,
        storage::Storage,
        uploads,
    },
    error::StartDiagnostic,
    files::{Files, client},
    header::{Prefix, RequestId, TrustedProxies, TupleOrigin},
    metrics::Metrics,
    page::{PageGuards, Pages, Settings},
    request::{AllowedHost, AppLimits, HostCheck, Hosts, Prefixes, Route, meter, route},
    schema::{Described, Types, typescript},
    server::{Addresses, Background, ServeLimits, Shared, serve},
    session::{CookieSecret, Sessions, rate_identity},
    stream::{Drain, topics},
};
#[cfg(all(feature = "dev", debug_assertions))]
use crate::{
    dev::{DevLoop, unknown_action},
    request::PrefixSettings,
};

/// An app: its state, guards, limits and files. Actions and pages register themselves.
///
/// # Hosts
///
/// [`allow_host`](Self::allow_host) and [`site`](Self::site) name the hosts that the app serves. The
/// response to a request with another `Host` is a 421, before anything of the app runs. IP addresses,
/// `localhost` and the names below it are always served.
///
/// | | a host is named | no host is named |
/// |---|---|---|
/// | [`run`](Self::run) and [`serve`](Self::serve), debug build | only those | no other host |
/// | [`run`](Self::run) and [`serve`](Self::serve), release | only those | any host |
/// | [`router`](Self::router), any build | only those | any host |
///
/// # Examples
///
/// ```standalone_crate
/// use kipo::{App, Context, Result, action};
///
/// #[action]
/// async fn greet(_cx: Context, name: String) -> Result<String> {
///     Ok(format!("Hello, {name}!"))
/// }
///
/// // In an app of its own: `App::new().files(kipo::files!()).run()`.
/// // Inside another axum app, it is a router like any other.
/// let router = App::new().base("/api").router().unwrap();
/// let _app: axum::Router = axum::Router::new().merge(router);
/// ```
pub struct App {
    base: String,
    prefix: String,
    files: Option<Files>,
    pub(super) states: States,
    guards: Guards,
    page_guards: PageGuards,
    /// What every action and page requires that is not public.
    required: Vec<Requirement>,
    trusted_origins: Vec<String>,
    site: Option<String>,
    allowed_hosts: Vec<String>,
    publishes_schema: bool,
    limits: Limits,
    rate_keys_max: usize,
    output_cache_bytes_max: usize,
    serve_limits: ServeLimits,
    pub(super) admin: Option<SocketAddr>,
    storage: Storage,
    needs_cookie_secret: bool,
    trusted_proxies: Vec<IpAddr>,
    pub(super) own_routes: OwnRoutes,
    pub(super) layers: Layers,
    pub(super) lifecycle: Lifecycle,
    pub(super) uploads: UploadSettings,
    /// Whether pages follow edits. A release never does.
    follows_edits: bool,
}

impl App {
    /// Returns an app of all registered actions and pages.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base: "/_kipo".to_owned(),
            prefix: String::new(),
            files: None,
            states: States::default(),
            guards: Guards::default(),
            page_guards: PageGuards::default(),
            required: Vec::new(),
            trusted_origins: Vec::new(),
            site: None,
            allowed_hosts: Vec::new(),
            publishes_schema: cfg!(debug_assertions),
            limits: Limits::new(),
            rate_keys_max: RATE_KEYS_MAX,
            output_cache_bytes_max: OUTPUT_CACHE_BYTES_MAX,
            serve_limits: ServeLimits::default(),
            admin: None,
            storage: Storage::new(),
            needs_cookie_secret: false,
            trusted_proxies: Vec::new(),
            own_routes: OwnRoutes::default(),
            layers: Layers::default(),
            lifecycle: Lifecycle::default(),
            uploads: UploadSettings::new(),
            follows_edits: cfg!(all(feature = "dev", debug_assertions)),
        }
    }

    /// Sets the path below which actions and the client are; `/_kipo` by default.
    #[must_use]
    pub fn base(mut self, base: impl Into<String>) -> Self {
        self.base = base.into();
        self
    }

    /// Sets a path before every path of the app, for an app that shares its host with others: `/app`.
    /// `--prefix` and the environment variable `KIPO_PREFIX` win. An empty text is no prefix.
    ///
    /// The app answers below the prefix only. Routes, pages, templates and redirects are written without
    /// it; pages, assets, the client, redirects and effects lead below it. Without a fixed prefix, a
    /// [trusted proxy](Self::trusted_proxy) reports the one that it removes from the path, by
    /// `X-Forwarded-Prefix`. [The guide](crate::guide::prefix) has both set-ups.
    ///
    /// ```standalone_crate
    /// use kipo::App;
    ///
    /// assert!(App::new().prefix("/tools/chat").router().is_ok());
    /// let error = App::new().prefix("//evil.example").router().unwrap_err();
    /// assert!(error.to_string().contains("a prefix looks like `/app`"));
    /// ```
    #[must_use]
    pub fn prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets the pages and public files: `.files(kipo::files!())`.
    #[must_use]
    pub fn files(mut self, files: Files) -> Self {
        self.files = Some(files);
        self
    }

    /// Adds a value that [`Context::state`](crate::Context::state) returns by its type.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.states.insert(state);
        self
    }

    /// Sets the app's own address, as its visitors write it. Pages need it for tags that have to be
    /// whole addresses: see [`Meta::canonical`](crate::Meta::canonical). Its host is one that the app
    /// [serves](Self#hosts).
    ///
    /// ```standalone_crate
    /// use kipo::App;
    ///
    /// assert!(App::new().site("https://example.org").router().is_ok());
    /// let error = App::new().site("example.org/shop").router().unwrap_err();
    /// assert!(error.to_string().contains("looks like `https://example.org`"));
    /// ```
    #[must_use]
    pub fn site(mut self, address: impl Into<String>) -> Self {
        self.site = Some(address.into());
        self
    }

    /// Adds a host that the app [serves](Self#hosts): `app.example.org`, or `*.example.org` for all
    /// names below it. `--allow-host` adds hosts too.
    ///
    /// The check stops DNS rebinding: a page of another site that lets its own name point to this
    /// server is the server's own origin for the browser, and reads all that its visitor may read. In
    /// a release without TLS, or behind a proxy that forwards every name, name the app's hosts.
    ///
    /// Names are compared without case, and ports are not compared.
    ///
    /// ```standalone_crate
    /// use kipo::App;
    ///
    /// assert!(App::new().allow_host("app.example.org").allow_host("*.example.net").router().is_ok());
    /// let error = App::new().allow_host("https://example.org").router().unwrap_err();
    /// assert!(error.to_string().contains("no scheme, no port, no path"));
    /// ```
    #[must_use]
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.allowed_hosts.push(host.into());
        self
    }

    /// Serves `openapi.json` and `client.d.ts` below the base path in a release too. They list every
    /// action, its input and its output. Without this only a debug build serves them, and the
    /// response of a release is a 404. The browser client needs neither.
    ///
    /// ```
    /// let _app = kipo::App::new().publish_schema();
    /// ```
    #[must_use]
    pub fn publish_schema(mut self) -> Self {
        self.publishes_schema = true;
        self
    }

    /// Adds a guard of the page `folder.html` and of all pages below `folder/`, or of all pages if
    /// `folder` is empty. These guards run in the order in which they were added, and before the
    /// page's own guard, also for pages without data.
    ///
    /// Scripts, styles, public files and error pages have no guards.
    ///
    /// ```
    /// use kipo::{App, Context, Error, Guard, Result, async_trait};
    ///
    /// struct MembersOnly;
    ///
    /// #[async_trait]
    /// impl Guard for MembersOnly {
    ///     async fn admit(&self, cx: &Context) -> Result<()> {
    ///         let member = cx.cookie("member").is_some();
    ///         let refused = || Error::unauthorized("log in first").or_redirect("/login");
    ///         member.then_some(()).ok_or_else(refused)
    ///     }
    /// }
    ///
    /// let _app = App::new().guard_pages("account", MembersOnly);
    /// ```
    #[must_use]
    pub fn guard_pages(mut self, folder: impl AsRef<str>, guard: impl Guard) -> Self {
        self.page_guards.push(folder.as_ref(), guard);
        self
    }

    /// Adds a guard of actions. Guards run in the order in which they were added.
    #[must_use]
    pub fn guard(mut self, guard: impl Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// Requires that every request for an action or a page yields a `T`. `#[action(public)]` and
    /// `#[page("…", public)]` are the exceptions. An action with a `#[context]` field of type `T` asks
    /// for it once, by the field.
    ///
    /// The log lists at start what says nothing about who may use it. A page without data is public
    /// if it has a function that returns `()`. Scripts, styles, public files and error pages require
    /// nothing.
    ///
    /// ```
    /// use kipo::{App, Context, Error, FromContext, Result, action};
    ///
    /// struct User;
    ///
    /// impl FromContext for User {
    ///     async fn from_context(cx: &Context) -> Result<Self> {
    ///         let refused = || Error::unauthorized("sign in first").or_redirect("/login");
    ///         cx.cookie("user").map(|_| Self).ok_or_else(refused)
    ///     }
    /// }
    ///
    /// /// Everybody may sign in.
    /// #[action(public)]
    /// async fn sign_in(name: String) -> Result<String> {
    ///     Ok(format!("Welcome, {name}!"))
    /// }
    ///
    /// let _app = App::new().require::<User>();
    /// ```
    #[must_use]
    pub fn require<T: FromContext>(mut self) -> Self {
        let requirement = Requirement::of::<T>();
        self.page_guards.require(requirement);
        self.required.push(requirement);
        self
    }

    /// Lets pages of another origin call actions. Scheme and host are compared without case, and the
    /// default port of `http` and `https` equals none.
    ///
    /// ```standalone_crate
    /// use kipo::App;
    ///
    /// assert!(App::new().trusted_origin("https://ADMIN.example.org:443").router().is_ok());
    /// let error = App::new().trusted_origin("admin.example.org").router().unwrap_err();
    /// assert!(error.to_string().contains("looks like `https://admin.example.org`"));
    /// ```
    #[must_use]
    pub fn trusted_origin(mut self, origin: impl Into<String>) -> Self {
        self.trusted_origins.push(origin.into());
        self
    }

    /// Sets the bounds of all actions. An action's own bounds win.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets how many callers a node remembers for its [rates](Limits::rate), of all actions together.
    /// The default is 100,000; it is rounded up to a multiple of 1,024. Each takes 40 bytes, once
    /// there are so many.
    ///
    /// When there are more, the node forgets first those that have all of their permits, and then
    /// those that have used the fewest. Who is forgotten starts with all permits.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{App, Limits, Rate};
    ///
    /// let app = App::new().limits(Limits::new().rate(Rate::per_minute(600))).rate_keys_max(1_000_000);
    /// assert!(app.router().is_ok());
    /// ```
    #[must_use]
    pub fn rate_keys_max(mut self, keys: usize) -> Self {
        self.rate_keys_max = keys;
        self
    }

    /// Sets how many bytes all cached outputs together take at most; 32 MiB by default. An output
    /// that is larger than a part of the cache (4 MiB, or all of a smaller cache) is not stored. See
    /// [`OutputCache`](crate::OutputCache).
    ///
    /// ```
    /// let _app = kipo::App::new().output_cache_bytes_max(256 << 20);
    /// ```
    #[must_use]
    pub fn output_cache_bytes_max(mut self, bytes: usize) -> Self {
        self.output_cache_bytes_max = bytes;
        self
    }

    /// Sets where the temporary files of uploads are, and how many bytes of them.
    ///
    /// # Examples
    ///
    /// See [`UploadSettings`].
    #[must_use]
    pub fn uploads(mut self, settings: UploadSettings) -> Self {
        self.uploads = settings;
        self
    }

    /// Sets the bounds on connections.
    #[must_use]
    pub fn serve_limits(mut self, limits: ServeLimits) -> Self {
        self.serve_limits = limits;
        self
    }

    /// Sets the directory of the durable topics ([`#[topic]`](macro@crate::topic)); `data` by default,
    /// and `--data-dir` wins. The app creates it at start if it has a durable topic.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.storage.data_dir = path.into();
        self
    }

    /// Keeps the durable topics in an engine that many nodes share, instead of the data directory.
    /// `--engine` wins.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::topic::Store;
    ///
    /// // In a test, an engine in memory. A node of a cluster connects to one by its crate.
    /// let engine = Store::in_memory().engine().clone();
    /// let _app = kipo::App::new().engine(engine);
    /// ```
    #[must_use]
    pub fn engine(mut self, engine: Arc<dyn Engine>) -> Self {
        self.storage.engine = Some(engine);
        self
    }

    /// Adds kinds of engines, which `--engine` (or the environment variable `ENGINE`) names by a URL:
    /// `kipo_nats::CONNECTOR`, `kipo_redis::CONNECTOR`, or one of your own.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::topic::engine::{Connector, EngineError};
    ///
    /// const NOWHERE: Connector = Connector {
    ///     schemes: &["nowhere"],
    ///     connect: |_| Box::pin(async { Err(EngineError::unavailable("nobody answers")) }),
    /// };
    /// let _app = kipo::App::new().connectors([NOWHERE]);
    /// ```
    #[must_use]
    pub fn connectors(mut self, connectors: impl IntoIterator<Item = Connector>) -> Self {
        self.storage.connectors.extend(connectors);
        self
    }

    /// Accepts an engine that reaches a lower durability than a topic asks for, as `--allow-weaker`
    /// does. Otherwise the app does not start with it.
    #[must_use]
    pub fn allow_weaker(mut self) -> Self {
        self.storage.allows_weaker = true;
        self
    }

    /// Adds [sessions](crate::guide::sessions): actions, streams and pages may take a
    /// [`Session`](crate::Session), and `State<Sessions>` ends all sessions of a user.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{App, Sessions};
    ///
    /// let _app = App::new().sessions(Sessions::new());
    /// ```
    #[must_use]
    pub fn sessions(mut self, sessions: Sessions) -> Self {
        self.states.insert(sessions.clone());
        self.storage.sessions = Some(sessions);
        self
    }

    /// Lets the app set [signed](crate::Cookies::signed) and [private](crate::Cookies::private)
    /// cookies, with the secret in the environment variable `KIPO_SECRET`: at least 32 random bytes,
    /// as `openssl rand -hex 32` prints them, the same on all nodes. Another secret makes all earlier
    /// cookies of these kinds invalid.
    ///
    /// Without the variable, a debug build makes a secret and keeps it in the data directory, and a
    /// release does not start. Sessions need no secret.
    ///
    /// # Examples
    ///
    /// ```
    /// let _app = kipo::App::new().cookie_secret();
    /// ```
    #[must_use]
    pub fn cookie_secret(mut self) -> Self {
        self.needs_cookie_secret = true;
        self
    }

    /// Adds a proxy that forwards requests of many clients, by the address that it connects from.
    ///
    /// Its connections are not counted, and a stream counts for the address that the proxy saw:
    /// the last in `X-Forwarded-For` that is not a trusted proxy itself. Connections from this
    /// machine (`127.0.0.1` and `::1`) are never counted. If a proxy runs on this machine, add these
    /// addresses too, so that its streams count for its clients.
    ///
    /// Its `X-Forwarded-Prefix` is the path that it has removed: see [`prefix`](Self::prefix).
    /// `--trusted-proxy` and the environment variable `KIPO_TRUSTED_PROXY` add proxies too.
    ///
    /// ```
    /// let _app = kipo::App::new().trusted_proxy([10, 0, 0, 7]).trusted_proxy([127, 0, 0, 1]);
    /// ```
    #[must_use]
    pub fn trusted_proxy(mut self, address: impl Into<IpAddr>) -> Self {
        self.trusted_proxies.push(address.into());
        self
    }

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
        let Built { router, shared, allowed_hosts, lifecycle, .. } = built;
        let opened = lifecycle.open(&shared.states).await?;
        let _tasks = shared.background.drop_with();
        let hooks = opened.start_tasks(&shared);
        let app = HostCheck::new(Hosts::of_server(&allowed_hosts), router);
        operations.set_serving();
        let stop = operations.stop(stop, limits.drain_delay);
        let served = serve::serve(listener, app, Arc::clone(&shared), limits, stop).await;
        hooks.run(&shared.states, limits.on_shutdown).await;
        Ok(served?)
    }

    /// Returns the bounds on connections that were set.
    pub(crate) fn serve_limits_set(&self) -> ServeLimits {
        self.serve_limits
    }

    /// Returns where the durable topics are kept, as it was set.
    pub(crate) fn storage_set(&self) -> Storage {
        self.storage.clone()
    }

    /// Keeps durable topics and sessions elsewhere than it was set.
    pub(crate) fn with_storage(mut self, storage: &Storage) -> Self {
        self.storage = storage.clone();
        self
    }

    /// Returns the hosts that were named, without those that are malformed: a version of the app
    /// reports these.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn allowed_hosts_set(&mut self) -> Vec<AllowedHost> {
        self.take_hosts(&mut Vec::new())
    }

    /// Leaves the development loop out: pages stay as they are at start.
    pub(crate) fn without_edits(self) -> Self {
        Self { follows_edits: false, ..self }
    }

    /// Returns the folder of the app if its files are on disk.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn root(&self) -> Option<&Path> {
        self.files.as_ref()?.root()
    }

    /// Returns the folder of the package that contains the files, if they are on disk.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn package(&self) -> Option<PathBuf> {
        self.files.as_ref()?.package().map(Path::to_owned)
    }

    /// Returns the base path that was set.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn base_set(&self) -> &str {
        &self.base
    }

    /// Returns the prefix that was set, and the trusted proxies.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn prefix_set(&self) -> PrefixSettings {
        let (prefix, proxies) = (self.prefix.clone(), self.trusted_proxies.clone());
        PrefixSettings { prefix, proxies }
    }

    /// Checks all settings, actions and pages, and makes the router.
    pub(crate) fn build(mut self) -> Result<Built, StartError> {
        let mut errors: Vec<StartDiagnostic> = base_error(&self.base).into_iter().collect();
        errors.extend(topics::duplicate_names());
        let prefix = Prefix::parse(&self.prefix).unwrap_or_else(|| {
            errors.push(wrong_setting("prefix", &self.prefix, Prefix::EXPECTED));
            Prefix::NONE
        });
        errors.extend(self.take_sessions());
        let allowed_hosts = self.take_hosts(&mut errors);
        self.guards.origin.trusted = self.take_trusted_origins(&mut errors);
        let limiter = Limiter::new(self.rate_keys_max);
        self.states.insert(limiter.clone());
        let has_sessions = self.states.has(TypeId::of::<Sessions>());
        let identify = has_sessions.then_some(rate_identity as Identify);
        let app_limits = AppLimits { limits: self.limits, limiter, identify };
        let routes = route::collect(&self.states, &self.required, &app_limits);
        let routes = routes.map_err(|wrong| errors.extend(wrong)).ok();
        let pages = pages(&self, routes.as_deref()).unwrap_or_else(|wrong| {
            errors.extend(wrong);
            None
        });
        errors.extend(self.lifecycle.errors(&self.states));
        let addresses = addresses(&self.base, routes.as_deref(), pages.as_deref());
        errors.extend(self.own_routes.clashes(addresses));
        if !errors.is_empty() {
            errors.sort();
            return Err(StartError(errors));
        }
        let metrics = self.admin.map_or_else(Metrics::default, |_| Metrics::counting());
        if let Ok(sessions) = self.states.get::<Sessions>() {
            sessions.count_in(&metrics);
        }
        let routes = meter::register(routes.unwrap_or_default(), &metrics);
        log_undecided(&self.required, &routes, pages.as_deref());
        let proxies = TrustedProxies::new(self.trusted_proxies);
        self.states.insert(proxies.clone());
        let prefixes = Prefixes::new(prefix, proxies.clone());
        if routes.iter().any(|route| route.endpoint.cache.is_some()) {
            self.states.insert(Outputs::new(self.output_cache_bytes_max));
        }
        uploads::open(&mut self.states, &routes, self.uploads, &self.storage.data_dir, identify);
        let shared = Arc::new(Shared {
            guards: self.guards,
            states: self.states,
            limits: self.limits,
            limiter: app_limits.limiter,
            metrics,
            addresses: Addresses::new(proxies),
            streams_per_address_max: self.serve_limits.streams_per_address_max,
            drain: Drain::default(),
            calls: TaskTracker::new(),
            background: Background::default(),
        });
        let types = Types::collect(routes.iter().map(|route| Described {
            name: route.name.to_string(),
            doc: route.doc,
            needs: route.needs(),
            refusals: route.limits.refusals(),
            method: route.endpoint.method,
            form: route.endpoint.form,
            describe: route.endpoint.describe,
        }));
        let refs = pages.as_ref().map_or_else(Vec::new, |pages| pages.refs());
        let parts = pages.as_ref().map_or_else(Vec::new, |pages| pages.parts());
        let declarations = typescript::declarations(&types, client::TYPES, &refs, &parts);
        let schema = self.publishes_schema.then(|| Schema::new(&types, &declarations, &self.base));
        let own_routes = self.own_routes.into_router(&shared);
        #[cfg(all(feature = "dev", debug_assertions))]
        let develop = pages.as_ref().filter(|_| self.follows_edits);
        #[cfg(all(feature = "dev", debug_assertions))]
        let develop = develop.map(|pages| DevLoop::new(Arc::clone(pages), &types));
        #[cfg(all(feature = "dev", debug_assertions))]
        let unknown = Some(unknown_action::answer(&self.base, &routes, develop.clone()));
        #[cfg(not(all(feature = "dev", debug_assertions)))]
        let unknown = None;
        let router = mount::router(
            &self.base,
            &shared,
            &routes,
            unknown,
            schema,
            pages.as_ref(),
            own_routes,
        );
        #[cfg(all(feature = "dev", debug_assertions))]
        let router = match &develop {
            Some(develop) => router.merge(develop.router(&self.base, Arc::clone(&shared))),
            None => router,
        };
        Ok(Built {
            router: prefixes.clone().around(self.layers.around(router)),
            prefixes,
            shared,
            base: self.base,
            routes,
            pages,
            allowed_hosts,
            lifecycle: self.lifecycle.in_data_dir(self.storage.data_dir),
            declarations,
            #[cfg(all(feature = "dev", debug_assertions))]
            develop,
        })
    }

    /// Reads the secret of cookies, and checks the settings of sessions.
    fn take_sessions(&mut self) -> Vec<StartDiagnostic> {
        let mut errors = Vec::new();
        let wrong = self.storage.sessions.as_ref().and_then(Sessions::error);
        errors.extend(wrong.map(|message| StartDiagnostic::new("App::sessions", message)));
        if self.needs_cookie_secret {
            match CookieSecret::of_environment(&self.storage.data_dir) {
                Ok(secret) => self.states.insert(secret),
                Err(message) => errors.push(StartDiagnostic::new("App::cookie_secret", message)),
            }
        }
        errors
    }

    /// Parses the hosts that the app serves.
    fn take_hosts(&mut self, errors: &mut Vec<StartDiagnostic>) -> Vec<AllowedHost> {
        let mut hosts = Vec::new();
        for text in std::mem::take(&mut self.allowed_hosts) {
            match AllowedHost::parse(&text) {
                Some(host) => hosts.push(host),
                None => errors.push(wrong_setting("allow_host", &text, AllowedHost::EXPECTED)),
            }
        }
        if let Some(site) = &self.site {
            let address = site.strip_suffix('/').unwrap_or(site);
            match TupleOrigin::parse(address).filter(TupleOrigin::is_web) {
                Some(origin) => hosts.push(AllowedHost::of(origin.authority())),
                None => errors.push(wrong_setting("site", site, SITE_EXPECTED)),
            }
        }
        hosts
    }

    /// Parses the origins whose pages may call actions.
    fn take_trusted_origins(
        &mut self,
        errors: &mut Vec<StartDiagnostic>,
    ) -> Vec<TupleOrigin<'static>> {
        let mut origins = Vec::new();
        for text in std::mem::take(&mut self.trusted_origins) {
            match TupleOrigin::parse(&text) {
                Some(origin) => origins.push(origin.into_owned()),
                None => errors.push(wrong_setting("trusted_origin", &text, ORIGIN_EXPECTED)),
            }
        }
        origins
    }
}

impl Default for App {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("base", &self.base).finish_non_exhaustive()
    }
}

/// An app without errors.
pub(crate) struct Built {
    /// Does not check the host of a request.
    pub(crate) router: Router,
    pub(crate) prefixes: Prefixes,
    pub(crate) shared: Arc<Shared>,
    /// The path below which the actions are.
    pub(crate) base: String,
    /// Sorted by name.
    pub(crate) routes: Vec<Arc<Route>>,
    pub(crate) pages: Option<Arc<Pages>>,
    pub(crate) allowed_hosts: Vec<AllowedHost>,
    /// What the app opens, runs and ends beside its router.
    pub(super) lifecycle: Lifecycle,
    /// The text of `client.d.ts`.
    pub(crate) declarations: String,
    /// The development loop, if there is one.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) develop: Option<DevLoop>,
}

impl Built {
    /// Watches the files of the app in this process, if pages follow edits.
    pub(super) fn watch(&self) {
        #[cfg(all(feature = "dev", debug_assertions))]
        self.develop.iter().for_each(DevLoop::watch);
    }
}

fn base_error(base: &str) -> Option<StartDiagnostic> {
    let segment = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let is_valid = base.strip_prefix('/').is_some_and(|path| path.split('/').all(segment));
    let expected = "a base path looks like `/_kipo`: it begins with a slash, and ends without one";
    (!is_valid).then(|| wrong_setting("base", base, expected))
}

const NEEDS_START: &str = "an app with a `state_async`, a task, an `on_shutdown` or an `admin` address needs \
                           `App::start`, which opens and runs them; its `RunningApp` has the router";

/// Returns the paths of all actions and pages, with a description of each.
fn addresses(
    base: &str,
    routes: Option<&[Arc<Route>]>,
    pages: Option<&Pages>,
) -> impl Iterator<Item = (String, String)> {
    let action = move |route: &Arc<Route>| {
        let name = &route.name;
        (format!("{base}/actions/{name}"), format!("the action `{name}`"))
    };
    let actions = routes.unwrap_or_default().iter().map(action);
    let pages = pages.map_or_else(Vec::new, Pages::addresses).into_iter();
    actions.chain(pages.map(|(path, file)| (path, format!("the page `{file}`"))))
}

const SITE_EXPECTED: &str = "a site's address looks like `https://example.org`: a scheme, a host, and \
                             a port if it is not the default one";

const ORIGIN_EXPECTED: &str = "an origin looks like `https://admin.example.org`: a scheme, a host, and \
                               a port if it is not the default one";

/// Returns the error of a setting that was given to a method of [`App`].
fn wrong_setting(method: &str, value: &str, expected: &str) -> StartDiagnostic {
    StartDiagnostic::new(format!("App::{method}({value:?})"), expected)
}

/// Logs the actions and pages for which only the app's requirements say who may use them.
fn log_undecided(required: &[Requirement], routes: &[Arc<Route>], pages: Option<&Pages>) {
    let actions = routes.iter().filter(|route| route.is_undecided);
    let actions = actions.map(|route| route.name.to_string());
    let undecided: Vec<String> =
        actions.chain(pages.into_iter().flat_map(Pages::undecided)).collect();
    if !undecided.is_empty() {
        let names: Vec<String> = required.iter().map(Requirement::name).collect();
        tracing::info!(
            "{} {} by App::require alone: {}",
            match undecided.len() {
                1 => "1 action or page needs".to_owned(),
                count => format!("{count} actions and pages need"),
            },
            names.join(" and "),
            undecided.join(", "),
        );
    }
}

fn pages(
    app: &App,
    routes: Option<&[Arc<Route>]>,
) -> Result<Option<Arc<Pages>>, Vec<StartDiagnostic>> {
    let Some(files) = &app.files else { return Ok(None) };
    let preload = client::MODULES.iter().skip(1).map(|module| module.name.to_owned()).collect();
    let settings = Settings {
        base: app.base.clone(),
        client: format!("{}/{}", app.base, client::hash()),
        preload,
        reload: app.follows_edits,
        generation: RequestId::next().to_string(),
        methods: routes
            .unwrap_or_default()
            .iter()
            .filter_map(|route| route.unusual_method())
            .collect(),
        actions: routes.map(|routes| routes.iter().map(|route| route.name.to_string()).collect()),
        site: app.site.as_deref().map(|site| site.trim_end_matches('/').to_owned()),
        guards: app.page_guards.clone(),
        timeout: app.limits.within(Limits::new()).timeout,
    };
    Pages::new(files.clone(), settings, &app.states).map(|pages| Some(Arc::new(pages)))
}
