//! The types of fields that are files.

use super::{
    sink::{self, Begin, UploadSink},
    stored_file::StoredFile,
};

/// What kind of files a field takes.
#[derive(Clone, Copy, Debug)]
pub struct FileKind {
    /// `None` for a temporary file.
    pub(super) begin: Option<Begin>,
}

impl FileKind {
    /// A temporary file.
    pub(super) const TEMPORARY: Self = Self { begin: None };

    /// A file in a sink.
    pub(super) const fn sink<S: UploadSink>() -> Self {
        Self { begin: Some(sink::begin::<S>) }
    }
}

/// A type of a field that is a file, or several: [`Upload`](crate::Upload) and
/// [`UploadTo`](crate::UploadTo), also in an `Option` or a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no file",
    label = "neither an `Upload` nor an `UploadTo`"
)]
pub trait FileField {
    /// What kind of files it takes.
    const KIND: FileKind;

    /// Returns each file.
    #[doc(hidden)]
    fn files(&self) -> Vec<FileFacts<'_>>;
}

/// What rules know of a file.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct FileFacts<'f>(pub(super) &'f StoredFile);

impl<'f> FileFacts<'f> {
    pub(crate) fn size(self) -> u64 {
        self.0.size
    }

    pub(crate) fn declared_type(self) -> Option<&'f str> {
        self.0.head.declared.as_deref()
    }

    pub(crate) fn sniffed_type(self) -> Option<&'f str> {
        self.0.sniffed
    }
}

impl<T: FileField> FileField for Option<T> {
    const KIND: FileKind = T::KIND;

    fn files(&self) -> Vec<FileFacts<'_>> {
        self.as_ref().map_or_else(Vec::new, T::files)
    }
}

impl<T: FileField> FileField for Vec<T> {
    const KIND: FileKind = T::KIND;

    fn files(&self) -> Vec<FileFacts<'_>> {
        self.iter().flat_map(T::files).collect()
    }
}
