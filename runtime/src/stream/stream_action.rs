//! The trait that an app's author implements for a stream: [`StreamAction`].

use kipo_topic::Event;

use crate::{
    action::{Context, Input, Limits, Outgoing},
    error::{Code, Error, Result},
    stream::event_stream::EventStream,
};

/// A call whose response is a stream of typed events, followed by an output unless it is endless.
///
/// `E` is the type of its errors, as in [`Action`](crate::Action).
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
pub trait StreamAction<E = Error>: Input {
    /// The events of the stream: an enum with `#[derive(Event)]`.
    type Event: Event;

    /// The data of the `complete` event.
    type Output: Outgoing + Send + 'static;

    /// The limits of this action, where they differ from those of the app.
    const LIMITS: Limits = Limits::new();

    /// Runs the stream. `Ok` sends `complete`, and `Err` sends `error`. An endless stream never
    /// returns.
    ///
    /// # Errors
    ///
    /// Returns the error whose problem document the `error` event carries.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the client disconnects or the server drains.
    fn stream(
        self,
        cx: Context,
        out: EventStream<Self::Event>,
    ) -> impl Future<Output = Result<Self::Output, E>> + Send;

    /// Runs the action for a client that does not accept an event stream. The default is a 406.
    ///
    /// # Errors
    ///
    /// Returns the error that the caller reads instead of an output. It is a [`Error`] also where
    /// the stream has errors of its own type ([`into_error`](crate::ActionError::into_error)).
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the call reaches [`Limits::timeout`], not when its client
    /// disconnects.
    fn call(self, cx: Context) -> impl Future<Output = Result<Self::Output>> + Send {
        let _ = cx;
        async {
            Err(Error::new(
                Code::NotAcceptable,
                "this action streams: send `Accept: text/event-stream`",
            ))
        }
    }
}
