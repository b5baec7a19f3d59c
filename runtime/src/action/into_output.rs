//! Lets generated code name the output of an action function.

use crate::error::Result;

/// The return type of an `#[action]` function: a [`Result`](crate::Result) with an output.
#[diagnostic::on_unimplemented(
    message = "an action function returns `kipo::Result<Output>`, not `{Self}`",
    label = "not a `kipo::Result`"
)]
pub trait IntoOutput {
    /// The output.
    type Output;

    /// Returns the value unchanged.
    ///
    /// # Errors
    ///
    /// Returns the error of the action function.
    fn result(self) -> Result<Self::Output>;
}

impl<T> IntoOutput for Result<T> {
    type Output = T;

    fn result(self) -> Self {
        self
    }
}
