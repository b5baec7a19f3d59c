//! The server while no version of the app serves: it shows the errors, and asks programs to retry.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::{
    action::{Guards, Limiter, Limits, States},
    dev::{dev_loop, handoff::ServeSockets, report::Report},
    error::{Code, Error},
    header::{Prefix, RequestId},
    metrics::Metrics,
    page::{self, embedded},
    request::{Actions, HostCheck, Hosts, Prefixes, encode},
    server::{Addresses, Background, ServeLimits, Shared, Shutdown, serve},
    stream::Drain,
};

/// How long open requests may take after a version of the app is ready to serve.
const DRAIN: Duration = Duration::from_millis(500);

/// A server on the app's listening socket. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Fallback {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Fallback {
    /// Serves these errors; `base` is the base path of the app, `prefixes` say what is before it, and
    /// `hosts` are its hosts.
    pub(super) fn start(
        sockets: &ServeSockets,
        base: &str,
        prefixes: Prefixes,
        hosts: Hosts,
        root: &std::path::Path,
        errors: &[Report],
    ) -> std::io::Result<Self> {
        let (listener, queue) = sockets.try_clone()?.open()?;
        let limits = ServeLimits { drain: DRAIN, ..ServeLimits::default() };
        let shared = Arc::new(Shared {
            guards: Guards::default(),
            states: States::default(),
            limits: Limits::new(),
            limiter: Limiter::new(0),
            metrics: Metrics::default(),
            addresses: Addresses::default(),
            streams_per_address_max: limits.streams_per_address_max,
            drain: Drain::default(),
            calls: TaskTracker::new(),
            background: Background::default(),
        });
        let router = prefixes.around(router(base, root, errors, &shared));
        let app = HostCheck::new(hosts, Actions::default(), router);
        let (stop, stop_requested) = oneshot::channel();
        let (report_stopped, stopped) = oneshot::channel();
        // Ends after `stop`, when its idle connections are in the queue.
        tokio::spawn(async move {
            let (put, idle) = mpsc::unbounded_channel();
            let stop = async {
                _ = stop_requested.await;
                Shutdown::HandOff(put)
            };
            let inherited = || queue.clone().take();
            let served = serve::serve_in_turn(listener, app, shared, limits, inherited, stop).await;
            if let Err(error) = served {
                tracing::warn!(%error, "the listening socket failed");
            }
            let _ = report_stopped.send(());
            queue.put_all(idle).await;
        });
        Ok(Self { stop, stopped })
    }

    /// Stops accepting, and waits until the open requests have their responses.
    pub(super) async fn stop(self) {
        // This fails if the server has already stopped by itself.
        let _ = self.stop.send(());
        let _ = self.stopped.await;
    }
}

fn router(base: &str, root: &std::path::Path, errors: &[Report], shared: &Arc<Shared>) -> Router {
    let stream = dev_loop::error_stream(base, Some(root), errors, Arc::clone(shared));
    let (base, errors) = (base.to_owned(), errors.to_vec());
    embedded::client_router(&base).merge(stream).fallback(move |request: Request| {
        let id = RequestId::of(request.headers());
        let response = if page::wants_html(request.headers()) {
            let prefix = request.extensions().get().map_or("", Prefix::as_str);
            html(page(&format!("{prefix}{base}"), &errors))
        } else {
            let error = Error::new(
                Code::Unavailable,
                "no version of the app runs: open the app in a browser to see why",
            );
            encode::problem(&error.with_retry_after(1), &id)
        };
        std::future::ready(response)
    })
}

fn html(page: String) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Returns a page that lists the errors as text, with the base path as a browser sees it; its script shows them in the overlay as well.
fn page(base: &str, errors: &[Report]) -> String {
    let list: String = errors
        .iter()
        .map(|report| format!("<pre>{}</pre>\n", page::escape(&report.plain())))
        .collect();
    let reload = page::escape(&embedded::client_path(base, "dev/reload.js"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>The app does not run</title>\n\
         <script type=\"module\" src=\"{reload}\"></script>\n</head>\n<body>\n\
         <main>\n<h1>The app does not run</h1>\n{list}</main>\n</body>\n</html>\n"
    )
}
