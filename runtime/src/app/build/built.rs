//! An app without errors: its actions, pages and routes as one router, and what it opens and runs
//! beside it.

use std::{any::TypeId, sync::Arc};

use axum::Router;
use tokio_util::task::TaskTracker;

#[cfg(all(feature = "dev", debug_assertions))]
use crate::dev::{DevLoop, unknown_action};
use crate::{
    action::{Identify, Limiter, Limits, Outputs, Requirement},
    app::{
        build::checks,
        builder::App,
        lifecycle::Lifecycle,
        mount::{self, Schema},
        start_error::StartError,
        uploads,
    },
    error::StartDiagnostic,
    files::client,
    header::{Prefix, RequestId, TrustedProxies},
    metrics::Metrics,
    page::{Inputs, Pages, Settings},
    request::{Actions, AllowedHost, AppLimits, Prefixes, Route, meter, route},
    schema::{Described, Types, typescript},
    server::{Addresses, Background, Shared},
    session::{Sessions, rate_identity},
    stream::{Drain, topics},
};

/// An app without errors.
pub(crate) struct Built {
    /// Does not check the host of a request.
    pub(crate) router: Router,
    /// The actions that a server may call without the router, which has them too.
    pub(crate) actions: Actions,
    pub(crate) prefixes: Prefixes,
    pub(crate) shared: Arc<Shared>,
    /// The path below which the actions are.
    pub(crate) base: String,
    /// Sorted by name.
    pub(crate) routes: Vec<Arc<Route>>,
    pub(crate) pages: Option<Arc<Pages>>,
    pub(crate) allowed_hosts: Vec<AllowedHost>,
    /// What the app opens, runs and ends beside its router.
    pub(in crate::app) lifecycle: Lifecycle,
    /// The text of `client.d.ts`.
    pub(crate) declarations: String,
    /// The development loop, if there is one.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(crate) develop: Option<DevLoop>,
}

impl Built {
    /// Watches the files of the app in this process, if pages follow edits.
    pub(in crate::app) fn watch(&self) {
        #[cfg(all(feature = "dev", debug_assertions))]
        self.develop.iter().for_each(DevLoop::watch);
    }
}

impl App {
    /// Checks all settings, actions and pages, and makes the router.
    pub(crate) fn build(mut self) -> Result<Built, StartError> {
        let mut errors: Vec<StartDiagnostic> = checks::base_error(&self.base).into_iter().collect();
        errors.extend(topics::duplicate_names());
        let prefix = Prefix::parse(&self.prefix).unwrap_or_else(|| {
            errors.push(checks::wrong_setting("prefix", &self.prefix, Prefix::EXPECTED));
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
            needs: route.need_keys(),
            refusals: route.limits.refusals(),
            method: route.endpoint.method,
            form: route.endpoint.form,
            describe: route.endpoint.describe,
        }));
        let refs = pages.as_ref().map_or_else(Vec::new, |pages| pages.refs());
        let parts = pages.as_ref().map_or_else(Vec::new, |pages| pages.parts());
        let declarations = typescript::declarations(&types, client::TYPES, &refs, &parts);
        let sessions = shared.states.get::<Sessions>().ok();
        let cookie = sessions.as_ref().map(|sessions| sessions.cookie_name());
        let schema =
            self.publishes_schema.then(|| Schema::new(&types, &declarations, &self.base, cookie));
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
        // A layer and a prefix change requests before they are routed.
        let is_bare = self.layers.is_empty() && prefixes.is_none();
        let actions = is_bare.then(|| Actions::new(&self.base, &shared, &routes));
        Ok(Built {
            actions: actions.unwrap_or_default(),
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
}

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
        inputs: Inputs::of(routes.unwrap_or_default().iter().map(|route| &**route)),
        actions: routes.map(|routes| routes.iter().map(|route| route.name.to_string()).collect()),
        site: app.site.as_deref().map(|site| site.trim_end_matches('/').to_owned()),
        guards: app.page_guards.clone(),
        timeout: app.limits.within(Limits::new()).timeout,
    };
    Pages::new(files.clone(), settings, &app.states).map(|pages| Some(Arc::new(pages)))
}
