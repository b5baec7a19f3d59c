//! Which actions are counted, and by which codes.

use std::sync::Arc;

use crate::{
    error::{Code, Result},
    metrics::{ActionMeter, CacheMeter, Metrics},
    request::route::Route,
    stream::GAP_REASONS,
};

/// Registers all actions, if the app counts.
pub(crate) fn register(routes: Vec<Arc<Route>>, metrics: &Metrics) -> Vec<Arc<Route>> {
    if !metrics.is_counting() {
        return routes;
    }
    let (codes, reasons) = (Code::ALL.map(Code::as_str), GAP_REASONS.map(|reason| reason.as_str()));
    let register = |route: Arc<Route>| {
        let mut route = Arc::unwrap_or_clone(route);
        // Those of the action's own errors follow those of Kipo.
        let own = (route.endpoint.error_codes)().into_iter();
        let mut codes = codes.to_vec();
        for code in own {
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        route.meter = if route.endpoint.is_stream {
            ActionMeter::of_stream(metrics, &route.name, &codes, &reasons)
        } else {
            ActionMeter::new(metrics, &route.name, &codes)
        };
        if route.endpoint.cache.is_some() {
            route.cache_meter = CacheMeter::new(metrics, &route.name);
        }
        route.limits.count_refusals(metrics, &route.name);
        Arc::new(route)
    };
    routes.into_iter().map(register).collect()
}

/// Returns the index of the code of an error among those of its action: that of a typed error, or else
/// that of the kind of failure. A word that an author makes up for one error is no label.
pub(super) fn code<T>(meter: &ActionMeter, outcome: &Result<T>) -> Option<usize> {
    let error = outcome.as_ref().err()?;
    Some(meter.index_of(error.word()).unwrap_or(error.code() as usize))
}

/// Counts calls of names that no action has, all under one name.
#[derive(Clone, Debug)]
pub(crate) struct UnknownCalls(ActionMeter);

impl UnknownCalls {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        Self(ActionMeter::of_unknown(metrics, &Code::ALL.map(Code::as_str)))
    }

    /// Counts one call.
    pub(crate) fn count(&self) {
        self.0.begin_call().end(Some(Code::NotFound as usize));
    }
}
