//! The axum routes of the app's author, beside its actions and pages.

use std::{
    convert::Infallible,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context as Task, Poll, Waker},
};

use axum::{
    Extension, Router,
    body::Body,
    extract::{DefaultBodyLimit, FromRequestParts, Request},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{header, request::Parts};
use http_body::{Frame, SizeHint};
use tower_service::Service;
use tracing::Instrument as _;

use crate::{
    action::{Context, Limits},
    error::{Error, StartDiagnostic, catch_panic},
    header::{REQUEST_ID, RequestId},
    request::{dispatch, encode},
    server::Shared,
    stream::Watch,
};

/// The routes of the app's author.
#[derive(Debug, Default)]
pub(super) struct OwnRoutes {
    groups: Vec<(Router, CrossSite)>,
    /// The routes of all groups.
    all: Router,
}

/// Whether a page of another site may send requests that change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CrossSite {
    Refused,
    Allowed,
}

impl OwnRoutes {
    /// Adds routes. The app answers what none of them matches, so a fallback of the router is left
    /// out.
    ///
    /// # Panics
    ///
    /// Panics if one of the routes overlaps with an earlier one, as axum does.
    #[track_caller]
    pub(super) fn add(&mut self, router: Router, cross_site: CrossSite) {
        let router = router.reset_fallback();
        self.all = std::mem::take(&mut self.all).merge(router.clone());
        if router.has_routes() {
            self.groups.push((router, cross_site));
        }
    }

    /// Returns a diagnostic for each address of the app that one of the routes would answer too.
    /// Each address has a path and a description.
    pub(super) fn clashes(
        &self,
        addresses: impl Iterator<Item = (String, String)>,
    ) -> Vec<StartDiagnostic> {
        if self.groups.is_empty() {
            return Vec::new();
        }
        let seen_by = async |_: Request, _: Next| Extension(Matched).into_response();
        let mut probe = self.all.clone().route_layer(middleware::from_fn(seen_by));
        let clash = |(path, what): (String, String)| {
            let message = format!(
                "one of these routes answers `{path}`, which is the address of {what}: change one of \
                 them"
            );
            matches(&mut probe, &path).then(|| StartDiagnostic::new("App::routes", message))
        };
        addresses.filter_map(clash).collect()
    }

    /// Returns the routes as a router without a fallback.
    pub(super) fn into_router(self, shared: &Arc<Shared>) -> Router {
        self.groups.into_iter().fold(Router::new(), |all, (router, cross_site)| {
            let shared = Arc::clone(shared);
            let around = move |request: Request, next: Next| {
                answer(Arc::clone(&shared), cross_site, request, next)
            };
            all.merge(router.route_layer(middleware::from_fn(around)))
        })
    }
}

/// Marks the response of a probe.
#[derive(Clone, Copy)]
struct Matched;

/// Returns whether a route of the probe matches the path. No handler runs: the layer of the probe
/// answers before it, at once.
fn matches(probe: &mut Router, path: &str) -> bool {
    let Ok(request) = Request::builder().uri(path).body(Body::empty()) else { return false };
    let mut task = Task::from_waker(Waker::noop());
    match pin!(Service::<Request>::call(probe, request)).poll(&mut task) {
        Poll::Ready(Ok(response)) => response.extensions().get::<Matched>().is_some(),
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => false,
    }
}

/// Answers one request by a route: the check of other sites, the handler, the fields of the response.
async fn answer(
    shared: Arc<Shared>,
    cross_site: CrossSite,
    request: Request,
    next: Next,
) -> Response {
    let (head, body) = request.into_parts();
    let copy = Request::from_parts(head.clone(), Body::empty());
    let cx = dispatch::context(copy, shared.states.clone());
    let span = tracing::info_span!("route", request_id = %cx.request_id());
    let outcome = async {
        if cross_site == CrossSite::Refused && !cx.method().is_safe() {
            shared.guards.origin.admit(&cx)?;
        }
        let mut request = Request::from_parts(head, body);
        request.extensions_mut().insert(cx.clone());
        request.extensions_mut().insert(cx.request_id().clone());
        let bounds = Limits::new().within(shared.limits);
        // A route that sets its own limit is inside of this, so its limit wins.
        DefaultBodyLimit::max(bounds.body_bytes_max).apply(&mut request);
        Ok(next.run(request).await)
    };
    let mut response = catch_panic(outcome)
        .instrument(span)
        .await
        .unwrap_or_else(|error| encode::problem(&error, cx.request_id()));
    if let Some(HandlerError(error)) = response.extensions_mut().remove() {
        response = encode::problem(&error, cx.request_id());
    }
    cx.take_headers(response.headers_mut());
    response.headers_mut().insert(REQUEST_ID, cx.request_id().header());
    end_with_drain(response, || shared.drain.watch())
}

/// Lets the response end when the drain begins, if it is an event stream: its client reconnects.
fn end_with_drain(response: Response, watch: impl FnOnce() -> Watch) -> Response {
    let content_type = response.headers().get(header::CONTENT_TYPE);
    if content_type.is_none_or(|value| !value.as_bytes().starts_with(b"text/event-stream")) {
        return response;
    }
    response.map(|body| Body::new(DrainedBody { body, watch: watch() }))
}

/// A body that ends when the drain begins.
struct DrainedBody {
    body: Body,
    watch: Watch,
}

impl http_body::Body for DrainedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if Pin::new(&mut self.watch).poll(task).is_ready() {
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(task)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The request as an action sees it, in a handler of [`App::routes`](crate::App::routes).
impl<S: Sync> FromRequestParts<S> for Context {
    type Rejection = Error;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Error> {
        head.extensions.get().cloned().ok_or_else(|| {
            Error::internal(
                "a handler asked for a `Context`, but its route is not in `App::routes`",
            )
        })
    }
}

/// The error that a handler of [`App::routes`](crate::App::routes) returned. The response becomes a
/// problem document with the request's id.
#[derive(Clone)]
struct HandlerError(Arc<Error>);

/// In [`App::routes`](crate::App::routes) the response is the problem document of the error.
/// Elsewhere it has the same status and no body.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(HandlerError(Arc::new(self)));
        response
    }
}

/// The id of the request, in a handler of [`App::routes`](crate::App::routes).
impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Infallible;

    async fn from_request_parts(head: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let id = head.extensions.get().cloned();
        Ok(id.unwrap_or_else(|| Self::of(&head.headers)))
    }
}
