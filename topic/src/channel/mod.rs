//! A log and the listeners that wait for it, under one lock: the shared part of a topic.
//!
//! A listener reads, or registers its waker, under the same lock that appending takes, so that no
//! message and no wake-up falls in between. Loom tries every order of it (`sync`).

mod waiters;

use std::{
    sync::Arc,
    task::{Poll, Waker},
};

use self::waiters::Waiters;
use crate::{
    clock,
    log::{
        Log,
        cursor::Cursor,
        gap::Resume,
        keys::Keys,
        record::{Draft, Head, Record},
        retention::Retention,
    },
    sync::{Mutex, MutexGuard, lock},
};

/// The log of one topic and its listeners.
#[derive(Debug)]
pub(crate) struct Channel {
    retention: Retention,
    /// A std lock: no `.await` happens under it, and at most a copy of 64 KiB.
    shared: Mutex<Shared>,
}

#[derive(Debug)]
struct Shared {
    log: Log,
    keys: Keys,
    waiters: Waiters,
}

impl Channel {
    pub(crate) fn new(retention: Retention, log: Log, keys: Keys) -> Self {
        Self { retention, shared: Mutex::new(Shared { log, keys, waiters: Waiters::new() }) }
    }

    /// Numbers a message, appends it and wakes the listeners. With a key that was used before,
    /// returns the position of the message that used it first.
    pub(crate) fn publish(&self, draft: Draft, key: Option<Arc<str>>) -> Cursor {
        let now_ms = clock::now_ms();
        let mut shared = lock(&self.shared);
        if let Some(cursor) = key.as_deref().and_then(|key| shared.keys.get(key, now_ms)) {
            return cursor;
        }
        let mut head = shared.log.head();
        let record = head.number(draft, now_ms);
        if let Some(key) = key {
            shared.keys.insert(key, head.cursor, head.stamp_ms);
        }
        self.append(shared, [record]);
        head.cursor
    }

    /// Appends messages that are numbered from [`head`](Self::head) on, and wakes the listeners.
    pub(crate) fn commit(
        &self,
        records: impl IntoIterator<Item = Record>,
        keys: impl IntoIterator<Item = (Arc<str>, Cursor)>,
    ) {
        let now_ms = clock::now_ms();
        let mut shared = lock(&self.shared);
        for (key, cursor) in keys {
            shared.keys.insert(key, cursor, now_ms);
        }
        self.append(shared, records);
    }

    fn append(
        &self,
        mut shared: MutexGuard<'_, Shared>,
        records: impl IntoIterator<Item = Record>,
    ) {
        for record in records {
            shared.log.push(record);
        }
        let now_ms = shared.log.head().stamp_ms;
        shared.log.trim(&self.retention, now_ms);
        let wakers = shared.waiters.take();
        drop(shared);
        // A woken listener takes the lock at once, so this thread releases it first.
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns the position after the newest message.
    pub(crate) fn head(&self) -> Head {
        lock(&self.shared).log.head()
    }

    /// Returns the position of the message that was published with this key, while the key is
    /// known.
    pub(crate) fn cursor_of(&self, key: &str) -> Option<Cursor> {
        lock(&self.shared).keys.get(key, clock::now_ms())
    }

    /// Returns the numbers of the oldest retained message and of the oldest known key.
    pub(crate) fn oldest(&self) -> (u64, u64) {
        let shared = lock(&self.shared);
        let record = *shared.log.retained().start();
        (record, shared.keys.oldest().unwrap_or(shared.log.head().cursor.seq + 1))
    }

    /// Gives a new listener a slot among the waiters, and decides where it goes on.
    pub(crate) fn enter(&self, from: Option<&str>) -> (usize, Resume) {
        let mut shared = self.fresh();
        let resume = shared.log.resume(&self.retention, from);
        (shared.waiters.enter(), resume)
    }

    /// Frees the slot of a listener that leaves.
    pub(crate) fn leave(&self, slot: usize) {
        lock(&self.shared).waiters.leave(slot);
    }

    /// Reads, or registers the waker of the listener in `slot` until there is something to read.
    pub(crate) fn poll<T>(
        &self,
        slot: usize,
        waker: &Waker,
        read: impl FnOnce(&Log) -> Option<T>,
    ) -> Poll<T> {
        let mut shared = self.fresh();
        if let Some(item) = read(&shared.log) {
            return Poll::Ready(item);
        }
        shared.waiters.park(slot, waker);
        Poll::Pending
    }

    /// Reads the log.
    pub(crate) fn look<T>(&self, read: impl FnOnce(&Log) -> T) -> T {
        read(&self.fresh().log)
    }

    /// Returns how many listeners there are.
    pub(crate) fn listeners(&self) -> usize {
        lock(&self.shared).waiters.len()
    }

    /// Locks for reading, and trims by age first.
    fn fresh(&self) -> MutexGuard<'_, Shared> {
        let mut shared = lock(&self.shared);
        if self.retention.ages() {
            shared.log.trim(&self.retention, clock::now_ms());
        }
        shared
    }
}

#[cfg(all(test, kipo_loom))]
mod loom_tests {
    use std::{
        sync::atomic::{AtomicUsize, Ordering},
        task::Wake,
    };

    use super::*;
    use crate::{log::Read, sync::Condvar};

    /// Counts wake-ups. A loom lock waits for them, so that loom sees who waits for whom.
    struct Bell {
        rung: Mutex<bool>,
        heard: Condvar,
        count: AtomicUsize,
    }

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.count.fetch_add(1, Ordering::Relaxed);
            *lock(&self.rung) = true;
            self.heard.notify_one();
        }
    }

    impl Bell {
        fn wait(&self) {
            let mut rung = lock(&self.rung);
            while !*rung {
                rung = self.heard.wait(rung).unwrap();
            }
            *rung = false;
        }
    }

    fn channel(count: usize) -> loom::sync::Arc<Channel> {
        let retention = Retention { count, ..Retention::DEFAULT };
        loom::sync::Arc::new(Channel::new(retention, Log::after(Head::start(1)), Keys::default()))
    }

    /// Listens until it has accounted for `until` messages. Returns the numbers that it read, and
    /// 0 for each message of a gap.
    fn listen(channel: &Channel, until: u64) -> Vec<u64> {
        let bell = Arc::new(Bell {
            rung: Mutex::new(false),
            heard: Condvar::new(),
            count: AtomicUsize::new(0),
        });
        let waker = Waker::from(Arc::clone(&bell));
        let (slot, resume) = channel.enter(None);
        let mut seq = resume.from.seq;
        let mut got = vec![0; usize::try_from(seq).unwrap()];
        while seq < until {
            let polled = channel.poll(slot, &waker, |log| match log.read(seq) {
                Read::Frames { to, .. } => Some((to, None)),
                Read::Trimmed { gap, to } => Some((to, gap.missed)),
                Read::Empty => None,
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
        channel.leave(slot);
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
                loom::thread::spawn(move || {
                    channel.publish(Draft::new("e", b"1"), Some("k".into()))
                })
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
            let (slot, _) = channel.enter(None);
            let _ = channel.poll(slot, Waker::noop(), |log| match log.read(0) {
                Read::Empty => None,
                _ => Some(()),
            });
            channel.leave(slot);
            assert_eq!(listen(&channel, 1), [1]);
            publisher.join().unwrap();
            assert_eq!(channel.listeners(), 0);
        });
    }
}
