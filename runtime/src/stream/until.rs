//! Ends a stream before its action does.

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
