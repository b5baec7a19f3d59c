//! What the engine has stored, and what a gap may therefore say.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use proptest::prelude::*;

use super::step::{Settings, TOPICS};
use crate::{
    Cursor, Gap, GapReason,
    engine::{Entry, Follower, Head},
};

pub(super) type Checked = Result<(), TestCaseError>;

/// What the engine has stored, as a follower without faults reads it.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) logs: Vec<Log>,
    /// Every entry that was ever stored.
    pub(super) ever: HashMap<Cursor, Stored>,
    /// The positions that the engine has lost at least once.
    pub(super) lost: HashSet<Cursor>,
    /// The generations that have ended at least once.
    pub(super) ended: HashSet<u64>,
    /// How often each topic has lost entries.
    pub(super) losses: [usize; TOPICS.len()],
    /// The largest number of each generation.
    pub(super) highest: HashMap<u64, u64>,
    /// What the nodes stored against the rules.
    pub(super) errors: Vec<String>,
}

/// The history of one topic, from number 1 on.
#[derive(Clone, Debug)]
pub(super) struct Log {
    pub(super) start: Cursor,
    pub(super) entries: Vec<Stored>,
}

#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) before: Cursor,
    pub(super) cursor: Cursor,
    pub(super) n: u64,
    pub(super) key: Option<String>,
}

impl Log {
    pub(super) fn head(&self) -> Cursor {
        self.entries.last().map_or(self.start, |stored| stored.cursor)
    }

    pub(super) fn holds(&self, cursor: Cursor) -> bool {
        self.start == cursor || self.entries.iter().any(|stored| stored.cursor == cursor)
    }
}

impl Ledger {
    pub(super) fn record(&mut self, topic: usize, entry: &Entry) {
        let log = &mut self.logs[topic];
        let stored = Stored {
            before: entry.before(),
            cursor: entry.cursor(),
            n: entry.data().parse().unwrap(),
            key: entry.key().map(str::to_owned),
        };
        if stored.before != log.head() {
            self.errors.push(format!("{stored:?} does not follow {}", log.head()));
        }
        if log.entries.iter().any(|other| other.n == stored.n) {
            self.errors.push(format!("{stored:?} is stored twice"));
        }
        if stored.key.is_some() && log.entries.iter().any(|other| other.key == stored.key) {
            self.errors.push(format!("the key of {stored:?} is published twice"));
        }
        let highest = self.highest.entry(stored.cursor.generation).or_default();
        *highest = stored.cursor.seq.max(*highest);
        self.ever.insert(stored.cursor, stored.clone());
        log.entries.push(stored);
    }

    /// Sets what the engine has of a topic after a loss.
    pub(super) fn rewind(&mut self, topic: usize, log: Log) {
        let before = std::mem::replace(&mut self.logs[topic], log);
        let log = &self.logs[topic];
        let lost = before.entries.iter().map(|stored| stored.cursor);
        let lost: Vec<_> = lost.filter(|cursor| !log.holds(*cursor)).collect();
        self.losses[topic] += usize::from(!lost.is_empty() || before.start != log.start);
        self.lost.extend(lost);
        if before.start != log.start {
            self.ended.insert(before.start.generation);
        }
    }
}

/// Records what is appended to one topic.
pub(super) struct Recorder(pub(super) Arc<Mutex<Ledger>>, pub(super) usize);

impl Follower for Recorder {
    fn entries(&self, entries: Vec<Entry>) {
        let mut ledger = self.0.lock().unwrap();
        entries.iter().for_each(|entry| ledger.record(self.1, entry));
    }

    fn uncertain(&self) {}
}

/// Checks that a gap between two positions is true.
pub(super) fn check_gap(
    ledger: &Ledger,
    settings: Settings,
    gap: Gap,
    from: Cursor,
    to: Cursor,
) -> Checked {
    prop_assert_eq!(gap.first, to.seq + 1);
    let is_start = to == Head::of_generation(to.generation).cursor;
    prop_assert!(is_start || ledger.ever.contains_key(&to), "a gap to nowhere: {}", to);
    let retained = (settings.keep as u64).min(settings.replay_max);
    match gap.reason {
        GapReason::Trimmed | GapReason::TooMany => {
            prop_assert_eq!(from.generation, to.generation);
            prop_assert!(from.seq < to.seq);
            prop_assert_eq!(gap.missed, Some(to.seq - from.seq));
            let highest = ledger.highest[&to.generation];
            prop_assert!(to.seq + retained <= highest, "{:?} of {} messages", gap, highest);
        }
        GapReason::Diverged => {
            prop_assert_eq!((from.generation, gap.missed), (to.generation, None));
            prop_assert!(ledger.lost.contains(&from), "{} was not lost", from);
        }
        GapReason::NewGeneration => {
            prop_assert_eq!(gap.missed, None);
            prop_assert_ne!(from.generation, to.generation);
            prop_assert!(ledger.ended.contains(&from.generation), "{} goes on", from);
        }
    }
    Ok(())
}
