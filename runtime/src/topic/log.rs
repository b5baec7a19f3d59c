//! The numbered, bounded, fingerprinted list of messages. No lock, no clock, no task: what it
//! answers depends on what was appended alone.
//!
//! Numbers are dense and start at 1. `base` is the place before the oldest message that is kept:
//!
//! ```text
//!   1 … base.seq │ base.seq + 1 … next - 1 │ next
//!   trimmed      │ records                 │ not yet
//! ```

use std::{collections::VecDeque, ops::RangeInclusive};

use bytes::{Bytes, BytesMut};

use super::{
    cursor::Cursor,
    fingerprint::{self, Fingerprint},
    retention::Retention,
};
use crate::frame::{self, Parts};

/// The largest piece that one read gives, in bytes; a single larger message goes alone.
pub(crate) const READ_BYTES_MAX: usize = 64 * 1024;

/// A message that has no number yet: all the work that needs no lock.
#[derive(Debug)]
pub(crate) struct Draft {
    begun: BytesMut,
    parts: Parts,
    digest: u64,
}

impl Draft {
    /// # Panics
    ///
    /// Panics as [`frame::begin`] does.
    pub(crate) fn new(event: &str, data: &[u8]) -> Self {
        Self {
            begun: frame::begin(event, data),
            parts: Parts::of(event, data),
            digest: fingerprint::digest(event, data),
        }
    }
}

/// One message, in its finished wire form.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The whole frame, id included: the same bytes for every listener.
    frame: Bytes,
    parts: Parts,
    fingerprint: Fingerprint,
    /// When it was published, in milliseconds since 1970 (UTC).
    stamp_ms: u64,
}

impl Record {
    /// Returns the name of the event.
    pub(crate) fn event(&self) -> Bytes {
        self.parts.event(&self.frame)
    }

    /// Returns the event's data, as JSON.
    pub(crate) fn data(&self) -> Bytes {
        self.parts.data(&self.frame)
    }

    pub(crate) fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    pub(crate) fn stamp_ms(&self) -> u64 {
        self.stamp_ms
    }
}

/// The place after the newest message: all that the next one needs to know of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) cursor: Cursor,
    /// Of the newest message; times never run backwards within a log.
    pub(crate) stamp_ms: u64,
}

impl Head {
    /// Returns the head of a log without messages.
    pub(crate) fn start(generation: u64) -> Self {
        let fingerprint = Fingerprint::SEED.0;
        Self { cursor: Cursor { generation, seq: 0, fingerprint }, stamp_ms: 0 }
    }

    /// Gives a draft its number, and moves on.
    pub(crate) fn number(&mut self, draft: Draft, now_ms: u64) -> Record {
        let Draft { begun, parts, digest } = draft;
        let stamp_ms = now_ms.max(self.stamp_ms);
        let fingerprint = Fingerprint(self.cursor.fingerprint).chain(stamp_ms, digest);
        let Cursor { generation, seq, .. } = self.cursor;
        let cursor = Cursor { generation, seq: seq + 1, fingerprint: fingerprint.0 };
        *self = Self { cursor, stamp_ms };
        let frame = frame::finish(begun, Some(format_args!("{cursor}")));
        Record { frame, parts, fingerprint, stamp_ms }
    }
}

/// The messages that are kept of one life of a topic.
#[derive(Debug)]
pub(crate) struct Log {
    /// Sorted by number, without holes.
    records: VecDeque<Record>,
    /// The length of all frames together.
    bytes: usize,
    /// The place before the oldest record.
    base: Cursor,
    /// When the newest message was published, even if it is no longer kept.
    stamp_ms: u64,
}

/// Where a listener goes on, and what it is told first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resume {
    /// The place before the first message that it will be given.
    pub(crate) from: Cursor,
    pub(crate) verdict: Verdict,
}

/// What became of a listener's wish to go on where it left off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It had no place to go on from.
    Fresh,
    /// It goes on, and misses nothing.
    Resumed,
    /// It cannot; this is what it misses.
    Gap(Gap),
}

/// What a listener misses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Why.
    pub reason: GapReason,
    /// How many messages, where that can be known.
    pub missed: Option<u64>,
    /// The number of the next message that it will be given.
    pub first: u64,
}

/// Why a listener misses messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum GapReason {
    /// They are older than what the topic keeps.
    Trimmed,
    /// The place is of another life of the topic, or of no life at all.
    NewGeneration,
    /// The topic lost messages that this listener had seen, and has had others since.
    Diverged,
    /// They are kept, but more than what is replayed to one listener.
    TooMany,
}

impl GapReason {
    /// Returns the word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "trimmed",
            Self::NewGeneration => "new_generation",
            Self::Diverged => "diverged",
            Self::TooMany => "too_many",
        }
    }
}

/// What a read from a place gives.
#[derive(Debug)]
pub(crate) enum Read {
    /// Whole frames, and the place after the last of them.
    Frames { bytes: Bytes, to: u64 },
    /// The place has been trimmed away; go on from `to`.
    Trimmed { gap: Gap, to: u64 },
    /// There is nothing after that place yet.
    Empty,
}

impl Log {
    /// Returns a log whose next message is the one after `head`.
    pub(crate) fn after(head: Head) -> Self {
        let Head { cursor: base, stamp_ms } = head;
        Self { records: VecDeque::new(), bytes: 0, base, stamp_ms }
    }

    /// Appends the message that [`Head::number`] gave the next number.
    pub(crate) fn push(&mut self, record: Record) {
        self.bytes += record.frame.len();
        self.stamp_ms = record.stamp_ms;
        self.records.push_back(record);
    }

    /// Drops what is no longer to be kept.
    pub(crate) fn trim(&mut self, keep: &Retention, now_ms: u64) {
        while let Some(oldest) = self.records.front() {
            let too_much = self.records.len() > keep.count || self.bytes > keep.bytes;
            // The newest message stays however large it is: live listeners read it from here.
            let surplus = too_much && self.records.len() > 1;
            if !surplus && now_ms.saturating_sub(oldest.stamp_ms) <= keep.age_ms {
                break;
            }
            self.bytes -= oldest.frame.len();
            self.base = Cursor {
                generation: self.base.generation,
                seq: self.base.seq + 1,
                fingerprint: oldest.fingerprint.0,
            };
            self.records.pop_front();
        }
    }

    /// Returns the place after the newest message.
    pub(crate) fn head(&self) -> Head {
        Head { cursor: self.cursor(self.last_seq()), stamp_ms: self.stamp_ms }
    }

    fn last_seq(&self) -> u64 {
        self.base.seq + self.records.len() as u64
    }

    /// Returns the place after message `seq`, which must be kept, or the base.
    pub(crate) fn cursor(&self, seq: u64) -> Cursor {
        let Fingerprint(fingerprint) =
            self.fingerprint(seq).unwrap_or(Fingerprint(self.base.fingerprint));
        Cursor { generation: self.base.generation, seq, fingerprint }
    }

    /// Returns the fingerprint after message `seq`, where it is still known. Takes no scan.
    fn fingerprint(&self, seq: u64) -> Option<Fingerprint> {
        match seq.checked_sub(self.base.seq)? {
            0 => Some(Fingerprint(self.base.fingerprint)),
            n => self.records.get(usize::try_from(n).ok()? - 1).map(|record| record.fingerprint),
        }
    }

    /// Decides where a listener that shows `id` goes on. An unreadable id is never an error and
    /// never silence: it is a gap.
    pub(crate) fn resume(&self, keep: &Retention, id: Option<&str>) -> Resume {
        let last = self.last_seq();
        // Where whoever cannot go on from a place of its own begins.
        let start = self.cursor(self.base.seq.max(last.saturating_sub(keep.replay_max)));
        let gap = |reason, missed| {
            let first = start.seq + 1;
            Resume { from: start, verdict: Verdict::Gap(Gap { reason, missed, first }) }
        };
        let Some(id) = id else { return Resume { from: start, verdict: Verdict::Fresh } };
        let Ok(cursor) = id.parse::<Cursor>() else {
            return gap(GapReason::NewGeneration, None);
        };
        if cursor.generation != start.generation {
            return gap(GapReason::NewGeneration, None);
        }
        if cursor.seq < self.base.seq {
            // Its fingerprint can no longer be checked, but what is missing can be counted.
            return gap(GapReason::Trimmed, Some(start.seq - cursor.seq));
        }
        match self.fingerprint(cursor.seq) {
            Some(Fingerprint(fingerprint)) if fingerprint == cursor.fingerprint => {
                if cursor.seq < start.seq {
                    return gap(GapReason::TooMany, Some(start.seq - cursor.seq));
                }
                Resume { from: cursor, verdict: Verdict::Resumed }
            }
            // Another message has that number, or none has it yet.
            _ => gap(GapReason::Diverged, None),
        }
    }

    /// Reads what follows message `seq`, as one piece.
    pub(crate) fn read(&self, seq: u64) -> Read {
        let Some(skip) = seq.checked_sub(self.base.seq) else {
            let missed = Some(self.base.seq - seq);
            let gap = Gap { reason: GapReason::Trimmed, missed, first: self.base.seq + 1 };
            return Read::Trimmed { gap, to: self.base.seq };
        };
        let skip = usize::try_from(skip).unwrap_or(usize::MAX);
        let Some(first) = self.records.get(skip) else { return Read::Empty };
        // Live, there is mostly one message to give: its frame is shared, not copied.
        let mut bytes_total = first.frame.len();
        let more = self.records.range(skip + 1..).take_while(|record| {
            bytes_total += record.frame.len();
            bytes_total <= READ_BYTES_MAX
        });
        let count = 1 + more.count();
        let to = seq + count as u64;
        if count == 1 {
            return Read::Frames { bytes: first.frame.clone(), to };
        }
        let pieces = || self.records.range(skip..skip + count).map(|record| &record.frame);
        let mut bytes = BytesMut::with_capacity(pieces().map(Bytes::len).sum());
        pieces().for_each(|frame| bytes.extend_from_slice(frame));
        Read::Frames { bytes: bytes.freeze(), to }
    }

    /// Returns the record with number `seq`, if it is kept.
    pub(crate) fn get(&self, seq: u64) -> Option<&Record> {
        let index = seq.checked_sub(self.base.seq + 1)?;
        self.records.get(usize::try_from(index).ok()?)
    }

    /// Returns the numbers of the records that are kept.
    pub(crate) fn kept(&self) -> RangeInclusive<u64> {
        self.base.seq + 1..=self.last_seq()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIFE: u64 = 7;

    fn keep(count: usize) -> Retention {
        Retention { count, ..Retention::DEFAULT }
    }

    /// Publishes at time 0.
    fn append(log: &mut Log, count: usize, data: &str) -> Cursor {
        append_at(log, &keep(count), data, 0)
    }

    fn append_at(log: &mut Log, keep: &Retention, data: &str, now_ms: u64) -> Cursor {
        let mut head = log.head();
        log.push(head.number(Draft::new("e", data.as_bytes()), now_ms));
        log.trim(keep, now_ms);
        head.cursor
    }

    fn empty() -> Log {
        Log::after(Head::start(LIFE))
    }

    fn log(keep: usize, messages: u64) -> (Log, Vec<Cursor>) {
        let mut log = empty();
        let cursors = (1..=messages).map(|n| append(&mut log, keep, &n.to_string())).collect();
        (log, cursors)
    }

    fn resume(log: &Log, id: Option<&str>) -> Resume {
        log.resume(&Retention::DEFAULT, id)
    }

    fn gap(reason: GapReason, missed: Option<u64>, first: u64) -> Verdict {
        Verdict::Gap(Gap { reason, missed, first })
    }

    #[test]
    fn numbers_are_dense_and_start_at_one() {
        let (_, cursors) = log(10, 3);
        assert_eq!(cursors.iter().map(Cursor::seq).collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn a_listener_without_a_place_gets_all_that_is_kept() {
        let (log, _) = log(2, 5);
        let resume = resume(&log, None);
        assert_eq!((resume.from.seq, resume.verdict), (3, Verdict::Fresh));
    }

    #[test]
    fn a_place_that_is_kept_or_right_before_it_resumes() {
        let (log, cursors) = log(2, 5);
        for seq in 3..=5 {
            let cursor = cursors[seq - 1];
            let resume = resume(&log, Some(&cursor.to_string()));
            assert_eq!(resume, Resume { from: cursor, verdict: Verdict::Resumed });
        }
    }

    #[test]
    fn a_place_before_the_first_message_resumes() {
        let start = empty().head().cursor;
        let (log, _) = log(9, 2);
        let resume = resume(&log, Some(&start.to_string()));
        assert_eq!((resume.from.seq, resume.verdict), (0, Verdict::Resumed));
    }

    #[test]
    fn what_is_trimmed_is_counted() {
        let (log, cursors) = log(2, 5);
        let resume = resume(&log, Some(&cursors[0].to_string()));
        assert_eq!(resume.verdict, gap(GapReason::Trimmed, Some(2), 4));
        assert!(matches!(
            log.read(1),
            Read::Trimmed { gap: Gap { missed: Some(2), first: 4, .. }, to: 3 }
        ));
    }

    #[test]
    fn another_life_and_nonsense_are_a_new_generation() {
        let (log, cursors) = log(2, 5);
        let stranger = Cursor { generation: 8, ..cursors[4] }.to_string();
        for id in [stranger.as_str(), "", "42", "é", "-1--"] {
            let verdict = resume(&log, Some(id)).verdict;
            assert_eq!(verdict, gap(GapReason::NewGeneration, None, 4), "{id:?}");
        }
    }

    #[test]
    fn a_lost_tail_and_the_future_are_diverged() {
        let (mut now, cursors) = log(9, 3);
        let future = Cursor { seq: 4, ..cursors[2] }.to_string();
        assert_eq!(resume(&now, Some(&future)).verdict, gap(GapReason::Diverged, None, 1));

        // The same log, restored from a copy taken after two messages, then written on.
        let (mut restored, _) = log(9, 2);
        let seen = append(&mut now, 9, "four");
        append(&mut restored, 9, "another three");
        append(&mut restored, 9, "four");
        let verdict = resume(&restored, Some(&seen.to_string())).verdict;
        assert_eq!(verdict, gap(GapReason::Diverged, None, 1));
    }

    #[test]
    fn more_than_is_replayed_is_a_gap_though_it_is_kept() {
        let (log, cursors) = log(9, 5);
        let keep = Retention { replay_max: 2, ..keep(9) };
        let verdict = |seq: usize| log.resume(&keep, Some(&cursors[seq - 1].to_string())).verdict;
        assert_eq!(verdict(1), gap(GapReason::TooMany, Some(2), 4));
        assert_eq!((verdict(3), verdict(5)), (Verdict::Resumed, Verdict::Resumed));
        assert_eq!(log.resume(&keep, None).from.seq, 3);
    }

    #[test]
    fn bytes_are_bounded_but_the_newest_message_stays() {
        let mut log = empty();
        let keep = Retention { bytes: 300, ..Retention::DEFAULT };
        for _ in 0..9 {
            append_at(&mut log, &keep, "\"a message\"", 0);
        }
        assert_eq!(log.kept(), 5..=9);
        append_at(&mut log, &keep, &format!("\"{}\"", "x".repeat(1000)), 0);
        assert_eq!(log.kept(), 10..=10);
    }

    #[test]
    fn age_drops_even_the_newest_and_numbers_go_on() {
        let mut log = empty();
        let keep = Retention { age_ms: 100, ..Retention::DEFAULT };
        append_at(&mut log, &keep, "1", 1000);
        let last = append_at(&mut log, &keep, "2", 1100);
        log.trim(&keep, 1101);
        assert_eq!(log.kept(), 2..=2);
        log.trim(&keep, 1201);
        assert!(log.kept().is_empty());
        assert_eq!(log.head(), Head { cursor: last, stamp_ms: 1100 });
        assert_eq!(resume(&log, Some(&last.to_string())).verdict, Verdict::Resumed);
        // A clock that was set back does not run backwards here.
        let next = append_at(&mut log, &keep, "3", 500);
        assert_eq!((next.seq, log.head().stamp_ms), (3, 1100));
    }

    #[test]
    fn one_read_gives_all_that_is_pending_up_to_its_bound() {
        let mut log = empty();
        for n in 0..100 {
            append(&mut log, 100, &format!("\"{n}{}\"", "x".repeat(1000)));
        }
        let Read::Frames { bytes, to } = log.read(0) else { panic!("there are frames") };
        assert!(bytes.len() <= READ_BYTES_MAX && bytes.len() > READ_BYTES_MAX - 2000);
        assert!(bytes.ends_with(b"\n\n"));
        assert!(matches!(log.read(to), Read::Frames { to: 100, .. }));
        assert!(matches!(log.read(100), Read::Empty));
    }

    proptest! {
        /// Whatever is published, trimmed and read in whatever order: a reader that goes on
        /// where it left off has each message once, in order, or is told how many it misses.
        #[test]
        fn a_reader_accounts_for_every_message(
            keep in 1usize..8,
            steps in proptest::collection::vec(0u8..4, 0..200),
        ) {
            let mut log = empty();
            let (mut seq, mut accounted) = (0, 0);
            for step in steps {
                if step > 0 {
                    append(&mut log, keep, "null");
                    continue;
                }
                match log.read(seq) {
                    Read::Frames { to, .. } => {
                        accounted += to - seq;
                        seq = to;
                    }
                    Read::Trimmed { gap, to } => {
                        accounted += gap.missed.unwrap();
                        prop_assert_eq!(gap.first, to + 1);
                        seq = to;
                    }
                    Read::Empty => {}
                }
                prop_assert_eq!(accounted, seq);
            }
        }
    }
}
