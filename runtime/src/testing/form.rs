//! A form with files, as a browser sends it.

use std::fmt;

use axum::body::Body;
use bytes::Bytes;

/// A form with files, as a browser sends it: `multipart/form-data`.
/// [`Client::call_form`](crate::testing::Client::call_form) calls an action with it.
///
/// # Examples
///
/// ```standalone_crate
/// use kipo::{Error, Result, Upload, action, testing};
///
/// #[action]
/// async fn store(
///     title: String,
///     #[validate(file(bytes_max = 10, types("text/*")))] notes: Vec<Upload>,
/// ) -> Result<String> {
///     let first = notes.first().ok_or_else(|| Error::invalid("notes", "choose a file"))?;
///     Ok(format!("{title}: {} of {}", first.name(), notes.len()))
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let app = testing::App::start(kipo::App::new()).await;
/// let form = testing::Form::new().text("title", "Trip");
///
/// let two = form.clone().file("notes", "a.txt", "text/plain", "one").file("notes", "b", "text/plain", "");
/// assert_eq!(app.call_form::<Store>(two).await.output(), "Trip: a.txt of 2");
///
/// let large = form.clone().file("notes", "a.txt", "text/plain", "more than ten");
/// let error = app.call_form::<Store>(large).await.error();
/// assert_eq!(error.fields.get("notes"), ["must be at most 10 bytes"]);
///
/// let none = app.call_form::<Store>(form).await.error();
/// assert_eq!(none.fields.get("notes"), ["choose a file"]);
/// # });
/// ```
#[derive(Clone, Default)]
pub struct Form {
    parts: Vec<u8>,
}

/// No content of a test has this line.
const BOUNDARY: &str = "kipo-test-form-7c9f1d2b40aa";

/// What a [`Form`] has as its `Content-Type`.
pub(super) const CONTENT_TYPE: &str = "multipart/form-data; boundary=kipo-test-form-7c9f1d2b40aa";

impl Form {
    /// Returns a form without fields.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field. A list has a field for each of its values.
    #[must_use]
    pub fn text(self, name: &str, value: &str) -> Self {
        self.part(name, "", value.as_bytes())
    }

    /// Adds a file.
    #[must_use]
    pub fn file(
        self,
        name: &str,
        file_name: &str,
        content_type: &str,
        bytes: impl Into<Bytes>,
    ) -> Self {
        let file_name = escaped(file_name);
        let more = format!("; filename=\"{file_name}\"\r\nContent-Type: {content_type}");
        self.part(name, &more, &bytes.into())
    }

    fn part(mut self, name: &str, more: &str, content: &[u8]) -> Self {
        let name = escaped(name);
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"{more}\r\n\r\n"
        );
        self.parts.extend_from_slice(head.as_bytes());
        self.parts.extend_from_slice(content);
        self.parts.extend_from_slice(b"\r\n");
        self
    }

    pub(super) fn into_body(mut self) -> Body {
        self.parts.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
        Body::from(self.parts)
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Form").field("bytes", &self.parts.len()).finish()
    }
}

/// Escapes a name as browsers do.
fn escaped(name: &str) -> String {
    name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A")
}
