//! Writes an error as a problem document (RFC 9457), and to the log.

use serde_json::json;

use crate::{
    error::{call_error::Error, code::Code},
    header::RequestId,
};

/// Logs an error with its cause, which the caller may not read.
pub(crate) fn log(error: &Error, id: &RequestId) {
    if error.code() == Code::Internal {
        tracing::error!(request_id = %id, cause = %error.chain(), "internal error");
    } else {
        tracing::debug!(request_id = %id, code = error.word(), cause = %error.chain(), "refused");
    }
}

/// Returns the problem document as one line of JSON, and logs the error with its cause.
pub(crate) fn json(error: &Error, id: &RequestId) -> Vec<u8> {
    log(error, id);
    let status = error.status();
    let mut document = json!({
        "title": status.canonical_reason().unwrap_or("Error"),
        "status": status.as_u16(),
        "detail": error.message(),
        "code": error.word(),
        "request_id": id.as_str(),
    });
    if !error.fields().is_empty() {
        let pairs =
            error.fields().iter().map(|(path, messages)| (path.to_owned(), json!(messages)));
        document["errors"] = pairs.collect::<serde_json::Map<_, _>>().into();
    }
    let mut text = document.to_string();
    if let Some(data) = error.data() {
        // As it was written: a number keeps all its digits.
        text.truncate(text.len() - 1);
        text.push_str(",\"data\":");
        text.push_str(data);
        text.push('}');
    }
    text.into_bytes()
}
