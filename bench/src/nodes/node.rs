//! A node in this process: a store in the engine, and a family of topics in it.

use std::io;

use kipo::topic::{Keyed, Store};
use kipo::{Durability, Event, Topics};
use serde::Deserialize;

use crate::serve::engine;
use crate::serve::room::{self, KEPT, TEXT};

/// A message of a room.
#[derive(Event)]
pub(super) enum Said {
    Said { at: u64, text: String },
}

/// The part of a message that a listener reads.
#[derive(Deserialize)]
struct Stamp {
    at: u64,
}

impl Said {
    /// Returns a message that carries the time.
    pub(super) fn now() -> Self {
        Self::Said { at: room::now_us(), text: TEXT.to_owned() }
    }

    /// Returns the same message as a client without Kipo publishes it.
    pub(super) fn payload() -> Vec<u8> {
        let Self::Said { at, text } = Self::now();
        format!(r#"{{"at":{at},"text":"{text}"}}"#).into_bytes()
    }
}

/// Returns when a message was made, in µs since 1970.
pub(super) fn stamp_us(payload: &[u8]) -> io::Result<u64> {
    let Stamp { at } = serde_json::from_slice(payload)?;
    Ok(at)
}

/// A node.
#[derive(Debug)]
pub(super) struct Node {
    store: Store,
    topics: Topics<u64, Said>,
}

impl Node {
    /// Connects a node to an engine.
    pub(super) async fn connect(url: &str) -> io::Result<Self> {
        let store = engine::connect(url).await?;
        let topics = Topics::durable("room", Durability::Fsync).keep(KEPT);
        topics.open(&store).map_err(io::Error::other)?;
        Ok(Self { store, topics })
    }

    /// Returns the topic of a key.
    pub(super) fn topic(&self, key: u64) -> Keyed<Said> {
        self.topics.of(&key)
    }

    /// Ends the node's connections.
    pub(super) async fn close(self) {
        self.store.shut_down().await;
    }
}
