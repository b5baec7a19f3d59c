//! The action of a stream as one future, which ends with the action or with its session.

use std::{
    pin::Pin,
    task::{Context as Task, Poll},
};

use pin_project_lite::pin_project;

use crate::{action::Ended, stream::body::Ending};

pin_project! {
    /// An action that streams, and what it holds meanwhile.
    ///
    /// It is no `async` block: an idle stream holds it, and a block would have room for what the future
    /// of the action is made of beside that future.
    pub(crate) struct Running<S, F, G, H> {
        #[pin]
        stream: Run<S, F>,
        // Ends the stream before its action.
        ended: Option<Ended>,
        end: G,
        _held: H,
    }
}

pin_project! {
    #[project = RunProjected]
    enum Run<S, F> {
        // The function that returns the future, which the first poll takes: it may panic.
        Begins { begin: Option<S> },
        Runs { #[pin] stream: F },
    }
}

impl<S, F, G, H> Running<S, F, G, H> {
    /// Returns the future that runs what `begin` returns, and then `end`, or until the session that the
    /// stream was opened under has `ended`. It holds `held` meanwhile.
    pub(crate) fn new(begin: S, ended: Option<Ended>, end: G, held: H) -> Self {
        Self { stream: Run::Begins { begin: Some(begin) }, ended, end, _held: held }
    }
}

impl<S, F, G, H> Future for Running<S, F, G, H>
where
    S: FnOnce() -> F,
    F: Future,
    G: Fn(F::Output) -> Ending,
{
    type Output = Ending;

    fn poll(self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<Ending> {
        let mut this = self.project();
        // A client of an ended session reads nothing more.
        if let Some(ended) = this.ended
            && let Poll::Ready(error) = ended.as_mut().poll(task)
        {
            return Poll::Ready(Err(error));
        }
        if let RunProjected::Begins { begin } = this.stream.as_mut().project()
            && let Some(begin) = begin.take()
        {
            this.stream.set(Run::Runs { stream: begin() });
        }
        match this.stream.project() {
            RunProjected::Runs { stream } => stream.poll(task).map(&*this.end),
            // A function that has panicked is not called again.
            RunProjected::Begins { .. } => Poll::Pending,
        }
    }
}
