//! What is counted of the sessions of an app.

use crate::metrics::{
    handle::Counter,
    registry::{Desc, Metrics},
};

const BEGUN: Desc = Desc {
    name: "kipo_sessions_begun_total",
    help: "Sessions that have begun, each new token of one included.",
};
const ENDED: Desc = Desc {
    name: "kipo_sessions_ended_total",
    help: "Sessions that were ended, each old token of one included; none whose time is over.",
};
const USERS_ENDED: Desc = Desc {
    name: "kipo_sessions_ended_users_total",
    help: "Users whose sessions were ended together.",
};
const CHECKS: Desc = Desc {
    name: "kipo_session_checks_total",
    help: "Cookies of sessions that were looked up, by what the store has said.",
};

/// The handles of the sessions. An empty one counts nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct SessionMeter {
    pub(crate) begun: Counter,
    pub(crate) ended: Counter,
    pub(crate) users_ended: Counter,
    /// The cookie names a session.
    pub(crate) found: Counter,
    /// The cookie names none, or one that has ended.
    pub(crate) missing: Counter,
    /// The store does not answer.
    pub(crate) unavailable: Counter,
}

impl SessionMeter {
    /// Registers the sessions of an app.
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let check = |result| metrics.counter(CHECKS, &[("result", result)]);
        Self {
            begun: metrics.counter(BEGUN, &[]),
            ended: metrics.counter(ENDED, &[]),
            users_ended: metrics.counter(USERS_ENDED, &[]),
            found: check("found"),
            missing: check("missing"),
            unavailable: check("unavailable"),
        }
    }
}
