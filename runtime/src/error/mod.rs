//! Failures: the public [`Error`] with its [`Code`], the problem document that a client reads,
//! redirects of pages, panics, and the diagnostics that stop an app at start.
//!
//! This room decides what a client may read of a failure. It writes no response. It may know the
//! words of HTTP (`header`), serde and the errors of `kipo-topic`, and no other room. Start reading
//! at `call_error`.

mod action_error;
mod call_error;
mod code;
mod fields;
pub(crate) mod problem;
mod redirect;
mod start_diagnostic;
mod unwind;

pub use self::{
    action_error::{ActionError, ErrorVariant, typed_error, variants},
    call_error::{Error, Result},
    code::Code,
    fields::FieldErrors,
};

pub(crate) use self::{
    action_error::describe as describe_error,
    redirect::Redirect,
    start_diagnostic::StartDiagnostic,
    unwind::{catch_panic, panic_error},
};

#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::unwind::PANICKED;
