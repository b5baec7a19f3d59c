//! The servers with sessions: a call that needs a user, has rules, a rate and errors of its own type,
//! once as a Kipo application and once by hand.

pub(super) mod axum_server;
pub(super) mod kipo_server;

/// Calls of one user in a second. It is far more than the load sends, so none is refused.
const CALLS_PER_SECOND: u32 = 1_000_000;

/// The longest text that the call takes, in characters.
const TEXT_MAX: usize = 500;

/// The call answers this id with an error of its own type.
const LOCKED_ID: u64 = 0;
