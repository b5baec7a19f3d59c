//! Takes the bytes of one request for an upload.

use axum::body::Body;

use crate::{
    action::{Appending, Checksum, Unfinished},
    error::{Code, Error, Result},
    request::decode::Pieces,
    stream::Watch,
};

/// Appends a body to an upload. Returns the offset. What has arrived stays if the connection is lost or the
/// server restarts, unless it has a checksum.
pub(super) async fn append(
    upload: Unfinished,
    offset: u64,
    checksum: Option<Checksum>,
    body: Body,
    mut drain: Watch,
) -> Result<u64> {
    let length = upload.record.length;
    let too_long =
        || Error::new(Code::PayloadTooLarge, "the body ends after the end of the upload");
    let left = length.saturating_sub(offset);
    let mut pieces = Pieces::new(body);
    if pieces.announced() > left {
        pieces.discard(0, left).await;
        return Err(too_long());
    }
    let mut appending = match Appending::open(upload, offset, checksum).await {
        Ok(appending) => appending,
        Err(error) => {
            pieces.discard(0, left).await;
            return Err(error);
        }
    };
    loop {
        let piece = tokio::select! {
            biased;
            // The next process has the file only when this one has let go of it.
            _ = &mut drain => Err(restarting()),
            piece = pieces.next() => piece,
        };
        match piece {
            Ok(Some(piece)) if appending.offset() + piece.len() as u64 > length => {
                appending.undo().await;
                pieces.discard(0, left).await;
                return Err(too_long());
            }
            Ok(Some(piece)) => {
                if let Err(error) = appending.write(&piece).await {
                    pieces.discard(0, left).await;
                    return Err(error);
                }
            }
            Ok(None) => return appending.finish().await,
            Err(error) => {
                appending.stop().await;
                return Err(error);
            }
        }
    }
}

fn restarting() -> Error {
    let error = Error::new(Code::Overloaded, "the server restarts: go on in a moment");
    error.with_retry_after(1)
}
