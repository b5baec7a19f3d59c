//! Decides whether a listener resumes after its cursor, or what gap it reads.

use crate::log::{
    Log,
    cursor::Cursor,
    retention::Retention,
    verdict::{Gap, GapReason, Resume, Verdict},
};

impl Log {
    /// Decides where a listener that shows the cursor `id` goes on. An id that is no cursor is a
    /// gap: never an error, and never silence.
    pub(crate) fn resume(&self, retention: &Retention, id: Option<&str>) -> Resume {
        match id.map(str::parse) {
            None => Resume { from: self.start(retention), verdict: Verdict::Fresh },
            Some(Ok(cursor)) => self.resume_at(retention, cursor),
            Some(Err(_)) => self.gap(retention, GapReason::NewGeneration, None),
        }
    }

    /// Decides where a listener at `cursor` goes on.
    pub(crate) fn resume_at(&self, retention: &Retention, cursor: Cursor) -> Resume {
        let start = self.start(retention);
        if cursor.generation != start.generation {
            return self.gap(retention, GapReason::NewGeneration, None);
        }
        if cursor.seq < self.base().seq {
            // The fingerprint is gone with its record; the missing messages can still be counted.
            return self.gap(retention, GapReason::Trimmed, Some(start.seq - cursor.seq));
        }
        // Another message has that number, or no message has it yet.
        if self.knows_otherwise(cursor) {
            return self.gap(retention, GapReason::Diverged, None);
        }
        if cursor.seq < start.seq {
            return self.gap(retention, GapReason::TooMany, Some(start.seq - cursor.seq));
        }
        Resume { from: cursor, verdict: Verdict::Resumed }
    }

    /// Returns the position that a listener without a valid cursor starts from.
    fn start(&self, retention: &Retention) -> Cursor {
        let replayed_from = self.head().cursor.seq.saturating_sub(retention.replay_max);
        self.cursor(self.base().seq.max(replayed_from))
    }

    fn gap(&self, retention: &Retention, reason: GapReason, missed: Option<u64>) -> Resume {
        let from = self.start(retention);
        let first = from.seq + 1;
        Resume { from, verdict: Verdict::Gap(Gap { reason, missed, first }) }
    }
}
