//! How often a caller may call an action.

use std::{fmt, time::Duration};

use crate::action::context::Context;

/// How often one caller may call an action: a bucket of permits for each caller.
///
/// A call takes a permit. The bucket holds [`burst`](Self::burst) permits when it is full, and
/// permits return one by one, evenly over the time: with `per_minute(5)` a caller may call five
/// times at once, and then once in 12 s. A call that finds no permit is a 429 with `Retry-After`; it
/// takes nothing, so on one node a caller that waits as long as `Retry-After` says succeeds.
///
/// [`by`](Self::by) says who counts as one caller. See [`Limits::rate`](crate::Limits::rate).
///
/// # Examples
///
/// ```
/// use kipo::{Key, Limits, Rate};
///
/// const LIMITS: Limits = Limits::new().rate(Rate::per_minute(5).burst(10).by(Key::User));
/// assert_ne!(LIMITS, Limits::new());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Never zero.
    permits: u32,
    /// Never zero.
    burst: u32,
    period: Duration,
    key: Key,
}

impl Rate {
    /// Returns a rate of so many calls in each second, by [`Key::Address`].
    ///
    /// # Panics
    ///
    /// Panics if `calls` is zero; in a constant that is an error of the compiler.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::Rate;
    ///
    /// assert_eq!(Rate::per_second(10), Rate::per_second(10).burst(10));
    /// ```
    #[must_use]
    pub const fn per_second(calls: u32) -> Self {
        Self::per(calls, Duration::from_secs(1))
    }

    /// Returns a rate of so many calls in each minute, by [`Key::Address`].
    ///
    /// # Panics
    ///
    /// As for [`per_second`](Self::per_second).
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::Rate;
    ///
    /// assert_ne!(Rate::per_minute(60), Rate::per_second(1));
    /// assert_eq!(Rate::per_minute(60).burst(1).by(kipo::Key::Address), Rate::per_minute(60).burst(1));
    /// ```
    #[must_use]
    pub const fn per_minute(calls: u32) -> Self {
        Self::per(calls, Duration::from_secs(60))
    }

    /// Returns a rate of so many calls in each hour, by [`Key::Address`].
    ///
    /// # Panics
    ///
    /// As for [`per_second`](Self::per_second).
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Key, Rate};
    ///
    /// // At most 3 new accounts at once from one address, and 3 in each hour after that.
    /// const SIGN_UPS: Rate = Rate::per_hour(3);
    /// assert_eq!(SIGN_UPS, SIGN_UPS.by(Key::Address));
    /// ```
    #[must_use]
    pub const fn per_hour(calls: u32) -> Self {
        Self::per(calls, Duration::from_secs(3600))
    }

    const fn per(calls: u32, period: Duration) -> Self {
        assert!(calls > 0, "a rate is at least one call");
        Self { permits: calls, burst: calls, period, key: Key::Address }
    }

    /// Sets how many calls a caller may make at once after it has made none for a while. The default
    /// is the number of calls in the period.
    ///
    /// # Panics
    ///
    /// Panics if `calls` is zero; in a constant that is an error of the compiler.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::Rate;
    ///
    /// // One call in 6 s, evenly.
    /// assert_ne!(Rate::per_minute(10).burst(1), Rate::per_minute(10));
    /// ```
    #[must_use]
    pub const fn burst(mut self, calls: u32) -> Self {
        assert!(calls > 0, "a burst is at least one call");
        self.burst = calls;
        self
    }

    /// Sets who counts as one caller. The default is [`Key::Address`].
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Key, Rate};
    ///
    /// assert_ne!(Rate::per_minute(5).by(Key::Session), Rate::per_minute(5));
    /// ```
    #[must_use]
    pub const fn by(mut self, key: Key) -> Self {
        self.key = key;
        self
    }

    /// Returns how many permits return in the period, and the period.
    pub(crate) fn permits(&self) -> (u32, Duration) {
        (self.permits, self.period)
    }

    pub(crate) fn key(&self) -> Key {
        self.key
    }

    /// Returns how many permits a full bucket holds.
    pub(crate) fn capacity(&self) -> u32 {
        self.burst
    }

    /// Returns the time in which one permit returns, in nanoseconds. Never zero.
    pub(super) fn interval_ns(&self) -> u64 {
        (nanos(self.period) / u64::from(self.permits)).max(1)
    }

    /// Returns the time in which an empty bucket fills, in nanoseconds. Never zero.
    pub(super) fn refill_ns(&self) -> u64 {
        self.interval_ns().saturating_mul(u64::from(self.burst))
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// Who counts as one caller for a [`Rate`].
///
/// A request without a session, a user or a key of its own counts by its address.
///
/// # Examples
///
/// ```
/// use kipo::{Key, Rate};
///
/// /// Each holder of an API key has a bucket of its own.
/// const BY_API_KEY: Rate =
///     Rate::per_second(50).by(Key::of(|cx| cx.header("x-api-key").map(str::to_owned)));
/// assert_ne!(BY_API_KEY, Rate::per_second(50));
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Key {
    /// The address of the client ([`ClientIp`](crate::ClientIp)). In IPv6 all addresses of one network
    /// of 64 bits count as one, since a customer has at least such a network. Behind a proxy the app
    /// names it by [`App::trusted_proxy`](crate::App::trusted_proxy); otherwise all clients of that
    /// proxy count as one.
    Address,
    /// The session of the request: one that the store of [`App::sessions`](crate::App::sessions) has,
    /// or that of a [`RateIdentity`](crate::RateIdentity). It is asked after the guards and the values of
    /// the action, as is [`User`](Self::User), so a stranger whom they refuse takes no permit.
    Session,
    /// The user of that session, in all sessions of the user.
    User,
    /// What a function returns: see [`of`](Self::of).
    #[doc(hidden)]
    Of(KeyFn),
}

impl Key {
    /// Returns a key that a function takes from the request. `None` counts by the address.
    ///
    /// A caller that can choose its key as it likes can call as often as it likes. So the function
    /// returns only what the app has checked, or what is hard to get.
    ///
    /// # Examples
    ///
    /// See [`Key`].
    #[must_use]
    pub const fn of(key: fn(&Context) -> Option<String>) -> Self {
        Self::Of(KeyFn(key))
    }

    /// Returns whether the key is about who has signed in, or has a session.
    pub(super) fn is_by_visitor(self) -> bool {
        matches!(self, Self::Session | Self::User)
    }

    /// Returns the name of the key in the `RateLimit` fields.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Session => "session",
            Self::User => "user",
            Self::Of(_) => "key",
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A function that takes a key from a request.
#[derive(Clone, Copy)]
pub struct KeyFn(pub(super) fn(&Context) -> Option<String>);

/// Two keys are equal if they are the same function. The compiler may merge two functions with the
/// same body, and may copy one; nothing but tests depends on it.
impl PartialEq for KeyFn {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::fn_addr_eq(self.0, other.0)
    }
}

impl Eq for KeyFn {}

impl fmt::Debug for KeyFn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyFn")
    }
}
