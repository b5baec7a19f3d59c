//! The cookies of parts that end after the head of their batch was sent.
//!
//! No script may read such a cookie, so it cannot travel in the body. This process retains it for a
//! moment, and the client claims it by a request of its own, whose response sets it.

use std::{
    collections::VecDeque,
    hash::{BuildHasher as _, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use http::HeaderValue;

/// The longest body of a claim.
pub(super) const CLAIM_BYTES_MAX: usize = 64;

/// A client claims them at once. After this time it has gone.
const RETAINED_FOR: Duration = Duration::from_secs(30);

/// The most that are retained. The oldest go first.
const RETAINED_MAX: usize = 1000;

/// What is retained, the oldest first.
struct LateCookies(VecDeque<Retained>);

struct Retained {
    claim: String,
    until: Instant,
    cookies: Vec<HeaderValue>,
}

/// A std lock: held for a look at the list, never across an `.await`.
static LATE_COOKIES: Mutex<LateCookies> = Mutex::new(LateCookies(VecDeque::new()));

/// Retains cookies, and returns what claims them, once.
pub(super) fn retain(cookies: Vec<HeaderValue>) -> String {
    late_cookies().retain(Instant::now(), cookies)
}

/// Returns the cookies of a claim, which is its last.
pub(super) fn take(claim: &[u8]) -> Option<Vec<HeaderValue>> {
    late_cookies().take(Instant::now(), claim)
}

fn late_cookies() -> MutexGuard<'static, LateCookies> {
    // A panic leaves the list valid.
    LATE_COOKIES.lock().unwrap_or_else(PoisonError::into_inner)
}

impl LateCookies {
    fn retain(&mut self, now: Instant, cookies: Vec<HeaderValue>) -> String {
        self.expire(now);
        if self.0.len() == RETAINED_MAX {
            self.0.pop_front();
        }
        // The keys of a `RandomState` come from the system's randomness: nobody guesses what they make.
        let random = || RandomState::new().hash_one(0);
        let claim = format!("{:016x}{:016x}", random(), random());
        self.0.push_back(Retained { claim: claim.clone(), until: now + RETAINED_FOR, cookies });
        claim
    }

    fn take(&mut self, now: Instant, claim: &[u8]) -> Option<Vec<HeaderValue>> {
        self.expire(now);
        let at = self.0.iter().position(|retained| retained.claim.as_bytes() == claim)?;
        self.0.remove(at).map(|retained| retained.cookies)
    }

    fn expire(&mut self, now: Instant) {
        while self.0.front().is_some_and(|retained| retained.until <= now) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cookies_are_claimed_once_and_for_a_while() {
        let (mut late, now) = (LateCookies(VecDeque::new()), Instant::now());
        let cookies = vec![HeaderValue::from_static("a=1")];
        let (first, second) =
            (late.retain(now, cookies.clone()), late.retain(now, cookies.clone()));
        assert_ne!(first, second);
        assert_eq!(late.take(now, b"0123456789abcdef"), None);
        assert_eq!(late.take(now, first.as_bytes()), Some(cookies));
        assert_eq!(late.take(now, first.as_bytes()), None);
        assert_eq!(late.take(now + RETAINED_FOR, second.as_bytes()), None);
    }

    #[test]
    fn the_oldest_cookies_go_first() {
        let (mut late, now) = (LateCookies(VecDeque::new()), Instant::now());
        let claims: Vec<String> =
            (0..=RETAINED_MAX).map(|_| late.retain(now, Vec::new())).collect();
        assert_eq!(late.take(now, claims[0].as_bytes()), None);
        assert!(late.take(now, claims[1].as_bytes()).is_some());
        assert_eq!(late.0.len(), RETAINED_MAX - 1);
    }
}
