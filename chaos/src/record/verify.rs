//! Checks the records of all listeners against the promise: each message once and in order, or
//! one gap that covers exactly what is missing.
//!
//! Plain data in, violations out: no socket, no clock. The tests change right records in every way
//! in which a server could be wrong, and each change has to be found.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    fmt,
    ops::RangeInclusive,
};

use crate::record::entries::{Entry, Gap, Message, Ready, Reason, Record, Resume};
use load::Cursor;

/// An answer to Send: this token is the message with this id.
#[derive(Clone, Debug)]
pub(crate) struct Acknowledged {
    pub(crate) token: String,
    pub(crate) cursor: Cursor,
}

/// What can happen to a log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules<'a> {
    /// The gaps that are possible.
    pub(crate) reasons: &'a [Reason],
    /// Whether the log is in an engine that nodes share. Then the engine can be away, and the log
    /// can diverge under a listener that stays connected.
    pub(crate) is_shared: bool,
}

/// What the records are checked against.
pub(crate) struct Expected<'a> {
    /// All messages, by the numbers in the records.
    pub(crate) messages: &'a [Message],
    pub(crate) acknowledged: &'a [Acknowledged],
    pub(crate) rules: Rules<'a>,
    /// Where every record has to end.
    pub(crate) last: Cursor,
}

/// One breach of the promise.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    pub(crate) kind: Kind,
    /// Whose record shows it; `None` is all records together.
    listener: Option<usize>,
    what: String,
}

/// What sort of breach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message is missing, and no gap reports it.
    Loss,
    /// A message came twice, or a retried Send is two messages.
    Repeat,
    /// A gap is not true.
    Gap,
    /// Anything else that no stream of ours sends.
    Wrong,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.listener {
            Some(listener) => write!(f, "{:?} at listener {listener}: {}", self.kind, self.what),
            None => write!(f, "{:?}: {}", self.kind, self.what),
        }
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) deliveries: usize,
    /// The gaps that were reported, by reason.
    pub(crate) gaps: BTreeMap<Reason, usize>,
}

impl Findings {
    /// Adds what was found in other records.
    pub(crate) fn add(&mut self, other: Self) {
        self.violations.extend(other.violations);
        self.deliveries += other.deliveries;
        for (reason, count) in other.gaps {
            *self.gaps.entry(reason).or_default() += count;
        }
    }

    pub(crate) fn count(&self, kind: Kind) -> usize {
        self.violations.iter().filter(|violation| violation.kind == kind).count()
    }
}

/// Checks every record by itself, and all of them together.
pub(crate) fn verify(records: &[Record], expected: &Expected<'_>) -> Findings {
    let (mut findings, mut declared) = (Findings::default(), HashSet::new());
    for record in records {
        let mut reader = Reader::new(record, expected, &mut findings);
        reader.read();
        declared.extend(reader.end());
    }
    one_history(expected, &declared, &mut findings.violations);
    findings
}

/// Goes through one record as a client would.
struct Reader<'a> {
    record: &'a Record,
    expected: &'a Expected<'a>,
    findings: &'a mut Findings,
    /// Where in the record.
    at: usize,
    /// The position that the client would show.
    held: Option<Cursor>,
    generation: Option<u64>,
    /// The number that has to come next, where that is known.
    next: Option<u64>,
    /// A gap was announced, and has not come yet: the position that was shown.
    owed: Option<Cursor>,
    /// The first number that the client has a right to.
    begin: Option<u64>,
    seen: HashSet<u32>,
    declared: Vec<RangeInclusive<u64>>,
    /// The position from which the listener was sent to another history.
    diverged_at: Option<Cursor>,
    /// What this connection reported of the engine.
    is_reachable: bool,
}

impl<'a> Reader<'a> {
    fn new(record: &'a Record, expected: &'a Expected<'a>, findings: &'a mut Findings) -> Self {
        Self {
            record,
            expected,
            findings,
            at: 0,
            held: None,
            generation: None,
            next: None,
            owed: None,
            begin: None,
            seen: HashSet::new(),
            declared: Vec::new(),
            diverged_at: None,
            is_reachable: true,
        }
    }

    fn read(&mut self) {
        let record = self.record;
        for (at, entry) in record.entries.iter().enumerate() {
            self.at = at;
            match entry {
                Entry::Ready(ready) => self.ready(ready),
                Entry::Gap(gap) => self.gap(gap),
                Entry::Message(number) => self.message(*number),
                Entry::Engine { is_reachable } => self.engine(*is_reachable),
                Entry::Wrong(what) => self.violation(Kind::Wrong, what),
            }
        }
    }

    fn ready(&mut self, ready: &Ready) {
        let Ready { showed, resume, held } = *ready;
        if showed != self.held {
            self.violation(Kind::Wrong, "it showed a position that it did not hold");
        }
        self.is_reachable = true;
        // After a cut between `kipo:ready` and `kipo:gap` the gap has to be announced again.
        let missing = self.owed.take().filter(|_| resume != Resume::Gap);
        if let Some(position) = missing {
            let what = format!("the gap after {position} was announced, and never came");
            self.violation(Kind::Loss, &what);
        }
        match (resume, showed, held) {
            (Resume::Fresh, None, Some(held)) => {
                self.generation = Some(held.generation);
                self.next = Some(held.seq + 1);
                self.begin = self.next;
            }
            // The stream is open before the node has loaded its topic: a second `kipo:ready` has the
            // position.
            (Resume::Fresh, None, None) => {}
            (Resume::Resumed, Some(showed), Some(held)) if showed == held => {
                self.next = Some(held.seq + 1);
            }
            (Resume::Gap, Some(showed), _) => {
                self.owed = Some(showed);
                self.next = None;
            }
            _ => self.violation(Kind::Wrong, &format!("{ready:?} contradicts itself")),
        }
        self.held = held;
    }

    fn gap(&mut self, gap: &Gap) {
        let Gap { reason, missed, first, held } = *gap;
        *self.findings.gaps.entry(reason).or_default() += 1;
        if !self.expected.rules.reasons.contains(&reason) {
            self.violation(Kind::Gap, &format!("{reason:?} cannot happen here"));
        }
        if held.is_some_and(|held| held.seq + 1 != first) {
            self.violation(Kind::Gap, "its position is not the one before `first`");
        }
        let is_live = self.owed.is_none();
        let left = self.owed.or(self.held);
        let before = self.owed.take().map(|owed| owed.seq).or(self.next.map(|next| next - 1));
        let Some(before) = before else {
            return self.violation(Kind::Gap, "a gap before `kipo:ready`");
        };
        match reason {
            Reason::Trimmed | Reason::TooMany => {
                let missing = first.checked_sub(before + 1).filter(|missing| *missing > 0);
                if missing.is_none() || missing != missed {
                    let what = format!("after {before} and before {first} it misses {missed:?}");
                    self.violation(Kind::Gap, &what);
                }
                self.declared.push(before + 1..=first.saturating_sub(1));
            }
            Reason::NewGeneration | Reason::Diverged => {
                if missed.is_some() || is_live && !self.expected.rules.is_shared {
                    self.violation(Kind::Gap, &format!("{reason:?} counts, or comes in between"));
                }
                // Another history: what is retained of it comes from its beginning.
                self.diverged_at = left;
                self.generation = held.map(|held| held.generation);
                self.begin = Some(first);
                self.seen.clear();
                self.declared.clear();
            }
        }
        self.held = held;
        self.next = Some(first);
    }

    fn message(&mut self, number: u32) {
        self.findings.deliveries += 1;
        let Some(message) = self.expected.messages.get(number as usize) else {
            return self.violation(Kind::Wrong, &format!("no message has number {number}"));
        };
        let cursor = message.cursor;
        if self.diverged_at == Some(cursor) {
            let what = format!("{cursor} is in the log, so that a listener there could resume");
            self.violation(Kind::Gap, &what);
        }
        if let Some(position) = self.owed.take() {
            let what = format!("{cursor} came before the gap after {position}");
            self.violation(Kind::Gap, &what);
        } else if self.generation.is_some_and(|generation| generation != cursor.generation) {
            self.violation(Kind::Loss, &format!("{cursor} is of another generation"));
        } else {
            match self.next {
                Some(next) if cursor.seq > next => {
                    let what = format!("{next} to {} are missing without a gap", cursor.seq - 1);
                    self.violation(Kind::Loss, &what);
                }
                Some(next) if cursor.seq < next => {
                    self.violation(Kind::Repeat, &format!("{cursor} came where {next} was due"));
                }
                Some(_) => {}
                None => self.violation(Kind::Wrong, &format!("{cursor} came before `kipo:ready`")),
            }
        }
        if !self.seen.insert(number) {
            self.violation(Kind::Repeat, &format!("{cursor} came twice"));
        }
        // Goes on from here, so that one breach is reported once.
        self.generation = Some(cursor.generation);
        self.held = Some(cursor);
        self.next = Some(cursor.seq + 1);
    }

    fn engine(&mut self, is_reachable: bool) {
        if !self.expected.rules.is_shared {
            self.violation(Kind::Wrong, "there is no engine");
        } else if is_reachable == self.is_reachable {
            self.violation(Kind::Wrong, "the engine was so before");
        }
        self.is_reachable = is_reachable;
    }

    /// Looks back, once everything was read. Returns the acknowledged messages that gaps report.
    fn end(&mut self) -> Vec<Cursor> {
        self.at = self.record.entries.len();
        if self.held != Some(self.expected.last) {
            let held = self.held.map_or_else(|| "nothing".into(), |held| held.to_string());
            let what = format!("it holds {held}, and never came to {}", self.expected.last);
            self.violation(Kind::Loss, &what);
        }
        // By the messages themselves, in whatever order they came.
        let Some(begin) = self.begin else { return Vec::new() };
        let mut declared = Vec::new();
        let messages = self.expected.messages;
        let seen: HashSet<_> = self.seen.iter().map(|&n| messages[n as usize].cursor).collect();
        for Acknowledged { token, cursor } in self.expected.acknowledged {
            let is_due = cursor.seq >= begin && Some(cursor.generation) == self.generation;
            if !is_due || seen.contains(cursor) {
                continue;
            }
            if self.declared.iter().any(|gap| gap.contains(&cursor.seq)) {
                declared.push(*cursor);
            } else {
                let what = format!("{token:?} was acknowledged as {cursor}, and never came");
                self.violation(Kind::Loss, &what);
            }
        }
        declared
    }

    /// Notes a breach, with what the listener read around it.
    fn violation(&mut self, kind: Kind, what: &str) {
        let entries = &self.record.entries;
        let from = self.at.saturating_sub(3).min(entries.len());
        let to = (self.at + 3).min(entries.len());
        let around: Vec<_> = entries[from..to].iter().map(|entry| self.describe(entry)).collect();
        let what =
            format!("{what}\n    around entry {}:\n      {}", self.at, around.join("\n      "));
        let listener = Some(self.record.listener);
        self.findings.violations.push(Violation { kind, listener, what });
    }

    fn describe(&self, entry: &Entry) -> String {
        match entry {
            Entry::Message(number) => match self.expected.messages.get(*number as usize) {
                Some(message) => format!("message {} {}", message.cursor, message.data),
                None => format!("message number {number}"),
            },
            entry => format!("{entry:?}"),
        }
    }
}

/// Checks that there is one history, with everything in it that was acknowledged. What no listener has
/// read has to be reported by a gap: where more is published at once than is retained, it is trimmed
/// before anybody can read it.
fn one_history(
    expected: &Expected<'_>,
    declared: &HashSet<Cursor>,
    violations: &mut Vec<Violation>,
) {
    let mut add = |kind, what| violations.push(Violation { kind, listener: None, what });
    let mut token_of: HashMap<Cursor, String> = HashMap::new();
    let mut cursor_of: HashMap<String, Cursor> = HashMap::new();
    let mut by_seq: HashMap<(u64, u64), Cursor> = HashMap::new();
    let may_diverge = expected.rules.reasons.contains(&Reason::Diverged);
    for message in expected.messages {
        let cursor = message.cursor;
        let Some(token) = message.token() else {
            add(Kind::Wrong, format!("{cursor} is no message of the app: {}", message.data));
            continue;
        };
        let other = by_seq.insert((cursor.generation, cursor.seq), cursor);
        if other.is_some_and(|other| other != cursor) && !may_diverge {
            add(Kind::Wrong, format!("number {} has two ids, {cursor} is one", cursor.seq));
        }
        if token_of.insert(cursor, token.clone()).is_some() {
            add(Kind::Wrong, format!("{cursor} is not the same at all listeners"));
        }
        if let Some(other) = cursor_of.insert(token.clone(), cursor) {
            add(Kind::Repeat, format!("{token:?}, sent once, is {other} and {cursor}"));
        }
    }
    for Acknowledged { token, cursor } in expected.acknowledged {
        match token_of.get(cursor) {
            Some(seen) if seen == token => {}
            Some(seen) => {
                add(Kind::Loss, format!("{cursor} was answered for {token:?}, and is {seen:?}"));
            }
            None if declared.contains(cursor) => {}
            None => {
                add(
                    Kind::Loss,
                    format!("{token:?} = {cursor} was acknowledged, and no listener read it"),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(seq: u64) -> Cursor {
        Cursor { generation: 7, seq, fingerprint: u32::try_from(seq * 31).unwrap() }
    }

    fn said(cursor: Cursor, token: &str) -> Message {
        Message { cursor, data: format!(r#"{{"message":"{token}"}}"#).into() }
    }

    /// Messages 1 to 9; number `n` of them is `n - 1`.
    fn messages() -> Vec<Message> {
        (1..=9).map(|seq| said(position(seq), &format!("t{seq}"))).collect()
    }

    fn acknowledged() -> Vec<Acknowledged> {
        (1..=9)
            .map(|seq| Acknowledged { token: format!("t{seq}"), cursor: position(seq) })
            .collect()
    }

    fn ready(showed: Option<u64>, resume: Resume, held: Option<u64>) -> Entry {
        let (showed, held) = (showed.map(position), held.map(position));
        Entry::Ready(Box::new(Ready { showed, resume, held }))
    }

    fn gap(reason: Reason, missed: Option<u64>, first: u64, held: Option<u64>) -> Entry {
        Entry::Gap(Box::new(Gap { reason, missed, first, held: held.map(position) }))
    }

    fn seqs(seqs: RangeInclusive<u32>) -> impl Iterator<Item = Entry> {
        seqs.map(|seq| Entry::Message(seq - 1))
    }

    /// 1 to 3, a cut, 4 and 5, a sleep that costs 6 and 7, then 8 and 9.
    fn right() -> Vec<Entry> {
        let mut entries = vec![ready(None, Resume::Fresh, Some(0))];
        entries.extend(seqs(1..=3));
        entries.push(ready(Some(3), Resume::Resumed, Some(3)));
        entries.extend(seqs(4..=5));
        entries.push(ready(Some(5), Resume::Gap, Some(7)));
        entries.push(gap(Reason::Trimmed, Some(2), 8, Some(7)));
        entries.extend(seqs(8..=9));
        entries
    }

    fn found(entries: Vec<Entry>, messages: &[Message], reasons: &[Reason]) -> Vec<Kind> {
        let records = [Record { listener: 0, entries }];
        let acknowledged = acknowledged();
        let rules = Rules { reasons, is_shared: reasons.contains(&Reason::Diverged) };
        let expected = Expected { messages, acknowledged: &acknowledged, rules, last: position(9) };
        let findings = verify(&records, &expected);
        findings.violations.iter().map(|violation| violation.kind).collect()
    }

    /// Changes the right record, and expects this kind of breach among what is found.
    #[track_caller]
    fn caught(kind: Kind, change: impl FnOnce(&mut Vec<Entry>)) {
        let mut entries = right();
        change(&mut entries);
        let found = found(entries, &messages(), &[Reason::Trimmed]);
        assert!(found.contains(&kind), "{found:?}");
    }

    #[test]
    fn a_right_record_is_right() {
        assert_eq!(found(right(), &messages(), &[Reason::Trimmed]), []);
    }

    #[test]
    fn a_gap_may_be_reported_again_and_carry_its_position_itself() {
        let mut entries = right();
        // The position comes with the gap; after a cut before it, the old one is shown again.
        entries[7] = ready(Some(5), Resume::Gap, Some(5));
        entries.insert(7, ready(Some(5), Resume::Gap, Some(5)));
        assert_eq!(found(entries, &messages(), &[Reason::Trimmed]), []);
    }

    #[test]
    fn a_stream_may_open_before_its_position_is_known() {
        let mut entries = right();
        entries.insert(0, ready(None, Resume::Fresh, None));
        assert_eq!(found(entries, &messages(), &[Reason::Trimmed]), []);
        caught(Kind::Wrong, |entries| entries[0] = ready(None, Resume::Fresh, None));
        caught(Kind::Wrong, |entries| entries.insert(4, ready(Some(3), Resume::Fresh, None)));
    }

    #[test]
    fn a_live_gap_may_be_reported() {
        let mut entries = right();
        entries[7] = gap(Reason::Trimmed, Some(2), 8, None);
        entries.remove(8);
        assert_eq!(found(entries, &messages(), &[Reason::Trimmed]), []);
    }

    #[test]
    fn a_lost_message_is_caught() {
        caught(Kind::Loss, |entries| drop(entries.remove(2)));
    }

    #[test]
    fn a_lost_last_message_is_caught() {
        caught(Kind::Loss, |entries| drop(entries.pop()));
    }

    #[test]
    fn a_message_lost_over_a_cut_is_caught() {
        caught(Kind::Loss, |entries| drop(entries.remove(5)));
    }

    #[test]
    fn a_repeated_message_is_caught() {
        caught(Kind::Repeat, |entries| entries.insert(3, Entry::Message(1)));
    }

    #[test]
    fn a_message_repeated_over_a_cut_is_caught() {
        caught(Kind::Repeat, |entries| entries.insert(5, Entry::Message(2)));
    }

    #[test]
    fn two_messages_in_the_wrong_order_are_caught() {
        caught(Kind::Repeat, |entries| entries.swap(1, 2));
    }

    #[test]
    fn an_undeclared_gap_is_caught() {
        caught(Kind::Loss, |entries| {
            entries[7] = ready(Some(5), Resume::Resumed, Some(5));
            entries.remove(8);
        });
    }

    #[test]
    fn a_gap_that_was_announced_and_never_came_is_caught() {
        caught(Kind::Loss, |entries| entries[8] = ready(Some(7), Resume::Resumed, Some(7)));
        caught(Kind::Gap, |entries| drop(entries.remove(8)));
    }

    #[test]
    fn a_wrong_count_and_a_wrong_first_are_caught() {
        for (missed, first) in [(Some(1), 8), (Some(3), 8), (None, 8), (Some(2), 7), (Some(0), 6)] {
            caught(Kind::Gap, |entries| entries[8] = gap(Reason::Trimmed, missed, first, Some(7)));
        }
    }

    #[test]
    fn an_impossible_reason_is_caught() {
        caught(Kind::Gap, |entries| entries[8] = gap(Reason::Diverged, None, 8, Some(7)));
    }

    #[test]
    fn what_no_stream_sends_is_caught() {
        caught(Kind::Wrong, |entries| entries.insert(3, Entry::Wrong("event \"error\"".into())));
        caught(Kind::Wrong, |entries| entries[4] = ready(Some(3), Resume::Resumed, Some(2)));
        caught(Kind::Wrong, |entries| entries[4] = ready(Some(3), Resume::Fresh, Some(3)));
    }

    #[test]
    fn another_text_with_the_same_id_is_caught() {
        let mut messages = messages();
        messages.push(said(position(2), "other"));
        let found = found(right(), &messages, &[Reason::Trimmed]);
        assert!(found.contains(&Kind::Wrong), "{found:?}");
    }

    #[test]
    fn another_id_with_the_same_number_is_caught() {
        let mut messages = messages();
        messages.push(said(Cursor { fingerprint: 1, ..position(2) }, "other"));
        assert_eq!(found(right(), &messages, &[Reason::Trimmed]), [Kind::Wrong]);
    }

    #[test]
    fn a_retried_send_that_is_two_messages_is_caught() {
        let mut messages = messages();
        messages[4] = said(position(5), "t4");
        let found = found(right(), &messages, &[Reason::Trimmed]);
        assert!(found.contains(&Kind::Repeat), "{found:?}");
    }

    #[test]
    fn what_was_acknowledged_and_read_by_no_listener_is_caught() {
        // Gone from the log without a hole in the numbers: others took its place.
        let mut messages = messages();
        messages[4] = said(Cursor { fingerprint: 1, ..position(5) }, "other");
        let found = found(right(), &messages, &[Reason::Trimmed]);
        assert!(found.contains(&Kind::Loss), "{found:?}");
    }

    #[test]
    fn what_was_trimmed_before_anybody_read_it_is_reported_by_a_gap() {
        let is_retained = |message: &Message| !(6..=7).contains(&message.cursor.seq);
        let messages: Vec<_> = messages().into_iter().filter(is_retained).collect();
        let mut entries = right();
        entries.truncate(entries.len() - 2);
        entries.extend([Entry::Message(5), Entry::Message(6)]);
        assert_eq!(found(entries.clone(), &messages, &[Reason::Trimmed]), []);

        entries[7] = ready(Some(5), Resume::Resumed, Some(5));
        entries.remove(8);
        let found = found(entries, &messages, &[Reason::Trimmed]);
        assert!(found.contains(&Kind::Loss), "{found:?}");
    }

    /// A position that the log does not have any more.
    fn lost(seq: u64) -> Cursor {
        Cursor { fingerprint: 1, ..position(seq) }
    }

    /// Messages 1 to 9 and the lost message 4, which has the next number.
    fn diverged_messages() -> Vec<Message> {
        let mut messages = messages();
        messages.push(said(lost(4), "lost"));
        messages
    }

    /// 1 to 3 and the lost 4; then all of the other history.
    fn diverged() -> Vec<Entry> {
        let mut entries = vec![ready(None, Resume::Fresh, Some(0))];
        entries.extend(seqs(1..=3));
        entries.push(Entry::Message(9));
        entries.push(gap(Reason::Diverged, None, 1, Some(0)));
        entries.extend(seqs(1..=9));
        entries
    }

    const SHARED: &[Reason] = &[Reason::Trimmed, Reason::Diverged];

    #[track_caller]
    fn caught_in_shared(kind: Kind, change: impl FnOnce(&mut Vec<Entry>)) {
        let mut entries = diverged();
        change(&mut entries);
        let found = found(entries, &diverged_messages(), SHARED);
        assert!(found.contains(&kind), "{found:?}");
    }

    #[test]
    fn after_a_divergence_what_is_retained_comes_again() {
        assert_eq!(found(diverged(), &diverged_messages(), SHARED), []);
        let mut entries = diverged();
        let showed = Some(lost(4));
        let ready = Ready { showed, resume: Resume::Gap, held: Some(position(0)) };
        entries.insert(5, Entry::Ready(Box::new(ready)));
        assert_eq!(found(entries, &diverged_messages(), SHARED), []);
    }

    #[test]
    fn a_log_that_is_not_shared_does_not_diverge_under_a_connection() {
        let found = found(diverged(), &diverged_messages(), &[Reason::Trimmed]);
        assert!(found.contains(&Kind::Gap), "{found:?}");
    }

    #[test]
    fn a_divergence_from_a_position_that_the_log_has_is_caught() {
        caught_in_shared(Kind::Gap, |entries| drop(entries.remove(4)));
    }

    #[test]
    fn a_divergence_that_is_not_reported_is_caught() {
        caught_in_shared(Kind::Repeat, |entries| drop(entries.drain(5..9)));
        caught_in_shared(Kind::Loss, |entries| entries.truncate(5));
    }

    #[test]
    fn a_message_lost_after_a_divergence_is_caught() {
        caught_in_shared(Kind::Loss, |entries| drop(entries.remove(8)));
    }

    #[test]
    fn an_engine_that_goes_and_comes_back_is_reported_in_turns() {
        let engine = |is_reachable| Entry::Engine { is_reachable };
        let mut entries = diverged();
        entries.splice(2..2, [engine(false), engine(true), engine(false)]);
        assert_eq!(found(entries, &diverged_messages(), SHARED), []);
        caught_in_shared(Kind::Wrong, |entries| entries.insert(2, engine(true)));
        caught_in_shared(Kind::Wrong, |entries| {
            entries.splice(2..2, [engine(false), engine(false)]);
        });
        caught(Kind::Wrong, |entries| entries.insert(2, engine(false)));
    }
}
