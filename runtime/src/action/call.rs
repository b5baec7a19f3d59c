//! What an app author writes for a call: [`Action`], and the input that it takes.

use schemars::{Schema, SchemaGenerator};
use serde::Deserializer;

use crate::{
    action::{codec::Outgoing, context::Context, field::Field, limits::Limits},
    error::{FieldErrors, Result},
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
    /// What keeps the action from its output; [`Error`](crate::Error) says who reads what of it.
    fn call(self, cx: Context) -> impl Future<Output = Result<Self::Output>> + Send;
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
