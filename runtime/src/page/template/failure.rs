//! Why a page could not be shown.

use crate::{
    action::Context,
    error::{Code, Error},
    page::{check::Diagnostic, template::page::Page},
};

/// Why a page could not be shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is something else to say than what the page shows.
    Error(Error),
    /// The page is at fault, or the function that gives it its data.
    Fault(Box<Fault>),
}

/// A fault of one page.
#[derive(Debug)]
pub(crate) struct Fault {
    /// What the visitor is told, and the log.
    pub(crate) error: Error,
    /// The page's template.
    pub(crate) page: String,
    /// What its author is told.
    pub(crate) diagnostic: Diagnostic,
}

impl Failure {
    /// Returns the failure of what stands before a page's template: its guards, its data.
    pub(crate) fn of_data(page: &Page, error: Error) -> Self {
        let at_fault = matches!(error.code(), Code::Internal | Code::Timeout);
        if !at_fault || error.redirection().is_some() {
            return Self::Error(error);
        }
        let chain = error.chain();
        let message = if chain.is_empty() { error.message().to_owned() } else { chain };
        let diagnostic = match page.data {
            Some(registration) => registration.diagnostic(message),
            None => Diagnostic::of_file(page.path(), message),
        };
        let error = error.with_source(diagnostic.to_string());
        Self::Fault(Box::new(Fault { error, page: page.file.clone(), diagnostic }))
    }

    /// Returns the failure of a page's template.
    pub(crate) fn of_template(page: &Page, diagnostic: Diagnostic) -> Self {
        let error = Error::internal(diagnostic.to_string());
        Self::Fault(Box::new(Fault { error, page: page.file.clone(), diagnostic }))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// What the development loop hears when a page failed while it was served.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(any(test, all(feature = "dev", debug_assertions))),
    expect(dead_code, reason = "only the development loop reads it, and only where it runs")
)]
pub(crate) struct PageFailure<'a> {
    /// The page's template: `blog/[slug].html`.
    pub(crate) page: &'a str,
    /// What is wrong, and where: the function of the page's data, or a place in a template.
    pub(crate) diagnostic: &'a Diagnostic,
    pub(crate) request_id: &'a str,
}

impl Fault {
    pub(crate) fn told<'a>(&'a self, cx: &'a Context) -> PageFailure<'a> {
        PageFailure {
            page: &self.page,
            diagnostic: &self.diagnostic,
            request_id: cx.request_id().as_str(),
        }
    }
}
