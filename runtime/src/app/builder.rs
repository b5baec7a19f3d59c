//! The settings of an app.

#[cfg(all(feature = "dev", debug_assertions))]
use std::path::Path;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    sync::Arc,
};

use kipo_topic::engine::{Connector, Engine};

#[cfg(all(feature = "dev", debug_assertions))]
use crate::request::PrefixSettings;
use crate::{
    action::{
        FromContext, Guard, Guards, Limits, OUTPUT_CACHE_BYTES_MAX, RATE_KEYS_MAX, Requirement,
        States, UploadSettings,
    },
    app::{layers::Layers, lifecycle::Lifecycle, own_routes::OwnRoutes, storage::Storage},
    files::Files,
    page::PageGuards,
    server::ServeLimits,
    session::Sessions,
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
    pub(super) base: String,
    pub(super) prefix: String,
    pub(super) files: Option<Files>,
    pub(super) states: States,
    pub(super) guards: Guards,
    pub(super) page_guards: PageGuards,
    /// What every action and page requires that is not public.
    pub(super) required: Vec<Requirement>,
    pub(super) trusted_origins: Vec<String>,
    pub(super) site: Option<String>,
    pub(super) allowed_hosts: Vec<String>,
    pub(super) publishes_schema: bool,
    pub(super) limits: Limits,
    pub(super) rate_keys_max: usize,
    pub(super) output_cache_bytes_max: usize,
    pub(super) serve_limits: ServeLimits,
    pub(super) admin: Option<SocketAddr>,
    pub(super) storage: Storage,
    pub(super) needs_cookie_secret: bool,
    pub(super) trusted_proxies: Vec<IpAddr>,
    pub(super) own_routes: OwnRoutes,
    pub(super) layers: Layers,
    pub(super) lifecycle: Lifecycle,
    pub(super) uploads: UploadSettings,
    /// Whether pages follow edits. A release never does.
    pub(super) follows_edits: bool,
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
