//! A timeout that costs nothing for a future that is ready at once.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokio::time::error::Elapsed;

/// Waits for `future`, but no longer than `time`.
///
/// Most calls and most bodies are ready at the first poll. Only the others create a timer, in a box: the
/// future has no space for it.
///
/// # Errors
///
/// Returns an error when the time has passed, and drops the future.
pub(crate) async fn within<F: Future>(time: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match poll_fn(|task| Poll::Ready(future.as_mut().poll(task))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Box::pin(tokio::time::timeout(time, future)).await,
    }
}
