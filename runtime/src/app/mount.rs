//! The routes of an app: actions, the client, descriptions, pages.

use std::sync::Arc;

use axum::{Router, extract::Request, routing::any};

use crate::{
    action::States,
    page::{
        Keep, Pages,
        embedded::{client_router, embedded, in_memory, nothing, other_client},
    },
    request::{Mounted, Route, dispatch},
    schema::{Types, openapi},
    server::Shared,
};

/// Mounts everything.
pub(super) fn router(
    base: &str,
    shared: &Arc<Shared>,
    routes: &[Route],
    types: &Types,
    declarations: &str,
    pages: Option<Arc<Pages>>,
) -> Router {
    let mut router = Router::new();
    for route in routes {
        let path = format!("{base}/actions/{}", route.name);
        let mounted = Mounted { shared: Arc::clone(shared), route: route.clone() };
        router = router.route_service(&path, mounted);
    }
    router = router.merge(client_router(base));
    let title = std::env::current_exe().ok();
    let title = title.as_deref().and_then(|path| path.file_stem()?.to_str()).unwrap_or("app");
    let openapi = openapi::document(types, base, title, env!("CARGO_PKG_VERSION")).to_string();
    router = router
        .route(
            &format!("{base}/client.d.ts"),
            embedded(in_memory(declarations, "text/plain; charset=utf-8"), Keep::Revalidate),
        )
        .route(
            &format!("{base}/openapi.json"),
            embedded(in_memory(&openapi, "application/json"), Keep::Revalidate),
        )
        // Whatever else is asked for below the base is a program's error, not a page.
        .route(&format!("{base}/{{*rest}}"), other_client(base));
    let Some(pages) = pages else { return router.fallback(nothing) };
    let assets = Arc::clone(&pages);
    let states = shared.states.clone();
    router
        .route(
            &format!("{base}/pages/{{*path}}"),
            any(move |request: Request| {
                let (pages, cx) =
                    (Arc::clone(&assets), dispatch::context(request, States::default()));
                async move { pages.asset(&cx).await }
            }),
        )
        .fallback(move |request: Request| {
            let (pages, cx) = (Arc::clone(&pages), dispatch::context(request, states.clone()));
            async move { pages.handle(cx).await }
        })
}
