//! Lets generated code name the output and the error of an action function.

use crate::error::{ActionError, Error, Result};

/// The return type of an `#[action]` function: a [`Result`](crate::Result) with an output.
#[diagnostic::on_unimplemented(
    message = "an action function returns `kipo::Result<Output>`, not `{Self}`",
    label = "not a `kipo::Result`",
    note = "an error of another type has `#[derive(kipo::ActionError)]`"
)]
pub trait IntoOutput {
    /// The output.
    type Output;

    /// The error.
    type Error;

    /// Returns the value unchanged.
    ///
    /// # Errors
    ///
    /// Returns the error of the action function.
    fn result(self) -> Result<Self::Output, Self::Error>;
}

// Without a bound, so that the compiler reports a wrong type of errors once: where the action is
// registered.
impl<T, E> IntoOutput for Result<T, E> {
    type Output = T;
    type Error = E;

    fn result(self) -> Self {
        self
    }
}

/// Returns an argument that Kipo passes, or the error that the function cannot run without it.
///
/// # Errors
///
/// Returns the error as one of the function's.
///
/// # Panics
///
/// Panics if the error type of the function has no variant that wraps a [`Error`]. The caller
/// gets a 500.
pub fn argument<T, E: ActionError>(argument: Result<T, Error>) -> Result<T, E> {
    argument.map_err(E::from_error)
}
