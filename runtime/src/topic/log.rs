//! The numbered, bounded, fingerprinted list of messages. No lock, no clock, no task: what it
//! answers depends on what was appended alone.
//!
//! Numbers are dense and start at 1. `base` is the place before the oldest message that is kept:
//!
//! ```text
//!   1 … base.seq │ base.seq + 1 … next - 1 │ next
//!   trimmed      │ records                 │ not yet
//! ```

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::{cursor::Cursor, fingerprint::Fingerprint};
use crate::frame;

/// The largest piece that one read gives, in bytes; a single larger message goes alone.
pub(crate) const READ_BYTES_MAX: usize = 64 * 1024;

/// One message, in its finished wire form.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The whole frame, id included: the same bytes for every listener.
    pub(crate) frame: Bytes,
    pub(crate) event: &'static str,
    /// The part of `frame` that is the data.
    pub(crate) data: std::ops::Range<usize>,
    pub(crate) fingerprint: Fingerprint,
}

/// The messages that are kept of one life of a topic.
#[derive(Debug)]
pub(crate) struct Log {
    /// Sorted by number, without holes.
    records: VecDeque<Record>,
    /// The number before the oldest record.
    base_seq: u64,
    /// The fingerprint before the oldest record.
    base_fingerprint: Fingerprint,
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
}

impl GapReason {
    /// Returns the word on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trimmed => "trimmed",
            Self::NewGeneration => "new_generation",
            Self::Diverged => "diverged",
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
    /// Returns a log without messages.
    pub(crate) const fn new() -> Self {
        Self { records: VecDeque::new(), base_seq: 0, base_fingerprint: Fingerprint::SEED }
    }

    /// Appends a message, then drops the oldest beyond `keep`. Returns its place.
    ///
    /// `begun` is the frame but for its id; `digest` is that of its event and data.
    pub(crate) fn append(
        &mut self,
        generation: u64,
        keep: usize,
        begun: BytesMut,
        event: &'static str,
        data: std::ops::Range<usize>,
        digest: u64,
    ) -> Cursor {
        let last = self.last(generation);
        let fingerprint = Fingerprint(last.fingerprint).chain(digest);
        let cursor = Cursor { generation, seq: last.seq + 1, fingerprint: fingerprint.0 };
        let frame = frame::finish(begun, Some(format_args!("{cursor}")));
        self.records.push_back(Record { frame, event, data, fingerprint });
        while self.records.len() > keep {
            let Some(oldest) = self.records.pop_front() else { break };
            self.base_seq += 1;
            self.base_fingerprint = oldest.fingerprint;
        }
        cursor
    }

    /// Returns the place after the newest message.
    pub(crate) fn last(&self, generation: u64) -> Cursor {
        self.cursor(generation, self.base_seq + self.records.len() as u64)
    }

    /// Returns the place before the oldest message that is kept.
    fn base(&self, generation: u64) -> Cursor {
        self.cursor(generation, self.base_seq)
    }

    /// Returns the place after message `seq`, which must be kept, or the base.
    pub(crate) fn cursor(&self, generation: u64, seq: u64) -> Cursor {
        let fingerprint = self.fingerprint(seq).unwrap_or(self.base_fingerprint).0;
        Cursor { generation, seq, fingerprint }
    }

    /// Returns the fingerprint after message `seq`, where it is still known. Takes no scan.
    fn fingerprint(&self, seq: u64) -> Option<Fingerprint> {
        match seq.checked_sub(self.base_seq)? {
            0 => Some(self.base_fingerprint),
            n => self.records.get(usize::try_from(n).ok()? - 1).map(|record| record.fingerprint),
        }
    }

    /// Decides where a listener that shows `id` goes on. An unreadable id is never an error and
    /// never silence: it is a gap.
    pub(crate) fn resume(&self, generation: u64, id: Option<&str>) -> Resume {
        let base = self.base(generation);
        let gap = |reason, missed| {
            let first = base.seq + 1;
            Resume { from: base, verdict: Verdict::Gap(Gap { reason, missed, first }) }
        };
        let Some(id) = id else { return Resume { from: base, verdict: Verdict::Fresh } };
        let Ok(cursor) = id.parse::<Cursor>() else {
            return gap(GapReason::NewGeneration, None);
        };
        if cursor.generation != generation {
            return gap(GapReason::NewGeneration, None);
        }
        if cursor.seq < base.seq {
            // Its fingerprint can no longer be checked, but what is missing can be counted.
            return gap(GapReason::Trimmed, Some(base.seq - cursor.seq));
        }
        match self.fingerprint(cursor.seq) {
            Some(Fingerprint(fingerprint)) if fingerprint == cursor.fingerprint => {
                Resume { from: cursor, verdict: Verdict::Resumed }
            }
            // Another message has that number, or none has it yet.
            _ => gap(GapReason::Diverged, None),
        }
    }

    /// Reads what follows message `seq`, as one piece.
    pub(crate) fn read(&self, seq: u64) -> Read {
        let Some(skip) = seq.checked_sub(self.base_seq) else {
            let missed = Some(self.base_seq - seq);
            let gap = Gap { reason: GapReason::Trimmed, missed, first: self.base_seq + 1 };
            return Read::Trimmed { gap, to: self.base_seq };
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
        let index = seq.checked_sub(self.base_seq + 1)?;
        self.records.get(usize::try_from(index).ok()?)
    }

    /// Returns the numbers of the records that are kept.
    pub(crate) fn kept(&self) -> std::ops::RangeInclusive<u64> {
        self.base_seq + 1..=self.base_seq + self.records.len() as u64
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::fingerprint, *};

    const LIFE: u64 = 7;

    fn append(log: &mut Log, keep: usize, data: &str) -> Cursor {
        let begun = frame::begin("e", data.as_bytes());
        let digest = fingerprint::digest("e", data.as_bytes());
        log.append(LIFE, keep, begun, "e", 0..0, digest)
    }

    fn log(keep: usize, messages: u64) -> (Log, Vec<Cursor>) {
        let mut log = Log::new();
        let cursors = (1..=messages).map(|n| append(&mut log, keep, &n.to_string())).collect();
        (log, cursors)
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
        let resume = log.resume(LIFE, None);
        assert_eq!((resume.from.seq, resume.verdict), (3, Verdict::Fresh));
    }

    #[test]
    fn a_place_that_is_kept_or_right_before_it_resumes() {
        let (log, cursors) = log(2, 5);
        for seq in 3..=5 {
            let cursor = cursors[seq - 1];
            let resume = log.resume(LIFE, Some(&cursor.to_string()));
            assert_eq!(resume, Resume { from: cursor, verdict: Verdict::Resumed });
        }
    }

    #[test]
    fn a_place_before_the_first_message_resumes() {
        let start = Log::new().last(LIFE);
        let (log, _) = log(9, 2);
        let resume = log.resume(LIFE, Some(&start.to_string()));
        assert_eq!((resume.from.seq, resume.verdict), (0, Verdict::Resumed));
    }

    #[test]
    fn what_is_trimmed_is_counted() {
        let (log, cursors) = log(2, 5);
        let resume = log.resume(LIFE, Some(&cursors[0].to_string()));
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
            let verdict = log.resume(LIFE, Some(id)).verdict;
            assert_eq!(verdict, gap(GapReason::NewGeneration, None, 4), "{id:?}");
        }
    }

    #[test]
    fn a_lost_tail_and_the_future_are_diverged() {
        let (mut now, cursors) = log(9, 3);
        let future = Cursor { seq: 4, ..cursors[2] }.to_string();
        assert_eq!(now.resume(LIFE, Some(&future)).verdict, gap(GapReason::Diverged, None, 1));

        // The same log, restored from a copy taken after two messages, then written on.
        let (mut restored, _) = log(9, 2);
        let seen = append(&mut now, 9, "four");
        append(&mut restored, 9, "another three");
        append(&mut restored, 9, "four");
        let verdict = restored.resume(LIFE, Some(&seen.to_string())).verdict;
        assert_eq!(verdict, gap(GapReason::Diverged, None, 1));
    }

    #[test]
    fn one_read_gives_all_that_is_pending_up_to_its_bound() {
        let mut log = Log::new();
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
            let mut log = Log::new();
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
