//! The drain at shutdown: it ends the open streams and idle connections in batches.
//!
//! Ending ten thousand streams at once would be one burst of work, and an admitted call would have
//! to wait for it. So the drain wakes its watches in batches. Each stream asks its client to
//! reconnect after a random delay. The range of the delays grows with the number of streams, so the
//! next server is not overloaded.

mod watches;

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context as Task, Poll, Waker},
    time::Duration,
};

use tokio::time::Instant;

use self::watches::{DueMs, Watches};
use crate::stream::jitter;

/// How many clients reconnect per second, on average. A server resumes one client in well below a
/// tenth of a millisecond, so most of its time remains for other work.
const RECONNECTS_PER_SECOND: u64 = 2_000;

/// The shortest delay before a client reconnects, in milliseconds. After a handoff or a fast
/// restart, the next server accepts connections by then.
const RETRY_MS_MIN: u64 = 50;

/// The smallest range of delays, in milliseconds: a single client reconnects within a tenth of a
/// second.
const SPREAD_MS_MIN: u64 = 50;

/// The largest range of delays, in milliseconds: a person should not wait longer.
const SPREAD_MS_MAX: u64 = 30_000;

/// The most batches, and the fewest watches in a batch.
const BATCHES_MAX: usize = 100;
const BATCH_MIN: usize = 64;

/// The longest pause between two batches, in which other tasks run.
const BATCH_PAUSE: Duration = Duration::from_millis(2);

/// A drain, which begins once and completes every [`Watch`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: AtomicBool,
    /// Whether the drain begins soon.
    announced: AtomicBool,
    watches: Watches,
    /// The range of delays above [`RETRY_MS_MIN`], in milliseconds.
    spread_ms: AtomicU64,
}

impl Drain {
    /// Begins the drain: completes the watches in batches. A watch that is created later completes
    /// at once.
    ///
    /// The pauses take no more than half of `within`, the time limit of the drain.
    pub(crate) async fn begin(&self, within: Duration) {
        let watches = self.0.watches.len();
        self.0.spread_ms.store(spread_ms(watches), Ordering::Relaxed);
        // The flag is set before the wake-ups, so a watch that is woken reads it.
        self.0.begun.store(true, Ordering::SeqCst);
        let batch = watches.div_ceil(BATCHES_MAX).max(BATCH_MIN);
        let pause = BATCH_PAUSE.min(within / (2 * BATCHES_MAX as u32));
        let mut at = 0;
        loop {
            let wakers;
            (wakers, at) = self.0.watches.take(at, batch);
            let is_last = wakers.len() < batch;
            wakers.into_iter().for_each(Waker::wake);
            if is_last {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// Announces that the drain begins soon. From now on responses say `connection: close`, so a
    /// client sends its next request on another connection.
    pub(crate) fn announce(&self) {
        self.0.announced.store(true, Ordering::Relaxed);
    }

    /// Returns whether the drain begins soon or has begun.
    pub(crate) fn is_announced(&self) -> bool {
        self.0.announced.load(Ordering::Relaxed)
    }

    /// Returns whether the drain has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.begun.load(Ordering::SeqCst)
    }

    /// Returns a future that completes when its holder must end.
    pub(crate) fn watch(&self) -> Watch {
        let slot = self.0.watches.enter();
        Watch { drain: self.clone(), slot, firings: 0, alarm: None, waker: None }
    }

    /// Starts the task that wakes the watches whose alarms fire, unless it runs.
    fn start_ticker(&self) {
        if self.0.watches.needs_ticker() {
            // It ends with the last alarm, or with the runtime.
            let ticker = Ticker { drain: self.clone(), has_ended: false };
            drop(tokio::spawn(ticker.run()));
        }
    }
}

/// Returns the range of delays for a number of clients, in milliseconds.
fn spread_ms(clients: usize) -> u64 {
    (clients as u64 * 1000 / RECONNECTS_PER_SECOND).clamp(SPREAD_MS_MIN, SPREAD_MS_MAX)
}

/// Completes when its holder must end. It has an alarm, too.
///
/// Each frame of each stream polls it. So it registers its waker only once, and after that only
/// reads the flag of the drain. An idle stream holds it, so it is as small as can be.
#[derive(Debug)]
pub(crate) struct Watch {
    drain: Drain,
    slot: u32,
    /// How often alarms had fired when this one was set, or found not to be due.
    firings: u32,
    /// When the alarm fires.
    alarm: Option<DueMs>,
    /// The registered waker. Another task registers its own.
    waker: Option<Waker>,
}

impl Watch {
    /// Returns a random delay after which a client should reconnect, in milliseconds.
    pub(crate) fn retry_ms(&self) -> u64 {
        let spread = self.drain.0.spread_ms.load(Ordering::Relaxed).max(SPREAD_MS_MIN);
        jitter::among(RETRY_MS_MIN..=RETRY_MS_MIN + spread)
    }

    /// Sets the alarm.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime.
    pub(crate) fn set_alarm(&mut self, instant: Instant) {
        let (at, firings) = self.drain.0.watches.set(self.slot, self.alarm, instant);
        (self.alarm, self.firings) = (Some(at), firings);
        self.drain.start_ticker();
    }

    /// Completes when the alarm fires, until it is set again. Polled before the watch has completed.
    pub(crate) fn poll_alarm(&mut self, task: &Task<'_>) -> Poll<()> {
        self.register(task);
        let watches = &self.drain.0.watches;
        let (firings, Some(at)) = (watches.firings(), self.alarm) else { return Poll::Pending };
        if self.firings == firings {
            return Poll::Pending;
        }
        if watches.is_due(at) {
            return Poll::Ready(());
        }
        self.firings = firings;
        // The ticker may have ended with another runtime.
        self.drain.start_ticker();
        Poll::Pending
    }

    /// Registers the task, unless it is registered. Returns false once the watch has completed.
    fn register(&mut self, task: &Task<'_>) -> bool {
        let drain = &self.drain;
        let registered = self.waker.as_ref().is_some_and(|waker| waker.will_wake(task.waker()));
        if registered && !drain.has_begun() {
            return true;
        }
        // Asked under the lock: a batch is taken after the flag is set, so none was taken before this
        // waker was there. One that is not there any more was taken.
        if !drain.0.watches.register(self.slot, task.waker(), || drain.has_begun()) {
            return false;
        }
        if !registered {
            self.waker = Some(task.waker().clone());
        }
        true
    }
}

impl Future for Watch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        if self.register(task) { Poll::Pending } else { Poll::Ready(()) }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.drain.0.watches.leave(self.slot, self.alarm);
    }
}

/// The task that wakes the watches whose alarms fire.
struct Ticker {
    drain: Drain,
    has_ended: bool,
}

impl Ticker {
    async fn run(mut self) {
        self.drain.0.watches.tick().await;
        self.has_ended = true;
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        if !self.has_ended {
            self.drain.0.watches.end_ticking();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::Instant;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn earlier_and_later_watches_complete() {
        let drain = Drain::default();
        let mut early = drain.watch();
        let waiting = tokio::spawn(async move {
            // Polled several times by one task, as a stream does.
            for _ in 0..3 {
                let polled = poll_fn(|task| Poll::Ready(Pin::new(&mut early).poll(task)));
                assert!(polled.await.is_pending());
            }
            early.await;
        });
        tokio::task::yield_now().await;
        drain.begin(WITHIN).await;
        waiting.await.unwrap();
        drain.watch().await;
    }

    #[tokio::test(start_paused = true)]
    async fn ten_thousand_end_in_batches() {
        let (drain, began) = (Drain::default(), Instant::now());
        let watching = |_| {
            let watch = drain.watch();
            tokio::spawn(async move {
                watch.await;
                began.elapsed()
            })
        };
        let watching: Vec<_> = (0..10_000).map(watching).collect();
        // Paused time advances only when all tasks wait, so all watches are registered now.
        tokio::time::sleep(Duration::from_millis(1)).await;
        drain.begin(WITHIN).await;
        let mut batches = std::collections::BTreeMap::<Duration, usize>::new();
        for ended in watching {
            *batches.entry(ended.await.unwrap()).or_default() += 1;
        }
        assert_eq!(batches.len(), BATCHES_MAX);
        assert!(batches.values().all(|&ended| ended == 100), "{batches:?}");
        assert!(began.elapsed() <= BATCH_PAUSE * 2 * BATCHES_MAX as u32);
    }

    #[tokio::test(start_paused = true)]
    async fn a_dropped_watch_uses_up_no_wake_up_of_another() {
        let drain = Drain::default();
        let mut watches: Vec<_> = (0..BATCH_MIN + 2).map(|_| drain.watch()).collect();
        poll_fn(|task| {
            assert!(watches.iter_mut().all(|watch| Pin::new(watch).poll(task).is_pending()));
            Poll::Ready(())
        })
        .await;
        let last = watches.split_off(BATCH_MIN);
        drop(watches);
        drain.begin(WITHIN).await;
        for watch in last {
            watch.await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_alarm_fires_each_time_it_was_set() {
        let (drain, start) = (Drain::default(), Instant::now());
        let mut watch = drain.watch();
        for seconds in 1..=3 {
            let at = start + Duration::from_secs(seconds);
            // The later time does not count.
            watch.set_alarm(at + Duration::from_secs(1));
            watch.set_alarm(at);
            // Polled more than once before it fires, as a stream does.
            for _ in 0..3 {
                assert!(poll_fn(|task| Poll::Ready(watch.poll_alarm(task))).await.is_pending());
            }
            poll_fn(|task| watch.poll_alarm(task)).await;
            assert_eq!(Instant::now(), at);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_of_many_alarms_fires_at_its_time_and_with_the_last_the_ticker_ends() {
        let (drain, start) = (Drain::default(), Instant::now());
        let waiting: Vec<_> = (1..=500)
            .map(|n| {
                let (mut watch, at) = (drain.watch(), Duration::from_millis(n * 7919 % 503));
                watch.set_alarm(start + at);
                tokio::spawn(async move {
                    // Some leave before.
                    if n % 5 != 0 {
                        poll_fn(|task| watch.poll_alarm(task)).await;
                        assert_eq!(start.elapsed(), at);
                    }
                })
            })
            .collect();
        for waiting in waiting {
            waiting.await.unwrap();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(tokio::runtime::Handle::current().metrics().num_alive_tasks(), 0);
        assert!(!drain.0.watches.needs_ticker());
    }

    #[test]
    fn an_alarm_outlives_the_runtime_that_the_ticker_ran_in() {
        let runtime = || {
            let mut builder = tokio::runtime::Builder::new_current_thread();
            builder.enable_time().build().unwrap()
        };
        let (first, second) = (runtime(), runtime());
        let drain = Drain::default();
        let mut watch = drain.watch();
        let at = Instant::now() + Duration::from_millis(20);
        first.block_on(async { watch.set_alarm(at) });
        second.block_on(async {
            assert!(poll_fn(|task| Poll::Ready(watch.poll_alarm(task))).await.is_pending());
            first.shutdown_background();
            poll_fn(|task| watch.poll_alarm(task)).await;
            assert!(Instant::now() >= at);
        });
    }

    #[tokio::test]
    async fn the_range_of_delays_grows_with_the_number_of_clients() {
        assert_eq!(spread_ms(1), 50);
        assert_eq!(spread_ms(10_000), 5_000);
        assert_eq!(spread_ms(1_000_000), 30_000);
        let drain = Drain::default();
        let watches: Vec<_> = (0..4_000).map(|_| drain.watch()).collect();
        assert!((50..=100).contains(&watches[0].retry_ms()));
        drain.begin(WITHIN).await;
        let delays: Vec<u64> = watches.iter().map(Watch::retry_ms).collect();
        assert!(delays.iter().all(|delay| (50..=2_050).contains(delay)));
        // The delays are uniform: each quarter of the range has about a quarter of them.
        for quarter in 0..4 {
            let times = 50 + quarter * 500..50 + (quarter + 1) * 500;
            let share = delays.iter().filter(|&delay| times.contains(delay)).count();
            assert!((700..=1_300).contains(&share), "{share} of 4000 in {times:?}");
        }
    }
}
