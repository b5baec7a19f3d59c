//! Whose turn it is while several nodes append to one topic. Data alone: the partition has the lock.
//!
//! The node that has just appended is the first to know the new head: without turns it wins against
//! the others again and again, and their appends are refused. So after an append of its own it waits
//! for as many appends of others as there were since the one before, for a few round trips at most.
//! Others that never win are not seen, so it also waits now and then while others have appended
//! lately: less and less often as long as nothing comes.

use std::time::Duration;

use tokio::{sync::oneshot, time::Instant};

use crate::{engine::Entry, log::cursor::Cursor};

/// How many appends of others a node waits for at most.
const OTHERS_MAX: u32 = 8;

/// How long a node waits for others at least: timers are no more precise, and the others have to learn
/// of the last append first. Tests do not wait.
const WAIT_MIN: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 2 });

/// How long a node waits for others at most.
const WAIT_MAX: Duration = Duration::from_millis(100);

/// How long after an append of another node others are expected.
pub(super) const LATELY: Duration = Duration::from_secs(10);

/// The most appends of this node between two waits in which nothing comes.
const PAUSE_MAX: u32 = 63;

#[derive(Default)]
pub(super) struct Turns {
    /// When the append in flight began, and the position after its first entry.
    in_flight: Option<(Instant, Cursor)>,
    /// How often others have appended since this node has.
    others: u32,
    /// When others have appended at last.
    others_at: Option<Instant>,
    /// How often others append before this node does again, and until when it waits for that.
    wait: Option<(u32, Instant)>,
    /// Ends the wait.
    end: Option<oneshot::Sender<()>>,
    /// How many appends of this node come before it waits again, and how many that were last time.
    pause: (u32, u32),
}

/// A wait for others.
pub(super) struct Wait {
    until: Instant,
    end: oneshot::Receiver<()>,
}

impl Turns {
    pub(super) fn begin(&mut self, now: Instant, first: Cursor) {
        self.in_flight = Some((now, first));
    }

    /// Ends the append in flight, which was refused. The refusal may bring entries of others that
    /// are news.
    pub(super) fn refused(&mut self, brings_news: bool) {
        self.in_flight = None;
        if brings_news {
            self.others_appended(Instant::now());
        }
    }

    /// Ends the append in flight, which was appended. Returns whether others append as well.
    pub(super) fn appended(&mut self, now: Instant) -> bool {
        let others = std::mem::take(&mut self.others).min(OTHERS_MAX);
        let begun = self.in_flight.take().map_or(now, |(begun, _)| begun);
        self.wait = None;
        if self.others_at.is_none_or(|at| now - at > LATELY) {
            return false;
        }
        let (left, last) = &mut self.pause;
        if others > 0 {
            (*left, *last) = (0, 0);
        } else if *left > 0 {
            *left -= 1;
            return true;
        } else {
            *last = (*last * 2 + 1).min(PAUSE_MAX);
            *left = *last;
        }
        let others = others.max(1);
        let time = ((now - begun) * (others + 1)).clamp(WAIT_MIN, WAIT_MAX);
        self.wait = Some((others, now + time));
        true
    }

    /// Returns whether other nodes have appended these entries, which follow `head` or are in the
    /// log already.
    pub(super) fn are_of_others(&self, entries: &[Entry], head: Cursor) -> bool {
        match self.in_flight {
            Some((_, first)) => entries
                .iter()
                .find(|entry| entry.seq() == first.seq)
                .is_some_and(|entry| entry.cursor() != first),
            None => entries.last().is_some_and(|last| last.seq() > head.seq),
        }
    }

    /// Counts an append of another node.
    pub(super) fn others_appended(&mut self, now: Instant) {
        (self.others, self.others_at) = (self.others.saturating_add(1), Some(now));
        if self.wait.is_some_and(|(others, _)| self.others >= others) {
            self.wait = None;
            // Without a receiver the wait has ended.
            self.end.take().map(|end| end.send(()));
        }
    }

    /// Returns whether others have appended since this node has.
    pub(super) fn has_met(&self) -> bool {
        self.others > 0
    }

    /// Ends the wait for others: they have asked this node to append.
    pub(super) fn stop_waiting(&mut self) {
        self.wait = None;
        self.end.take().map(|end| end.send(()));
    }

    /// Returns what the next append waits for.
    pub(super) fn wait(&mut self, now: Instant) -> Option<Wait> {
        let (_, until) = self.wait.filter(|(_, until)| *until > now)?;
        let (sender, end) = oneshot::channel();
        self.end = Some(sender);
        Some(Wait { until, end })
    }
}

impl Wait {
    /// Waits until the others have appended, or for long enough.
    pub(super) async fn end(self) {
        let Self { until, end } = self;
        let _ = tokio::time::timeout_at(until, end).await;
    }
}

#[cfg(all(test, not(kipo_loom)))]
mod tests {
    use super::*;
    use crate::engine::Head;

    const APPEND: Duration = Duration::from_millis(1);

    fn entry(after: &Head, data: &str) -> Entry {
        Entry::next(after, None, "said", data.as_bytes(), 9).expect("a sound entry")
    }

    /// Appends once, and returns how long the next append waits.
    fn append(turns: &mut Turns, now: Instant) -> Option<Duration> {
        turns.begin(now - APPEND, Head::start(7, "board").cursor);
        turns.appended(now);
        turns.wait(now).map(|wait| wait.until - now)
    }

    #[test]
    fn a_node_alone_waits_for_nobody() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        assert_eq!(append(&mut turns, now), None);
        assert!(!turns.appended(now));
    }

    #[test]
    fn a_node_waits_for_as_many_appends_as_there_were() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        turns.others_appended(now);
        turns.others_appended(now);
        turns.begin(now - APPEND, Head::start(7, "board").cursor);
        assert!(turns.appended(now));
        let mut wait = turns.wait(now).expect("a wait");
        assert_eq!(wait.until - now, APPEND * 3);
        turns.others_appended(now);
        assert!(wait.end.try_recv().is_err());
        turns.others_appended(now);
        assert!(wait.end.try_recv().is_ok());
    }

    #[test]
    fn a_node_waits_less_and_less_often_while_nothing_comes() {
        let (mut turns, now) = (Turns::default(), Instant::now());
        turns.others_appended(now);
        append(&mut turns, now).expect("a wait");
        let waits = (0..500).filter(|_| append(&mut turns, now).is_some()).count();
        // At once, after 1, 3, 7, 15 and 31 appends, and then after 63 each time.
        assert_eq!(waits, 12);
        turns.others_appended(now);
        assert!(append(&mut turns, now).is_some());
        assert_eq!(append(&mut turns, now + LATELY + APPEND), None);
    }

    #[test]
    fn entries_of_others_are_told_from_the_own() {
        let start = Head::start(7, "board");
        let (own, other) = (entry(&start, "1"), entry(&start, "2"));
        let mut turns = Turns::default();
        assert!(turns.are_of_others(std::slice::from_ref(&other), start.cursor));
        assert!(!turns.are_of_others(std::slice::from_ref(&own), own.cursor()));
        turns.begin(Instant::now(), own.cursor());
        assert!(turns.are_of_others(&[other], start.cursor));
        assert!(!turns.are_of_others(&[own], start.cursor));
    }
}
