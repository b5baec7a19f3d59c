//! A follower that checks what it is passed.

use std::{sync::Arc, time::Duration};

use tokio::{sync::Notify, time::timeout};

use super::probe::{PATIENCE, Probe};
use crate::{
    engine::{Entry, FollowGuard, Follower},
    log::cursor::Cursor,
    sync::{Mutex, lock},
};

/// Takes the entries of one topic, and notes the first that is out of order.
pub(super) struct Collector {
    after: u64,
    seen: Mutex<Seen>,
    changed: Notify,
}

#[derive(Default)]
struct Seen {
    entries: Vec<Entry>,
    uncertain: usize,
    out_of_order: Option<String>,
}

impl Collector {
    /// Follows a topic. The entries after number `after` are to come.
    pub(super) fn follow(probe: &Probe, topic: &str, after: u64) -> (Arc<Self>, FollowGuard) {
        let collector = Self { after, seen: Mutex::default(), changed: Notify::new() };
        let collector = Arc::new(collector);
        let guard =
            probe.0.follow(topic.into(), after, Arc::clone(&collector) as Arc<dyn Follower>);
        (collector, guard)
    }

    /// Waits until the entry with number `seq` has come, and returns all.
    pub(super) async fn until(&self, seq: u64) -> Vec<Entry> {
        let all = || {
            let seen = lock(&self.seen);
            let last = seen.entries.last().map_or(self.after, Entry::seq);
            (last >= seq).then(|| seen.entries.clone())
        };
        let came = self.wait(PATIENCE, all).await;
        came.unwrap_or_else(|| {
            let last = lock(&self.seen).entries.last().map_or(self.after, Entry::seq);
            panic!("a follower is passed entry {seq} in time; it has got them up to {last}")
        })
    }

    /// Waits until the engine has said that entries may be missing.
    pub(super) async fn until_uncertain(&self) {
        let came = self.wait(PATIENCE, || (lock(&self.seen).uncertain > 0).then_some(())).await;
        assert!(came.is_some(), "a follower is notified (`uncertain`) after a lost connection");
    }

    /// Waits for a while, and returns all that has come.
    pub(super) async fn after(&self, quiet: Duration) -> Vec<Entry> {
        tokio::time::sleep(quiet).await;
        self.check();
        lock(&self.seen).entries.clone()
    }

    async fn wait<T>(&self, limit: Duration, ready: impl Fn() -> Option<T>) -> Option<T> {
        let wait = async {
            loop {
                let changed = self.changed.notified();
                self.check();
                if let Some(value) = ready() {
                    return value;
                }
                changed.await;
            }
        };
        timeout(limit, wait).await.ok()
    }

    /// # Panics
    ///
    /// Panics if an entry came out of order.
    fn check(&self) {
        if let Some(out_of_order) = &lock(&self.seen).out_of_order {
            panic!("a follower is passed each entry once and in order: {out_of_order}");
        }
    }
}

impl Follower for Collector {
    fn entries(&self, entries: Vec<Entry>) {
        lock(&self.seen).take(self.after, entries);
        self.changed.notify_waiters();
    }

    fn uncertain(&self) {
        lock(&self.seen).uncertain += 1;
        self.changed.notify_waiters();
    }
}

impl Seen {
    fn take(&mut self, after: u64, entries: Vec<Entry>) {
        for (at, entry) in entries.into_iter().enumerate() {
            let last = self.entries.last().map(Entry::cursor);
            let last_seq = last.map_or(after, |last| last.seq());
            let is_known = last.is_none_or(|last| last == entry.cursor());
            if at == 0 && entry.seq() == last_seq && is_known {
                // The first may be one that was passed before.
                continue;
            }
            let follows = |last: Cursor| entry.before() == last;
            if entry.seq() != last_seq + 1 || !last.is_none_or(follows) {
                let (is, now) = (entry.cursor(), last_seq);
                self.out_of_order.get_or_insert_with(|| format!("{is} after number {now}"));
                return;
            }
            self.entries.push(entry);
        }
    }
}
