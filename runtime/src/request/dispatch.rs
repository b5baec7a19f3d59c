//! One request from its head to its response. Only this file decides the order of the steps.

use std::{
    any::TypeId,
    marker::PhantomData,
    net::{Ipv4Addr, SocketAddr},
    pin::{Pin, pin},
    sync::Arc,
};

use axum::{body::Body, extract::Request, response::Response};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};
use schemars::SchemaGenerator;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::{
    action::{
        Action, BodyForm, Bounds, Claims, Context, Digest, Encoded, Fault, Input, InputMethod,
        Lead, Outgoing, Outputs, ResponseMax, States, Values as _,
    },
    error::{ActionError, Code, Error, Result, catch_panic},
    header::{RequestId, accept},
    metrics::{ActionMeter, RunningCall, StreamMeter},
    request::{
        cached::{self, Origin},
        decode::{self, Referenced},
        encode,
        limits::{RunPermit, Stopwatch},
        meter,
        route::{Endpoint, Route},
        shield::Shield,
        uploads::use_up,
        within::within,
    },
    schema::Shape,
    server::{Peer, Permit, Shared, addresses},
    stream::{DetachedStream, EventStream, Pipe, Running, Start, StreamAction, StreamBody, Watch},
};

/// The kind of an action that implements [`Action`], with errors of the type `E`.
#[derive(Debug)]
pub struct Call<E>(PhantomData<E>);

/// The kind of an action that implements [`StreamAction`], with errors of the type `E`.
#[derive(Debug)]
pub struct Stream<E>(PhantomData<E>);

/// An input whose action is implemented. `K` is its kind, [`Call`] or [`Stream`]: the compiler
/// infers it from the implemented trait, so one attribute, `#[action]`, serves both kinds.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has `#[action]`, but nothing that runs it",
    label = "neither `Action` nor `StreamAction` is implemented for this",
    note = "write `impl kipo::Action for {Self}`, or `impl kipo::StreamAction for {Self}`"
)]
pub trait Served<K>: Input {}

impl<A: Action<E>, E> Served<Call<E>> for A {}

impl<A: StreamAction<E>, E> Served<Stream<E>> for A {}

/// The kind of the action `A`. It alone asks for [`ActionError`]: the compiler reports a wrong type of
/// errors once, after it has inferred the kind.
pub trait KindOf<A> {
    /// Returns the functions that serve and describe the action.
    fn endpoint() -> Endpoint;
}

impl<A: Action<E>, E: ActionError> KindOf<A> for Call<E> {
    fn endpoint() -> Endpoint {
        Endpoint {
            action: TypeId::of::<A>,
            limits: A::LIMITS,
            is_stream: false,
            serve: |shared, route, request, peer| {
                Box::pin(call::<A, E>(shared, route, request, peer.as_ref()))
            },
            describe: Shape::of_call::<A, E>,
            error_codes: error_codes::<E>,
            method: A::METHOD,
            form: form_of::<A>(),
            fields: A::FIELDS,
            returns_file: A::Output::IS_DOWNLOAD,
            fault: call_fault::<A>().or_else(|| {
                let is_cached = A::Output::IS_DOWNLOAD && A::CACHE.is_on();
                is_cached.then_some("a `Download` is not cached: leave out `CACHE`")
            }),
            cache: A::CACHE.overview(),
            ignores_values: A::CACHE.ignores_values(),
        }
    }
}

impl<A: StreamAction<E>, E: ActionError> KindOf<A> for Stream<E> {
    fn endpoint() -> Endpoint {
        Endpoint {
            action: TypeId::of::<A>,
            limits: A::LIMITS,
            is_stream: true,
            serve: |shared, route, request, peer| {
                Box::pin(stream::<A, E>(shared, route, request, peer))
            },
            describe: Shape::of_stream::<A, E>,
            error_codes: error_codes::<E>,
            method: A::METHOD,
            form: form_of::<A>(),
            fields: A::FIELDS,
            returns_file: false,
            fault: stream_fault::<A>().or(A::Output::IS_DOWNLOAD
                .then_some("a stream does not return a `Download`: only a call does")),
            cache: None,
            ignores_values: false,
        }
    }
}

/// Returns the codes of the errors that only this type has.
fn error_codes<E: ActionError>() -> Vec<&'static str> {
    let variants = E::variants(&mut SchemaGenerator::default());
    variants.into_iter().map(|variant| variant.code).collect()
}

/// Returns the form of a body: one with a field that is a file is a multipart form.
fn form_of<A: Input>() -> BodyForm {
    match A::FORM {
        BodyForm::Fields if A::FIELDS.iter().any(|field| field.file().is_some()) => {
            BodyForm::Multipart
        }
        form => form,
    }
}

/// Returns what an input says that a call cannot have.
fn call_fault<A: Input>() -> Option<&'static str> {
    let is_wrong = A::METHOD.is_safe() && form_of::<A>() == BodyForm::Multipart;
    is_wrong.then_some("a GET has no body, so it cannot send a file: leave out `method = \"GET\"`")
}

/// Returns what an input says that a stream cannot have.
fn stream_fault<A: Input>() -> Option<&'static str> {
    let is_plain = A::METHOD == InputMethod::Post && A::FORM == BodyForm::Fields;
    (!is_plain).then_some(
        "a stream is opened by GET and by POST, with fields: it has no method, no `RawBody` and no `Json`",
    )
}

/// Returns the endpoint of an action of either kind.
#[must_use]
pub fn endpoint<A: Served<K>, K: KindOf<A>>() -> Endpoint {
    K::endpoint()
}

/// Runs one call. Every error becomes a response, so this function returns none.
///
/// It is no `async fn`: the future of one has space for its arguments, also once they are used up.
fn call<A: Action<E>, E: ActionError>(
    shared: Arc<Shared>,
    route: Arc<Route>,
    request: Request,
    peer: Option<&Peer>,
) -> impl Future<Output = Response> + Send + use<A, E> {
    let (cx, body) = received(&shared, request, peer);
    run_call::<A, E>(shared, route, cx, body)
}

async fn run_call<A: Action<E>, E: ActionError>(
    shared: Arc<Shared>,
    route: Arc<Route>,
    cx: Context,
    body: Body,
) -> Response {
    let running = route.meter.begin_call();
    let span = tracing::info_span!("call", action = %route.name, request_id = %cx.request_id());
    let bounds = A::LIMITS.within(shared.limits);
    // Pinned here: each function that takes a future by its value has space for it once more.
    let outcome = pin!(async {
        not_draining(&shared)?;
        method(A::METHOD.allows(cx.method()), A::METHOD.allow())?;
        if !A::Output::IS_DOWNLOAD {
            accepts_json(&cx)?;
        }
        let is_cached = A::CACHE.is_on();
        let (action, input, claims) =
            match admit::<A>(&shared, &route, &cx, body, &bounds, is_cached).await? {
                Admitted::Run(action, input, claims) => (action, input, claims),
                Admitted::Repeated(output) => return Ok(Output::Json(output, None)),
            };
        match input {
            None => {
                let call = action.call(cx.clone());
                let call = async { call.await.map_err(E::into_error) };
                let output = run_with(claims, &shared, &route, &cx, bounds, call).await?;
                match output.download() {
                    None => Ok(Output::Json(encoded(&output, bounds.response_max)?, None)),
                    // In a box of its own: other calls need no space for it. So is that of a cache.
                    Some(file) => {
                        let response = Box::pin(file.respond(cx.method(), cx.headers())).await?;
                        Ok(Output::File(Box::new(response)))
                    }
                }
            }
            Some(input) => {
                let cached = Box::pin(cached(&shared, &route, &cx, bounds, action, input)).await?;
                if let Some(claims) = claims {
                    Box::pin(claims.use_up(Some(cached.0.json.clone()))).await;
                }
                Ok(Output::Json(cached.0, cached.1))
            }
        }
    });
    respond_to_call(&cx, outcome, &route.meter, running).instrument(span).await
}

/// Returns the output of an action with a cache, from its cache or from the action.
async fn cached<A: Action<E>, E: ActionError>(
    shared: &Shared,
    route: &Route,
    cx: &Context,
    bounds: Bounds,
    action: A,
    input: Digest,
) -> Result<(Encoded, Option<Origin>)> {
    let outputs = shared.states.get::<Outputs>()?;
    let key = A::CACHE.key(&route.name, &action, &input, cx);
    let deadline = Instant::now() + bounds.timeout;
    let compute = |lead: Option<Lead>| {
        let (outputs, caller, seen) = (outputs.clone(), cx.clone(), A::CACHE.context(cx));
        // If it is dropped, by an error, a panic or its timeout, the next caller computes.
        let pending = lead.map(|lead| A::CACHE.pending(&outputs, lead, &action));
        let call = async move {
            let outcome = action.call(seen.clone()).await;
            let is_private = seen.move_additions(&caller);
            let encoded = encoded(&outcome.map_err(E::into_error)?, bounds.response_max)?;
            match pending {
                Some(pending) if is_private => pending.keep_private(),
                Some(pending) => outputs.land(pending, encoded.clone()),
                None => {}
            }
            Ok(encoded)
        };
        run_to_end(shared, route, cx, bounds, call)
    };
    let meter = &route.cache_meter;
    let (encoded, origin) = cached::output(&outputs, key, deadline, meter, compute).await?;
    Ok((encoded, Some(origin)))
}

/// Writes an output, unless it is larger than its limit.
fn encoded<T: Outgoing>(output: &T, max: ResponseMax) -> Result<Encoded> {
    let encoded = Encoded::of(output)?;
    max.check(encoded.json.as_ref().map_or(0, Bytes::len))?;
    Ok(encoded)
}

/// Runs one stream, or the call of the action for a client that does not accept a stream.
async fn stream<A: StreamAction<E>, E: ActionError>(
    shared: Arc<Shared>,
    route: Arc<Route>,
    request: Request,
    peer: Option<Peer>,
) -> Response {
    let (cx, body) = received(&shared, request, peer.as_ref());
    let span = tracing::info_span!("stream", action = %route.name, request_id = %cx.request_id());
    let bounds = A::LIMITS.within(shared.limits);
    if !accept::admits(cx.headers(), "text", "event-stream") {
        let running = route.meter.begin_call();
        let outcome = pin!(async {
            not_draining(&shared)?;
            method(*cx.method() == Method::POST, "GET, POST")?;
            let admitted = admit::<A>(&shared, &route, &cx, body, &bounds, false).await?;
            let (action, claims) = admitted.of_stream()?;
            let call = action.call(cx.clone());
            let output = run_with(claims, &shared, &route, &cx, bounds, call).await?;
            Ok(Output::Json(encoded(&output, bounds.response_max)?, None))
        });
        return respond_to_call(&cx, outcome, &route.meter, running).instrument(span).await;
    }
    let outcome = pin!(async {
        not_draining(&shared)?;
        method(matches!(*cx.method(), Method::GET | Method::POST), "GET, POST")?;
        let opening = Stopwatch::start(&bounds);
        let admitted = admit::<A>(&shared, &route, &cx, body, &bounds, false).await?;
        let (action, claims) = admitted.of_stream()?;
        let permits = (permit(&shared, &cx, peer.as_ref())?, route.limits.permit()?);
        if let Some(claims) = claims {
            Box::pin(claims.use_up(None)).await;
        }
        opening.stop(&route.name, &cx);
        Ok((action, permits))
    });
    let opening = async {
        let outcome = catch_panic(outcome).await;
        route.meter.count_stream(meter::code(&route.meter, &outcome));
        match outcome {
            Ok((action, permits)) => {
                let meter = route.meter.stream();
                let drain = shared.drain.watch();
                let body = body_of(action, &cx, bounds, drain, Some(permits), meter);
                let detached_stream = peer.as_ref().and_then(|peer| peer.detached_stream.clone());
                open_stream(&cx, body, detached_stream)
            }
            Err(error) if retries_only_a_stream(&cx, &error) => {
                encode::retry_later(&error, cx.request_id())
            }
            Err(error) => respond(&cx, Err(error)),
        }
    };
    // The span ends when the stream opens: a stream may be open for days.
    opening.instrument(span).await
}

/// Runs a call, counts it, and returns its response.
async fn respond_to_call(
    cx: &Context,
    outcome: Pin<&mut impl Future<Output = Result<Output>>>,
    meter: &ActionMeter,
    running: RunningCall<'_>,
) -> Response {
    let outcome = catch_panic(outcome).await;
    running.end(meter::code(meter, &outcome));
    respond(cx, outcome)
}

/// Refuses a request that arrives during the drain: the next server process will serve it.
pub(super) fn not_draining(shared: &Shared) -> Result<()> {
    if shared.drain.has_begun() {
        let error = Error::new(Code::Overloaded, "the server restarts: try again in a moment");
        return Err(error.with_retry_after(1));
    }
    Ok(())
}

/// Takes a permit for a stream from those of its client's address, if that address is counted.
fn permit(shared: &Shared, cx: &Context, peer: Option<&Peer>) -> Result<Option<Permit>> {
    let address = peer.and_then(|peer| shared.addresses.of_stream(peer.address.ip(), cx.headers()));
    let Some(address) = address else { return Ok(None) };
    let permit = shared.addresses.streams.take(address, shared.streams_per_address_max);
    permit.map(Some).ok_or_else(|| addresses::full("streams"))
}

/// Returns whether the client is an `EventSource`, which does not retry after an error status, and
/// the error is temporary.
fn retries_only_a_stream(cx: &Context, error: &Error) -> bool {
    encode::is_temporary(error) && cx.method() == Method::GET && accept::names_streams(cx.headers())
}

/// Returns the response for a stream, and passes its body to the connection if that can take it.
fn open_stream(
    cx: &Context,
    body: StreamBody,
    detached_stream: Option<DetachedStream>,
) -> Response {
    let mut response = match detached_stream {
        None => encode::stream(Body::new(body), cx.request_id()),
        Some(detached_stream) => {
            let empty = Body::new(detached_stream.put(body));
            let mut response = encode::stream(empty, cx.request_id());
            // The connection leaves hyper, so it cannot read another request.
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            response
        }
    };
    cx.take_headers(response.headers_mut());
    response
}

/// What a stream holds as long as it is open.
pub(crate) type StreamPermits = (Option<Permit>, RunPermit);

/// Returns the body of a stream. Reading the body runs the action.
pub(crate) fn body_of<A: StreamAction<E>, E: ActionError>(
    action: A,
    cx: &Context,
    bounds: Bounds,
    drain: Watch,
    permits: Option<StreamPermits>,
    meter: StreamMeter,
) -> StreamBody {
    let open = meter.open();
    let id = cx.headers().get("last-event-id").filter(|id| !id.is_empty());
    // An id that is not text is replaced by an id that no stream has given.
    let id = id.map(|id| id.to_str().unwrap_or("\u{fffd}"));
    let page_positions = cx.header("kipo-position").and_then(|positions| positions.parse().ok());
    let start = (id.is_some() || page_positions.is_some())
        .then(|| Start { last_event_id: id.map(Into::into), page_positions });
    let pipe = Arc::new(Pipe::new(&bounds, start, meter));
    let out = EventStream::new(Arc::clone(&pipe));
    let (cx, response_max) = (cx.detached(), bounds.response_max);
    let (request, ended) = (cx.clone(), cx.ended());
    let end = move |ended: Result<A::Output, E>| {
        let output = ended.map_err(E::into_error)?;
        let mut json = Vec::new();
        output.write(&mut json).map_err(Error::internal)?;
        response_max.check(json.len())?;
        Ok(json)
    };
    let running = Running::new(move || action.stream(cx, out), ended, end, (permits, open));
    StreamBody::new(Box::pin(running), pipe, bounds, drain, request)
}

/// Splits a request of a router into its context and its body.
pub(super) fn receive(shared: &Shared, mut request: Request) -> (Context, Body) {
    let peer = request.extensions_mut().remove();
    received(shared, request, peer.as_ref())
}

/// Splits a request of a peer into its context and its body.
fn received(shared: &Shared, request: Request, peer: Option<&Peer>) -> (Context, Body) {
    let (head, body) = request.into_parts();
    (context_of(head, peer, shared.states.clone()), body)
}

/// Returns the context of a request whose body is not read, such as that of a page.
pub(crate) fn context(mut request: Request, states: States) -> Context {
    let peer = request.extensions_mut().remove();
    context_of(request.into_parts().0, peer.as_ref(), states).of_page()
}

/// Returns the context of a request. Its extensions have no peer: that refers to the connection, which
/// must not be held by a request that it holds.
fn context_of(head: http::request::Parts, peer: Option<&Peer>, states: States) -> Context {
    let unknown = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0));
    let peer = peer.map_or(unknown, |peer| peer.address);
    let id = RequestId::of(&head.headers);
    Context::new(head, peer, id, states)
}

/// Asks the guards and the limits, takes the values of the `#[context]` fields, and then reads the
/// input. A rate by address stops a flood before anything of the action runs. A rate by session or
/// user comes after the proofs: a stranger reads what is missing, and takes no permit. The body of a
/// refused request is not read. `is_cached` asks for the digest of the input as well.
async fn admit<A: Input>(
    shared: &Shared,
    route: &Route,
    cx: &Context,
    body: Body,
    bounds: &Bounds,
    is_cached: bool,
) -> Result<Admitted<A>> {
    shared.guards.admit(cx, A::METHOD.is_safe()).await?;
    route.limits.admit(cx).await?;
    route.admit(cx).await?;
    let values = A::Values::take(cx).await?;
    route.limits.admit_visitor(cx).await?;
    if matches!(*cx.method(), Method::GET | Method::HEAD) {
        let query = cx.uri().query();
        let digest =
            is_cached.then(|| Digest::of_input("query", query.unwrap_or_default().as_bytes()));
        return Ok(Admitted::Run(decode::query(query, values)?, digest, None));
    }
    let mut received = decode::receive::<A>(cx, &route.name, body, bounds).await?;
    let claims = match received.referenced.take().map(|referenced| *referenced) {
        None => None,
        Some(Referenced { repeated: Some(output), .. }) => return Ok(Admitted::Repeated(output)),
        Some(Referenced { claims, .. }) => (!claims.is_empty()).then(|| Box::new(claims)),
    };
    let digest = match is_cached {
        true => Some(Box::pin(received.digest()).await?),
        false => None,
    };
    Ok(Admitted::Run(received.input(values)?, digest, claims))
}

/// What an admitted request does.
enum Admitted<A> {
    /// It runs the action, with the uploads that have arrived before.
    Run(A, Option<Digest>, Option<Box<Claims>>),
    /// Its call has run before, and its uploads are used.
    Repeated(Encoded),
}

impl<A> Admitted<A> {
    /// Returns the action of a stream, which has no outcome to repeat.
    fn of_stream(self) -> Result<(A, Option<Box<Claims>>)> {
        match self {
            Self::Run(action, _, claims) => Ok((action, claims)),
            Self::Repeated(_) => Err(Fault::Used.into()),
        }
    }
}

/// Refuses a request with another method.
pub(super) fn method(is_allowed: bool, allow: &'static str) -> Result<()> {
    if is_allowed { Ok(()) } else { Err(Error::method_not_allowed(allow)) }
}

fn accepts_json(cx: &Context) -> Result<()> {
    if accept::admits(cx.headers(), "application", "json") {
        return Ok(());
    }
    Err(Error::new(Code::NotAcceptable, "this action responds with application/json"))
}

/// Runs a call to its end or to its timeout, even if its client disconnects. Its permit to run is
/// released at that end.
async fn run_to_end<T: Send + 'static>(
    shared: &Shared,
    route: &Route,
    cx: &Context,
    bounds: Bounds,
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let permit = route.limits.permit()?;
    let (name, context) = (Arc::clone(&route.name), cx.clone());
    let call = async move {
        let _permit = permit;
        let run = Stopwatch::start(&bounds);
        let too_slow = || Error::new(Code::Timeout, "the action took longer than its time limit");
        let outcome = within(bounds.timeout, pin!(call)).await;
        let outcome = outcome.unwrap_or_else(|_| Err(too_slow()));
        run.stop(&name, &context);
        outcome
    };
    Shield::new(call, cx.clone(), shared.calls.clone()).await
}

/// Runs a call to its end, and uses up the uploads that it takes.
async fn run_with<T: Outgoing + Send + 'static>(
    claims: Option<Box<Claims>>,
    shared: &Shared,
    route: &Route,
    cx: &Context,
    bounds: Bounds,
    call: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    match claims {
        None => run_to_end(shared, route, cx, bounds, call).await,
        // In a box of its own: other calls need no space for it.
        Some(claims) => Box::pin(run_to_end(shared, route, cx, bounds, use_up(claims, call))).await,
    }
}

/// Returns the fields of a request that only reads. They may name an output that the client has.
fn conditions(cx: &Context) -> Option<&HeaderMap> {
    matches!(*cx.method(), Method::GET | Method::HEAD).then(|| cx.headers())
}

/// The output of a call.
enum Output {
    /// With where it came from, if the action has a cache.
    Json(Encoded, Option<Origin>),
    File(Box<Response>),
}

fn respond(cx: &Context, outcome: Result<Output>) -> Response {
    let mut response = match outcome {
        Ok(Output::Json(output, origin)) => {
            encode::output(output, origin, conditions(cx), cx.request_id())
        }
        Ok(Output::File(response)) => encode::file(*response, cx.request_id()),
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
    use crate::{
        app::App,
        request::{AppLimits, route},
        session::Sessions,
    };

    /// Sends no event and never ends.
    #[crate::action]
    struct SendsNothing;

    #[derive(crate::Event)]
    enum Nothing {}

    impl StreamAction for SendsNothing {
        type Event = Nothing;
        type Output = ();

        async fn stream(self, _cx: Context, _out: EventStream<Nothing>) -> Result<()> {
            std::future::pending().await
        }
    }

    /// Sends a request to a server that drains, and returns the head and the body of the response.
    async fn request_during_drain(method: &str, accept: &str) -> (http::response::Parts, String) {
        let app = App::new().sessions(Sessions::in_memory());
        let shared = app.build().unwrap().shared;
        shared.drain.begin(Duration::from_secs(1)).await;
        let routes = route::collect(&shared.states, &[], &AppLimits::default()).unwrap();
        let route =
            routes.iter().find(|route| &*route.name == "request.dispatch.tests.SendsNothing");
        let route = Arc::clone(route.unwrap());
        let request = Request::builder().method(method).header(header::ACCEPT, accept);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.body("{}".into()).unwrap();
        let response = stream::<SendsNothing, _>(shared, route, request, None);
        let (head, body) = response.await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        (head, String::from_utf8(body.to_vec()).unwrap())
    }

    /// A box that holds it is copied for each call, and allocators have a quick way for a kilobyte.
    #[test]
    fn the_future_of_a_call_is_small() {
        #[crate::action]
        async fn answers_at_once(_cx: Context) -> Result<u32> {
            Ok(1)
        }

        // Other actions of these tests take a session.
        let app = App::new().sessions(Sessions::in_memory());
        let shared = app.build().unwrap().shared;
        let routes = route::collect(&shared.states, &[], &AppLimits::default()).unwrap();
        let future =
            call::<AnswersAtOnce, _>(shared, Arc::clone(&routes[0]), Request::default(), None);
        assert!(size_of_val(&future) <= 1024, "{}", size_of_val(&future));
    }

    #[tokio::test]
    async fn a_draining_server_asks_an_event_source_to_reconnect() {
        let (head, body) = request_during_drain("GET", "text/event-stream").await;
        assert_eq!(head.status, 200);
        let delay: u64 = body.trim().strip_prefix("retry: ").unwrap().parse().unwrap();
        assert!((1000..=2000).contains(&delay), "{body}");
    }

    #[tokio::test]
    async fn a_draining_server_refuses_a_client_that_can_read_an_error() {
        for (method, accept) in
            [("POST", "text/event-stream"), ("POST", "application/json"), ("GET", "*/*")]
        {
            let (head, body) = request_during_drain(method, accept).await;
            assert_eq!(head.status, 503, "{method} {accept}: {body}");
            assert_eq!(head.headers[header::RETRY_AFTER], "1");
        }
    }
}
