//! A page: a template with an address, or for errors.

use std::sync::OnceLock;

use bytes::Bytes;

use crate::{
    files::{Folder, Hash},
    page::{data::PageRegistration, route::Role},
};

/// A template with an address, or for errors.
pub(crate) struct Page {
    /// The template.
    pub(crate) file: String,
    /// The lines for its head.
    pub(crate) block: String,
    pub(crate) data: Option<&'static PageRegistration>,
    /// The names of its parameters.
    pub(super) params: Vec<String>,
    /// Its HTML, if that is the same for every request; rendered at the first one.
    pub(super) constant: OnceLock<Constant>,
}

/// The HTML of a page that is the same for every request.
#[derive(Clone)]
pub(crate) struct Constant {
    /// A template can show its path, and one address may be written in several ways.
    pub(super) path: String,
    pub(crate) html: Bytes,
    pub(crate) hash: Hash,
}

impl Page {
    /// Returns the file's path: `pages/index.html`.
    pub(crate) fn path(&self) -> String {
        format!("{}/{}", Folder::Pages, self.file)
    }

    /// Returns the page's address, with its parameters in braces.
    pub(crate) fn route(&self) -> Option<String> {
        match Role::of(&self.file) {
            Ok(Role::Page(route)) => Some(route.to_string()),
            Ok(Role::ErrorPage(..) | Role::Part) | Err(_) => None,
        }
    }
}

/// Returns a template's name without its suffix.
pub(super) fn stem(file: &str) -> &str {
    file.strip_suffix(".html").unwrap_or(file)
}
