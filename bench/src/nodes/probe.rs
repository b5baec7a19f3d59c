//! Measurements of many topics, each in a process of its own: its memory is that of the topics.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use kipo::topic::{Keyed, Store};
use kipo::{Durability, Topics};
use load::console::print;
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

use super::node::Said;
use crate::plan::Probe;
use crate::serve::{engine, room};
use crate::server::process;

/// How many topics are published to at once.
const AT_ONCE: usize = 64;

/// Topics that are loaded before memory is read for the first time: buffers have grown by then.
const FIRST: u64 = 1_000;

/// Memory for each topic, in bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Idle {
    pub(super) topic: f64,
    pub(super) listener: f64,
}

/// Topics that are published to in turn.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Turns {
    pub(super) per_second: f64,
    /// Memory of the process after a fifth of the topics, and after all of them.
    pub(super) early_bytes: u64,
    pub(super) late_bytes: u64,
}

/// Opening a store.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Open {
    pub(super) seconds: f64,
    /// The first read of one of its topics.
    pub(super) read_ms: f64,
}

/// Measures, and prints one line of JSON.
pub(super) async fn run(what: Probe, store: &str, topics: u64) -> io::Result<()> {
    let line = match what {
        Probe::Idle => serde_json::to_string(&idle(store, topics).await?),
        Probe::Turns => serde_json::to_string(&turns(store, topics).await?),
        Probe::Fill => return fill(Path::new(store), topics).await,
        Probe::Open => serde_json::to_string(&open(Path::new(store), topics).await?),
    };
    print(line?);
    Ok(())
}

/// A family in a store. The folder is that of a store on disk.
struct Family {
    topics: Arc<Topics<u64, Said>>,
    store: Option<Store>,
    _folder: Option<TempDir>,
}

impl Family {
    async fn open(store: &str, loaded_max: usize) -> io::Result<Self> {
        let folder = (store == "disk").then(TempDir::new).transpose()?;
        let opened = match (store, &folder) {
            ("memory", _) => None,
            (_, Some(folder)) => Some(Store::open(folder.path()).map_err(io::Error::other)?),
            (url, None) => Some(engine::connect(url).await?),
        };
        let durability = if opened.is_some() { Durability::Fsync } else { Durability::Memory };
        let topics = family(durability, loaded_max);
        if let Some(store) = &opened {
            topics.open(store).map_err(io::Error::other)?;
        }
        Ok(Self { topics: Arc::new(topics), store: opened, _folder: folder })
    }

    /// Publishes one message to each of these topics, several at once.
    async fn publish(&self, keys: std::ops::Range<u64>) -> io::Result<()> {
        let next = Arc::new(AtomicU64::new(keys.start));
        let publishing: Vec<_> = (0..AT_ONCE)
            .map(|_| {
                let (topics, next) = (Arc::clone(&self.topics), Arc::clone(&next));
                tokio::spawn(async move {
                    loop {
                        let key = next.fetch_add(1, Ordering::Relaxed);
                        if key >= keys.end {
                            return Ok::<_, io::Error>(());
                        }
                        topics.of(&key).publish(&Said::now()).await.map_err(io::Error::other)?;
                    }
                })
            })
            .collect();
        for publisher in publishing {
            publisher.await??;
        }
        Ok(())
    }

    async fn close(self) {
        if let Some(store) = self.store {
            store.shut_down().await;
        }
    }
}

fn family(durability: Durability, loaded_max: usize) -> Topics<u64, Said> {
    Topics::durable("room", durability).loaded_max(loaded_max)
}

/// Loads topics, each with one message, and gives each a listener.
async fn idle(store: &str, topics: u64) -> io::Result<Idle> {
    let family = Family::open(store, usize::MAX).await?;
    let memory = || process::memory(std::process::id());
    family.publish(0..FIRST).await?;
    let before = memory()?;
    family.publish(FIRST..FIRST + topics).await?;
    let loaded = memory()?;
    let mut listeners = Vec::with_capacity(usize::try_from(topics).map_err(io::Error::other)?);
    for key in FIRST..FIRST + topics {
        let topic: Keyed<Said> = family.topics.of(&key);
        listeners.push(topic.subscribe(None).await.map_err(io::Error::other)?);
    }
    let listened = memory()?;
    drop(listeners);
    family.close().await;
    let each = |from: u64, to: u64| to.saturating_sub(from) as f64 / topics as f64;
    Ok(Idle { topic: each(before, loaded), listener: each(loaded, listened) })
}

/// Publishes to one topic after the other.
async fn turns(store: &str, topics: u64) -> io::Result<Turns> {
    let family = Family::open(store, kipo::topic::LOADED_MAX_DEFAULT).await?;
    let memory = || process::memory(std::process::id());
    let start = Instant::now();
    family.publish(0..topics / 5).await?;
    let early_bytes = memory()?;
    family.publish(topics / 5..topics).await?;
    let (elapsed, late_bytes) = (start.elapsed(), memory()?);
    family.close().await;
    Ok(Turns { per_second: topics as f64 / elapsed.as_secs_f64(), early_bytes, late_bytes })
}

/// Fills a store on disk and says so by a line. Then this process is killed, or closes the store once
/// standard input closes.
async fn fill(folder: &Path, topics: u64) -> io::Result<()> {
    let (store, known) = on_disk(folder)?;
    let filled = Family { topics: Arc::new(known), store: Some(store), _folder: None };
    filled.publish(0..topics).await?;
    print("filled");
    room::stdin_closed().await;
    filled.close().await;
    Ok(())
}

fn on_disk(folder: &Path) -> io::Result<(Store, Topics<u64, Said>)> {
    let store = Store::open(folder).map_err(io::Error::other)?;
    let known = family(Durability::Os, kipo::topic::LOADED_MAX_DEFAULT);
    known.open(&store).map_err(io::Error::other)?;
    Ok((store, known))
}

/// Opens a store with so many topics.
async fn open(folder: &Path, topics: u64) -> io::Result<Open> {
    let start = Instant::now();
    let (store, known) = on_disk(folder)?;
    let seconds = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let messages = known.of(&(topics / 2)).history().await.map_err(io::Error::other)?.len();
    let read_ms = start.elapsed().as_secs_f64() * 1e3;
    store.shut_down().await;
    match messages {
        1 => Ok(Open { seconds, read_ms }),
        n => Err(io::Error::other(format!("a topic that was opened again has {n} messages"))),
    }
}
