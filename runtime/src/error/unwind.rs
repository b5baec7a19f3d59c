//! Turns a panic into an error of one request alone.

use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
};

use crate::error::call_error::{Error, Result};

/// Runs what an app author wrote; a panic in it is a 500, and its text is for the log.
pub(crate) async fn unpanicked<T>(outcome: impl Future<Output = Result<T>>) -> Result<T> {
    let mut outcome = pin!(outcome);
    std::future::poll_fn(|task| {
        // A future that panicked is not polled again: nobody sees it half done.
        let polled = catch_unwind(AssertUnwindSafe(|| outcome.as_mut().poll(task)));
        polled.unwrap_or_else(|panic| Poll::Ready(Err(panicked(&*panic))))
    })
    .await
}

/// How the cause of such an error begins.
pub(crate) const PANICKED: &str = "panicked";

/// Returns the error that a panic is for the one who asked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("{PANICKED}: {}", text.unwrap_or("(no message)")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::code::Code;

    #[tokio::test]
    async fn a_panic_is_an_error_whose_text_is_for_the_log() {
        let error = unpanicked::<()>(async { panic!("hunter{}", 2) }).await.unwrap_err();
        assert_eq!((error.code(), error.chain().as_str()), (Code::Internal, "panicked: hunter2"));
        assert!(!error.message().contains("hunter"));
    }
}
