//! The trait that an app's author implements for a call, [`Action`], and its [`Input`].

use schemars::{Schema, SchemaGenerator};
use serde::Deserializer;

use crate::{
    action::{
        cache::OutputCache,
        codec::Outgoing,
        context::Context,
        input::{BodyForm, Field, InputMethod, RawBody},
        limits::Limits,
        value::Values,
    },
    error::{Error, FieldErrors, Result},
};

/// A call that the browser makes by name: the fields of the struct are the input, and the result
/// of [`call`](Self::call) is the response.
///
/// `#[action]` above the struct makes it decodable, describes it in TypeScript and registers it,
/// so there is no list of actions to maintain.
///
/// A call that passed its guards runs to its end, even if its client disconnects. An action that
/// should stop in that case waits for [`Context::cancelled`] as well.
///
/// `E` is the type of its errors. An action whose caller tells its errors apart names one with
/// [`#[derive(ActionError)]`](derive@crate::ActionError): `impl Action<TransferError> for Transfer`.
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
pub trait Action<E = Error>: Input {
    /// What the call returns: the body of a 200 as JSON, or a 204 for `()`.
    type Output: Outgoing + Send + 'static;

    /// The limits of this action, where they differ from those of the app.
    const LIMITS: Limits = Limits::new();

    /// For how long the server may answer with the output of an earlier call. By default every call
    /// runs.
    const CACHE: OutputCache<Self> = OutputCache::off();

    /// Runs the call.
    ///
    /// # Errors
    ///
    /// Returns the error that the caller reads instead of an output. See
    /// [`Error`](crate::Error) for which part of it the caller reads and which part is logged.
    ///
    /// # Cancel safety
    ///
    /// The future is dropped when the call reaches [`Limits::timeout`], not when its client
    /// disconnects.
    fn call(self, cx: Context) -> impl Future<Output = Result<Self::Output, E>> + Send;
}

/// The input of an action. `#[action]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an action's input",
    label = "not an action",
    note = "put `#[kipo::action]` above the struct"
)]
pub trait Input: Sized + Send + 'static {
    /// What the caller sends: the struct itself, or the struct without its `#[context]` fields.
    type Body: Send;

    /// The values of the `#[context]` fields, or `()`.
    type Values: Values;

    /// The method that sends the action.
    const METHOD: InputMethod = InputMethod::Post;

    /// The form of the body.
    const FORM: BodyForm = BodyForm::Fields;

    /// The fields of the body, so that an error response can name each field that is not valid.
    const FIELDS: &'static [Field];

    /// Decodes the body from an object.
    ///
    /// # Errors
    ///
    /// Returns the error of the deserializer if a field is missing or has another type.
    fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self::Body, D::Error>;

    /// Returns the body of an action that takes any bytes ([`BodyForm::Raw`]), and `None` for others.
    fn take_raw(body: RawBody) -> Option<Self::Body> {
        let _ = body;
        None
    }

    /// Returns the input of a body and of the values from the request.
    fn assemble(body: Self::Body, values: Self::Values) -> Self;

    /// Returns the schema of the body.
    fn describe(generator: &mut SchemaGenerator) -> Schema;

    /// Adds a message for each rule of `#[validate(…)]` that the input breaks.
    fn validate(&self, errors: &mut FieldErrors) {
        let _ = errors;
    }
}
