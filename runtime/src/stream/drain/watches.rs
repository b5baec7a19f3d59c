//! The tasks that wait for the drain, and the alarms of those that wait for a time as well.
//!
//! An idle stream has a slot here, which is much smaller than a timer and a place in a queue of its
//! own. One task for all of them, the ticker, sleeps until the first alarm.

use std::{
    collections::BTreeSet,
    num::NonZeroU64,
    sync::{
        Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    task::Waker,
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// When an alarm fires, in whole milliseconds since the first alarm was set.
pub(super) type DueMs = NonZeroU64;

#[derive(Debug, Default)]
pub(super) struct Watches {
    /// A std lock: held for one change or for one batch, never across an `.await`.
    slots: Mutex<Slots>,
    /// When the first alarm was set.
    began: OnceLock<Instant>,
    /// How often the ticker has woken tasks. It changes under the lock, and is read without it: an
    /// alarm has not fired as long as this is what it was.
    firings: AtomicU32,
    /// Whether the ticker runs. It changes under the lock.
    is_ticking: AtomicBool,
    /// Wakes the ticker when the first alarm is another one.
    first_changed: Notify,
}

#[derive(Debug, Default)]
struct Slots {
    /// The wakers of those that wait.
    wakers: Vec<Option<Waker>>,
    /// The slots that nobody has.
    free: Vec<u32>,
    /// The alarms, each with its slot.
    due: BTreeSet<(DueMs, u32)>,
}

impl Watches {
    /// Gives a new watch a slot.
    pub(super) fn enter(&self) -> u32 {
        let mut slots = self.lock();
        slots.free.pop().unwrap_or_else(|| {
            slots.wakers.push(None);
            u32::try_from(slots.wakers.len() - 1).expect("a process has fewer connections")
        })
    }

    /// Frees the slot of a watch that is dropped, whose alarm was set to `at`.
    pub(super) fn leave(&self, slot: u32, at: Option<DueMs>) {
        let mut slots = self.lock();
        if let Some(at) = at {
            self.remove(&mut slots, at, slot);
        }
        slots.free.push(slot);
        let waker = slots.wakers[slot as usize].take();
        drop(slots);
        // Dropping a waker may drop its task, which may have a watch: not under the lock.
        drop(waker);
    }

    /// Registers the waker of a watch. Returns false if `is_over` and there is none any more.
    pub(super) fn register(&self, slot: u32, waker: &Waker, is_over: impl Fn() -> bool) -> bool {
        let mut slots = self.lock();
        let registered = &mut slots.wakers[slot as usize];
        if registered.is_none() && is_over() {
            return false;
        }
        let earlier = registered.replace(waker.clone());
        drop(slots);
        // As in `leave`.
        drop(earlier);
        true
    }

    /// Takes the wakers of the next watches that wait, `max` of them, from a slot on. Returns the slot
    /// after them.
    pub(super) fn take(&self, from: usize, max: usize) -> (Vec<Waker>, usize) {
        let mut slots = self.lock();
        let (mut taken, mut at) = (Vec::with_capacity(max), from);
        while at < slots.wakers.len() && taken.len() < max {
            taken.extend(slots.wakers[at].take());
            at += 1;
        }
        (taken, at)
    }

    /// Returns how many watches there are.
    pub(super) fn len(&self) -> usize {
        let slots = self.lock();
        slots.wakers.len() - slots.free.len()
    }

    /// Sets the alarm of a slot, which was set to `before`. It fires at `instant`, or within a
    /// millisecond after it. Returns when that is, and what [`firings`](Self::firings) are as long as
    /// no alarm has fired.
    pub(super) fn set(&self, slot: u32, before: Option<DueMs>, instant: Instant) -> (DueMs, u32) {
        let since = instant.saturating_duration_since(*self.began.get_or_init(Instant::now));
        let ms = u64::try_from(since.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
        let at = NonZeroU64::new(ms).unwrap_or(NonZeroU64::MIN);
        let mut slots = self.lock();
        if let Some(before) = before {
            self.remove(&mut slots, before, slot);
        }
        slots.due.insert((at, slot));
        if slots.due.first() == Some(&(at, slot)) {
            self.first_changed.notify_one();
        }
        (at, self.firings())
    }

    fn remove(&self, slots: &mut Slots, at: DueMs, slot: u32) {
        let is_first = slots.due.first() == Some(&(at, slot));
        if slots.due.remove(&(at, slot)) && is_first {
            self.first_changed.notify_one();
        }
    }

    /// Returns how often the ticker has woken tasks.
    pub(super) fn firings(&self) -> u32 {
        self.firings.load(Ordering::Relaxed)
    }

    /// Returns whether the caller has to start the ticker, as none runs and alarms are set.
    pub(super) fn needs_ticker(&self) -> bool {
        if self.is_ticking.load(Ordering::Relaxed) {
            return false;
        }
        let slots = self.lock();
        !slots.due.is_empty() && !self.is_ticking.swap(true, Ordering::Relaxed)
    }

    /// Returns whether it is time for an alarm.
    pub(super) fn is_due(&self, at: DueMs) -> bool {
        self.now_ms() >= at.get()
    }

    /// Wakes the tasks of alarms until no alarm is left.
    pub(super) async fn tick(&self) {
        while let Some(next) = self.fire() {
            tokio::select! {
                () = tokio::time::sleep_until(next) => {}
                () = self.first_changed.notified() => {}
            }
        }
    }

    /// Wakes the tasks whose alarms are due. Returns when the next one is; nothing if there is none:
    /// the ticker has ended.
    fn fire(&self) -> Option<Instant> {
        let now = self.now_ms();
        let mut slots = self.lock();
        let mut due = Vec::new();
        while let Some((at, slot)) = slots.due.first().copied()
            && at.get() <= now
        {
            slots.due.pop_first();
            due.push(slot);
        }
        let next = slots.due.first().map(|(at, _)| Duration::from_millis(at.get()));
        self.is_ticking.store(next.is_some(), Ordering::Relaxed);
        self.wake(slots, &due);
        let (began, next) = (self.began.get()?, next?);
        Some(began.checked_add(next).unwrap_or_else(far_off))
    }

    /// Notes that the ticker was dropped before its end, with its runtime. The streams of another one
    /// start their own.
    pub(super) fn end_ticking(&self) {
        let slots = self.lock();
        self.is_ticking.store(false, Ordering::Relaxed);
        let all: Vec<_> = slots.due.iter().map(|(_, slot)| *slot).collect();
        self.wake(slots, &all);
    }

    /// Wakes the tasks in some slots, after the lock is released.
    fn wake(&self, slots: MutexGuard<'_, Slots>, due: &[u32]) {
        if due.is_empty() {
            return;
        }
        let wakers = due.iter().filter_map(|slot| slots.wakers[*slot as usize].clone());
        let wakers: Vec<_> = wakers.collect();
        self.firings.fetch_add(1, Ordering::Relaxed);
        drop(slots);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Returns the whole milliseconds since the first alarm was set.
    fn now_ms(&self) -> u64 {
        let Some(began) = self.began.get() else { return 0 };
        let since = Instant::now().saturating_duration_since(*began);
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn lock(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns an instant that no process lives to see.
fn far_off() -> Instant {
    Instant::now() + Duration::from_secs(365 * 24 * 60 * 60)
}
