//! Marks the uploads of a call as used once the call has succeeded.

use crate::{
    action::{Claims, Encoded, Outgoing},
    error::Result,
};

/// Runs a call, and marks its uploads as used before its caller can read that it has succeeded. After an
/// error they are there again.
pub(in crate::request) async fn use_up<T: Outgoing>(
    claims: Option<Box<Claims>>,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let output = call.await?;
    if let Some(claims) = claims {
        let outcome = match output.download() {
            None => Encoded::of(&output).ok().map(|encoded| encoded.json),
            // A file is not retained for a repeated call.
            Some(_) => None,
        };
        // In a box of its own: other calls need no space for it.
        Box::pin(claims.use_up(outcome)).await;
    }
    Ok(output)
}
