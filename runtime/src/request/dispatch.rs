//! One request from head to response. The order of the steps is seen here and nowhere else.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use axum::{body::Body, extract::Request, response::Response};
use http::{HeaderValue, Method, header};
use tracing::{Instrument, Span};

use crate::{
    action::{Action, Bounds, Context, Input, Outgoing, States},
    error::{Code, Error, Result, catch_panic, problem},
    header::{RequestId, accept},
    request::{decode, encode, route::Endpoint, shield::Shield, within::within},
    schema::Shape,
    server::{Peer, Permit, Shared, addresses},
    stream::{DetachedStream, EventStream, Pipe, StreamAction, StreamBody, Watch},
};

/// Marks an action that answers once.
#[derive(Debug)]
pub enum Call {}

/// Marks an action that streams.
#[derive(Debug)]
pub enum Stream {}

/// An input that something runs. `K` tells the two kinds apart, so that one `#[action]` does for
/// both: the compiler finds the kind whose trait is there.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[action]`, but nothing that runs it",
    label = "neither `Action` nor `StreamAction` is implemented for this",
    note = "write `impl kipo::Action for {Self}`, or `impl kipo::StreamAction for {Self}`"
)]
pub trait Served<K>: Input {
    /// Returns the action behind plain functions.
    fn endpoint() -> Endpoint;
}

impl<A: Action> Served<Call> for A {
    fn endpoint() -> Endpoint {
        Endpoint {
            serve: |shared, name, request| Box::pin(call::<A>(shared, name, request)),
            describe: Shape::of_call::<A>,
        }
    }
}

impl<A: StreamAction> Served<Stream> for A {
    fn endpoint() -> Endpoint {
        Endpoint {
            serve: |shared, name, request| Box::pin(stream::<A>(shared, name, request)),
            describe: Shape::of_stream::<A>,
        }
    }
}

/// Returns the endpoint of an action, of whichever kind it is.
#[must_use]
pub fn endpoint<A: Served<K>, K>() -> Endpoint {
    A::endpoint()
}

/// Runs one call. Every failure becomes a response, so there is no error to pass on.
async fn call<A: Action>(shared: Arc<Shared>, name: Arc<str>, request: Request) -> Response {
    let (cx, body) = receive(&shared, request);
    let span = tracing::info_span!("call", action = %name, request_id = %cx.request_id());
    let bounds = A::LIMITS.within(shared.limits);
    let outcome = async {
        not_draining(&shared)?;
        method(&cx, &[Method::POST], "POST")?;
        accepts_json(&cx)?;
        let action = admit::<A>(&shared, &cx, body, bounds).await?;
        to_end(&shared, &cx, bounds, action.call(cx.clone())).await
    };
    answer(&cx, catch_panic(outcome).instrument(span).await)
}

/// Runs one stream, or what the action does for clients that take none.
async fn stream<A: StreamAction>(
    shared: Arc<Shared>,
    name: Arc<str>,
    request: Request,
) -> Response {
    let peer = request.extensions().get::<Peer>().cloned();
    let (cx, body) = receive(&shared, request);
    let span = tracing::info_span!("stream", action = %name, request_id = %cx.request_id());
    let bounds = A::LIMITS.within(shared.limits);
    if !accept::admits(cx.headers(), "text", "event-stream") {
        let outcome = async {
            not_draining(&shared)?;
            method(&cx, &[Method::POST], "GET, POST")?;
            let action = admit::<A>(&shared, &cx, body, bounds).await?;
            to_end(&shared, &cx, bounds, action.call(cx.clone())).await
        };
        return answer(&cx, catch_panic(outcome).instrument(span).await);
    }
    let outcome = async {
        not_draining(&shared)?;
        method(&cx, &[Method::GET, Method::POST], "GET, POST")?;
        let action = admit::<A>(&shared, &cx, body, bounds).await?;
        Ok((action, permit(&shared, &cx, peer.as_ref())?))
    };
    match catch_panic(outcome).instrument(span.clone()).await {
        Ok((action, permit)) => {
            let cx = cx.detached();
            let headers = cx.clone();
            let body = body_of(action, cx, bounds, shared.drain.watch(), permit, span);
            open(&headers, body, peer.and_then(|peer| peer.detached_stream))
        }
        Err(error) if retries_by_itself(&cx, &error) => encode::come_back(&error, cx.request_id()),
        Err(error) => answer::<()>(&cx, Err(error)),
    }
}

/// Refuses what comes once the server goes away: its successor has more time.
fn not_draining(shared: &Shared) -> Result<()> {
    if shared.drain.has_begun() {
        let error = Error::new(Code::Overloaded, "the server restarts: try again in a moment");
        return Err(error.with_retry_after(1));
    }
    Ok(())
}

/// Takes a permit for a stream among those of its client's address, if they are counted.
fn permit(shared: &Shared, cx: &Context, peer: Option<&Peer>) -> Result<Option<Permit>> {
    let address = peer.and_then(|peer| shared.addresses.of_stream(peer.address.ip(), cx.headers()));
    let Some(address) = address else { return Ok(None) };
    let permit = shared.addresses.streams.take(address, shared.streams_per_address_max);
    permit.map(Some).ok_or_else(|| addresses::full("streams"))
}

/// Returns whether the client is one that takes an error for the end, but would come back to a
/// stream.
fn retries_by_itself(cx: &Context, error: &Error) -> bool {
    encode::passes(error) && cx.method() == Method::GET && accept::names_streams(cx.headers())
}

/// Answers with a stream.
fn open(cx: &Context, body: StreamBody, detached_stream: Option<DetachedStream>) -> Response {
    let mut response = match detached_stream {
        None => encode::stream(Body::new(body), cx.request_id()),
        Some(detached_stream) => {
            let silent = Body::new(detached_stream.put(body));
            let mut response = encode::stream(silent, cx.request_id());
            // Nothing that could read another request is left by then.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    };
    cx.take_headers(response.headers_mut());
    response
}

/// Returns a stream that runs as its body is read.
pub(crate) fn body_of<A: StreamAction>(
    action: A,
    cx: Context,
    bounds: Bounds,
    drain: Watch,
    permit: Option<Permit>,
    span: Span,
) -> StreamBody {
    let pipe = Arc::new(Pipe::new(bounds.ping));
    let id = cx.headers().get("last-event-id").filter(|id| !id.is_empty());
    // An id that is not text is still an id, and one that nobody gave.
    let out = EventStream::new(Arc::clone(&pipe), id.map(|id| id.to_str().unwrap_or("\u{fffd}")));
    let request_id = cx.request_id().clone();
    let id = request_id.clone();
    let running = async move {
        let _permit = permit;
        let ended = match action.stream(cx, out).await {
            Ok(output) => {
                let mut json = Vec::new();
                output.write(&mut json).map(|()| json).map_err(Error::internal)
            }
            Err(error) => Err(error),
        };
        ended.map_err(|error| problem::json(&error, &id))
    };
    StreamBody::new(
        // A span costs a few hundred bytes and some work with each poll; where nobody listens it
        // is left out.
        if span.is_disabled() { Box::pin(running) } else { Box::pin(running.instrument(span)) },
        pipe,
        bounds,
        drain,
        Box::new(move |error| problem::json(error, &request_id)),
    )
}

/// Splits a request into what an action may know of it and its body.
fn receive(shared: &Shared, request: Request) -> (Context, Body) {
    let (head, body) = request.into_parts();
    (of_head(head, shared.states.clone()), body)
}

/// Returns what may be known of a request whose body nobody reads.
pub(crate) fn context(request: Request, states: States) -> Context {
    of_head(request.into_parts().0, states).without_effects()
}

fn of_head(head: http::request::Parts, states: States) -> Context {
    let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let peer = head.extensions.get::<Peer>().map_or(unknown, |peer| peer.address);
    let id = RequestId::of(&head.headers);
    Context::new(head, peer, id, states)
}

/// Lets the guards decide, and reads the input only then.
async fn admit<A: Input>(shared: &Shared, cx: &Context, body: Body, bounds: Bounds) -> Result<A> {
    shared.guards.admit(cx).await?;
    if cx.method() == Method::GET {
        return decode::query(cx.uri().query());
    }
    decode::body(cx.headers(), body, bounds.body_bytes_max).await
}

fn method(cx: &Context, allowed: &[Method], allow: &'static str) -> Result<()> {
    if allowed.contains(cx.method()) { Ok(()) } else { Err(Error::method_not_allowed(allow)) }
}

fn accepts_json(cx: &Context) -> Result<()> {
    if accept::admits(cx.headers(), "application", "json") {
        return Ok(());
    }
    Err(Error::new(Code::NotAcceptable, "this action answers application/json"))
}

/// Runs a call to its end, within its time.
async fn to_end<T: Send + 'static>(
    shared: &Shared,
    cx: &Context,
    bounds: Bounds,
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let timeout = bounds.timeout;
    let call = async move {
        within(timeout, call)
            .await
            .unwrap_or_else(|_| Err(Error::new(Code::Timeout, "this took longer than it may")))
    };
    Shield::new(call, cx.clone(), shared.calls.clone()).await
}

fn answer<T: Outgoing>(cx: &Context, outcome: Result<T>) -> Response {
    let mut response = match outcome {
        Ok(output) => encode::output(&output, cx.request_id()),
        Err(error) => encode::problem(&error, cx.request_id()),
    };
    cx.take_headers(response.headers_mut());
    cx.take_effects(response.headers_mut());
    response
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http_body_util::BodyExt as _;

    use super::*;
    use crate::app::App;

    /// Says nothing for ever.
    #[crate::action]
    struct Still;

    #[derive(crate::Event)]
    enum Nothing {}

    impl StreamAction for Still {
        type Event = Nothing;
        type Output = ();

        async fn stream(self, _cx: Context, _out: EventStream<Nothing>) -> Result<()> {
            std::future::pending().await
        }
    }

    /// Asks a server that goes away, and returns the answer with its body.
    async fn ask(method: &str, accept: &str) -> (http::response::Parts, String) {
        let shared = App::new().build().unwrap().shared;
        shared.drain.begin(Duration::from_secs(1)).await;
        let request = Request::builder().method(method).header(header::ACCEPT, accept);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let response = stream::<Still>(shared, "Still".into(), request.body("{}".into()).unwrap());
        let (head, body) = response.await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8(body.to_vec()).unwrap())
    }

    #[tokio::test]
    async fn a_server_that_goes_away_sends_new_streams_to_its_successor() {
        let (head, body) = ask("GET", "text/event-stream").await;
        assert_eq!(head.status, 200);
        let delay: u64 = body.trim().strip_prefix("retry: ").unwrap().parse().unwrap();
        assert!((1000..=2000).contains(&delay), "{body}");
    }

    #[tokio::test]
    async fn a_server_that_goes_away_refuses_what_can_read_an_error() {
        for (method, accept) in
            [("POST", "text/event-stream"), ("POST", "application/json"), ("GET", "*/*")]
        {
            let (head, body) = ask(method, accept).await;
            assert_eq!(head.status, 503, "{method} {accept}: {body}");
            assert_eq!(head.headers[header::RETRY_AFTER], "1");
        }
    }
}
