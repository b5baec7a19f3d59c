//! The tower layers of the app's author, around everything.

use std::{convert::Infallible, fmt};

use axum::{
    Router,
    extract::Request,
    middleware::{self, Next},
    response::IntoResponse,
    routing::Route,
};
use tower_layer::Layer;
use tower_service::Service;

use crate::server::Peer;

/// The layers of an app, in the order in which they were added.
#[derive(Default)]
pub(super) struct Layers(Vec<AddLayer>);

type AddLayer = Box<dyn FnOnce(Router) -> Router + Send>;

impl Layers {
    pub(super) fn add<L>(&mut self, layer: L)
    where
        L: Layer<Route> + Clone + Send + Sync + 'static,
        L::Service: Service<Request> + Clone + Send + Sync + 'static,
        <L::Service as Service<Request>>::Response: IntoResponse + 'static,
        <L::Service as Service<Request>>::Error: Into<Infallible> + 'static,
        <L::Service as Service<Request>>::Future: Send + 'static,
    {
        self.0.push(Box::new(|router| router.layer(layer)));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Puts the layers around a router: each one around the ones before it.
    pub(super) fn around(self, router: Router) -> Router {
        if self.0.is_empty() {
            return router;
        }
        // As the fallback of a router without routes, the app is routed after the layers have seen
        // the request, so a layer may change its path.
        let all = Router::new().fallback_service(router);
        let all = self.0.into_iter().fold(all, |router, add| add(router));
        // A stream that leaves hyper is written as it is, and a layer could not change it.
        all.layer(middleware::from_fn(async |mut request: Request, next: Next| {
            if let Some(peer) = request.extensions_mut().get_mut::<Peer>() {
                peer.detached_stream = None;
            }
            next.run(request).await
        }))
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Layers({})", self.0.len())
    }
}
