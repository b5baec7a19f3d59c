//! What an app author writes for a stream: [`StreamAction`].

use kipo_topic::Event;

use crate::{
    action::{Context, Input, Limits, Outgoing},
    error::{Code, Error, Result},
    stream::event_stream::EventStream,
};

/// A call that answers with a stream of typed events and then an output, or never ends.
///
/// # Examples
///
/// ```
/// use kipo::{Context, Event, EventStream, Result, StreamAction, action};
///
/// #[derive(Event)]
/// pub enum Tick {
///     Count(u32),
/// }
///
/// /// Counts down.
/// #[action]
/// pub struct Countdown {
///     from: u32,
/// }
///
/// impl StreamAction for Countdown {
///     type Event = Tick;
///     type Output = ();
///
///     async fn stream(self, _cx: Context, out: EventStream<Tick>) -> Result<()> {
///         for n in (1..=self.from).rev() {
///             out.send(Tick::Count(n)).await?;
///         }
///         Ok(())
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let text = kipo::testing::stream(Countdown { from: 2 }, Context::test()).await;
/// assert!(text.contains("event: count\ndata: 2\n\nevent: count\ndata: 1\n\n"));
/// assert!(text.ends_with("event: complete\ndata: null\n\n"));
/// # });
/// ```
pub trait StreamAction: Input {
    /// The events of the stream; `#[derive(Event)]` on an enum.
    type Event: Event;

    /// What the `complete` event carries.
    type Output: Outgoing + Send + 'static;

    /// The bounds of this action where they differ from the app's.
    const LIMITS: Limits = Limits::new();

    /// Runs the stream. `Ok` sends `complete`, `Err` sends `error`; an endless stream never
    /// returns. It is dropped when its client leaves or the server drains.
    fn stream(
        self,
        cx: Context,
        out: EventStream<Self::Event>,
    ) -> impl Future<Output = Result<Self::Output>> + Send;

    /// Answers a client that does not accept an event stream: a 406, unless overridden.
    fn call(self, cx: Context) -> impl Future<Output = Result<Self::Output>> + Send {
        let _ = cx;
        async {
            Err(Error::new(
                Code::NotAcceptable,
                "this action streams: ask with `Accept: text/event-stream`",
            ))
        }
    }
}
