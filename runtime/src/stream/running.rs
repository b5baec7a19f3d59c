//! The action of a stream as one future, which ends with the action or with its session.

use std::{
    pin::Pin,
    task::{Context as Task, Poll, ready},
};

use crate::{action::Ended, error::problem, header::RequestId, stream::body::Ending};

/// Runs a stream until its action ends, or until the session that it was opened under ends.
pub(crate) async fn until(
    running: impl Future<Output = Ending>,
    ended: Ended,
    id: RequestId,
) -> Ending {
    tokio::select! {
        // A client of an ended session reads nothing more.
        biased;
        error = ended => Err(problem::json(&error, &id)),
        ending = running => ending,
    }
}

/// An action that streams, and what it holds meanwhile. It is no `async` block, which would hold the
/// future of the action twice.
pub(crate) struct Running<S, F, G, H> {
    stream: Run<S, F>,
    end: G,
    _held: H,
}

enum Run<S, F> {
    /// The function that returns the future, which the first poll takes: it may panic.
    Begins(Option<S>),
    Runs(Pin<Box<F>>),
}

impl<S, F, G, H> Running<S, F, G, H> {
    /// Returns the future that runs what `begin` returns, and then `end`. It holds `held` meanwhile.
    pub(crate) fn new(begin: S, end: G, held: H) -> Self {
        Self { stream: Run::Begins(Some(begin)), end, _held: held }
    }
}

/// The future of the action alone is pinned, and that is in a box.
impl<S, F, G, H> Unpin for Running<S, F, G, H> {}

impl<S, F, G, H> Future for Running<S, F, G, H>
where
    S: FnOnce() -> Pin<Box<F>>,
    F: Future,
    G: Fn(F::Output) -> Ending,
{
    type Output = Ending;

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Ending> {
        let this = &mut *self;
        if let Run::Begins(begin) = &mut this.stream
            && let Some(begin) = begin.take()
        {
            this.stream = Run::Runs(begin());
        }
        // A function that has panicked is not called again.
        let Run::Runs(stream) = &mut this.stream else { return Poll::Pending };
        let output = ready!(stream.as_mut().poll(task));
        Poll::Ready((this.end)(output))
    }
}
