//! A bound on time that costs nothing where nobody waits.

use std::{future::poll_fn, pin::pin, task::Poll, time::Duration};

use tokio::time::error::Elapsed;

/// Waits for `future`, but no longer than `time`.
///
/// Most calls and most bodies are there at once; the clock is asked only for those that are not.
///
/// # Errors
///
/// When the time is over; the future is dropped then.
pub(crate) async fn within<F: Future>(time: Duration, future: F) -> Result<F::Output, Elapsed> {
    let mut future = pin!(future);
    match poll_fn(|task| Poll::Ready(future.as_mut().poll(task))).await {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => tokio::time::timeout(time, future).await,
    }
}
