//! The app: what it is made of, checked as a whole, then served.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use axum::Router;
use kipo_topic::Store;
use tokio::net::TcpListener;
use tokio_util::task::TaskTracker;

#[cfg(all(feature = "dev", debug_assertions))]
use crate::dev::Develop;
use crate::{
    action::{Guard, Guards, Limits, States},
    app::{mount, start_error::StartError},
    error::StartDiagnostic,
    files::{Files, client},
    header::RequestId,
    page::{PageGuards, Pages, Settings},
    request::{Route, route},
    schema::{Types, typescript},
    server::{Addresses, ServeLimits, Shared, serve},
    stream::{Drain, topics},
};

/// An app: its state, guards, limits and files. Actions and pages find their way by themselves.
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
    files: Option<Files>,
    states: States,
    guards: Guards,
    page_guards: PageGuards,
    site: Option<String>,
    limits: Limits,
    serve_limits: ServeLimits,
    data_dir: PathBuf,
    trusted_proxies: Vec<IpAddr>,
    /// Whether pages follow edits; never in a release.
    follows_edits: bool,
}

impl App {
    /// Returns an app of all registered actions and pages.
    #[must_use]
    pub fn new() -> Self {
        Self {
            base: "/_kipo".to_owned(),
            files: None,
            states: States::default(),
            guards: Guards::default(),
            page_guards: PageGuards::default(),
            site: None,
            limits: Limits::new(),
            serve_limits: ServeLimits::default(),
            data_dir: "data".into(),
            trusted_proxies: Vec::new(),
            follows_edits: cfg!(all(feature = "dev", debug_assertions)),
        }
    }

    /// Sets the path below which actions and the client are served; `/_kipo` unless set.
    #[must_use]
    pub fn base(mut self, base: impl Into<String>) -> Self {
        self.base = base.into();
        self
    }

    /// Gives the app its pages and public files: `.files(kipo::files!())`.
    #[must_use]
    pub fn files(mut self, files: Files) -> Self {
        self.files = Some(files);
        self
    }

    /// Gives the app a piece of state, found by its type with [`Context::state`](crate::Context::state).
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, state: T) -> Self {
        self.states.insert(state);
        self
    }

    /// Sets the app's own address as its visitors know it, for what a page says of itself to
    /// others: see [`Meta::canonical`](crate::Meta::canonical).
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

    /// Adds a guard of the page `folder.html` and of all pages below `folder/`; of all pages if
    /// `folder` is empty. Before a page's own guard they are asked in the order in which they were
    /// added, whatever the page's data is.
    ///
    /// Scripts, styles and public files pass no guard, nor does the page of an error.
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

    /// Adds a guard of actions; guards are asked in the order in which they were added.
    #[must_use]
    pub fn guard(mut self, guard: impl Guard) -> Self {
        self.guards.push(guard);
        self
    }

    /// Lets pages of another origin call actions, such as `https://admin.example.org`.
    #[must_use]
    pub fn trusted_origin(mut self, origin: impl Into<String>) -> Self {
        self.guards.origin.trusted.push(origin.into());
        self
    }

    /// Sets the bounds of all actions that set none of their own.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets the bounds on connections.
    #[must_use]
    pub fn serve_limits(mut self, limits: ServeLimits) -> Self {
        self.serve_limits = limits;
        self
    }

    /// Sets the directory of the durable topics ([`#[topic]`](macro@crate::topic)); `data` unless
    /// set, and `--data-dir` wins. It is made if it is not there, and only if there are any.
    #[must_use]
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = path.into();
        self
    }

    /// Names a proxy that answers for many clients, by the address that it connects from.
    ///
    /// Its connections are not counted, and a stream counts for the address that the proxy saw:
    /// the last in `X-Forwarded-For` that is not a trusted proxy itself. Connections from this
    /// machine (`127.0.0.1` and `::1`) are never counted; name those too if a proxy on it shall
    /// tell its clients apart.
    ///
    /// ```
    /// let _app = kipo::App::new().trusted_proxy([10, 0, 0, 7]).trusted_proxy([127, 0, 0, 1]);
    /// ```
    #[must_use]
    pub fn trusted_proxy(mut self, address: impl Into<IpAddr>) -> Self {
        self.trusted_proxies.push(address.into());
        self
    }

    /// Returns the app as a router, for mounting it in an axum app of one's own.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the app: two actions of one name, state that is missing, a
    /// page that does not parse, a data directory that is in use.
    pub fn router(self) -> Result<Router, StartError> {
        let data_dir = self.data_dir.clone();
        let built = self.build()?;
        open_topics(&data_dir)?;
        built.watch();
        Ok(built.router)
    }

    /// Serves the app on a socket until `stop` completes, then drains.
    ///
    /// # Errors
    ///
    /// What [`router`](Self::router) finds; and what the socket says.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops accepting at once and does not wait for what was admitted; it
    /// goes on in the background.
    pub async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let limits = self.serve_limits;
        let data_dir = self.data_dir.clone();
        let built = self.build()?;
        open_topics(&data_dir)?;
        built.watch();
        Ok(serve::serve(listener, built.router, built.shared, limits, stop).await?)
    }

    /// Returns the bounds on connections that were set.
    pub(crate) fn serve_limits_set(&self) -> ServeLimits {
        self.serve_limits
    }

    /// Returns the directory of durable topics that was set.
    pub(crate) fn data_dir_set(&self) -> &Path {
        &self.data_dir
    }

    /// Serves pages as they are at the start, without the development loop.
    pub(crate) fn without_edits(self) -> Self {
        Self { follows_edits: false, ..self }
    }

    /// Returns the folder of the app, if its files are on disk.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn root(&self) -> Option<&Path> {
        self.files.as_ref()?.root()
    }

    /// Returns the folder of the package that the files belong to, if they are on disk.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn package(&self) -> Option<PathBuf> {
        self.files.as_ref()?.package().map(Path::to_owned)
    }

    /// Returns the base path that was set.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) fn base_set(&self) -> &str {
        &self.base
    }

    /// Checks everything, and puts it together.
    pub(crate) fn build(self) -> Result<Built, StartError> {
        let mut errors: Vec<StartDiagnostic> = base_error(&self.base).into_iter().collect();
        errors.extend(self.site.as_deref().and_then(site_error));
        errors.extend(topics::duplicate_names());
        let routes = route::collect(&self.states).map_err(|wrong| errors.extend(wrong)).ok();
        let pages = pages(&self, routes.as_deref()).unwrap_or_else(|wrong| {
            errors.extend(wrong);
            None
        });
        if !errors.is_empty() {
            errors.sort();
            return Err(StartError(errors));
        }
        let routes = routes.unwrap_or_default();
        let shared = Arc::new(Shared {
            guards: self.guards,
            states: self.states,
            limits: self.limits,
            addresses: Addresses::new(self.trusted_proxies),
            streams_per_address_max: self.serve_limits.streams_per_address_max,
            drain: Drain::default(),
            calls: TaskTracker::new(),
        });
        let types = Types::collect(
            routes.iter().map(|route| (route.name.to_string(), route.doc, route.endpoint.describe)),
        );
        let refs = pages.as_ref().map_or_else(Vec::new, |pages| pages.refs());
        let parts = pages.as_ref().map_or_else(Vec::new, |pages| pages.parts());
        let declarations = typescript::declarations(&types, client::TYPES, &refs, &parts);
        let router =
            mount::router(&self.base, &shared, &routes, &types, &declarations, pages.clone());
        #[cfg(all(feature = "dev", debug_assertions))]
        let develop = pages.filter(|_| self.follows_edits).map(|pages| Develop::new(pages, &types));
        #[cfg(all(feature = "dev", debug_assertions))]
        let router = match &develop {
            Some(develop) => router.merge(develop.router(&self.base, Arc::clone(&shared))),
            None => router,
        };
        Ok(Built {
            router,
            shared,
            declarations,
            #[cfg(all(feature = "dev", debug_assertions))]
            develop,
        })
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

/// An app that was checked.
pub(crate) struct Built {
    pub(crate) router: Router,
    pub(crate) shared: Arc<Shared>,
    /// The text of `client.d.ts`.
    pub(crate) declarations: String,
    /// The development loop, if there is one.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) develop: Option<Develop>,
}

impl Built {
    /// Follows edits in this process, if the app does.
    fn watch(&self) {
        #[cfg(all(feature = "dev", debug_assertions))]
        self.develop.iter().for_each(Develop::watch);
    }
}

/// Opens the durable topics that are not open yet, in a directory.
pub(crate) fn open_topics(path: &Path) -> Result<Option<Store>, StartError> {
    topics::open_all(|| open_store(path)).map_err(|start_error| StartError(vec![start_error]))
}

#[cfg(feature = "disk")]
fn open_store(path: &Path) -> Result<Store, StartDiagnostic> {
    Store::open(path).map_err(|error| topics::start_error(&error))
}

#[cfg(not(feature = "disk"))]
fn open_store(_: &Path) -> Result<Store, StartDiagnostic> {
    let message = "durable topics need the feature `disk` of kipo, which this build leaves out";
    Err(StartDiagnostic::new("topics", message))
}

fn base_error(base: &str) -> Option<StartDiagnostic> {
    let segment = |segment: &str| {
        !segment.is_empty()
            && !segment.starts_with('.')
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b))
    };
    let right = base.strip_prefix('/').is_some_and(|path| path.split('/').all(segment));
    let message = "a base path looks like `/_kipo`: a slash, then names without one at the end";
    (!right).then(|| StartDiagnostic::new(format!("App::base({base:?})"), message))
}

fn site_error(site: &str) -> Option<StartDiagnostic> {
    let uri = site.parse::<http::Uri>().unwrap_or_default();
    let web = matches!(uri.scheme_str(), Some("http" | "https"));
    let right = web && matches!(uri.path(), "" | "/") && uri.query().is_none();
    let message = "a site's address looks like `https://example.org`: no path behind the name";
    (!right).then(|| StartDiagnostic::new(format!("App::site({site:?})"), message))
}

fn pages(app: &App, routes: Option<&[Route]>) -> Result<Option<Arc<Pages>>, Vec<StartDiagnostic>> {
    let Some(files) = &app.files else { return Ok(None) };
    let preload = client::MODULES.iter().skip(1).map(|module| module.name.to_owned()).collect();
    let settings = Settings {
        base: app.base.clone(),
        client: format!("{}/{}", app.base, client::hash()),
        preload,
        reload: app.follows_edits,
        life: RequestId::next().to_string(),
        actions: routes.map(|routes| routes.iter().map(|route| route.name.to_string()).collect()),
        site: app.site.as_deref().map(|site| site.trim_end_matches('/').to_owned()),
        guards: app.page_guards.clone(),
        timeout: app.limits.within(Limits::new()).timeout,
    };
    Pages::new(files.clone(), settings, &app.states).map(|pages| Some(Arc::new(pages)))
}
