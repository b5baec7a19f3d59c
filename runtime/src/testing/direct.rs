//! Runs one action without an app.

use std::{pin::pin, time::Duration};

use bytes::BytesMut;
use http_body_util::BodyExt as _;

use crate::{
    action::{Context, Limits},
    error::ActionError,
    metrics::StreamMeter,
    request::dispatch,
    stream::{Drain, StreamAction},
};

/// The longest wait for a text that does not arrive.
const UNTIL_TIMEOUT: Duration = Duration::from_secs(10);

/// Runs a stream to its end and returns the frames that its client reads.
///
/// # Panics
///
/// Panics outside of a tokio runtime with time enabled.
///
/// # Cancel safety
///
/// Dropping the future drops the stream, like a client that disconnects.
///
/// # Examples
///
/// See [`StreamAction`].
pub async fn stream<A: StreamAction<E>, E: ActionError>(action: A, cx: Context) -> String {
    let mut read = BytesMut::new();
    read_until(action, cx, &mut read, |_| false).await;
    String::from_utf8_lossy(&read).into_owned()
}

/// Runs a stream until its client has read `text`, and returns everything that the client has read.
///
/// The client then disconnects. Use this for a stream that does not end by itself, such as one that
/// follows a topic.
///
/// # Panics
///
/// Panics if the stream ends without the text, or if the text does not arrive within 10 seconds.
/// Panics outside of a tokio runtime with time enabled.
///
/// # Cancel safety
///
/// Dropping the future drops the stream, like a client that disconnects.
///
/// # Examples
///
/// ```
/// use kipo::{Context, Event, EventStream, Result, StreamAction, Topic, action, testing};
///
/// #[derive(Event)]
/// pub enum News {
///     Headline(String),
/// }
///
/// static NEWS: Topic<News> = Topic::new("news");
///
/// #[action]
/// pub struct Follow;
///
/// impl StreamAction for Follow {
///     type Event = News;
///     type Output = ();
///
///     async fn stream(self, _cx: Context, out: EventStream<News>) -> Result<()> {
///         out.follow(&NEWS).await
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// NEWS.publish(&News::Headline("Kipo has topics".into())).await.unwrap();
/// let read = testing::stream_until(Follow, Context::test(), "has topics").await;
/// assert!(read.contains("event: headline\ndata: \"Kipo has topics\"\n"));
/// # });
/// ```
pub async fn stream_until<A: StreamAction<E>, E: ActionError>(
    action: A,
    cx: Context,
    text: &str,
) -> String {
    let mut read = BytesMut::new();
    let has_text = |read: &[u8]| String::from_utf8_lossy(read).contains(text);
    let reading = read_until(action, cx, &mut read, has_text);
    let in_time = tokio::time::timeout(UNTIL_TIMEOUT, reading).await.is_ok();
    let reason = if in_time { "the stream ended" } else { "10 seconds passed" };
    let read = String::from_utf8_lossy(&read).into_owned();
    assert!(read.contains(text), "{reason} before {text:?} arrived; the client read {read:?}");
    read
}

/// Appends to `read` what a client reads, until the end of the stream or until `is_enough`.
async fn read_until<A: StreamAction<E>, E: ActionError>(
    action: A,
    cx: Context,
    read: &mut BytesMut,
    is_enough: impl Fn(&[u8]) -> bool,
) {
    let bounds = A::LIMITS.within(Limits::new());
    let drain = Drain::default().watch();
    let body = dispatch::body_of(action, &cx, bounds, drain, None, StreamMeter::default());
    let mut body = pin!(body);
    while let Some(Ok(frame)) = body.frame().await {
        if let Ok(data) = frame.into_data() {
            read.extend_from_slice(&data);
        }
        if is_enough(read) {
            return;
        }
    }
}
