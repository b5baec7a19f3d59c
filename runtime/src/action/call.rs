//! What an app author writes: [`Action`] and [`StreamAction`], and the input they take.

use schemars::{Schema, SchemaGenerator};
use serde::Deserializer;

use crate::{
    action::{context::Context, field::Field, limits::Limits, travel::Outgoing},
    error::{Code, Error, FieldErrors, Result},
    event::Event,
    stream::EventStream,
};

/// A call that the browser makes by name: its fields come in, its output goes back.
///
/// The struct is the input. `#[action]` above it makes it decodable, describes it in TypeScript
/// and registers it; there is no list to keep.
///
/// An admitted call runs to its end, even if its client leaves; see
/// [`Context::cancelled`] for those that would rather stop.
///
/// # Examples
///
/// ```
/// use kipo::{Action, Context, Result, action};
///
/// /// Adds two numbers.
/// #[action]
/// pub struct Add {
///     a: i32,
///     b: i32,
/// }
///
/// impl Action for Add {
///     type Output = i32;
///
///     async fn call(self, _cx: Context) -> Result<i32> {
///         Ok(self.a + self.b)
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// // No socket is needed to call it.
/// let sum = Add { a: 2, b: 3 }.call(Context::test()).await?;
/// assert_eq!(sum, 5);
/// # kipo::Result::<()>::Ok(()) }).unwrap();
/// ```
pub trait Action: Input {
    /// What the call answers: the body of a 200 as JSON, or a 204 for `()`.
    type Output: Outgoing + Send + 'static;

    /// The bounds of this action where they differ from the app's.
    const LIMITS: Limits = Limits::new();

    /// Runs the call.
    ///
    /// # Errors
    ///
    /// Whatever keeps the action from its output; see [`Error`] for who reads what of it.
    fn call(self, cx: Context) -> impl Future<Output = Result<Self::Output>> + Send;
}

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

/// The input of an action, as `#[action]` writes it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action's input",
    label = "not an action",
    note = "put `#[kipo::action]` above the struct"
)]
pub trait Input: Sized + Send + 'static {
    /// The fields, for telling what is wrong with each.
    const FIELDS: &'static [Field];

    /// Reads the input from an object.
    ///
    /// # Errors
    ///
    /// When the object does not hold the input's fields.
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error>;

    /// Returns the schema of the object.
    fn describe(generator: &mut SchemaGenerator) -> Schema;

    /// Adds a message for each rule of `#[validate(…)]` that the input breaks.
    fn validate(&self, errors: &mut FieldErrors) {
        let _ = errors;
    }
}
