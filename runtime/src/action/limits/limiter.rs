//! Counts calls for rates: on this node, and over all nodes where there is an engine.

use std::{
    hash::{BuildHasher as _, RandomState},
    sync::{Arc, OnceLock},
};

use kipo_topic::engine::Engine;
use tokio::time::Instant;

use crate::{
    action::{
        context::Context,
        limits::{
            bucket::{Empty, Level},
            caller::{Caller, Identify},
            cluster::{self, Cluster},
            policy::{self, Policy},
            rate::Rate,
            table::Table,
        },
    },
    error::{Code, Error, Result},
};

/// How many callers a node remembers, by default. Each takes 40 bytes once there are so many.
pub(crate) const RATE_KEYS_MAX: usize = 100_000;

/// The permits of all callers of one app. A clone shares them.
#[derive(Clone)]
pub(crate) struct Limiter(Arc<Inner>);

struct Inner {
    table: Table,
    /// Keyed at random, so that nobody can find callers that share a bucket.
    hasher: RandomState,
    /// The time that buckets count from.
    start: Instant,
    /// Set when the app has opened an engine that many nodes share.
    cluster: OnceLock<Cluster>,
}

impl Limiter {
    /// Returns a limiter that remembers so many callers, rounded up to a multiple of 1,024.
    pub(crate) fn new(keys_max: usize) -> Self {
        Self(Arc::new(Inner {
            table: Table::new(keys_max),
            hasher: RandomState::new(),
            start: Instant::now(),
            cluster: OnceLock::new(),
        }))
    }

    /// Counts over all nodes that share an engine.
    pub(crate) fn count_in(&self, engine: Arc<dyn Engine>) {
        let _ = self.0.cluster.set(Cluster::new(engine));
    }

    async fn take(&self, name: &str, caller: &Caller, rate: &Rate) -> Result<Level, Empty> {
        let Inner { table, hasher, start, cluster } = &*self.0;
        let key = hasher.hash_one((name, caller));
        let now = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        let level = table.take(key, rate, now)?;
        if let Some(cluster) = cluster.get() {
            let now = cluster::wall_clock();
            // In a box of its own: an app without an engine needs no space for it.
            Box::pin(cluster.take(table, key, name, caller, rate, now)).await?;
        }
        Ok(level)
    }
}

impl std::fmt::Debug for Limiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Limiter").field("cluster", &self.0.cluster).finish_non_exhaustive()
    }
}

/// The rate of one action.
#[derive(Clone, Debug)]
pub(crate) struct RateLimit {
    limiter: Limiter,
    /// The scope of the permits: actions do not share them.
    scope: String,
    rate: Rate,
    policy: Policy,
    /// Only where the rate is by a session or a user.
    identify: Option<Identify>,
}

impl RateLimit {
    /// Returns the rate of an action. `identify` finds the session of a request, if the app has sessions.
    pub(crate) fn new(
        limiter: Limiter,
        action: &str,
        rate: Rate,
        identify: Option<Identify>,
    ) -> Self {
        let policy = Policy::new(rate.key().name(), &rate);
        let identify = identify.filter(|_| rate.key().is_by_visitor());
        Self { limiter, scope: format!("action/{action}"), rate, policy, identify }
    }

    /// Returns whether the rate counts by session or by user.
    pub(crate) fn is_by_visitor(&self) -> bool {
        self.rate.key().is_by_visitor()
    }

    /// Takes a permit for the caller of a request, and adds the `RateLimit` fields to its response.
    pub(crate) async fn admit(&self, cx: &Context) -> Result<()> {
        let caller = Caller::of(self.rate.key(), cx, self.identify).await;
        match self.limiter.take(&self.scope, &caller, &self.rate).await {
            Ok(level) => {
                self.policy.report(cx, level.remaining, level.full_in);
                Ok(())
            }
            Err(empty) => Err(refuse(&self.policy, cx, &empty)),
        }
    }
}

impl Context {
    /// Takes a permit of a [`Rate`] for a key that the action has: such as the account that somebody
    /// tries to sign in to, which is in the body.
    ///
    /// `name` tells the rates of an app apart, and `key` the callers of one rate; [`Rate::by`] has no
    /// effect here. The callers are counted like those of [`Limits::rate`](crate::Limits::rate).
    ///
    /// In a test, a context without an app admits everything.
    ///
    /// # Errors
    ///
    /// Returns a [`Code::TooManyRequests`](crate::Code::TooManyRequests) with `Retry-After` if there
    /// is no permit.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have taken the permit.
    ///
    /// # Examples
    ///
    /// ```
    /// use kipo::{Context, Error, Limits, Rate, Result, action, Action};
    ///
    /// /// Signs somebody in.
    /// #[action(public)]
    /// pub struct SignIn {
    ///     email: String,
    ///     password: String,
    /// }
    ///
    /// /// From any number of addresses: 10 tries for one account at once, and 10 in each hour.
    /// const PER_ACCOUNT: Rate = Rate::per_hour(10);
    ///
    /// impl Action for SignIn {
    ///     type Output = ();
    ///     /// From one address, for any number of accounts.
    ///     const LIMITS: Limits = Limits::new().rate(Rate::per_minute(20));
    ///
    ///     async fn call(self, cx: Context) -> Result<()> {
    ///         cx.limit_rate("sign-in", &self.email, PER_ACCOUNT).await?;
    ///         if self.password == "correct horse" { Ok(()) } else { Err(Error::unauthorized("no")) }
    ///     }
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let sign_in = SignIn { email: "ann@example.org".into(), password: "correct horse".into() };
    /// assert!(sign_in.call(Context::test()).await.is_ok());
    /// # });
    /// ```
    pub async fn limit_rate(&self, name: &str, key: &str, rate: Rate) -> Result<()> {
        let Ok(limiter) = self.state::<Limiter>() else { return Ok(()) };
        let (scope, caller) = (format!("own/{name}"), Caller::Key(key.to_owned()));
        let taken = limiter.take(&scope, &caller, &rate).await;
        taken.map(drop).map_err(|empty| refuse(&Policy::new(name, &rate), self, &empty))
    }
}

/// Returns the error for a caller without a permit, and adds the `RateLimit` fields to its response.
fn refuse(policy: &Policy, cx: &Context, empty: &Empty) -> Error {
    policy.report(cx, 0, empty.full_in);
    let after = policy::seconds(empty.wait);
    let message = format!("too many calls: try again in {after} s");
    Error::new(Code::TooManyRequests, message).with_retry_after(after)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use kipo_topic::Store;

    use super::*;
    use crate::action::limits::rate::Key;

    const BY_NAME: Key = Key::of(|cx| cx.header("x-name").map(str::to_owned));

    fn from(name: &str) -> Context {
        Context::test().with_header("x-name", name)
    }

    /// Returns how many of `tries` are admitted.
    async fn admitted(limit: &RateLimit, name: &str, tries: usize) -> usize {
        let mut admitted = 0;
        for _ in 0..tries {
            admitted += usize::from(limit.admit(&from(name)).await.is_ok());
        }
        admitted
    }

    /// Returns an action's rate on each of two nodes that share an engine.
    fn two_nodes(rate: Rate) -> [RateLimit; 2] {
        let store = Store::in_memory();
        [(); 2].map(|()| {
            let limiter = Limiter::new(1);
            limiter.count_in(Arc::clone(store.engine()));
            RateLimit::new(limiter, "Try", rate.by(BY_NAME), None)
        })
    }

    /// Of Piko: "The rate limiter's window never resets: N requests ever, then 429."
    #[tokio::test(start_paused = true)]
    async fn a_caller_that_waits_as_long_as_it_is_told_is_admitted() {
        let limit = RateLimit::new(Limiter::new(1), "Try", Rate::per_minute(3).by(BY_NAME), None);
        assert_eq!(admitted(&limit, "ann", 10).await, 3);
        assert_eq!(admitted(&limit, "bob", 10).await, 3);
        for _ in 0..10 {
            let error = limit.admit(&from("ann")).await.unwrap_err();
            let seconds = error.retry_after().unwrap();
            assert_eq!((error.code(), seconds), (Code::TooManyRequests, 20));
            tokio::time::advance(Duration::from_secs(seconds.into())).await;
            assert_eq!(admitted(&limit, "ann", 10).await, 1);
        }
    }

    #[tokio::test]
    async fn actions_do_not_share_permits() {
        let limiter = Limiter::new(1);
        for action in ["one", "two"] {
            let limit =
                RateLimit::new(limiter.clone(), action, Rate::per_hour(3).by(BY_NAME), None);
            assert_eq!(admitted(&limit, "ann", 10).await, 3);
        }
    }

    #[tokio::test]
    async fn ten_thousand_tries_from_one_address_or_for_one_account_are_few_permits() {
        let limiter = Limiter::new(RATE_KEYS_MAX);
        let limit = RateLimit::new(limiter.clone(), "SignIn", Rate::per_hour(20), None);
        let (mut one_address, mut one_account) = (0, 0);
        for n in 0..10_000_u32 {
            // The field of a stranger changes nothing.
            let cx =
                Context::test().with_header("x-forwarded-for", &format!("192.0.2.{}", n % 256));
            one_address += usize::from(limit.admit(&cx).await.is_ok());
            let cx = cx.with_state(limiter.clone());
            let many = cx.limit_rate("address", &n.to_string(), Rate::per_hour(1)).await;
            assert!(many.is_ok(), "each address has a permit of its own");
            let rate = Rate::per_hour(10);
            one_account += usize::from(cx.limit_rate("sign-in", "ann", rate).await.is_ok());
        }
        assert_eq!((one_address, one_account), (20, 10));
    }

    #[tokio::test]
    async fn two_nodes_of_an_engine_admit_no_more_than_one() {
        for rate in [Rate::per_hour(3), Rate::per_hour(100), Rate::per_hour(1000)] {
            let [one, two] = two_nodes(rate);
            let mut total = 0;
            for _ in 0..1200 {
                total += admitted(&one, "ann", 1).await + admitted(&two, "ann", 1).await;
            }
            let most = rate.capacity() as usize;
            // The windows of an hour rarely end here; where one does, there is one more burst.
            assert!(total == most || total == 2 * most, "{total} of {most}");
            assert!(admitted(&one, "bob", 1).await + admitted(&two, "bob", 1).await == 2);
        }
    }

    #[tokio::test]
    async fn a_node_alone_uses_all_permits_of_a_window() {
        let [one, _] = two_nodes(Rate::per_hour(100));
        assert_eq!(admitted(&one, "ann", 1000).await, 100);
    }

    #[tokio::test]
    async fn a_node_counts_alone_while_its_engine_does_not_count() {
        let store = Store::in_memory();
        let limiter = Limiter::new(1);
        limiter.count_in(Arc::clone(store.engine()));
        store.close();
        let limit = RateLimit::new(limiter, "Try", Rate::per_hour(3).by(BY_NAME), None);
        assert_eq!(admitted(&limit, "ann", 10).await, 3);
    }
}
