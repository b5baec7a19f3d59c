//! Pages as a service: it answers what no other route does.

use std::{
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use axum::{extract::Request, response::Response};
use http::Method;
use tower_service::Service;

use crate::{
    action::States,
    page::{form::Forms, pages::Pages},
    request::dispatch,
};

/// Answers a POST with the outcome of a form, and any other request with a file or a page.
///
/// A handler of axum would cost each request three allocations more.
#[derive(Clone)]
pub(crate) struct PageService(Arc<Inner>);

struct Inner {
    pages: Arc<Pages>,
    forms: Forms,
    states: States,
}

impl PageService {
    pub(crate) fn new(pages: Arc<Pages>, forms: Forms, states: States) -> Self {
        Self(Arc::new(Inner { pages, forms, states }))
    }
}

impl Service<Request> for PageService {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let inner = Arc::clone(&self.0);
        if request.method() == Method::POST {
            return Box::pin(async move { Ok(inner.pages.post(&inner.forms, request).await) });
        }
        let cx = dispatch::context(request, inner.states.clone());
        Box::pin(async move { Ok(inner.pages.handle(cx).await) })
    }
}
