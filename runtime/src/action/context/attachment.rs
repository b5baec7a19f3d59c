//! What a room above this one attaches to a request: cookies and the session.

use std::{any::Any, fmt, pin::Pin, sync::Arc};

use http::HeaderMap;

use crate::error::Error;

/// Completes when a stream has to end, with the error that its client reads.
pub(crate) type Ended = Pin<Box<dyn Future<Output = Error> + Send>>;

/// What is attached to one request. All contexts of the request share it, that of its stream too.
pub(crate) trait Attachment: Any + fmt::Debug + Send + Sync {
    /// Writes its fields into the head of the response. After that there is no head to change.
    fn write_head(&self, headers: &mut HeaderMap);

    /// Returns what ends a stream of this request, if something does.
    fn ended(self: Arc<Self>) -> Option<Ended>;
}
