//! All values that one action takes from the request.

use crate::{action::context::Context, error::Result};

/// The values of an action's `#[context]` fields. `#[action]` implements it.
pub trait Values: Sized + Send + 'static {
    /// Takes the values in the order of the fields, until one is refused.
    ///
    /// # Errors
    ///
    /// Returns the error of the value that is refused.
    ///
    /// # Cancel safety
    ///
    /// That of each value's [`FromContext`](crate::FromContext).
    fn take(cx: &Context) -> impl Future<Output = Result<Self>> + Send;
}

/// An action without such fields.
impl Values for () {
    async fn take(_: &Context) -> Result<Self> {
        Ok(())
    }
}
