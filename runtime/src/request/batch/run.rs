//! Several calls in one request: `POST {base}/batch`.
//!
//! The body is a list of calls. Each of them runs as it does alone: its guards, its values, its limits
//! and its outcome are its own. The response is one line of JSON for each call, in the order in which
//! they end.

use std::{
    collections::HashMap,
    convert::Infallible,
    future::poll_fn,
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderValue, Method, header};
use http_body::Frame;
use http_body_util::BodyExt as _;
use serde_json::{Map, Value, json};

use crate::{
    action::{Context, Encoded, Limits},
    error::{Code, Error, Result, catch_panic},
    header::RequestId,
    request::{
        batch::{
            late_cookies,
            part::{Call, Head},
        },
        decode, dispatch, encode,
        meter::UnknownCalls,
        route::Route,
    },
    server::Shared,
};

/// The most calls of one batch: a page that needs more shows a list, and asks for it by one call.
const CALLS_MAX: usize = 100;

/// The actions that a batch may call, by name.
#[derive(Debug)]
pub(crate) struct Batch {
    shared: Arc<Shared>,
    /// The path above the actions.
    actions: String,
    routes: HashMap<Arc<str>, Arc<Route>>,
    unknown_calls: UnknownCalls,
}

impl Batch {
    pub(crate) fn new(
        base: &str,
        shared: &Arc<Shared>,
        routes: &[Arc<Route>],
        unknown_calls: UnknownCalls,
    ) -> Self {
        let by_name = routes.iter().map(|route| (Arc::clone(&route.name), Arc::clone(route)));
        let actions = format!("{base}/actions/");
        Self { shared: Arc::clone(shared), actions, routes: by_name.collect(), unknown_calls }
    }

    /// Runs a batch. Every error becomes a response, so this function returns none.
    pub(crate) async fn run(&self, request: Request) -> Response {
        let head = Head::of(&request);
        let (cx, body) = dispatch::receive(&self.shared, request);
        match catch_panic(self.calls(&cx, body)).await {
            Ok(calls) => {
                let running = calls.into_iter().enumerate();
                let running = running.map(|(part, call)| self.part(part, call, &head, &cx));
                respond(running.collect(), cx.request_id()).await
            }
            Err(error) => encode::problem(&error, cx.request_id()),
        }
    }

    /// Sets the cookies of a part that ended after the head of its batch was sent.
    pub(crate) async fn cookies(&self, request: Request) -> Response {
        let (cx, body) = dispatch::receive(&self.shared, request);
        let outcome = async {
            dispatch::method(cx.method() == Method::POST, "POST")?;
            // The guards have run for the part whose cookies these are.
            self.shared.guards.origin.admit(&cx)?;
            let claim = decode::read(body, late_cookies::CLAIM_BYTES_MAX).await?;
            late_cookies::take(&claim)
                .ok_or_else(|| Error::not_found("this node retains no such cookies"))
        };
        match catch_panic(outcome).await {
            Ok(cookies) => {
                let empty = Encoded { json: None };
                let mut response = encode::output(empty, None, None, cx.request_id());
                for cookie in cookies {
                    response.headers_mut().append(header::SET_COOKIE, cookie);
                }
                response
            }
            Err(error) => encode::problem(&error, cx.request_id()),
        }
    }

    /// Reads the calls of a batch.
    ///
    /// The guards of the app run for each part and not for the batch: a guard that counts counts each
    /// call once, as alone, and one that refuses is the error of its part. So the body is read before
    /// them. That gives a stranger nothing: the body is bounded by the app's limit and by the time without
    /// progress, as that of a public action is, and nothing of it runs. The check of the origin looks
    /// at the fields alone, so a page of another site is refused before the body is read.
    async fn calls(&self, cx: &Context, body: Body) -> Result<Vec<Call>> {
        dispatch::not_draining(&self.shared)?;
        dispatch::method(cx.method() == Method::POST, "POST")?;
        self.shared.guards.origin.admit(cx)?;
        let bytes_max = Limits::new().within(self.shared.limits).body_bytes_max;
        let body = decode::json_body(cx.headers(), body, bytes_max).await?;
        let calls: Vec<Value> = serde_json::from_slice(&body)
            .map_err(|_| Error::bad_request("a batch is a list of calls"))?;
        if calls.is_empty() || calls.len() > CALLS_MAX {
            let message = format!("a batch has 1 to {CALLS_MAX} calls, not {}", calls.len());
            return Err(Error::bad_request(message));
        }
        let call = |call| {
            serde_json::from_value(call).map_err(|_| {
                Error::bad_request("each call of a batch is `{ \"action\": …, \"input\": { … } }`")
            })
        };
        calls.into_iter().map(call).collect()
    }

    /// Returns the running part of one call.
    fn part(&self, index: usize, call: Call, head: &Head, cx: &Context) -> Running {
        let headers = head.headers(&call, index, cx.request_id());
        let id = RequestId::of(&headers);
        let request = self.route(&call.action).and_then(|route| {
            let request = head.request(call, &route, &self.actions, headers)?;
            Ok((route, request))
        });
        match request {
            Ok((route, mut request)) => {
                let peer = request.extensions_mut().remove();
                (route.endpoint.serve)(Arc::clone(&self.shared), route, request, peer)
            }
            Err(error) => Box::pin(async move { encode::problem(&error, &id) }),
        }
    }

    /// Returns the action of a part.
    fn route(&self, name: &str) -> Result<Arc<Route>> {
        let Some(route) = self.routes.get(name) else {
            self.unknown_calls.count();
            return Err(Error::not_found(format!("there is no action `{name}`")));
        };
        if route.endpoint.is_stream {
            let message = format!("`{name}` streams: a part of a batch cannot stream");
            return Err(Error::new(Code::NotAcceptable, message));
        }
        if route.endpoint.returns_file {
            let message = format!("`{name}` returns a file, which a part of a batch cannot carry");
            return Err(Error::new(Code::NotAcceptable, message));
        }
        Ok(Arc::clone(route))
    }
}

/// The response of a part, while its call runs.
type Running = Pin<Box<dyn Future<Output = Response> + Send>>;

/// Waits for the first part, and returns a response whose body has the others. Its head has the cookies
/// of all parts that have ended by then.
async fn respond(running: Vec<Running>, id: &RequestId) -> Response {
    let mut lines = Lines { running: running.into_iter().map(Some).collect(), ended: Vec::new() };
    poll_fn(|task| {
        lines.poll_parts(task);
        if lines.ended.is_empty() { Poll::Pending } else { Poll::Ready(()) }
    })
    .await;
    let cookies: Vec<HeaderValue> =
        lines.ended.iter_mut().flat_map(|(_, part)| take_cookies(part)).collect();
    let mut response = encode::lines(Body::new(lines), id);
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// Removes the cookies of a part's response.
fn take_cookies(part: &mut Response) -> Vec<HeaderValue> {
    match part.headers_mut().entry(header::SET_COOKIE) {
        header::Entry::Occupied(cookies) => cookies.remove_entry_mult().1.collect(),
        header::Entry::Vacant(_) => Vec::new(),
    }
}

/// The body of a batch's response: reading it runs the calls.
struct Lines {
    /// `None` once a part has ended.
    running: Vec<Option<Running>>,
    /// The parts that have ended and are not yet written.
    ended: Vec<(usize, Response)>,
}

impl Lines {
    /// Runs all parts until each waits or ends.
    fn poll_parts(&mut self, task: &mut Task<'_>) {
        for (index, slot) in self.running.iter_mut().enumerate() {
            if let Some(part) = slot
                && let Poll::Ready(response) = part.as_mut().poll(task)
            {
                *slot = None;
                self.ended.push((index, response));
            }
        }
    }
}

impl http_body::Body for Lines {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut Task<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.poll_parts(task);
        let ended = std::mem::take(&mut self.ended);
        if ended.is_empty() {
            let all_ended = self.running.iter().all(Option::is_none);
            return if all_ended { Poll::Ready(None) } else { Poll::Pending };
        }
        let mut text = Vec::new();
        for (index, response) in ended {
            write_line(&mut text, index, response, task);
        }
        Poll::Ready(Some(Ok(Frame::data(text.into()))))
    }
}

/// Writes one part as a line.
fn write_line(text: &mut Vec<u8>, index: usize, mut response: Response, task: &mut Task<'_>) {
    let cookies = take_cookies(&mut response);
    let (head, body) = response.into_parts();
    // The response of a call is whole, so its body is ready.
    let body = match std::pin::pin!(body.collect()).poll(task) {
        Poll::Ready(Ok(body)) => body.to_bytes(),
        Poll::Ready(Err(_)) | Poll::Pending => Bytes::new(),
    };
    let mut headers = Map::new();
    for (name, value) in &head.headers {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.insert(name.as_str().to_owned(), value.into());
    }
    let mut line = json!({ "part": index, "status": head.status.as_u16(), "headers": headers });
    if !cookies.is_empty() {
        line["cookies"] = late_cookies::retain(cookies).into();
    }
    let line = line.to_string();
    if body.is_empty() {
        text.extend_from_slice(line.as_bytes());
    } else {
        // As it was written: a number keeps all its digits, and JSON has no line break.
        text.extend_from_slice(&line.as_bytes()[..line.len() - 1]);
        text.extend_from_slice(b",\"body\":");
        text.extend_from_slice(&body);
        text.push(b'}');
    }
    text.push(b'\n');
}
