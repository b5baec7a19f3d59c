//! What the servers under test share: the room that listeners follow, and how its publishers run.

use std::io::{self, Read as _, Write as _};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Messages that the room remembers, on both sides.
pub(crate) const KEPT: usize = 1_024;

/// The words of every message: with them and its number a message has about 120 bytes of JSON.
pub(crate) const SENDER: &str = "a listener in the third row";
pub(crate) const TEXT: &str = "The quick brown fox jumps over the lazy dog, and nobody minds.";

/// The longest text that an [`Order`] can ask for.
pub(crate) const TEXT_BYTES_MAX: usize = 64 * 1_024;

/// Returns the time in µs since 1970: one clock for server and load.
pub(crate) fn now_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// Returns a message as JSON, for servers that do not make it from a struct.
pub(crate) fn note(n: u64, text_bytes: u32) -> String {
    let (at, text) = (now_us(), text(text_bytes));
    format!(r#"{{"at":{at},"n":{n},"from":"{SENDER}","text":"{text}"}}"#)
}

/// Returns the text of a message: [`TEXT`] for 0, or else one of so many bytes.
///
/// # Panics
///
/// Panics above [`TEXT_BYTES_MAX`].
pub(crate) fn text(bytes: u32) -> &'static str {
    static LONGEST: LazyLock<String> =
        LazyLock::new(|| TEXT.chars().cycle().take(TEXT_BYTES_MAX).collect());
    match bytes {
        0 => TEXT,
        _ => &LONGEST[..bytes as usize],
    }
}

/// How to publish.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Order {
    /// How many tasks publish at once.
    pub(crate) publishers: u32,
    /// Messages per second and publisher; 0 is as fast as they can.
    pub(crate) per_second: u32,
    /// Messages per publisher; 0 is until stopped.
    pub(crate) messages: u32,
    /// Bytes of the text of each message; 0 is [`TEXT`].
    pub(crate) text_bytes: u32,
}

impl Order {
    /// Returns the order of one publisher with messages of the usual length, until it is stopped.
    /// 0 per second is as fast as it can.
    pub(crate) const fn one(per_second: u32) -> Self {
        Self { publishers: 1, per_second, messages: 0, text_bytes: 0 }
    }
}

/// A room that publishers write to.
pub(crate) trait Room: Copy + Send + Sync + 'static {
    /// Publishes one message; its number makes it differ from the others.
    fn publish(self, n: u64, text: &'static str) -> impl Future<Output = ()> + Send;
}

/// The publishers of one server: tasks on its own runtime, as an application would have them.
#[derive(Debug)]
pub(crate) struct Publishers {
    tasks: Mutex<Vec<JoinHandle<()>>>,
    stopping: AtomicBool,
    published: AtomicU64,
}

impl Publishers {
    pub(crate) const fn new() -> Self {
        Self {
            tasks: Mutex::new(Vec::new()),
            stopping: AtomicBool::new(false),
            published: AtomicU64::new(0),
        }
    }

    /// Starts the tasks of an order; [`stop`](Self::stop) awaits them.
    pub(crate) fn start<R: Room>(&'static self, room: R, order: Order) {
        self.stopping.store(false, Ordering::Relaxed);
        let tasks = (0..order.publishers).map(|_| tokio::spawn(self.publish(room, order)));
        // A std lock: held for this one statement, never over an `.await`.
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner).extend(tasks);
    }

    /// Publishes the one message of a request.
    pub(crate) async fn one<R: Room>(&self, room: R) {
        let n = self.published.fetch_add(1, Ordering::Relaxed);
        room.publish(n, TEXT).await;
    }

    /// Waits for orders that end by themselves, stops the others, and returns how many messages
    /// were published since the server started.
    pub(crate) async fn stop(&self) -> u64 {
        self.stopping.store(true, Ordering::Relaxed);
        let tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        for task in tasks {
            // A publisher that panicked has said so on standard error.
            let _ = task.await;
        }
        self.published.load(Ordering::Relaxed)
    }

    async fn publish<R: Room>(&'static self, room: R, order: Order) {
        let mut pace = (order.per_second > 0).then(|| {
            let mut pace = tokio::time::interval(Duration::from_secs(1) / order.per_second);
            pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
            pace
        });
        let (mut left, text) = (order.messages, text(order.text_bytes));
        loop {
            match &mut pace {
                Some(pace) => {
                    pace.tick().await;
                }
                // The server has one core. A publisher that never gave way would leave nothing
                // for the listeners, so both sides give way after each message and let the
                // scheduler share the core out.
                None => tokio::task::yield_now().await,
            }
            if order.messages == 0 && self.stopping.load(Ordering::Relaxed) {
                break;
            }
            let n = self.published.fetch_add(1, Ordering::Relaxed);
            room.publish(n, text).await;
            if order.messages > 0 {
                left -= 1;
                if left == 0 {
                    break;
                }
            }
        }
    }
}

/// Tells the runner where the server listens.
pub(crate) fn announce(address: SocketAddr) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "listening on http://{address}")?;
    stdout.flush()
}

/// Resolves when standard input closes, which it does when the runner is gone.
pub(crate) async fn stdin_closed() {
    let (closed, ended) = tokio::sync::oneshot::channel();
    // A thread, because tokio's own standard input would keep the runtime from ending.
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock().by_ref(), &mut io::sink());
        let _ = closed.send(());
    });
    let _ = ended.await;
}
