//! Why a request for an upload is refused.

use std::io;

use crate::error::{Error, typed_error};

/// A refusal with a status of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes do not have the checksum that their sender says.
    Checksum,
    /// Another request sends or uses the same upload.
    Locked,
    /// An action has used the upload.
    Used,
    /// The upload is not complete.
    Incomplete,
    /// The file has other bytes already, or not so many.
    Offset,
    /// The disk has no space.
    DiskFull,
}

/// Seconds until a refused sender tries again.
const RETRY_AFTER_S: u32 = 1;

impl From<Fault> for Error {
    fn from(fault: Fault) -> Self {
        let (status, word, message) = match fault {
            Fault::Checksum => (460, "checksum_mismatch", "the bytes do not have this checksum"),
            Fault::Locked => {
                (423, "upload_locked", "another request has this upload at the moment")
            }
            Fault::Used => (409, "upload_used", "an action has used this upload"),
            Fault::Incomplete => (409, "upload_incomplete", "the upload is not complete"),
            Fault::Offset => (409, "upload_offset", "the upload has another offset"),
            Fault::DiskFull => (507, "disk_full", "the server has no space for this file"),
        };
        let error = typed_error(status, word, message, None);
        if fault == Fault::Locked { error.with_retry_after(RETRY_AFTER_S) } else { error }
    }
}

/// Returns the error of a request whose file could not be written.
pub(super) fn io_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Error::from(Fault::DiskFull).with_source(error)
        }
        _ => Error::internal(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_a_507_and_another_failure_is_not_shown() {
        let full = io_error(io::ErrorKind::StorageFull.into());
        assert_eq!((full.status().as_u16(), full.word()), (507, "disk_full"));
        assert_eq!(io_error(io::Error::other("disk 3 is gone")).status(), 500);
    }
}
