//! Listeners that read messages that are not in memory, over an engine that answers when a test
//! says so.

use std::{
    pin::pin,
    task::{Context, Poll},
};

use super::*;
use crate::{Next, Subscription, topic::tests::N};

/// The reads and checks that an engine was asked for.
#[derive(Default)]
struct Asked {
    wanted: Mutex<Vec<Wanted>>,
    checks: Mutex<usize>,
}

impl Source for Asked {
    fn check(self: Arc<Self>) {
        *lock(&self.checks) += 1;
    }

    fn read(self: Arc<Self>, wanted: Wanted) {
        lock(&self.wanted).push(wanted);
    }
}

/// A topic with messages 1 to 9. The last two are in memory.
struct Fixture {
    channel: Arc<Channel>,
    asked: Arc<Asked>,
    entries: Vec<Entry>,
}

const RETENTION: Retention =
    Retention { count: 9, window: Window { messages: 2, ..Window::ALL }, ..Retention::DEFAULT };

fn entries(data: &str) -> Vec<Entry> {
    let mut head = Head::of_generation(1);
    let mut next = || {
        let entry = Entry::next(&head, None, "n", data.as_bytes(), 0).expect("an entry");
        head = entry.head();
        entry
    };
    (0..9).map(|_| next()).collect()
}

impl Fixture {
    fn new(is_shared: bool) -> Self {
        let (entries, asked) = (entries("1"), Arc::new(Asked::default()));
        let head = entries[8].head();
        let loaded = Loaded { head, entries: entries.clone(), keys: Vec::new() };
        let source = Arc::downgrade(&asked) as Weak<dyn Source>;
        let channel = Channel::loaded(RETENTION, loaded, source, is_shared);
        Self { channel: Arc::new(channel), asked, entries }
    }

    fn listener(&self) -> Subscription<N> {
        Subscription::new(Arc::clone(&self.channel) as _, None)
    }

    /// Returns the only read that the engine was asked for since the last time.
    #[track_caller]
    fn wanted(&self) -> Wanted {
        let wanted = std::mem::take(&mut *lock(&self.asked.wanted));
        assert_eq!(wanted.len(), 1, "{wanted:?}");
        wanted[0]
    }

    fn answer(&self, entries: &[Entry]) {
        self.channel.end_read(self.wanted().id, Some(entries.to_vec()));
    }

    fn page_count(&self) -> usize {
        let mut shared = lock(&self.channel.shared);
        pages_of(&mut shared.seldom).map_or(0, |pages| pages.recent_count())
    }
}

fn now(listener: &mut Subscription<N>) -> Option<Next> {
    match pin!(listener.next()).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(next) => Some(next),
        Poll::Pending => None,
    }
}

/// Reads messages with these numbers, and nothing more.
#[track_caller]
fn assert_reads(listener: &mut Subscription<N>, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        match now(listener) {
            Some(Next::Message(message)) => assert_eq!(message.seq(), number),
            other => panic!("{other:?} instead of message {number}"),
        }
    }
    assert!(now(listener).is_none());
}

#[track_caller]
fn assert_gap(listener: &mut Subscription<N>, missed: u64) {
    match now(listener) {
        Some(Next::Gap(gap)) => {
            assert_eq!((gap.reason, gap.missed), (GapReason::Trimmed, Some(missed)));
        }
        other => panic!("{other:?} instead of a gap"),
    }
}

#[test]
fn older_messages_come_a_page_at_a_time_until_the_listener_meets_those_in_memory() {
    let fixture = Fixture::new(false);
    let mut listener = fixture.listener();
    assert!(now(&mut listener).is_none());
    fixture.answer(&fixture.entries[0..4]);
    assert_reads(&mut listener, 1..=4);
    // The page may have messages that are in memory too.
    fixture.answer(&fixture.entries[4..9]);
    assert_reads(&mut listener, 5..=9);
    assert!(lock(&fixture.asked.wanted).is_empty());
}

#[test]
fn listeners_share_a_page_and_it_is_dropped_with_the_last_of_them() {
    let fixture = Fixture::new(false);
    let mut listeners: Vec<_> = (0..1000).map(|_| fixture.listener()).collect();
    listeners.iter_mut().for_each(|listener| assert_reads(listener, []));
    fixture.answer(&fixture.entries[0..3]);
    let mut late = fixture.listener();
    for number in 1..=3 {
        let Some(Next::Message(message)) = now(&mut late) else { panic!("the page is here") };
        assert_eq!(message.seq(), number);
    }
    listeners.iter_mut().for_each(|listener| assert_reads(listener, 1..=3));
    fixture.answer(&fixture.entries[3..9]);
    listeners.iter_mut().for_each(|listener| assert_reads(listener, 4..=9));
    assert_eq!(fixture.page_count(), 2);
    drop(late);
    assert_eq!(fixture.page_count(), 0);
    assert!(lock(&fixture.asked.wanted).is_empty());
}

#[test]
fn a_trim_that_overtakes_a_read_is_one_gap() {
    let fixture = Fixture::new(false);
    let mut listener = fixture.listener();
    assert_reads(&mut listener, []);
    let mut head = fixture.channel.head();
    let newer = (0..4).map(|_| {
        let entry = Entry::next(&head, None, "n", b"2", 0).unwrap();
        head = entry.head();
        entry
    });
    assert_eq!(fixture.channel.take(newer.collect()), Taken::All);
    fixture.answer(&fixture.entries[0..9]);
    assert_gap(&mut listener, 4);
    assert_reads(&mut listener, []);
    fixture.answer(&fixture.entries[4..6]);
    assert_reads(&mut listener, 5..=6);
}

#[test]
fn what_the_engine_has_trimmed_is_one_gap() {
    let fixture = Fixture::new(true);
    let mut listener = fixture.listener();
    assert_reads(&mut listener, []);
    fixture.answer(&fixture.entries[4..6]);
    assert_gap(&mut listener, 4);
    assert_reads(&mut listener, []);
    assert_eq!(fixture.wanted().after, 4);
    assert_eq!(fixture.channel.oldest().0, 5);
}

#[test]
fn a_read_that_failed_is_tried_again() {
    let fixture = Fixture::new(true);
    let mut listener = fixture.listener();
    assert_reads(&mut listener, []);
    fixture.channel.end_read(fixture.wanted().id, None);
    assert_reads(&mut listener, []);
    fixture.answer(&fixture.entries);
    assert_reads(&mut listener, 1..=9);
}

#[test]
fn messages_that_the_log_does_not_know_are_not_read() {
    let fixture = Fixture::new(true);
    let mut listener = fixture.listener();
    assert_reads(&mut listener, []);
    let other = entries("2");
    // The first three are those of the log.
    let mut head = fixture.entries[2].head();
    let mut mixed = fixture.entries[0..3].to_vec();
    for _ in 0..3 {
        let entry = Entry::next(&head, None, "n", b"2", 0).unwrap();
        head = entry.head();
        mixed.push(entry);
    }
    fixture.answer(&mixed);
    assert_reads(&mut listener, 1..=3);
    // An entry is missing in the middle.
    let hole = [fixture.entries[3].clone(), fixture.entries[5].clone()];
    fixture.answer(&hole);
    assert_reads(&mut listener, [4]);
    // Another history, as if the messages before it were trimmed.
    fixture.answer(&other[5..9]);
    assert_eq!(*lock(&fixture.asked.checks), 1);
    assert_reads(&mut listener, []);
    assert!(lock(&fixture.asked.wanted).is_empty(), "a read waits for the check");
}

#[test]
fn older_messages_are_given_up_after_three_checks() {
    let fixture = Fixture::new(true);
    let mut listener = fixture.listener();
    for check in 1..=2 {
        assert_reads(&mut listener, []);
        fixture.answer(&[]);
        assert_eq!(*lock(&fixture.asked.checks), check);
        let number = fixture.channel.begin_check();
        fixture.channel.end_check(number);
    }
    assert_reads(&mut listener, []);
    fixture.answer(&[]);
    assert_eq!(*lock(&fixture.asked.checks), 2);
    assert_gap(&mut listener, 7);
    assert_reads(&mut listener, 8..=9);
}

#[test]
fn an_answer_for_another_log_is_ignored() {
    let fixture = Fixture::new(true);
    let mut listener = fixture.listener();
    assert_reads(&mut listener, []);
    let before = fixture.wanted();
    let other = entries("2");
    let known = fixture.channel.head().cursor;
    let loaded = Loaded { head: other[8].head(), entries: other.clone(), keys: Vec::new() };
    assert_eq!(fixture.channel.settle(known, loaded), Taken::All);
    fixture.channel.end_read(before.id, Some(fixture.entries.clone()));
    // It has read nothing, so it goes on with the new log.
    assert_reads(&mut listener, []);
    fixture.answer(&other);
    assert_reads(&mut listener, 1..=9);
}

#[test]
fn a_listener_that_is_behind_reads_the_state_of_the_engine_and_the_end_of_the_topic() {
    let fixture = Fixture::new(true);
    let mut listener = fixture.listener();
    assert_reads(&mut listener, []);
    fixture.channel.set_link(Link::Down);
    assert!(matches!(now(&mut listener), Some(Next::Link(Link::Down))));
    fixture.channel.end_read(fixture.wanted().id, None);
    assert_reads(&mut listener, []);
    fixture.channel.set_link(Link::Up);
    assert!(matches!(now(&mut listener), Some(Next::Link(Link::Up))));
    fixture.channel.remove();
    assert!(matches!(now(&mut listener), Some(Next::Removed)));
}
