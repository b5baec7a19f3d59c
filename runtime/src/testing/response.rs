//! One response to a test.

use std::fmt;

use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::{error::FieldErrors, testing::jar};

/// A response to a request of a test: its status, its header fields and its body.
///
/// The message of every failed expectation shows the request and the whole response.
///
/// # Examples
///
/// ```standalone_crate
/// use axum::{Router, routing::get};
/// use kipo::testing;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let routes = Router::new().route("/export.csv", get(async || "id,name\n1,Ann\n"));
/// let app = testing::App::start(kipo::App::new().routes(routes)).await;
///
/// let export = app.get("/export.csv").await;
/// assert_eq!(export.status(), 200);
/// assert_eq!(export.header("content-type"), Some("text/plain; charset=utf-8"));
/// assert!(export.text().contains("1,Ann"), "{export}");
///
/// let missing = app.get("/nothing").await;
/// assert_eq!(missing.error().code, "not_found");
/// # });
/// ```
#[derive(Clone)]
pub struct Response {
    /// The request as text.
    request: String,
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

/// The error of a response: its problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The status, such as 404.
    pub status: u16,
    /// The word of the error, such as `not_found`.
    pub code: String,
    /// The sentence for the caller.
    pub message: String,
    /// The messages for each field.
    pub fields: FieldErrors,
    data: Option<Value>,
}

impl Problem {
    /// Returns the data of an error that has a type of its own: the fields of the variant.
    ///
    /// # Panics
    ///
    /// Panics if the error has no data, or other data than a `T`.
    ///
    /// # Examples
    ///
    /// ```standalone_crate
    /// use kipo::{ActionError, Result, action, data, testing::{self, json}};
    ///
    /// #[derive(Debug, ActionError)]
    /// enum TransferError {
    ///     #[error(status = 409)]
    ///     InsufficientFunds { missing: u32 },
    /// }
    ///
    /// #[action]
    /// async fn transfer(amount: u32) -> Result<(), TransferError> {
    ///     Err(TransferError::InsufficientFunds { missing: amount })
    /// }
    ///
    /// #[data]
    /// struct Missing {
    ///     missing: u32,
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
    /// let app = testing::App::start(kipo::App::new()).await;
    /// let error = app.call::<Transfer>(json!({ "amount": 5 })).await.error();
    /// assert_eq!((error.status, error.code.as_str()), (409, "insufficient_funds"));
    /// assert_eq!(error.data::<Missing>().missing, 5);
    /// # });
    /// ```
    #[must_use]
    #[track_caller]
    pub fn data<T: DeserializeOwned>(&self) -> T {
        let Some(data) = &self.data else { panic!("the error has no data: {self:?}") };
        T::deserialize(data).unwrap_or_else(|error| {
            let wanted = std::any::type_name::<T>();
            panic!("the data is not a `{wanted}` ({error}): {self:?}")
        })
    }

    /// Returns the problem in a JSON document, if it is one.
    pub(super) fn of(document: &Value) -> Option<Self> {
        let text = |key: &str| document.get(key)?.as_str().map(str::to_owned);
        let status = document.get("status")?.as_u64()?;
        let mut fields = FieldErrors::default();
        for (path, messages) in
            document.get("errors").and_then(Value::as_object).into_iter().flatten()
        {
            for message in messages.as_array()?.iter().filter_map(Value::as_str) {
                fields.add(path, message);
            }
        }
        Some(Self {
            status: u16::try_from(status).ok()?,
            code: text("code")?,
            message: text("detail")?,
            fields,
            data: document.get("data").cloned(),
        })
    }
}

impl Response {
    pub(super) fn new(request: String, head: http::response::Parts, body: Bytes) -> Self {
        Self { request, status: head.status, headers: head.headers, body }
    }

    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Returns the header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// Returns the value of a header field, if the field is present and visible ASCII.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the body as bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.body
    }

    /// Returns the body as text.
    ///
    /// # Panics
    ///
    /// Panics if it is not UTF-8.
    #[must_use]
    #[track_caller]
    pub fn text(&self) -> &str {
        match str::from_utf8(&self.body) {
            Ok(text) => text,
            Err(error) => self.fail(&format!("the body is not UTF-8 ({error})")),
        }
    }

    /// Returns the body, read from JSON. An empty body is `null`.
    ///
    /// # Panics
    ///
    /// Panics if the body is not the JSON of a `T`.
    #[must_use]
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        let json = if self.body.is_empty() { b"null" } else { &self.body[..] };
        match serde_json::from_slice(json) {
            Ok(value) => value,
            Err(error) => {
                let wanted = std::any::type_name::<T>();
                self.fail(&format!("the body is not a `{wanted}` ({error})"))
            }
        }
    }

    /// Returns the error.
    ///
    /// # Panics
    ///
    /// Panics if the response is not a problem document.
    #[must_use]
    #[track_caller]
    pub fn error(&self) -> Problem {
        let document = serde_json::from_slice(&self.body).ok();
        let problem = document.as_ref().and_then(Problem::of);
        problem.unwrap_or_else(|| self.fail("this response is no error"))
    }

    /// Returns the value of a cookie that the response sets. It is empty for a cookie that the
    /// response removes.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        self.set_cookies(name).last().map(|cookie| cookie.value)
    }

    /// Returns the whole `Set-Cookie` field of a cookie, with its attributes.
    #[must_use]
    pub fn set_cookie(&self, name: &str) -> Option<&str> {
        self.set_cookies(name).last().map(|cookie| cookie.field)
    }

    fn set_cookies(&self, name: &str) -> impl Iterator<Item = jar::SetCookie<'_>> {
        jar::set_cookies(&self.headers).filter(move |cookie| cookie.name == name)
    }

    /// Returns the effects that the response asks the browser for, in order: objects whose field
    /// `effect` is the name.
    ///
    /// # Panics
    ///
    /// Panics if the header field of the effects is not JSON.
    #[must_use]
    #[track_caller]
    pub fn effects(&self) -> Vec<Value> {
        let Some(field) = self.header("kipo-effects") else { return Vec::new() };
        match serde_json::from_str(field) {
            Ok(effects) => effects,
            Err(error) => self.fail(&format!("the effects are not JSON ({error})")),
        }
    }

    /// Returns the address that a redirect leads to.
    #[must_use]
    pub fn location(&self) -> Option<&str> {
        self.headers.get(header::LOCATION)?.to_str().ok()
    }

    /// Fails the test, and shows the whole response.
    #[track_caller]
    pub(super) fn fail(&self, reason: &str) -> ! {
        panic!("{reason}\n{self}")
    }
}

/// The request and the whole response.
impl fmt::Display for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "> {}\n< {}", self.request.replace('\n', "\n> "), self.status)?;
        for (name, value) in &self.headers {
            writeln!(f, "< {name}: {}", value.as_bytes().escape_ascii())?;
        }
        write!(f, "<\n{}", String::from_utf8_lossy(&self.body))
    }
}

impl fmt::Debug for Response {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
