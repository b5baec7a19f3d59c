//! The numbered, bounded, fingerprinted list of messages. It has no lock, no clock and no task:
//! its answers depend only on what was appended.
//!
//! Numbers are dense and start at 1. `base` is the position before the oldest retained message:
//!
//! ```text
//!   1 … base.seq │ base.seq + 1 … next - 1 │ next
//!   trimmed      │ records                 │ not yet
//! ```

pub(crate) mod cursor;
pub(crate) mod durability;
mod fingerprint;
mod gap;
pub(crate) mod generation;
pub(crate) mod keys;
pub(crate) mod record;
pub(crate) mod retention;
pub(crate) mod vector;
pub(crate) mod verdict;

use std::{collections::VecDeque, ops::RangeInclusive};

use bytes::{Bytes, BytesMut};

use self::{
    cursor::Cursor,
    fingerprint::Fingerprint,
    record::{Head, Record},
    retention::Retention,
    verdict::{Gap, GapReason},
};

/// The largest piece that one read gives, in bytes; a single larger message goes alone.
pub(crate) const READ_BYTES_MAX: usize = 64 * 1024;

/// The retained messages of one generation of a topic.
#[derive(Debug)]
pub(crate) struct Log {
    /// Sorted by number, without holes.
    records: VecDeque<Record>,
    /// The length of all frames together.
    bytes: usize,
    /// The position before the oldest record.
    base: Cursor,
    /// When the newest message was published, even if it is no longer retained.
    stamp_ms: u64,
}

/// What a read from a position returns.
#[derive(Debug)]
pub(crate) enum Read {
    /// Whole frames, and the number of the last of them.
    Frames { bytes: Bytes, to: u64 },
    /// The position has been trimmed away; the reader goes on from `to`.
    Trimmed { gap: Gap, to: u64 },
    /// There is nothing after that position yet.
    Empty,
}

impl Log {
    /// Returns a log whose next message is the one after `head`.
    pub(crate) fn after(head: Head) -> Self {
        let Head { cursor: base, stamp_ms } = head;
        Self { records: VecDeque::new(), bytes: 0, base, stamp_ms }
    }

    /// Appends a message that [`Head::number`] has numbered.
    pub(crate) fn push(&mut self, record: Record) {
        self.bytes += record.frame.len();
        self.stamp_ms = record.stamp_ms;
        self.records.push_back(record);
    }

    /// Drops what exceeds the retention, oldest first.
    pub(crate) fn trim(&mut self, retention: &Retention, now_ms: u64) {
        while let Some(oldest) = self.records.front() {
            let too_much = self.records.len() > retention.count || self.bytes > retention.bytes;
            // The newest message stays however large it is: live listeners read it from here.
            let surplus = too_much && self.records.len() > 1;
            if !surplus && now_ms.saturating_sub(oldest.stamp_ms) <= retention.age_ms {
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

    /// Returns the position after the newest message.
    pub(crate) fn head(&self) -> Head {
        Head { cursor: self.cursor(self.last_seq()), stamp_ms: self.stamp_ms }
    }

    /// Returns the position before the oldest retained message.
    fn base(&self) -> Cursor {
        self.base
    }

    fn last_seq(&self) -> u64 {
        self.base.seq + self.records.len() as u64
    }

    /// Returns the position after message `seq`, which must be retained, or be the base.
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

    /// Returns whether this log retains another message, or none yet, at the number of a cursor of
    /// its generation.
    pub(crate) fn knows_otherwise(&self, cursor: Cursor) -> bool {
        cursor.seq >= self.base.seq
            && self.fingerprint(cursor.seq) != Some(Fingerprint(cursor.fingerprint))
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
        // A live read mostly returns one message: its frame is shared, not copied.
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

    /// Returns the record with number `seq`, if it is retained.
    pub(crate) fn get(&self, seq: u64) -> Option<&Record> {
        let index = seq.checked_sub(self.base.seq + 1)?;
        self.records.get(usize::try_from(index).ok()?)
    }

    /// Returns the numbers of the retained records.
    pub(crate) fn retained(&self) -> RangeInclusive<u64> {
        self.base.seq + 1..=self.last_seq()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{
        record::Draft,
        verdict::{Resume, Verdict},
        *,
    };

    const GENERATION: u64 = 7;

    fn retention(count: usize) -> Retention {
        Retention { count, ..Retention::DEFAULT }
    }

    /// Publishes at time 0.
    fn append(log: &mut Log, count: usize, data: &str) -> Cursor {
        append_at(log, &retention(count), data, 0)
    }

    fn append_at(log: &mut Log, retention: &Retention, data: &str, now_ms: u64) -> Cursor {
        let mut head = log.head();
        log.push(head.number(Draft::new("e", data.as_bytes()), now_ms));
        log.trim(retention, now_ms);
        head.cursor
    }

    fn empty() -> Log {
        Log::after(Head::of_generation(GENERATION))
    }

    fn log(count: usize, messages: u64) -> (Log, Vec<Cursor>) {
        let mut log = empty();
        let cursors = (1..=messages).map(|n| append(&mut log, count, &n.to_string())).collect();
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
    fn a_listener_without_a_cursor_reads_everything_retained() {
        let (log, _) = log(2, 5);
        let resume = resume(&log, None);
        assert_eq!((resume.from.seq, resume.verdict), (3, Verdict::Fresh));
    }

    #[test]
    fn a_cursor_at_a_retained_message_or_right_before_it_resumes() {
        let (log, cursors) = log(2, 5);
        for seq in 3..=5 {
            let cursor = cursors[seq - 1];
            let resume = resume(&log, Some(&cursor.to_string()));
            assert_eq!(resume, Resume { from: cursor, verdict: Verdict::Resumed });
        }
    }

    #[test]
    fn a_cursor_before_the_first_message_resumes() {
        let start = empty().head().cursor;
        let (log, _) = log(9, 2);
        let resume = resume(&log, Some(&start.to_string()));
        assert_eq!((resume.from.seq, resume.verdict), (0, Verdict::Resumed));
    }

    #[test]
    fn trimmed_messages_are_counted() {
        let (log, cursors) = log(2, 5);
        let resume = resume(&log, Some(&cursors[0].to_string()));
        assert_eq!(resume.verdict, gap(GapReason::Trimmed, Some(2), 4));
        assert!(matches!(
            log.read(1),
            Read::Trimmed { gap: Gap { missed: Some(2), first: 4, .. }, to: 3 }
        ));
    }

    #[test]
    fn another_generation_and_nonsense_are_a_new_generation() {
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
    fn more_than_replay_max_is_a_gap_though_it_is_retained() {
        let (log, cursors) = log(9, 5);
        let retention = Retention { replay_max: 2, ..retention(9) };
        let verdict =
            |seq: usize| log.resume(&retention, Some(&cursors[seq - 1].to_string())).verdict;
        assert_eq!(verdict(1), gap(GapReason::TooMany, Some(2), 4));
        assert_eq!((verdict(3), verdict(5)), (Verdict::Resumed, Verdict::Resumed));
        assert_eq!(log.resume(&retention, None).from.seq, 3);
    }

    #[test]
    fn bytes_are_bounded_but_the_newest_message_is_retained() {
        let mut log = empty();
        let retention = Retention { bytes: 300, ..Retention::DEFAULT };
        for _ in 0..9 {
            append_at(&mut log, &retention, "\"a message\"", 0);
        }
        assert_eq!(log.retained(), 5..=9);
        append_at(&mut log, &retention, &format!("\"{}\"", "x".repeat(1000)), 0);
        assert_eq!(log.retained(), 10..=10);
    }

    #[test]
    fn age_drops_even_the_newest_and_numbers_go_on() {
        let mut log = empty();
        let retention = Retention { age_ms: 100, ..Retention::DEFAULT };
        append_at(&mut log, &retention, "1", 1000);
        let last = append_at(&mut log, &retention, "2", 1100);
        log.trim(&retention, 1101);
        assert_eq!(log.retained(), 2..=2);
        log.trim(&retention, 1201);
        assert!(log.retained().is_empty());
        assert_eq!(log.head(), Head { cursor: last, stamp_ms: 1100 });
        assert_eq!(resume(&log, Some(&last.to_string())).verdict, Verdict::Resumed);
        // A clock that was set back does not run backwards here.
        let next = append_at(&mut log, &retention, "3", 500);
        assert_eq!((next.seq, log.head().stamp_ms), (3, 1100));
    }

    #[test]
    fn one_read_returns_everything_pending_up_to_its_bound() {
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
        /// For any order of publishing, trimming and reading: a reader that goes on where it
        /// left off reads each message once and in order, or reads how many it misses.
        #[test]
        fn a_reader_accounts_for_every_message(
            count in 1usize..8,
            steps in proptest::collection::vec(0u8..4, 0..200),
        ) {
            let mut log = empty();
            let (mut seq, mut accounted) = (0, 0);
            for step in steps {
                if step > 0 {
                    append(&mut log, count, "null");
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
