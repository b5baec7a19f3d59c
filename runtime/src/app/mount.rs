//! The routes of an app: actions, the client, descriptions, pages.

use std::{convert::Infallible, future::ready, sync::Arc};

use axum::{
    Router,
    extract::Request,
    middleware,
    response::Response,
    routing::{MethodRouter, any},
};
use tower_service::Service;

use crate::{
    action::States,
    header::Prefix,
    page::{
        Forms, Keep, PageService, Pages,
        embedded::{client_router, embedded, in_memory, nothing, other_client, serve_file},
    },
    request::{Batch, Mounted, ResumableUploads, Route, dispatch, meter::UnknownCalls},
    schema::{Types, openapi},
    server::Shared,
};

/// The descriptions of all actions.
pub(super) struct Schema {
    /// The text of `client.d.ts`.
    declarations: String,
    /// The text of `openapi.json`.
    openapi: String,
}

impl Schema {
    /// `session_cookie` is the name of the cookie with the session, if the app has sessions.
    pub(super) fn new(
        types: &Types,
        declarations: &str,
        base: &str,
        session_cookie: Option<&str>,
    ) -> Self {
        let title = std::env::current_exe().ok();
        let title = title.as_deref().and_then(|path| path.file_stem()?.to_str()).unwrap_or("app");
        let version = env!("CARGO_PKG_VERSION");
        let info = openapi::Info { title, version, base, session_cookie };
        let openapi = openapi::document(types, &info).to_string();
        Self { declarations: declarations.to_owned(), openapi }
    }

    fn router(&self, base: &str) -> Router {
        let declarations = in_memory(&self.declarations, "text/plain; charset=utf-8");
        Router::new()
            .route(&format!("{base}/client.d.ts"), embedded(declarations, Keep::Revalidate))
            .route(&format!("{base}/openapi.json"), below_prefix(&self.openapi))
    }
}

/// Returns a route for a description whose paths are below the prefix of the request.
fn below_prefix(openapi: &str) -> MethodRouter {
    let file = |text: &str| Arc::new(in_memory(text, "application/json"));
    let (text, whole) = (Arc::<str>::from(openapi), file(openapi));
    any(move |request: Request| {
        let prefix = request.extensions().get::<Prefix>();
        let file = match prefix {
            None => Arc::clone(&whole),
            Some(prefix) => file(&openapi::with_server(&text, prefix.as_str())),
        };
        async move { serve_file(request, &file, Keep::Revalidate).await }
    })
}

/// Mounts the app's actions, its client, its pages, the author's own routes and, if they are published,
/// the descriptions of actions. `unknown` answers for actions that do not exist.
pub(super) fn router(
    base: &str,
    shared: &Arc<Shared>,
    routes: &[Arc<Route>],
    unknown: Option<MethodRouter>,
    schema: Option<Schema>,
    pages: Option<&Arc<Pages>>,
    own_routes: Router,
) -> Router {
    let mut router = Router::new();
    for route in routes {
        let path = format!("{base}/actions/{}", route.name);
        let mounted = Mounted { shared: Arc::clone(shared), route: Arc::clone(route) };
        router = router.route_service(&path, mounted);
    }
    let unknown_calls = UnknownCalls::new(&shared.metrics);
    let unknown = unknown.unwrap_or_else(|| any(nothing));
    let unknown = counted(shared, unknown, unknown_calls.clone());
    router = router.route(&format!("{base}/actions/{{*name}}"), unknown);
    let batch = Batch::new(base, shared, routes, unknown_calls);
    router = with_batch(router, base, Arc::new(batch));
    router = ResumableUploads::mount(router, base, shared, routes);
    router = router.merge(client_router(base));
    if let Some(schema) = schema {
        router = router.merge(schema.router(base));
    }
    // A request for another path below the base is from a program, so it gets no page.
    router = router.route(&format!("{base}/{{*rest}}"), other_client(base));
    let Some(pages) = pages else { return with_own_routes(router, own_routes, any(nothing)) };
    let (pages, assets) = (Arc::clone(pages), Arc::clone(pages));
    let router = router.route(
        &format!("{base}/pages/{{*path}}"),
        any(move |request: Request| {
            let (pages, cx) = (Arc::clone(&assets), dispatch::context(request, States::default()));
            async move { pages.asset(&cx).await }
        }),
    );
    let forms = Forms::new(base, shared, routes);
    let page = PageService::new(pages, forms, shared.states.clone());
    with_own_routes(router, own_routes, page)
}

/// Counts the calls of unknown actions, if the app counts.
fn counted(shared: &Shared, unknown: MethodRouter, calls: UnknownCalls) -> MethodRouter {
    if !shared.metrics.is_counting() {
        return unknown;
    }
    unknown.layer(middleware::map_request(move |request: Request| {
        calls.count();
        ready(request)
    }))
}

fn with_batch(router: Router, base: &str, batch: Arc<Batch>) -> Router {
    let cookies = Arc::clone(&batch);
    let run = any(move |request: Request| async move { batch.run(request).await });
    let set = any(move |request: Request| async move { cookies.cookies(request).await });
    router.route(&format!("{base}/batch"), run).route(&format!("{base}/batch/cookies"), set)
}

/// Lets the author's own routes answer what the app does not, and `fallback` what neither does.
fn with_own_routes<S>(router: Router, own_routes: Router, fallback: S) -> Router
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
{
    if own_routes.has_routes() {
        router.fallback_service(own_routes.fallback_service(fallback))
    } else {
        router.fallback_service(fallback)
    }
}
