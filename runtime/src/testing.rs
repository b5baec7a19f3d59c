//! Runs actions in tests, without a socket.

use std::{
    pin::pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::BytesMut;
use http_body_util::BodyExt as _;
use kipo_topic::Store;

use crate::{
    action::{Context, Limits},
    error::ActionError,
    request::dispatch,
    stream::{Drain, StreamAction, topics},
};

/// The longest wait for a text that does not arrive.
const UNTIL_TIMEOUT: Duration = Duration::from_secs(10);

/// Opens the app's durable topics ([`#[topic]`](macro@crate::topic)) in memory, for tests of
/// actions that publish to them. It skips topics that are open, so each test may call it.
///
/// # Panics
///
/// Panics if two topics have the same name.
///
/// # Examples
///
/// ```
/// use kipo::{Durability, Event, Topic, topic};
///
/// #[derive(Event)]
/// enum Tide {
///     Turned,
/// }
///
/// #[topic]
/// static TIDES: Topic<Tide> = Topic::durable("tides", Durability::Fsync);
///
/// // Tests run in parallel. The first one opens the topic.
/// std::thread::scope(|threads| {
///     for _ in 0..8 {
///         threads.spawn(|| {
///             kipo::testing::open_topics();
///             assert!(TIDES.is_open());
///         });
///     }
/// });
/// ```
pub fn open_topics() {
    /// Tests run in parallel: one of them opens the topics, and the others find them open. A std
    /// lock, never held across an `.await`.
    static OPENING: Mutex<()> = Mutex::new(());

    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = topics::open_all(false, || Ok(Store::in_memory())) {
        panic!("{error}");
    }
}

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
    let body = dispatch::body_of(action, cx, bounds, drain, None, tracing::Span::none());
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
