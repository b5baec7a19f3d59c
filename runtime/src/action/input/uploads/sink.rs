//! A store of the app's own, which takes files as they arrive.

use std::{any::Any, pin::Pin};

use bytes::Bytes;

use super::{media_type, name};
use crate::{action::context::Context, error::Result};

/// A store that takes a file as it arrives, such as a multipart upload of an S3-compatible store. A field
/// of the type [`UploadTo<S>`](crate::UploadTo) names it.
///
/// A sink that is dropped before [`finish`](Self::finish) is aborted: the client left, a limit or a rule was
/// broken, or the action did not finish it. A sink with something to remove implements [`Drop`].
///
/// # Examples
///
/// See [`UploadTo`](crate::UploadTo).
pub trait UploadSink: Sized + Send + 'static {
    /// What the store says about a file that it has, such as its key.
    type Stored;

    /// Begins a file, after the guards and the limits of the action have admitted the request.
    ///
    /// # Errors
    ///
    /// An error is the response of the call, and the file is not read.
    fn begin(cx: &Context, file: &UploadHead) -> impl Future<Output = Result<Self>> + Send;

    /// Takes the next bytes: 256 KiB, or less at the end of the file. No more is read from the client until
    /// it returns.
    ///
    /// # Errors
    ///
    /// An error is the response of the call, and the sink is dropped.
    fn write(&mut self, bytes: Bytes) -> impl Future<Output = Result<()>> + Send;

    /// Stores the file. [`UploadTo::finish`](crate::UploadTo::finish) calls it.
    ///
    /// # Errors
    ///
    /// The action gets the error.
    fn finish(self) -> impl Future<Output = Result<Self::Stored>> + Send;
}

/// What is known of a file before its first byte: what its sender says.
///
/// # Examples
///
/// ```
/// let file = kipo::UploadHead::new("../a.txt", Some("text/plain; charset=utf-8"));
/// assert_eq!((file.name(), file.declared_type()), ("a.txt", Some("text/plain")));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadHead {
    pub(super) name: String,
    pub(super) declared: Option<String>,
}

impl UploadHead {
    /// Returns the head of a file, for tests of a sink.
    #[must_use]
    pub fn new(name: &str, content_type: Option<&str>) -> Self {
        Self { name: name::clean(name), declared: content_type.and_then(media_type::essence) }
    }

    /// Returns the name, as [`Upload::name`](crate::Upload::name) does.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the type that the sender declares.
    #[must_use]
    pub fn declared_type(&self) -> Option<&str> {
        self.declared.as_deref()
    }
}

/// A sink whose type is not known.
pub(super) trait AnySink: Send {
    fn write(&mut self, bytes: Bytes) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>>;

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send>;
}

impl<S: UploadSink> AnySink for S {
    fn write(&mut self, bytes: Bytes) -> Pin<Box<dyn Future<Output = Result<()>> + Send + '_>> {
        Box::pin(UploadSink::write(self, bytes))
    }

    fn into_any(self: Box<Self>) -> Box<dyn Any + Send> {
        self
    }
}

/// Begins a file in a sink.
pub(super) type Begin = for<'a> fn(&'a Context, &'a UploadHead) -> Begun<'a>;

/// The future of [`Begin`].
pub(super) type Begun<'a> = Pin<Box<dyn Future<Output = Result<Box<dyn AnySink>>> + Send + 'a>>;

/// Begins a file in a sink of the type `S`; a [`Begin`].
pub(super) fn begin<'a, S: UploadSink>(cx: &'a Context, file: &'a UploadHead) -> Begun<'a> {
    Box::pin(async move {
        let sink: Box<dyn AnySink> = Box::new(S::begin(cx, file).await?);
        Ok(sink)
    })
}
