//! The task that writes the messages of a topic to the connections that are lent to it.

use std::{
    future::poll_fn,
    sync::Arc,
    task::{Context as Task, Poll},
    time::Duration,
};

use tokio::time::Instant;
#[cfg(not(all(test, kipo_loom)))]
use tokio::time::timeout;

use super::reader::{Batch, Reader};
use crate::channel::{Delivery, Outlet, Part};

/// After how many writes the deliverer gives way to other tasks: some tenth of a millisecond.
const TURN: usize = 64;

/// The shortest pause: timers are exact to a millisecond.
#[cfg(not(all(test, kipo_loom)))]
const PAUSE_MIN: Duration = Duration::from_millis(1);

/// Starts the deliverer of a part. It ends with the last connection.
pub(super) fn spawn(part: Arc<Part>, reader: Reader) {
    let deliverer = Deliverer { part, reader, outlets: Vec::new(), turn: 0, has_ended: false };
    start(deliverer.run());
}

/// Starts a task, which ends by itself or with its runtime.
#[cfg(not(all(test, kipo_loom)))]
fn start(task: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(task));
}

/// Starts a thread of loom.
#[cfg(all(test, kipo_loom))]
fn start(task: impl Future<Output = ()> + Send + 'static) {
    loom::thread::spawn(move || crate::sync::block_on(std::pin::pin!(task)));
}

/// Waits for a future, if there is time for it.
#[cfg(not(all(test, kipo_loom)))]
async fn at_most(time: Duration, future: impl Future<Output = ()>) {
    if time >= PAUSE_MIN {
        let _ = timeout(time, future).await;
    }
}

/// Waits for a future: loom has no time.
#[cfg(all(test, kipo_loom))]
async fn at_most(_time: Duration, future: impl Future<Output = ()>) {
    future.await;
}

struct Deliverer {
    part: Arc<Part>,
    reader: Reader,
    /// The connections, while it writes to them.
    outlets: Vec<Option<Arc<dyn Outlet>>>,
    /// How many writes there were since it gave way to other tasks.
    turn: usize,
    has_ended: bool,
}

impl Deliverer {
    async fn run(mut self) {
        loop {
            let from = self.reader.position();
            let Some(batch) = poll_fn(|task| self.poll_batch(task)).await else {
                self.has_ended = true;
                return;
            };
            self.outlets = self.part.take(self.reader.standing());
            let began = Instant::now();
            let written = match batch {
                Batch::Frames(frames) => {
                    let delivery = Delivery::new(from, self.reader.position(), frames);
                    self.write(&delivery).await;
                    Some(self.reader.position())
                }
                // Each listener reads by itself what it is about. When the next message comes is not
                // known: the engine may be away.
                Batch::Gap(..) | Batch::Link(_) => {
                    self.outlets.iter().flatten().for_each(|outlet| outlet.release());
                    None
                }
                // All listeners are given back.
                Batch::Removed => return,
            };
            if self.part.put_back(std::mem::take(&mut self.outlets), written) {
                self.pause(began.elapsed()).await;
            }
        }
    }

    /// Waits until publishers that have waited for a round of writes are again as far ahead as they
    /// may be, for at most half as long as that round took: what they publish is then written in one
    /// round. Without it a small round follows, and what they publish meanwhile waits for its end.
    async fn pause(&self, round: Duration) {
        at_most(round / 2, poll_fn(|task| self.part.poll_pause(task))).await;
    }

    /// Reads what is pending; nothing once nobody listens any more.
    fn poll_batch(&mut self, task: &Task<'_>) -> Poll<Option<Batch>> {
        if self.part.has_ended(task) {
            return Poll::Ready(None);
        }
        self.reader.poll_batch(task).map(Some)
    }

    async fn write(&mut self, delivery: &Delivery) {
        for outlet in self.outlets.iter().flatten() {
            outlet.deliver(delivery);
            self.turn += 1;
            if self.turn == TURN {
                self.turn = 0;
                tokio::task::yield_now().await;
            }
        }
    }
}

impl Drop for Deliverer {
    /// The topic was removed, or the runtime shuts down: a listener of another one goes on.
    fn drop(&mut self) {
        if !self.has_ended {
            if !self.outlets.is_empty() {
                self.part.put_back(std::mem::take(&mut self.outlets), None);
            }
            self.part.give_up();
        }
    }
}
