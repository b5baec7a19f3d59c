//! What answers while no version of the app does: what is wrong, and a retry for programs.

use std::{sync::Arc, time::Duration};

use axum::{Router, body::Body, extract::Request, response::Response};
use http::{HeaderValue, StatusCode, header};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use crate::{
    action::{Guards, Limits, States},
    dev::{dev_loop, handoff::Socket, report::Report},
    error::{Code, Error},
    header::RequestId,
    page::{self, embedded},
    request::encode,
    server::{Addresses, ServeLimits, Shared, Shutdown, serve},
    stream::Drain,
};

/// How long its connections are waited for when a version of the app takes over.
const DRAIN: Duration = Duration::from_millis(500);

/// A server on the app's own socket. Dropping it stops it.
#[derive(Debug)]
pub(super) struct Fallback {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl Fallback {
    /// Serves what is wrong; `base` is the app's base path.
    pub(super) fn start(
        socket: &Socket,
        base: &str,
        root: &std::path::Path,
        wrong: &[Report],
    ) -> std::io::Result<Self> {
        let (listener, handoff) = socket.try_clone()?.open()?;
        let limits = ServeLimits { drain: DRAIN, ..ServeLimits::default() };
        let shared = Arc::new(Shared {
            guards: Guards::default(),
            states: States::default(),
            limits: Limits::new(),
            addresses: Addresses::new(Vec::new()),
            streams_per_address_max: limits.streams_per_address_max,
            drain: Drain::default(),
            calls: TaskTracker::new(),
        });
        let router = router(base, root, wrong, &shared);
        let (stop, told) = oneshot::channel();
        let (has_stopped, stopped) = oneshot::channel();
        // Ends once it is told to stop, and what it has left is fetched.
        tokio::spawn(async move {
            let (leave, left) = mpsc::unbounded_channel();
            let stop = async {
                _ = told.await;
                Shutdown::HandOff(leave)
            };
            let inherited = || handoff.clone().take();
            let served =
                serve::serve_in_turn(listener, router, shared, limits, inherited, stop).await;
            if let Err(error) = served {
                tracing::warn!(%error, "the socket has failed");
            }
            let _ = has_stopped.send(());
            handoff.put_all(left).await;
        });
        Ok(Self { stop, stopped })
    }

    /// Stops accepting, and lets those who are answered have their answers.
    pub(super) async fn stop(self) {
        // It may have stopped by itself.
        let _ = self.stop.send(());
        let _ = self.stopped.await;
    }
}

fn router(base: &str, root: &std::path::Path, wrong: &[Report], shared: &Arc<Shared>) -> Router {
    let stream = dev_loop::wrong_stream(base, Some(root), wrong, Arc::clone(shared));
    let page = page(base, wrong);
    embedded::client_router(base).merge(stream).fallback(move |request: Request| {
        let id = RequestId::of(request.headers());
        let response = if page::wants_html(request.headers()) {
            html(&page)
        } else {
            let error = Error::new(Code::Unavailable, "no version of the app runs: see its pages");
            encode::problem(&error.with_retry_after(1), &id)
        };
        std::future::ready(response)
    })
}

fn html(page: &str) -> Response {
    let mut response = Response::new(Body::from(page.to_owned()));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// Returns a page that says it without a script, and shows it as everywhere else with one.
fn page(base: &str, wrong: &[Report]) -> String {
    let said: String = wrong
        .iter()
        .map(|report| format!("<pre>{}</pre>\n", page::escape(&report.plain())))
        .collect();
    let reload = page::escape(&embedded::client_path(base, "dev/reload.js"));
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<title>The app does not run</title>\n\
         <script type=\"module\" src=\"{reload}\"></script>\n</head>\n<body>\n\
         <h1>The app does not run</h1>\n{said}</body>\n</html>\n"
    )
}
