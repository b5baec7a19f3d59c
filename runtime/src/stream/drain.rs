//! The news that the server goes away, for all who hold something open.
//!
//! They are told in batches: ten thousand ends at once would be one burst of work in which an
//! admitted call waits. And they are told to come back spread over a time that grows with their
//! number, so that whoever comes next is not overrun.

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
    task::{Context as Task, Poll, Waker, ready},
    time::Duration,
};

use tokio::sync::{Notify, futures::OwnedNotified};

use crate::stream::jitter;

/// How many clients come back in each second, on average. To resume one takes a server well
/// below a tenth of a millisecond, so most of its time stays for others.
const COME_BACK_PER_SECOND: u64 = 2_000;

/// The shortest time before a client comes back, in milliseconds: a server that is handed over
/// or started anew at once is there by then.
const COME_BACK_MS_MIN: u64 = 50;

/// The shortest time over which clients are spread, in milliseconds: one that is alone is back
/// within a tenth of a second.
const SPREAD_MS_MIN: u64 = 50;

/// The longest time over which clients are spread, in milliseconds; nobody waits longer gladly.
const SPREAD_MS_MAX: u64 = 30_000;

/// How many batches there are at most, and how many are told in each at least.
const BATCHES_MAX: usize = 100;
const BATCH_MIN: usize = 64;

/// The longest pause between two batches, in which everything else has its turn.
const BATCH_PAUSE: Duration = Duration::from_millis(2);

/// Begins once, and is seen by every [`Watch`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Drain(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    begun: AtomicBool,
    /// Whether it is about to begin.
    announced: AtomicBool,
    /// Wakes those whose turn it is.
    turn: Arc<Notify>,
    /// How many watches there are.
    watches: AtomicUsize,
    /// The longest delay of a client beyond the shortest, in milliseconds.
    spread_ms: AtomicU64,
}

impl Drain {
    /// Tells everybody, batch by batch; those who come later know at once.
    ///
    /// The pauses take no more than half of the time that the drain has.
    pub(crate) async fn begin(&self, within: Duration) {
        let watches = self.0.watches.load(Ordering::Relaxed);
        self.0.spread_ms.store(spread_ms(watches), Ordering::Relaxed);
        // First the mark, then the wake-ups: whoever is woken sees it.
        self.0.begun.store(true, Ordering::SeqCst);
        let batch = watches.div_ceil(BATCHES_MAX).max(BATCH_MIN);
        let pause = BATCH_PAUSE.min(within / (2 * BATCHES_MAX as u32));
        for _ in 0..watches / batch {
            (0..batch).for_each(|_| self.0.turn.notify_one());
            tokio::time::sleep(pause).await;
        }
        self.0.turn.notify_waiters();
    }

    /// Says that it is about to begin: whoever is answered from here on is told so with the
    /// answer, and uses another connection for what it asks next.
    pub(crate) fn announce(&self) {
        self.0.announced.store(true, Ordering::Relaxed);
    }

    /// Tells whether the drain is about to begin, or has begun.
    pub(crate) fn is_announced(&self) -> bool {
        self.0.announced.load(Ordering::Relaxed)
    }

    /// Tells whether the drain has begun.
    pub(crate) fn has_begun(&self) -> bool {
        self.0.begun.load(Ordering::SeqCst)
    }

    /// Returns a future that completes when it is its holder's turn to end.
    pub(crate) fn watch(&self) -> Watch {
        self.0.watches.fetch_add(1, Ordering::Relaxed);
        // In this order: a turn that is made before the mark is seen is woken by it.
        let turn = Box::pin(Arc::clone(&self.0.turn).notified_owned());
        let turn = (!self.has_begun()).then_some(turn);
        Watch { drain: self.clone(), turn, asked: None }
    }
}

/// Returns over how many milliseconds that many clients are spread.
fn spread_ms(clients: usize) -> u64 {
    (clients as u64 * 1000 / COME_BACK_PER_SECOND).clamp(SPREAD_MS_MIN, SPREAD_MS_MAX)
}

/// Completes when it is its holder's turn to end.
///
/// It is polled with each frame of each stream, so it takes a place among those who are woken
/// only once, and looks at the mark from then on.
#[derive(Debug)]
pub(crate) struct Watch {
    drain: Drain,
    /// `None` once it has come.
    turn: Option<Pin<Box<OwnedNotified>>>,
    /// Whom the turn wakes; another task asks anew.
    asked: Option<Waker>,
}

impl Watch {
    /// Returns a delay after which a client that is sent away shall come back, in milliseconds.
    pub(crate) fn come_back_ms(&self) -> u64 {
        let spread = self.drain.0.spread_ms.load(Ordering::Relaxed).max(SPREAD_MS_MIN);
        jitter::among(COME_BACK_MS_MIN..=COME_BACK_MS_MIN + spread)
    }
}

impl Future for Watch {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<()> {
        let this = &mut *self;
        let Some(turn) = &mut this.turn else { return Poll::Ready(()) };
        let asked = this.asked.as_ref().is_some_and(|asked| asked.will_wake(task.waker()));
        if asked && !this.drain.has_begun() {
            return Poll::Pending;
        }
        if !asked {
            this.asked = Some(task.waker().clone());
        }
        ready!(turn.as_mut().poll(task));
        this.turn = None;
        Poll::Ready(())
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.drain.0.watches.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::time::Instant;

    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn those_who_wait_and_those_who_come_later_see_it() {
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
        // Long enough for all of them to wait: paused time goes on only then.
        tokio::time::sleep(Duration::from_millis(1)).await;
        drain.begin(WITHIN).await;
        let mut at_once = std::collections::BTreeMap::<Duration, usize>::new();
        for ended in watching {
            *at_once.entry(ended.await.unwrap()).or_default() += 1;
        }
        assert_eq!(at_once.len(), BATCHES_MAX);
        assert!(at_once.values().all(|&ended| ended == 100), "{at_once:?}");
        assert!(began.elapsed() <= BATCH_PAUSE * 2 * BATCHES_MAX as u32);
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_leaves_when_told_takes_nobodys_turn() {
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

    #[tokio::test]
    async fn clients_are_spread_by_their_number() {
        assert_eq!(spread_ms(1), 50);
        assert_eq!(spread_ms(10_000), 5_000);
        assert_eq!(spread_ms(1_000_000), 30_000);
        let drain = Drain::default();
        let watches: Vec<_> = (0..4_000).map(|_| drain.watch()).collect();
        assert!((50..=100).contains(&watches[0].come_back_ms()));
        drain.begin(WITHIN).await;
        let delays: Vec<u64> = watches.iter().map(Watch::come_back_ms).collect();
        assert!(delays.iter().all(|delay| (50..=2_050).contains(delay)));
        // Each quarter of the time has its share.
        for quarter in 0..4 {
            let times = 50 + quarter * 500..50 + (quarter + 1) * 500;
            let share = delays.iter().filter(|&delay| times.contains(delay)).count();
            assert!((700..=1_300).contains(&share), "{share} of 4000 in {times:?}");
        }
    }
}
