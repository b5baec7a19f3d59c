//! Whether other nodes append to a topic at the same time as this one, and which of them does it for
//! this one. Data alone: the partition has the lock.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use super::super::submission::Submission;
use crate::channel::Fate;

/// How many appends of this node meet those of others within [`LATELY`] before it looks for the other
/// nodes: a few are no contention.
const MET_MIN: u32 = if cfg!(test) { 1 } else { 4 };

/// For how long an append, or a draft, counts as present.
pub(crate) const LATELY: Duration = Duration::from_secs(1);

/// How often a node that meets others says so.
const ANNOUNCE_EVERY: Duration = Duration::from_millis(100);

/// How long a draft that was sent away may take. An appender that takes longer is gone, or has
/// nothing to append to: this node appends then, as if there were no other.
const AWAY_MAX: Duration = Duration::from_secs(1);

/// How long a node appends by itself after another one has failed it, for the first time and at most.
const ALONE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// What a node knows of the others.
pub(crate) struct Contention {
    /// Since when appends are counted that meet others, and how many there were.
    met: (Instant, u32),
    announced_at: Option<Instant>,
    /// The node that appends for this one, and when it was asked last.
    appender: Option<(u64, Instant)>,
    /// Until when this node appends by itself, and for how long it does if it is failed again.
    alone_until: Option<Instant>,
    alone_for: Duration,
    /// Drafts that were sent to the appender, by their numbers, and when.
    away: BTreeMap<u64, (Submission, Instant)>,
    /// Whether a task looks at what is away.
    is_timed: bool,
}

impl Contention {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            met: (now, 0),
            announced_at: None,
            appender: None,
            alone_until: None,
            alone_for: ALONE.0,
            away: BTreeMap::new(),
            is_timed: false,
        }
    }

    /// Counts an append of this node that met one of another. Returns whether to tell the others.
    pub(crate) fn meets(&mut self, now: Instant) -> bool {
        if now - self.met.0 > LATELY {
            self.met = (now, 0);
        }
        self.met.1 = self.met.1.saturating_add(1);
        let was_silent = self.announced_at.is_none_or(|at| now - at >= ANNOUNCE_EVERY);
        let announces = self.met.1 >= MET_MIN && was_silent && self.appender.is_none();
        if announces {
            self.announced_at = Some(now);
        }
        announces
    }

    pub(crate) fn appender(&self) -> Option<u64> {
        self.appender.map(|(node, _)| node)
    }

    /// Takes a node as the appender, unless a lower one is that already, or this node is to be alone.
    /// Returns whether a task has to be started that looks at what is away.
    pub(crate) fn follow(&mut self, node: u64, now: Instant) -> bool {
        let is_alone = self.alone_until.is_some_and(|until| now < until);
        if is_alone || self.appender().is_some_and(|known| known <= node) {
            return false;
        }
        self.appender = Some((node, now));
        !std::mem::replace(&mut self.is_timed, true)
    }

    /// Notes drafts that are about to be sent to a node. Returns them if it is the appender no more, so
    /// that nothing is away that no task looks at.
    pub(crate) fn sends(
        &mut self,
        node: u64,
        drafts: Vec<(u64, Submission)>,
        now: Instant,
    ) -> Result<(), Vec<Submission>> {
        let drafts = drafts.into_iter();
        match &mut self.appender {
            Some((appender, asked_at)) if *appender == node => {
                *asked_at = now;
                self.away.extend(drafts.map(|(number, draft)| (number, (draft, now))));
                Ok(())
            }
            _ => Err(drafts.map(|(_, draft)| draft).collect()),
        }
    }

    /// Takes drafts back whose fates are known: the appender does what it is asked.
    pub(crate) fn take_decided(&mut self, decided: &[(u64, Fate)]) -> Vec<(Submission, Fate)> {
        let away = decided.iter().filter_map(|(number, fate)| {
            let (draft, _) = self.away.remove(number)?;
            Some((draft, *fate))
        });
        let drafts: Vec<_> = away.collect();
        if !drafts.is_empty() {
            self.alone_for = ALONE.0;
        }
        drafts
    }

    /// Takes drafts back, as far as they are away.
    pub(crate) fn take(&mut self, numbers: &[u64]) -> Vec<Submission> {
        numbers.iter().filter_map(|number| Some(self.away.remove(number)?.0)).collect()
    }

    /// Appends without others for a while. Returns all drafts that are away.
    pub(crate) fn be_alone(&mut self, now: Instant) -> Vec<Submission> {
        self.appender = None;
        self.alone_until = Some(now + self.alone_for);
        self.alone_for = (self.alone_for * 2).min(ALONE.1);
        std::mem::take(&mut self.away).into_values().map(|(submission, _)| submission).collect()
    }

    /// Returns what becomes of the appender, with time alone.
    pub(crate) fn look(&mut self, now: Instant) -> Look {
        let is_late = |(_, sent): &(Submission, Instant)| now - *sent >= AWAY_MAX;
        if self.away.first_key_value().is_some_and(|(_, draft)| is_late(draft)) {
            return Look::Late;
        }
        if !self.away.is_empty() || self.appender.is_some_and(|(_, asked)| now - asked < LATELY) {
            return Look::GoesOn;
        }
        (self.appender, self.is_timed) = (None, false);
        Look::Ends
    }
}

/// What becomes of an appender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    GoesOn,
    /// A draft is away for too long.
    Late,
    /// It was not asked for a while, and is none any more.
    Ends,
}

#[cfg(all(test, not(kipo_loom)))]
mod tests {
    use tokio::sync::oneshot;

    use super::{super::super::submission::Reply, *};
    use crate::log::record::Draft;

    fn draft(number: u64) -> (u64, Submission) {
        let (draft, reply) = (Draft::new("e", b"1"), Reply::Publisher(oneshot::channel().0));
        let number_of = Some(number);
        (number, Submission { draft, key: None, reply, permit: None, number: number_of })
    }

    #[test]
    fn the_lowest_node_appends() {
        let now = Instant::now();
        let mut contention = Contention::new(now);
        assert!(contention.follow(7, now), "a task has to be started");
        assert!(!contention.follow(9, now) && !contention.follow(5, now));
        assert_eq!(contention.appender(), Some(5));
    }

    #[test]
    fn nothing_is_away_that_nobody_looks_at() {
        let now = Instant::now();
        let mut contention = Contention::new(now);
        contention.follow(7, now);
        assert!(contention.sends(7, vec![draft(1)], now).is_ok());
        assert_eq!(contention.look(now), Look::GoesOn);
        let later = now + AWAY_MAX;
        assert_eq!(contention.look(later), Look::Late);
        assert_eq!(contention.be_alone(later).len(), 1);
        assert_eq!(contention.look(later), Look::Ends);
        // A letter that was being written meanwhile is not sent.
        assert_eq!(contention.sends(7, vec![draft(2)], later).map_err(|back| back.len()), Err(1));
    }

    #[test]
    fn a_node_that_was_failed_is_alone_for_longer_and_longer() {
        let mut now = Instant::now();
        let mut contention = Contention::new(now);
        for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
            contention.be_alone(now);
            now += Duration::from_secs(seconds);
            contention.follow(7, now - Duration::from_millis(1));
            assert_eq!(contention.appender(), None);
            contention.follow(7, now);
            assert_eq!(contention.appender(), Some(7));
        }
        contention.sends(7, vec![draft(1)], now).unwrap_or_default();
        assert_eq!(contention.take_decided(&[(1, Fate::Unknown)]).len(), 1);
        contention.be_alone(now);
        contention.follow(7, now + Duration::from_secs(1));
        assert_eq!(contention.appender(), Some(7));
    }
}
