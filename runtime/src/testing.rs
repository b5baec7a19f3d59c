//! Running actions in tests, without a socket.

use bytes::BytesMut;
use http_body_util::BodyExt as _;

use crate::{
    action::StreamAction,
    context::Context,
    dispatch,
    drain::Drain,
    limits::Limits,
    topic::{self, Store},
};

/// Opens the app's durable topics ([`#[topic]`](macro@crate::topic)) in memory, for tests of actions
/// that publish to them. Those that are open stay as they are.
///
/// # Panics
///
/// Panics if two topics have one name.
///
/// # Examples
///
/// See [`#[topic]`](macro@crate::topic).
pub fn open_topics() {
    if let Err(error) = topic::open_all(|| Ok(Store::in_memory())) {
        panic!("{error}");
    }
}

/// Runs a stream to its end and returns what a client would have read.
///
/// # Panics
///
/// Panics outside of a tokio runtime with time enabled.
///
/// # Cancel safety
///
/// Dropping the future drops the stream, as a client that leaves does.
///
/// # Examples
///
/// See [`StreamAction`].
pub async fn stream<A: StreamAction>(action: A, cx: Context) -> String {
    let bounds = A::LIMITS.within(Limits::new());
    let drain = Drain::default().watch();
    let body = dispatch::body_of(action, cx, bounds, drain, None, tracing::Span::none());
    let mut body = std::pin::pin!(body);
    let mut bytes = BytesMut::new();
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            bytes.extend_from_slice(&data);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
