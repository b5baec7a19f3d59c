//! Errors of an app that have a type of their own: [`ActionError`].

use std::{any::type_name, borrow::Cow, fmt::Display, marker::PhantomData};

use http::StatusCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use crate::error::call_error::Error;

/// An error type of an action: [`Error`], or an enum with
/// [`#[derive(ActionError)]`](derive@crate::ActionError).
///
/// Only the derive implements it. See the [guide](crate::guide::errors).
///
/// # Examples
///
/// ```
/// use kipo::ActionError;
///
/// #[derive(Debug, ActionError)]
/// enum TransferError {
///     #[error(status = 409, message = "{missing} more is needed")]
///     InsufficientFunds { missing: u32 },
/// }
///
/// let error = TransferError::InsufficientFunds { missing: 5 }.into_error();
/// assert_eq!(error.status(), 409);
/// assert_eq!(error.word(), "insufficient_funds");
/// assert_eq!(error.message(), "5 more is needed");
/// assert_eq!(error.data(), Some(r#"{"missing":5}"#));
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an error that an action returns",
    label = "neither `kipo::Error` nor an error with `#[derive(ActionError)]`",
    note = "put `#[derive(kipo::ActionError)]` above the enum, or return a `kipo::Result<Output>`"
)]
pub trait ActionError: Display + Sized + Send + 'static {
    /// The name of the type, for its description.
    #[doc(hidden)]
    const NAME: &'static str;

    /// The doc comment of the type.
    #[doc(hidden)]
    const DOC: &'static str;

    /// Returns what the caller reads, and what is logged, of this error.
    fn into_error(self) -> Error;

    /// Returns the error that wraps a failure of Kipo.
    ///
    /// # Panics
    ///
    /// Panics if no variant wraps a [`Error`].
    #[doc(hidden)]
    #[must_use]
    fn from_error(error: Error) -> Self {
        panic!("{}", error.log_text())
    }

    /// Returns the errors that only this type has.
    #[doc(hidden)]
    fn variants(generator: &mut SchemaGenerator) -> Vec<ErrorVariant>;
}

impl ActionError for Error {
    const NAME: &'static str = "Error";
    const DOC: &'static str = "";

    fn into_error(self) -> Error {
        self
    }

    fn from_error(error: Error) -> Self {
        error
    }

    fn variants(_: &mut SchemaGenerator) -> Vec<ErrorVariant> {
        Vec::new()
    }
}

/// One error of an [`ActionError`].
#[derive(Debug)]
pub struct ErrorVariant {
    /// The status of the response.
    pub status: u16,
    /// The `code` of the problem document.
    pub code: &'static str,
    /// Its doc comment.
    pub doc: &'static str,
    /// The `data` of the problem document, if it has any.
    pub data: Option<Schema>,
}

/// Returns the error of a variant. `data` is its JSON.
#[must_use]
pub fn typed_error(
    status: u16,
    code: &'static str,
    message: impl Into<Cow<'static, str>>,
    data: Option<serde_json::Result<Vec<u8>>>,
) -> Error {
    // The derive admits only 400 to 599.
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    match data.transpose() {
        Ok(data) => {
            let data = data.map(|json| String::from_utf8_lossy(&json).into_owned());
            Error::typed(status, code, message.into(), data)
        }
        Err(error) => Error::internal(error),
    }
}

/// Returns the errors that only this type has, for a type that wraps it.
#[must_use]
pub fn variants<E: ActionError>(generator: &mut SchemaGenerator) -> Vec<ErrorVariant> {
    E::variants(generator)
}

/// Describes the errors of a type, as a union by `code`; `None` if it has none of its own.
pub(crate) fn describe<E: ActionError>(generator: &mut SchemaGenerator) -> Option<Schema> {
    let has_variants = !E::variants(generator).is_empty();
    has_variants.then(|| generator.subschema_for::<Described<E>>())
}

/// The errors of `E`, under its name.
struct Described<E>(PhantomData<E>);

impl<E: ActionError> JsonSchema for Described<E> {
    fn schema_name() -> Cow<'static, str> {
        E::NAME.into()
    }

    fn schema_id() -> Cow<'static, str> {
        type_name::<E>().into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let variants: Vec<Value> = E::variants(generator).into_iter().map(described).collect();
        let mut schema = json_schema!({ "oneOf": variants });
        if !E::DOC.is_empty() {
            schema.insert("description".to_owned(), E::DOC.into());
        }
        schema
    }
}

fn described(ErrorVariant { status, code, doc, data }: ErrorVariant) -> Value {
    let mut schema = json!({
        "type": "object",
        "properties": {
            "status": { "type": "integer", "const": status },
            "code": { "type": "string", "const": code },
        },
        "required": ["status", "code"],
    });
    if let Some(data) = data {
        schema["properties"]["data"] = data.to_value();
        schema["required"] = json!(["status", "code", "data"]);
    }
    if !doc.is_empty() {
        schema["description"] = doc.into();
    }
    schema
}
