//! Lets generated code name what an action function answers.

use crate::error::Result;

/// What an `#[action]` function returns: a [`Result`](crate::Result) with an output.
#[diagnostic::on_unimplemented(
    message = "an action function returns `kipo::Result<Output>`, not `{Self}`",
    label = "not a `kipo::Result`"
)]
pub trait IntoOutput {
    /// The output.
    type Output;

    /// Returns the answer as it is.
    ///
    /// # Errors
    ///
    /// The error that was answered.
    fn result(self) -> Result<Self::Output>;
}

impl<T> IntoOutput for Result<T> {
    type Output = T;

    fn result(self) -> Self {
        self
    }
}
