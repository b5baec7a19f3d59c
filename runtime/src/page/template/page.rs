//! A template that is shown by itself.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::{
    files::{Folder, Hash},
    page::data::PageRegistration,
};

/// A template that is shown by itself.
pub(crate) struct Page {
    /// The template.
    pub(crate) file: String,
    /// What goes into its head.
    pub(crate) block: String,
    pub(crate) data: Option<&'static PageRegistration>,
    /// The names of its parameters.
    pub(super) params: Vec<String>,
    /// Its HTML, if that is the same for everybody; made when somebody asks.
    pub(super) constant: OnceLock<Constant>,
}

/// The HTML of a page that says the same to everybody.
#[derive(Clone)]
pub(crate) struct Constant {
    /// A page knows its path, and one address may be written in several ways.
    pub(super) path: String,
    pub(crate) html: Bytes,
    pub(crate) hash: Hash,
}

impl Page {
    /// Returns the file's path: `pages/index.html`.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", Folder::Pages, self.file)
    }
}

/// Returns a template's name without its suffix.
pub(super) fn stem(file: &str) -> &str {
    file.strip_suffix(".html").unwrap_or(file)
}
