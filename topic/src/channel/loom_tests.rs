//! A log and its listeners in every order in which threads can meet.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;
use crate::{log::Follows, sync::Bell};

/// An engine that reads on another thread.
struct Engine {
    channel: Mutex<Option<Arc<Channel>>>,
    entries: Vec<Entry>,
    read_count: AtomicUsize,
}

impl Source for Engine {
    fn check(self: Arc<Self>) {}

    fn read(self: Arc<Self>, wanted: Wanted) {
        self.read_count.fetch_add(1, Ordering::Relaxed);
        loom::thread::spawn(move || {
            let channel = lock(&self.channel).clone().unwrap();
            let after = usize::try_from(wanted.after).unwrap();
            channel.end_read(wanted.id, Some(self.entries[after..].to_vec()));
        });
    }
}

fn channel(count: usize) -> loom::sync::Arc<Channel> {
    let retention = Retention { count, ..Retention::DEFAULT };
    loom::sync::Arc::new(Channel::empty(retention, 1))
}

/// Listens until it has accounted for `until` messages. Returns the numbers that it read, and
/// 0 for each message of a gap.
fn listen(channel: &Channel, until: u64) -> Vec<u64> {
    let bell = Arc::new(Bell::new());
    let waker = Waker::from(Arc::clone(&bell));
    let Entered { slot, resume, .. } = channel.enter(None);
    let mut seq = resume.from.seq;
    let mut got = vec![0; usize::try_from(seq).unwrap()];
    while seq < until {
        let polled = channel.poll(slot, &waker, |view| match view.log.follows(seq) {
            Follows::Trimmed { gap, to } => Some((to.seq, gap.missed)),
            _ => view.log.frames(seq).map(|(_, to)| (to.seq, None)),
        });
        let Poll::Ready((to, missed)) = polled else {
            bell.wait();
            continue;
        };
        match missed {
            Some(missed) => {
                assert_eq!(missed, to - seq);
                got.extend((seq..to).map(|_| 0));
            }
            None => got.extend(seq + 1..=to),
        }
        seq = to;
    }
    channel.leave(slot, false);
    got
}

#[test]
fn loom_no_message_is_lost_and_no_wake_up_missed() {
    loom::model(|| {
        let channel = channel(9);
        let publishers: Vec<_> = (0..2)
            .map(|_| {
                let channel = channel.clone();
                loom::thread::spawn(move || channel.publish(Draft::new("e", b"1"), None).seq)
            })
            .collect();
        assert_eq!(listen(&channel, 2), [1, 2]);
        let mut numbers: Vec<_> = publishers.into_iter().map(|p| p.join().unwrap()).collect();
        numbers.sort_unstable();
        assert_eq!(numbers, [1, 2]);
    });
}

#[test]
fn loom_trimmed_messages_are_counted() {
    loom::model(|| {
        let channel = channel(1);
        let publisher = {
            let channel = channel.clone();
            loom::thread::spawn(move || {
                channel.publish(Draft::new("e", b"1"), None);
                channel.publish(Draft::new("e", b"2"), None);
            })
        };
        let got = listen(&channel, 2);
        assert!(got == [1, 2] || got == [0, 2], "{got:?}");
        publisher.join().unwrap();
    });
}

#[test]
fn loom_a_key_is_published_once() {
    loom::model(|| {
        let channel = channel(9);
        let other = {
            let channel = channel.clone();
            loom::thread::spawn(move || channel.publish(Draft::new("e", b"1"), Some("k".into())))
        };
        let one = channel.publish(Draft::new("e", b"1"), Some("k".into()));
        assert_eq!(one, other.join().unwrap());
        assert_eq!(channel.head().cursor.seq, 1);
    });
}

#[test]
fn loom_a_listener_that_leaves_is_not_woken_and_disturbs_no_other() {
    loom::model(|| {
        let channel = channel(9);
        let publisher = {
            let channel = channel.clone();
            loom::thread::spawn(move || channel.publish(Draft::new("e", b"1"), None))
        };
        let Entered { slot, .. } = channel.enter(None);
        let _ = channel.poll(slot, Waker::noop(), |view| view.log.frames(0));
        channel.leave(slot, false);
        assert_eq!(listen(&channel, 1), [1]);
        publisher.join().unwrap();
        assert_eq!(channel.listeners(), 0);
    });
}

/// Listens until message 2, of which the first is not in memory.
fn catch_up(channel: &Channel) {
    let bell = Arc::new(Bell::new());
    let waker = Waker::from(Arc::clone(&bell));
    let Entered { slot, resume, .. } = channel.enter(None);
    let (mut cursor, mut behind) = (resume.from, None::<Box<Behind>>);
    while cursor.seq < 2 {
        let polled = channel.poll(slot, &waker, |view| {
            if view.log.frames(cursor.seq).is_none() && !view.find_page(&mut behind, cursor) {
                return None;
            }
            let page = behind.as_deref().and_then(Behind::messages);
            page.unwrap_or(view.log).frames(cursor.seq)
        });
        match polled {
            Poll::Ready((_, to)) => cursor = to,
            Poll::Pending => bell.wait(),
        }
    }
    channel.leave(slot, behind.is_some());
}

/// Two listeners need the same page while messages are published: neither misses its wake-up.
#[test]
fn loom_listeners_that_share_a_page_are_woken() {
    loom::model(|| {
        let mut head = Head::of_generation(1);
        let entries: Vec<_> = (0..2)
            .map(|_| {
                let entry = Entry::next(&head, None, "e", b"1", 0).unwrap();
                head = entry.head();
                entry
            })
            .collect();
        let loaded = Loaded { head, entries: entries.clone(), keys: Vec::new() };
        let (channel, read_count) = (Mutex::new(None), AtomicUsize::new(0));
        let engine = Arc::new(Engine { channel, entries, read_count });
        let window = Window { messages: 1, ..Window::ALL };
        let retention = Retention { window, ..Retention::DEFAULT };
        let source = Arc::downgrade(&engine) as Weak<dyn Source>;
        let channel = Arc::new(Channel::loaded(retention, loaded, source, false));
        *lock(&engine.channel) = Some(Arc::clone(&channel));
        let other = {
            let channel = Arc::clone(&channel);
            loom::thread::spawn(move || catch_up(&channel))
        };
        catch_up(&channel);
        other.join().unwrap();
        assert!(pages_of(&mut lock(&channel.shared).seldom).is_none());
        // The other listener may come when the first one has its page no more.
        assert!((1..=2).contains(&engine.read_count.load(Ordering::Relaxed)));
        *lock(&engine.channel) = None;
    });
}

/// A node that appends a draft by itself reads the head first: what it does not know then, the engine
/// refuses to append after.
#[test]
fn loom_a_draft_is_known_at_a_head_that_has_it() {
    loom::model(|| {
        let channel = channel(9);
        let key: Arc<str> = "k".into();
        let after = channel.expect(7, [(1, Some(Arc::clone(&key)))]);
        let entry = Entry::next(&channel.head(), Some(&*key), "e", b"1", 1).expect("an entry");
        let stored = entry.cursor();
        let other = {
            let channel = channel.clone();
            loom::thread::spawn(move || channel.take(vec![entry]))
        };
        let head = channel.head().cursor;
        let fate = channel.fate(1);
        assert!(head == after || fate == Fate::Stored(stored));
        assert_eq!(other.join().unwrap(), Taken::All);
        // It is awaited no more once its fate was read.
        assert_eq!(channel.decided().len(), usize::from(fate == Fate::Open));
    });
}
