//! A call whose output is cached: the output of an earlier call, that of a running one, or its own.

use tokio::time::{Instant, timeout_at};

use crate::{
    action::{Digest, Encoded, Join, Landed, Lead, Outputs},
    error::{Code, Error, Result},
};

/// Where an output came from, for the field `Cache-Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// An earlier call; it is fresh for so many more seconds.
    Hit { ttl: u64 },
    /// This call.
    Computed,
    /// A running call that this one waited for.
    Collapsed,
}

/// Returns the output of a key. `compute` runs the call at most once: with the right to share its
/// output, or without it if another call has shown that such responses belong to their callers.
///
/// # Cancel safety
///
/// Cancel safe while it waits for another call. `compute` protects itself.
pub(crate) async fn output<F>(
    outputs: &Outputs,
    key: Digest,
    deadline: Instant,
    compute: impl FnOnce(Option<Lead>) -> F,
) -> Result<(Encoded, Origin)>
where
    F: Future<Output = Result<Encoded>>,
{
    let lead = loop {
        if let Some(output) = outputs.get(&key) {
            let origin = Origin::Hit { ttl: output.ttl() };
            return Ok((output.encoded.clone(), origin));
        }
        let flight = match outputs.join(key) {
            Join::Lead(lead) => {
                // The flight before may have ended after the look-up above.
                match outputs.get(&key) {
                    Some(_) => continue,
                    None => break Some(lead),
                }
            }
            Join::Follow(flight) => flight,
        };
        let landed = timeout_at(deadline, flight.landed()).await;
        match landed.map_err(|_| too_slow())? {
            Landed::Output(output) if outputs.is_valid(&output) => {
                return Ok((output.encoded.clone(), Origin::Collapsed));
            }
            Landed::Private => break None,
            Landed::Output(_) | Landed::Failed => {}
        }
    };
    compute(lead).await.map(|encoded| (encoded, Origin::Computed))
}

fn too_slow() -> Error {
    Error::new(Code::Timeout, "the action took longer than its time limit")
}
