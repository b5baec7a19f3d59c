//! Turns a panic into an error of one request.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::error::call_error::{Error, Result};

/// Runs code of the app's author. A panic in it becomes a 500, and its text is only logged.
pub(crate) async fn catch_panic<T>(outcome: impl Future<Output = Result<T>>) -> Result<T> {
    let mut outcome = pin!(outcome);
    std::future::poll_fn(|task| {
        // A future that panicked is not polled again, so no broken state is observed.
        let polled = catch_unwind(AssertUnwindSafe(|| outcome.as_mut().poll(task)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panic_error(&*panic))))
    })
    .await
}

/// The text with which the cause of such an error begins.
pub(crate) const PANICKED: &str = "panicked";

/// Returns the error that a caller reads after a panic.
pub(crate) fn panic_error(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("{PANICKED}: {}", text.unwrap_or("(no message)")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::code::Code;

    #[tokio::test]
    async fn a_panic_is_an_error_whose_text_is_only_logged() {
        let error = catch_panic::<()>(async { panic!("hunter{}", 2) }).await.unwrap_err();
        assert_eq!((error.code(), error.chain().as_str()), (Code::Internal, "panicked: hunter2"));
        assert!(!error.message().contains("hunter"));
    }
}
