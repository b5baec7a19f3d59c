//! How many bytes of uploads an app has at once, in all and for each caller.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use crate::{
    action::limits::Caller,
    error::{Code, Error, Result},
};

/// After how many seconds a refused caller tries again: by then another upload may have ended.
const RETRY_AFTER_S: u32 = 5;

#[derive(Debug)]
pub(super) struct Quota {
    bytes_max: u64,
    bytes_per_caller_max: u64,
    /// A std lock, never held across an `.await`.
    used: Mutex<Used>,
}

#[derive(Debug, Default)]
struct Used {
    bytes: u64,
    /// Has no caller without bytes.
    by_caller: HashMap<Caller, u64>,
}

impl Quota {
    pub(super) fn new(bytes_max: u64, bytes_per_caller_max: u64) -> Self {
        Self { bytes_max, bytes_per_caller_max, used: Mutex::default() }
    }

    /// Returns a reservation of no bytes.
    pub(super) fn reservation(self: &Arc<Self>, caller: Caller) -> Reservation {
        Reservation { quota: Arc::clone(self), caller, bytes: 0 }
    }

    fn used(&self) -> MutexGuard<'_, Used> {
        // Every change under the lock is complete, so a panic leaves it valid.
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The bytes of one request. They are free again when it is dropped.
#[derive(Debug)]
pub(crate) struct Reservation {
    quota: Arc<Quota>,
    caller: Caller,
    bytes: u64,
}

impl Reservation {
    /// Reserves more, if the request has more bytes than were reserved.
    ///
    /// # Errors
    ///
    /// A 429 if the caller has too many bytes, and a 503 if all callers have.
    pub(crate) fn cover(&mut self, bytes: u64) -> Result<()> {
        let more = bytes.saturating_sub(self.bytes);
        if more == 0 {
            return Ok(());
        }
        let mut used = self.quota.used();
        let of_caller = used.by_caller.get(&self.caller).copied().unwrap_or(0);
        if of_caller.saturating_add(more) > self.quota.bytes_per_caller_max {
            let message =
                "too many bytes in your uploads at once: wait until one of them has ended";
            return Err(Error::new(Code::TooManyRequests, message).with_retry_after(RETRY_AFTER_S));
        }
        if used.bytes.saturating_add(more) > self.quota.bytes_max {
            let message = "too many uploads at once: try again in a moment";
            return Err(Error::new(Code::Overloaded, message).with_retry_after(RETRY_AFTER_S));
        }
        used.bytes += more;
        used.by_caller.insert(self.caller.clone(), of_caller + more);
        self.bytes += more;
        Ok(())
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        let mut used = self.quota.used();
        used.bytes -= self.bytes;
        if let Some(of_caller) = used.by_caller.get_mut(&self.caller) {
            *of_caller -= self.bytes;
            if *of_caller == 0 {
                used.by_caller.remove(&self.caller);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_counted_for_all_and_for_each_caller_until_they_are_free() {
        let quota = Arc::new(Quota::new(100, 60));
        let caller = |last| Caller::Address([127, 0, 0, last].into());
        let mut first = quota.reservation(caller(1));
        first.cover(60).unwrap();
        first.cover(50).unwrap();
        assert_eq!(first.cover(61).unwrap_err().code(), Code::TooManyRequests);
        let mut second = quota.reservation(caller(1));
        assert_eq!(second.cover(1).unwrap_err().code(), Code::TooManyRequests);
        let mut other = quota.reservation(caller(2));
        assert_eq!(other.cover(41).unwrap_err().code(), Code::Overloaded);
        other.cover(40).unwrap();
        drop(first);
        second.cover(60).unwrap();
        drop((second, other));
        let used = quota.used();
        assert_eq!((used.bytes, used.by_caller.len()), (0, 0));
    }
}
