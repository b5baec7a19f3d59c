//! A file in a store of the app's own.

use std::{any::Any, borrow::Cow, fmt, marker::PhantomData, sync::PoisonError};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};

use super::{
    field::{FileFacts, FileField, FileKind},
    parts::{self, Held},
    sink::UploadSink,
    stored_file::{Content, StoredFile},
    upload::Upload,
};
use crate::error::{Error, Result};

/// A file that a caller sends to a store of the app's own, without a temporary file: the type of a field,
/// like [`Upload`].
///
/// The bytes go to the [`UploadSink`] as they arrive. The action gets the upload when the whole request has
/// arrived and all rules hold, and calls [`finish`](Self::finish). An upload that is dropped before that
/// drops its sink, which aborts it.
///
/// # Examples
///
/// ```standalone_crate
/// use std::sync::{Arc, Mutex};
///
/// use kipo::{Context, Result, UploadHead, UploadSink, UploadTo, action, testing};
///
/// /// A store of files, by key.
/// #[derive(Clone, Default)]
/// struct Bucket(Arc<Mutex<Vec<(String, Vec<u8>)>>>);
///
/// /// One file on its way to the store.
/// pub struct ToBucket {
///     bucket: Bucket,
///     key: String,
///     bytes: Vec<u8>,
/// }
///
/// impl UploadSink for ToBucket {
///     type Stored = String;
///
///     async fn begin(cx: &Context, file: &UploadHead) -> Result<Self> {
///         let bucket = Bucket::clone(&*cx.state::<Bucket>()?);
///         Ok(Self { bucket, key: format!("photos/{}", file.name()), bytes: Vec::new() })
///     }
///
///     async fn write(&mut self, bytes: bytes::Bytes) -> Result<()> {
///         self.bytes.extend_from_slice(&bytes);
///         Ok(())
///     }
///
///     async fn finish(self) -> Result<String> {
///         self.bucket.0.lock().unwrap().push((self.key.clone(), self.bytes));
///         Ok(self.key)
///     }
/// }
///
/// #[action]
/// async fn store(photo: UploadTo<ToBucket>) -> Result<String> {
///     photo.finish().await
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let bucket = Bucket::default();
/// let app = testing::App::start(kipo::App::new().state(bucket.clone())).await;
/// let form = testing::Form::new().file("photo", "sea.png", "image/png", "…");
/// assert_eq!(app.call_form::<Store>(form).await.output(), "photos/sea.png");
/// assert_eq!(bucket.0.lock().unwrap()[0].1, "…".as_bytes());
/// # });
/// ```
pub struct UploadTo<S> {
    held: Held,
    sink: PhantomData<fn() -> S>,
}

impl<S: UploadSink> UploadTo<S> {
    /// Returns the name of the file, as [`Upload::name`] does.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.stored().head.name
    }

    /// Returns the type that the sender declares.
    #[must_use]
    pub fn declared_type(&self) -> Option<&str> {
        self.stored().head.declared.as_deref()
    }

    /// Returns the type that the first bytes show, as [`Upload::sniffed_type`] does.
    #[must_use]
    pub fn sniffed_type(&self) -> Option<&'static str> {
        self.stored().sniffed
    }

    /// Returns the size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.stored().size
    }

    /// Returns the SHA-256 of the content. It is computed as the file arrives, because no other moment has
    /// all bytes.
    #[must_use]
    pub fn sha256(&self) -> [u8; 32] {
        match &self.stored().content {
            Content::Sink(in_sink) => in_sink.sha256,
            // No action gets such a file.
            Content::File(_) | Content::Memory(_) | Content::TooLarge => [0; 32],
        }
    }

    /// Stores the file, and returns what the store says about it.
    ///
    /// # Errors
    ///
    /// Returns the error of [`UploadSink::finish`].
    ///
    /// # Cancel safety
    ///
    /// That of [`UploadSink::finish`].
    ///
    /// # Examples
    ///
    /// See [`UploadTo`].
    pub async fn finish(self) -> Result<S::Stored> {
        let sink: Option<Box<dyn Any + Send>> = match &self.stored().content {
            Content::Sink(in_sink) => {
                in_sink.sink.lock().unwrap_or_else(PoisonError::into_inner).take()
            }
            Content::File(_) | Content::Memory(_) | Content::TooLarge => None,
        };
        let sink = sink.and_then(|sink| sink.downcast::<S>().ok());
        sink.ok_or_else(|| Error::internal("the upload has no sink"))?.finish().await
    }

    fn stored(&self) -> &StoredFile {
        self.held.file()
    }
}

impl<S> fmt::Debug for UploadTo<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("UploadTo").field(self.held.file()).finish()
    }
}

impl<S: UploadSink> FileField for UploadTo<S> {
    const KIND: FileKind = FileKind::sink::<S>();

    fn files(&self) -> Vec<FileFacts<'_>> {
        vec![FileFacts(self.stored())]
    }
}

impl<'de, S> Deserialize<'de> for UploadTo<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        parts::deserialize(deserializer).map(|held| Self { held, sink: PhantomData })
    }
}

impl<S> JsonSchema for UploadTo<S> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Upload".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        Upload::json_schema(generator)
    }
}
