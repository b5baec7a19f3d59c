//! What can go wrong, and which words of it a stranger may read. Start reading at [`call_error`].

mod call_error;
mod code;
mod fields;
pub(crate) mod problem;
mod redirect;
mod start_diagnostic;
mod unwind;

pub use self::{
    call_error::{Error, Result},
    code::Code,
    fields::FieldErrors,
};

pub(crate) use self::{
    redirect::Redirect,
    start_diagnostic::StartDiagnostic,
    unwind::{panicked, unpanicked},
};

#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::unwind::PANICKED;
