//! Marks the uploads of a call as used once the call has succeeded.

use crate::{
    action::{Claims, Encoded, Outgoing},
    error::Result,
};

/// Runs a call, and marks its uploads as used before its caller can read that it has succeeded. After an
/// error they are there again.
pub(in crate::request) async fn use_up<T: Outgoing>(
    claims: Box<Claims>,
    call: impl Future<Output = Result<T>>,
) -> Result<T> {
    let output = call.await?;
    let outcome = match output.download() {
        None => Encoded::of(&output).ok().map(|encoded| encoded.json),
        // A file is not retained for a repeated call.
        Some(_) => None,
    };
    claims.use_up(outcome).await;
    Ok(output)
}
