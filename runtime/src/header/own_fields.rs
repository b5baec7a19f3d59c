//! The fields of a request that do not hold for another request with the same head: a call of a batch, the
//! action of a posted form, or the page that shows the form again.

use http::{HeaderName, header};

/// The fields that describe the body, and its transfer.
pub(crate) const OF_BODY: [HeaderName; 5] = [
    header::CONTENT_TYPE,
    header::CONTENT_LENGTH,
    header::CONTENT_ENCODING,
    header::TRANSFER_ENCODING,
    header::EXPECT,
];

/// The fields that are about one response: the conditions of RFC 9110, a range, and the position in a
/// stream.
pub(crate) const OF_RESPONSE: [HeaderName; 7] = [
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::RANGE,
    HeaderName::from_static("last-event-id"),
];
