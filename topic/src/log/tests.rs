//! What a log answers, for every order of publishing, trimming and reading.

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
        log.follows(1),
        Follows::Trimmed { gap: Gap { missed: Some(2), first: 4, .. }, to: Cursor { seq: 3, .. } }
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
    let verdict = |seq: usize| log.resume(&retention, Some(&cursors[seq - 1].to_string())).verdict;
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
    let (bytes, to) = log.frames(0).expect("there are frames");
    assert!(bytes.len() <= READ_BYTES_MAX && bytes.len() > READ_BYTES_MAX - 2000);
    assert!(bytes.ends_with(b"\n\n"));
    let (_, to) = log.frames(to.seq).expect("there are frames");
    assert_eq!(to, log.head().cursor);
    assert!(matches!(log.follows(100), Follows::Nothing));
    assert!(log.frames(100).is_none());
}

/// A log whose older messages are not in memory answers as one that has all of them.
#[test]
fn positions_and_verdicts_do_not_depend_on_the_window() {
    let window = Window { messages: 2, ..Window::ALL };
    let (whole, cursors) = log(7, 9);
    let mut log = empty();
    for n in 1..=9 {
        append_at(&mut log, &Retention { window, ..retention(7) }, &n.to_string(), 0);
    }
    assert_eq!(log.retained(), whole.retained());
    assert_eq!((log.window().seq, whole.window().seq), (7, 2));
    for cursor in cursors {
        let id = cursor.to_string();
        assert_eq!(resume(&log, Some(&id)), resume(&whole, Some(&id)));
        assert_eq!(log.holds(cursor), whole.holds(cursor), "{id}");
        let other = Cursor { fingerprint: !cursor.fingerprint, ..cursor }.to_string();
        assert_eq!(resume(&log, Some(&other)), resume(&whole, Some(&other)));
    }
    assert!(matches!(log.follows(1), Follows::Trimmed { .. }));
    assert!(matches!((log.follows(2), log.follows(6)), (Follows::Older, Follows::Older)));
    assert!(matches!((log.follows(7), log.follows(9)), (Follows::Record, Follows::Nothing)));
    assert!(log.frames(6).is_none() && log.get(7).is_none());
    assert_eq!(log.get(8).unwrap().data_str(), "8");
}

#[test]
fn bytes_and_age_drop_messages_that_are_not_in_memory() {
    let retention = Retention {
        bytes: 300,
        age_ms: 100,
        window: Window { messages: 1, ..Window::ALL },
        ..Retention::DEFAULT
    };
    let mut log = empty();
    for n in 0..9 {
        append_at(&mut log, &retention, "\"a message\"", n);
    }
    assert_eq!((log.retained(), log.window().seq), (5..=9, 8));
    log.trim(&retention, 107);
    assert_eq!(log.retained(), 8..=9);
    log.trim(&retention, 200);
    assert!(log.retained().is_empty());
    assert_eq!((log.bytes(), log.records.bytes()), (0, 0));
}

#[test]
fn what_the_engine_has_lost_is_a_gap_and_what_is_in_memory_stays() {
    let mut log = empty();
    let window = Window { messages: 2, ..Window::ALL };
    for n in 1..=6 {
        append_at(&mut log, &Retention { window, ..retention(9) }, &n.to_string(), 0);
    }
    log.forget_older(2);
    let Follows::Trimmed { gap, .. } = log.follows(1) else { panic!("a gap") };
    assert_eq!(gap, Gap { reason: GapReason::Trimmed, missed: Some(1), first: 3 });
    log.forget_older(6);
    assert_eq!(log.retained(), 5..=6);
}

proptest! {
    /// For any order of publishing, trimming and reading: a reader that goes on where it
    /// left off reads each message once and in order, or reads how many it misses.
    #[test]
    fn a_reader_accounts_for_every_message(
        count in 1usize..8,
        window in 1usize..8,
        steps in proptest::collection::vec(0u8..4, 0..200),
    ) {
        let window = Window { messages: window, ..Window::ALL };
        let retention = Retention { window, ..retention(count) };
        let (mut log, mut whole) = (empty(), empty());
        let (mut seq, mut accounted) = (0, 0);
        for step in steps {
            if step > 0 {
                append_at(&mut log, &retention, "null", 0);
                append(&mut whole, count, "null");
                continue;
            }
            match log.follows(seq) {
                // Only the engine has them; it gives what a log without a window has.
                Follows::Older | Follows::Record => {
                    let log = if log.frames(seq).is_some() { &log } else { &whole };
                    let (_, to) = log.frames(seq).unwrap();
                    accounted += to.seq - seq;
                    seq = to.seq;
                }
                Follows::Trimmed { gap, to } => {
                    accounted += gap.missed.unwrap();
                    prop_assert_eq!(gap.first, to.seq + 1);
                    seq = to.seq;
                }
                Follows::Nothing => prop_assert_eq!(seq, log.head().cursor.seq),
            }
            prop_assert_eq!(accounted, seq);
        }
    }
}
