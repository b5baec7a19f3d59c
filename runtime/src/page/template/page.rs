//! A page: a template with an address, or for errors.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use bytes::Bytes;

use crate::{
    error::Result,
    files::{Folder, Hash},
    page::{
        data::{PageData, PageRegistration},
        form::{PageForms, State},
        route::Role,
        template::per_prefix::PerPrefix,
    },
};

/// A template with an address, or for errors.
pub(crate) struct Page {
    /// The template.
    pub(crate) file: String,
    /// The lines for its head, without a prefix.
    pub(super) block: String,
    /// The path of its style.
    pub(super) style: Option<String>,
    /// The path of its script.
    pub(super) script: Option<String>,
    pub(crate) data: Option<&'static PageRegistration>,
    /// Its forms, if it has any.
    pub(crate) forms: Option<Arc<PageForms>>,
    /// The names of its parameters.
    pub(super) params: Vec<String>,
    /// Its HTML, if that is the same for every request; rendered at the first one.
    pub(super) constants: PerPrefix<Constant>,
    /// The size of the HTML that was rendered last.
    pub(super) last_bytes: AtomicUsize,
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

    /// Returns whether the page has one address: its path has no parameters.
    pub(crate) fn has_fixed_path(&self) -> bool {
        self.params.is_empty()
    }

    /// Returns how many bytes of HTML to allocate: an eighth more than the page had last, so that
    /// it is not copied while it grows.
    pub(super) fn expected_bytes(&self) -> usize {
        let last = self.last_bytes.load(Ordering::Relaxed);
        last + last / 8
    }

    /// Sets the size of the HTML that was rendered last.
    pub(super) fn expect_bytes(&self, bytes: usize) {
        self.last_bytes.store(bytes, Ordering::Relaxed);
    }

    /// Adds the variable `form` to the variables of a page that has forms.
    ///
    /// # Errors
    ///
    /// A 500 if the page's own data has that name.
    pub(crate) fn with_forms(
        &self,
        data: PageData,
        state: Option<&Arc<State>>,
    ) -> Result<PageData> {
        match &self.forms {
            Some(forms) => data.with("form", &forms.variable(&state.cloned().unwrap_or_default())),
            None => Ok(data),
        }
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
