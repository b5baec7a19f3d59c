//! Why a page is not shown.

use crate::{
    action::Context,
    error::{Code, Error},
    page::{check::Diagnostic, template::page::Page},
};

/// Why a page is not shown.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A guard or the data function answers with an error on purpose.
    Error(Error),
    /// The template or the data function is wrong.
    Fault(Box<Fault>),
}

/// A fault of one page.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The error for the visitor and for the log.
    pub(crate) error: Error,
    /// The page's template.
    pub(crate) page: String,
    /// The diagnostic for the author of the page.
    pub(crate) diagnostic: Diagnostic,
}

impl Failure {
    /// Returns the failure of a guard or of the data function of a page.
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

/// A failure that the development loop reports.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(
    not(any(test, all(feature = "dev", debug_assertions))),
    expect(dead_code, reason = "only the development loop reads it, and only where it runs")
)]
pub(crate) struct PageFailure<'a> {
    /// The page's template: `blog/[slug].html`.
    pub(crate) page: &'a str,
    /// Its location is the data function of the page, or in a template.
    pub(crate) diagnostic: &'a Diagnostic,
    pub(crate) request_id: &'a str,
}

impl Fault {
    /// Returns the failure as the development loop reports it.
    pub(crate) fn report<'a>(&'a self, cx: &'a Context) -> PageFailure<'a> {
        PageFailure {
            page: &self.page,
            diagnostic: &self.diagnostic,
            request_id: cx.request_id().as_str(),
        }
    }
}
