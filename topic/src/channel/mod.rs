//! A log and the listeners that wait for it, under one lock: the shared part of a topic.
//!
//! A listener reads, or registers its waker, under the same lock that appending takes, so that no
//! message and no wake-up falls in between. Loom tries every order of it (`sync`).

mod awaited;
mod fan_out;
#[cfg(all(test, kipo_loom))]
mod loom_tests;
mod older;
mod outlet;
mod state;
#[cfg(all(test, not(kipo_loom)))]
mod tests;
mod waiters;

use std::{
    fmt,
    num::NonZeroU64,
    sync::{Arc, OnceLock, Weak},
    task::{Poll, Waker},
};

pub use self::outlet::{Delivery, Outlet, Seat};
pub(crate) use self::{
    awaited::Fate,
    fan_out::{Part, Standing},
    older::{Page, Wanted},
    state::State,
};
use self::{
    awaited::{Awaited, Seen},
    fan_out::FanOut,
    older::{After, Pages},
    waiters::Waiters,
};
use crate::{
    clock,
    engine::{Entry, Link, Loaded},
    log::{
        Log,
        cursor::Cursor,
        keys::Keys,
        record::{Draft, Head, Record},
        retention::{Retention, Window},
        verdict::{Gap, GapReason, Resume, Verdict},
    },
    sync::{Mutex, MutexGuard, lock},
};

/// The log of one topic and its listeners.
#[derive(Debug)]
pub(crate) struct Channel {
    /// Topics of a family share it.
    retention: Arc<Retention>,
    /// What has the messages that are not in memory; nothing if all of them are.
    source: Option<Weak<dyn Source>>,
    /// The connections that the topic writes to by itself; nothing before there are many listeners.
    fan_out: OnceLock<Box<FanOut>>,
    /// A std lock: no `.await` happens under it, and at most a copy of 64 KiB.
    shared: Mutex<Shared>,
}

/// From how many listeners on a topic writes to their connections by itself. For fewer, a task for
/// that is dearer than their own.
const FAN_OUT_MIN: usize = if cfg!(kipo_loom) { 1 } else { 8 };

#[derive(Debug)]
struct Shared {
    log: Log,
    waiters: Waiters,
    state: State,
    /// Whether other processes append too. Then the engine may be ahead of the log, or have another
    /// history.
    is_shared: bool,
    /// Nothing before there is some of it.
    seldom: Option<Box<Seldom>>,
}

/// What most topics never have.
#[derive(Debug, Default)]
struct Seldom {
    keys: Keys,
    /// Nothing unless another node appends for this one.
    awaited: Option<Box<Awaited>>,
    /// Nothing unless a listener is behind.
    pages: Option<Box<Pages>>,
    /// The number of the newest check that has begun.
    check_begun: u64,
    /// The number of the newest check that has ended.
    checked: u64,
    /// The number of the check that a listener waits for.
    check_wanted: u64,
}

/// A topic of an engine, as its channel knows it.
pub(crate) trait Source: Send + Sync {
    /// Begins to compare the log with what the engine has, now or after the check that is running.
    fn check(self: Arc<Self>);

    /// Begins to read older messages. The answer goes to [`Channel::end_read`].
    fn read(self: Arc<Self>, wanted: Wanted);
}

/// What has a channel. As long as somebody holds it, its topic stays in memory.
pub(crate) trait Owner: fmt::Debug + Send + Sync {
    fn channel(&self) -> &Channel;
}

impl Owner for Channel {
    fn channel(&self) -> &Channel {
        self
    }
}

/// What a listener reads from.
pub(crate) struct View<'a> {
    pub(crate) log: &'a Log,
    pub(crate) retention: &'a Retention,
    pub(crate) state: State,
    /// The number of the newest check that has ended.
    pub(crate) checked: u64,
    seldom: &'a mut Option<Box<Seldom>>,
    slot: usize,
    /// A read of older messages that begins when the lock is released.
    wanted: Option<Wanted>,
}

/// A listener that reads messages that are not in memory.
#[derive(Debug, Default)]
pub(crate) struct Behind {
    /// The page that it reads, or waits for.
    page: Option<Arc<Page>>,
}

impl View<'_> {
    /// Returns whether the page with the message after `cursor` is here. Otherwise the listener is
    /// woken when it is.
    pub(crate) fn find_page(&mut self, behind: &mut Option<Box<Behind>>, cursor: Cursor) -> bool {
        let pages = self.seldom.get_or_insert_default().pages.get_or_insert_default();
        let behind = behind.get_or_insert_with(|| {
            pages.enter();
            Box::default()
        });
        self.wanted = pages.find(&mut behind.page, cursor, self.slot, self.checked);
        behind.messages().is_some()
    }

    /// Lets a listener read what is in memory again.
    pub(crate) fn catch_up(&mut self, behind: &mut Option<Box<Behind>>) {
        if behind.take().is_some() {
            leave(self.seldom);
        }
    }
}

impl Behind {
    /// Returns the page that the listener reads, if it is here.
    pub(crate) fn messages(&self) -> Option<&Log> {
        self.page.as_ref()?.messages()
    }

    /// Drops the page if the listener has read all of it.
    pub(crate) fn advance(&mut self, cursor: Cursor) {
        self.page.take_if(|page| page.messages().is_some_and(|log| log.head().cursor == cursor));
    }
}

/// A listener that comes.
#[derive(Debug)]
pub(crate) struct Entered {
    /// Its slot among the waiters.
    pub(crate) slot: usize,
    pub(crate) resume: Resume,
    pub(crate) state: State,
    /// What confirms its position, if this log does not know it.
    pub(crate) unconfirmed: Option<Unconfirmed>,
}

/// A position that the log does not know: another node may be ahead of this one. It is resumed once
/// the log knows it, and is a gap if the log does not know it after a check of the engine.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unconfirmed {
    /// The number of the check that decides.
    pub(crate) check: NonZeroU64,
}

/// Whether entries continued a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    /// All of them are in the log now.
    All,
    /// One does not follow the newest message: entries are missing, or it is another log.
    Astray,
}

impl Channel {
    /// Returns a channel with an empty log of this generation, which is in memory alone.
    pub(crate) fn empty(retention: impl Into<Arc<Retention>>, generation: u64) -> Self {
        let mut retention = retention.into();
        if retention.window != Window::ALL {
            Arc::make_mut(&mut retention).window = Window::ALL;
        }
        Self::new(retention, Log::after(Head::of_generation(generation)), Keys::default(), false)
    }

    /// Returns a channel with what an engine has of a topic; other processes append too if it
    /// `is_shared`.
    pub(crate) fn loaded(
        retention: impl Into<Arc<Retention>>,
        loaded: Loaded,
        source: Weak<dyn Source>,
        is_shared: bool,
    ) -> Self {
        let retention = retention.into();
        let (log, keys) = restore(loaded, &retention);
        Self { source: Some(source), ..Self::new(retention, log, keys, is_shared) }
    }

    fn new(retention: Arc<Retention>, log: Log, keys: Keys, is_shared: bool) -> Self {
        let state = State { epoch: 0, link: Link::Up, removals: 0 };
        let mut shared = Shared { log, waiters: Waiters::new(), state, is_shared, seldom: None };
        shared.set_keys(keys);
        let (fan_out, shared) = (OnceLock::new(), Mutex::new(shared));
        Self { retention, source: None, fan_out, shared }
    }

    /// Numbers a message, appends it and wakes the listeners. With a key that was used before,
    /// returns the position of the message that used it first.
    pub(crate) fn publish(&self, draft: Draft, key: Option<Arc<str>>) -> Cursor {
        let now_ms = clock::now_ms();
        let mut shared = lock(&self.shared);
        if let Some(cursor) = key.as_deref().and_then(|key| shared.cursor_of(key, now_ms)) {
            return cursor;
        }
        let mut head = shared.log.head();
        let record = head.number(draft, now_ms);
        if let Some(key) = key {
            shared.seldom.get_or_insert_default().keys.insert(key, head.cursor, head.stamp_ms);
        }
        self.append(shared, [record]);
        head.cursor
    }

    /// Appends entries that the engine has, and wakes the listeners. Skips those that are in the
    /// log already.
    pub(crate) fn take(&self, entries: Vec<Entry>) -> Taken {
        let mut shared = lock(&self.shared);
        let (mut records, mut head) = (Vec::with_capacity(entries.len()), shared.log.head());
        let mut taken = Taken::All;
        for entry in entries {
            let cursor = entry.cursor();
            if cursor.generation == head.cursor.generation && cursor.seq <= head.cursor.seq {
                if shared.log.knows_otherwise(cursor) {
                    taken = Taken::Astray;
                    break;
                }
                continue;
            }
            if entry.before() != head.cursor {
                taken = Taken::Astray;
                break;
            }
            head = entry.head();
            let Entry { record, key, .. } = entry;
            if let Some(key) = key {
                let Seldom { keys, awaited, .. } = &mut **shared.seldom.get_or_insert_default();
                if let Some(awaited) = awaited {
                    awaited.saw(&key, cursor);
                }
                keys.insert(key, cursor, head.stamp_ms);
            }
            records.push(record);
        }
        if !records.is_empty() {
            self.append(shared, records);
        }
        taken
    }

    /// Puts what an engine has of the topic in the place of the log, unless it goes on from `known`,
    /// a position of this log: then takes what follows. Wakes the listeners.
    pub(crate) fn settle(&self, known: Cursor, loaded: Loaded) -> Taken {
        if loaded.holds(known) {
            return self.take(loaded.entries);
        }
        let seen = Seen::of(&loaded);
        let (log, keys) = restore(loaded, &self.retention);
        let mut shared = lock(&self.shared);
        shared.log = log;
        shared.set_keys(keys);
        if let Some(Seldom { awaited, pages, .. }) = shared.seldom.as_deref_mut() {
            awaited.iter_mut().for_each(|awaited| awaited.meet(&seen));
            pages.iter_mut().for_each(|pages| pages.clear());
        }
        shared.state.epoch = shared.state.epoch.wrapping_add(1);
        wake(shared);
        Taken::All
    }

    /// Sets whether the engine can be reached, and wakes the listeners if that is news.
    pub(crate) fn set_link(&self, link: Link) {
        let mut shared = lock(&self.shared);
        if std::mem::replace(&mut shared.state.link, link) != link {
            wake(shared);
        }
    }

    /// Returns whether the topic was removed.
    pub(crate) fn is_removed(&self) -> bool {
        lock(&self.shared).state.removals > 0
    }

    /// Ends the listeners: the topic was removed.
    pub(crate) fn remove(&self) {
        let mut shared = lock(&self.shared);
        shared.state.removals = shared.state.removals.wrapping_add(1);
        wake(shared);
    }

    /// Begins a check of the engine. Returns its number.
    pub(crate) fn begin_check(&self) -> u64 {
        let mut shared = lock(&self.shared);
        let seldom = shared.seldom.get_or_insert_default();
        seldom.check_begun += 1;
        seldom.check_begun
    }

    /// Ends a check: the log is what the engine had when the check began, or goes on from there.
    pub(crate) fn end_check(&self, number: u64) {
        let mut shared = lock(&self.shared);
        let was_wanted = shared.is_check_wanted();
        shared.seldom.get_or_insert_default().checked = number;
        if was_wanted {
            wake(shared);
        }
    }

    /// Returns whether a listener waits for a check that has not ended.
    pub(crate) fn is_check_wanted(&self) -> bool {
        lock(&self.shared).is_check_wanted()
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
        wake(shared);
    }

    /// Returns the position after the newest message.
    pub(crate) fn head(&self) -> Head {
        lock(&self.shared).log.head()
    }

    /// Awaits the entries of drafts of this node, which another one appends: each with its number and the
    /// key that its publisher gave. Returns the position that they come after.
    pub(crate) fn expect(
        &self,
        node: u64,
        drafts: impl IntoIterator<Item = (u64, Option<Arc<str>>)>,
    ) -> Cursor {
        let mut shared = lock(&self.shared);
        let after = shared.log.head().cursor;
        let awaited = &mut shared.seldom.get_or_insert_default().awaited;
        let awaited = awaited.get_or_insert_with(|| Box::new(Awaited::new(node)));
        drafts.into_iter().for_each(|(number, key)| awaited.expect(number, key, after));
        after
    }

    /// Returns the drafts whose fates were decided since the last time, and the fates. They are awaited
    /// until [`forget`](Self::forget).
    pub(crate) fn decided(&self) -> Vec<(u64, Fate)> {
        lock(&self.shared).awaited().map(Awaited::decided).unwrap_or_default()
    }

    /// Returns what is known of a draft that is awaited, and awaits it no more unless that is open.
    pub(crate) fn fate(&self, number: u64) -> Fate {
        let mut shared = lock(&self.shared);
        let fate = shared.awaited().map_or(Fate::Open, |awaited| awaited.fate(number));
        if fate != Fate::Open {
            shared.forget([number]);
        }
        fate
    }

    /// Awaits drafts no more.
    pub(crate) fn forget(&self, numbers: impl IntoIterator<Item = u64>) {
        lock(&self.shared).forget(numbers);
    }

    /// Returns whether the log has messages after a position of its own.
    pub(crate) fn goes_on_from(&self, position: Cursor) -> bool {
        let shared = lock(&self.shared);
        shared.log.holds(position) && shared.log.head().cursor.seq > position.seq
    }

    /// Returns the position of the message that was published with this key, while the key is
    /// known.
    pub(crate) fn cursor_of(&self, key: &str) -> Option<Cursor> {
        lock(&self.shared).cursor_of(key, clock::now_ms())
    }

    /// Returns the numbers of the oldest retained message and of the oldest known key.
    pub(crate) fn oldest(&self) -> (u64, u64) {
        let shared = lock(&self.shared);
        let record = *shared.log.retained().start();
        let key = shared.seldom.as_ref().and_then(|seldom| seldom.keys.oldest());
        (record, key.unwrap_or(shared.log.head().cursor.seq + 1))
    }

    /// Gives a new listener a slot among the waiters, and decides where it goes on.
    pub(crate) fn enter(&self, from: Option<&str>) -> Entered {
        let mut shared = self.fresh();
        let mut resume = shared.log.resume(&self.retention, from);
        let (slot, state) = (shared.waiters.enter(), shared.state);
        let position = from.and_then(|from| from.parse::<Cursor>().ok());
        let Some(position) = position.filter(|_| shared.is_shared && is_unknown(resume.verdict))
        else {
            return Entered { slot, resume, state, unconfirmed: None };
        };
        let unconfirmed = Unconfirmed { check: shared.want_check() };
        drop(shared);
        if let Some(source) = self.source() {
            source.check();
        }
        resume = Resume { from: position, verdict: Verdict::Resumed };
        Entered { slot, resume, state, unconfirmed: Some(unconfirmed) }
    }

    /// Frees the slot of a listener that leaves.
    pub(crate) fn leave(&self, slot: usize, is_behind: bool) {
        let mut shared = lock(&self.shared);
        shared.waiters.leave(slot);
        if is_behind {
            leave(&mut shared.seldom);
        }
    }

    /// Gives a deliverer a slot among the waiters. It is no listener.
    pub(crate) fn enter_deliverer(&self) -> usize {
        lock(&self.shared).waiters.enter_deliverer()
    }

    /// Notes that a deliverer leaves its slot.
    pub(crate) fn leave_deliverer(&self) {
        lock(&self.shared).waiters.leave_deliverer();
    }

    /// Drops the waker of the listener in `slot`.
    pub(crate) fn unpark(&self, slot: usize) {
        lock(&self.shared).waiters.unpark(slot);
    }

    /// Returns what writes to the connections of many listeners, if there are many and a runtime.
    pub(crate) fn fan_out(&self) -> Option<&FanOut> {
        if let Some(fan_out) = self.fan_out.get() {
            return Some(fan_out);
        }
        if self.listeners() < FAN_OUT_MIN {
            return None;
        }
        let parts = threads()?;
        Some(self.fan_out.get_or_init(|| Box::new(FanOut::new(parts))))
    }

    /// Waits until all but some messages up to `cursor` are written to the listeners whose connections
    /// are lent.
    pub(crate) async fn wait_for_listeners(&self, cursor: Cursor) {
        if let Some(fan_out) = self.fan_out.get() {
            fan_out.wait(cursor, self.retention.ahead_max).await;
        }
    }

    /// Reads, or registers the waker of the listener in `slot` until there is something to read.
    pub(crate) fn poll<T>(
        &self,
        slot: usize,
        waker: &Waker,
        read: impl FnOnce(&mut View<'_>) -> Option<T>,
    ) -> Poll<T> {
        let mut shared = self.fresh();
        let checked = shared.checked();
        let Shared { log, waiters, state, seldom, .. } = &mut *shared;
        let (state, retention) = (*state, &*self.retention);
        let mut view = View { log, retention, state, checked, seldom, slot, wanted: None };
        let item = read(&mut view);
        let wanted = view.wanted;
        if item.is_none() {
            waiters.park(slot, waker);
        }
        drop(shared);
        if let Some(wanted) = wanted
            && let Some(source) = self.source()
        {
            source.read(wanted);
        }
        item.map_or(Poll::Pending, Poll::Ready)
    }

    /// Takes the entries that a read of older messages gave, nothing if it failed, and wakes the
    /// listeners that wait for it. Returns whether the older messages are given up, because the
    /// engine does not have them.
    pub(crate) fn end_read(&self, id: u64, entries: Option<Vec<Entry>>) -> bool {
        let mut shared = lock(&self.shared);
        let Shared { log, waiters, seldom, is_shared, .. } = &mut *shared;
        // Otherwise no listener is behind.
        let Some(pages) = pages_of(seldom) else { return false };
        let (slots, after) = pages.end(id, entries, log, *is_shared);
        let wakers = waiters.take_of(&slots);
        if after == After::Check {
            let number = shared.want_check().get();
            if let Some(pages) = pages_of(&mut shared.seldom) {
                pages.wait_for_check(number);
            }
        }
        drop(shared);
        wakers.into_iter().for_each(Waker::wake);
        if after == After::Check
            && let Some(source) = self.source()
        {
            source.check();
        }
        after == After::GiveUp
    }

    /// Reads the log.
    pub(crate) fn look<T>(&self, read: impl FnOnce(&Log) -> T) -> T {
        read(&self.fresh().log)
    }

    /// Returns how many listeners there are.
    pub(crate) fn listeners(&self) -> usize {
        lock(&self.shared).waiters.len()
    }

    fn source(&self) -> Option<Arc<dyn Source>> {
        self.source.as_ref()?.upgrade()
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

impl Shared {
    fn awaited(&mut self) -> Option<&mut Awaited> {
        self.seldom.as_mut()?.awaited.as_deref_mut()
    }

    fn forget(&mut self, numbers: impl IntoIterator<Item = u64>) {
        let Some(seldom) = &mut self.seldom else { return };
        seldom.awaited.take_if(|awaited| {
            numbers.into_iter().for_each(|number| awaited.forget(number));
            awaited.is_empty()
        });
    }

    fn cursor_of(&self, key: &str, now_ms: u64) -> Option<Cursor> {
        self.seldom.as_ref()?.keys.get(key, now_ms)
    }

    fn set_keys(&mut self, keys: Keys) {
        if self.seldom.is_some() || keys.oldest().is_some() {
            self.seldom.get_or_insert_default().keys = keys;
        }
    }

    fn checked(&self) -> u64 {
        self.seldom.as_ref().map_or(0, |seldom| seldom.checked)
    }

    /// Makes a listener wait for a check that has not begun. Returns its number.
    fn want_check(&mut self) -> NonZeroU64 {
        let seldom = self.seldom.get_or_insert_default();
        let number = NonZeroU64::MIN.saturating_add(seldom.check_begun);
        seldom.check_wanted = number.get();
        number
    }

    fn is_check_wanted(&self) -> bool {
        self.seldom.as_ref().is_some_and(|seldom| seldom.check_wanted > seldom.checked)
    }
}

/// Returns whether a log does not know the position that a verdict is about. Another node may.
pub(crate) fn is_unknown(verdict: Verdict) -> bool {
    matches!(
        verdict,
        Verdict::Gap(Gap { reason: GapReason::Diverged | GapReason::NewGeneration, .. })
    )
}

/// Counts a listener that is not behind any more, and drops the pages with the last one.
fn leave(seldom: &mut Option<Box<Seldom>>) {
    if let Some(seldom) = seldom {
        seldom.pages.take_if(|pages| pages.leave());
    }
}

fn pages_of(seldom: &mut Option<Box<Seldom>>) -> Option<&mut Pages> {
    seldom.as_mut()?.pages.as_deref_mut()
}

/// Returns how many threads the runtime has, if there is one.
#[cfg(not(kipo_loom))]
fn threads() -> Option<usize> {
    tokio::runtime::Handle::try_current().ok().map(|runtime| runtime.metrics().num_workers())
}

#[cfg(kipo_loom)]
fn threads() -> Option<usize> {
    Some(1)
}

/// Wakes the listeners that wait.
fn wake(mut shared: MutexGuard<'_, Shared>) {
    let wakers = shared.waiters.take();
    drop(shared);
    // A woken listener takes the lock at once, so this thread releases it first.
    wakers.into_iter().for_each(Waker::wake);
}

/// Returns the log and the keys that an engine has of a topic. By count and bytes alone: reading,
/// which has a clock, trims by age.
fn restore(loaded: Loaded, retention: &Retention) -> (Log, Keys) {
    let Loaded { head, entries, keys: earlier } = loaded;
    let base = entries.first().map_or(head, |first| Head { cursor: first.before(), stamp_ms: 0 });
    let (mut log, mut keys) = (Log::after(base), Keys::default());
    for (key, cursor, stamp_ms) in earlier {
        keys.insert(key, cursor, stamp_ms);
    }
    let ageless = Retention { age_ms: u64::MAX, ..*retention };
    for entry in entries {
        let (cursor, stamp_ms) = (entry.cursor(), entry.stamp_ms());
        if let Some(key) = entry.key {
            keys.insert(key, cursor, stamp_ms);
        }
        log.push(entry.record);
        log.trim(&ageless, 0);
    }
    log.shrink_to_fit();
    (log, keys)
}
