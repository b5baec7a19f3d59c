//! A body as it was sent.

use std::{borrow::Cow, ops::Deref};

use bytes::Bytes;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The bytes of a body, of any content type, up to
/// [`Limits::body_bytes_max`](crate::Limits::body_bytes_max). For a webhook that checks a signature over
/// the body, or for data that is no JSON.
///
/// It is the only field that the caller sends, under any name. In TypeScript it is a `Blob`.
///
/// # Examples
///
/// ```
/// use kipo::{Action, Context, Error, RawBody, Result, action};
///
/// /// Takes the report of a payment.
/// #[action]
/// async fn paid(cx: Context, body: RawBody) -> Result<usize> {
///     match cx.header("x-signature") {
///         Some(signature) if is_signed(&body, signature) => Ok(body.len()),
///         _ => Err(Error::forbidden("the signature is wrong")),
///     }
/// }
/// # fn is_signed(body: &[u8], signature: &str) -> bool { signature == body.len().to_string() }
///
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// let cx = Context::test().with_header("x-signature", "2");
/// let paid = Paid { body: RawBody::new("{}") };
/// assert_eq!(paid.call(cx).await.unwrap(), 2);
/// # });
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RawBody {
    bytes: Bytes,
    content_type: Option<String>,
}

impl RawBody {
    /// Returns a body without a content type, for tests.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self { bytes: bytes.into(), content_type: None }
    }

    /// Sets the content type, for tests.
    ///
    /// ```
    /// let body = kipo::RawBody::new("a,b").with_content_type("text/csv");
    /// assert_eq!(body.content_type(), Some("text/csv"));
    /// ```
    #[must_use]
    pub fn with_content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = Some(content_type.into());
        self
    }

    /// Returns the bytes. A clone of them shares the memory.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the `Content-Type` field as it was sent, if it is visible ASCII.
    #[must_use]
    pub fn content_type(&self) -> Option<&str> {
        self.content_type.as_deref()
    }
}

impl Deref for RawBody {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes
    }
}

impl JsonSchema for RawBody {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "RawBody".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "binary" })
    }
}
