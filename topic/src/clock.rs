//! The wall clock of logs.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the milliseconds since 1970 (UTC); 0 on a machine that thinks it is earlier.
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
