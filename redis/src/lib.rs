//! Keeps Kipo's topics in Redis 7, Valkey, or a cluster of them, so that any number of nodes share
//! them: an [`Engine`](kipo_topic::engine::Engine) of the crate `kipo-topic`.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use kipo_redis::{Options, RedisEngine};
//! use kipo_topic::{Durability, Event, Store, Topic};
//!
//! /// A reading of a thermometer, in degrees Celsius.
//! struct Reading(i16);
//!
//! impl Event for Reading {
//!     fn name(&self) -> &'static str {
//!         "reading"
//!     }
//!
//!     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
//!         serde_json::to_writer(out, &self.0)
//!     }
//! }
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let address = "redis://kipo:secret@127.0.0.1:6379/0?prefix=kipo";
//! let store = Store::on(Arc::new(RedisEngine::connect(address, Options::new()).await?));
//!
//! // Every process that runs these lines has the same topic.
//! let readings = Topic::durable("readings", Durability::Fsync).keep(10_000);
//! readings.open(&store)?;
//! let position = readings.publish(&Reading(21)).await?;
//! # Ok(()) }
//! ```
//!
//! # Durability
//!
//! The engine asks the server for its settings when it connects, logs one line about them, and
//! states the level that they give:
//!
//! | Settings of the server | An acknowledged message survives | [`Durability`] |
//! |---|---|---|
//! | `appendonly yes`, `appendfsync always` | a power loss | `Fsync` |
//! | the same, `no-appendfsync-on-rewrite yes` | the end of the server | `Os` |
//! | `appendonly yes`, `appendfsync no` | the end of the server | `Os` |
//! | `appendonly yes`, `appendfsync everysec` | nothing for certain | `Memory` |
//! | `appendonly no` | nothing | `Memory` |
//!
//! With `everysec` the server postpones its writes for up to 2 s while a sync is running, and
//! acknowledges them all the same: `kill -9` may lose them. A topic that asks for more than the
//! level is refused, unless the store accepts less
//! ([`Store::allow_weaker`](kipo_topic::Store::allow_weaker)).
//!
//! Replicas take messages after they were acknowledged, so a failover may lose the last ones. As
//! with any lost tail, listeners that have seen more read a gap.
//!
//! # Keys
//!
//! With the prefix `kipo` a topic `chat` has the stream `kipo:{chat}:log`. An item of it has the messages
//! of one append, or some of them: at most 128 KiB together, unless one alone has more. Its id is the
//! number of the last one (`42-0`). There are also the string `kipo:{chat}:head` with the position of the
//! newest message, and the shard channel `kipo:{chat}:appended`. Nodes that append to one topic at the same time write to each
//! other on the shard channels `kipo:nodes` and `kipo:node:…`. `kipo:topics` is a sorted set with the names of all
//! topics, `kipo:engine` identifies the contents, `kipo:record:…` and `kipo:counter:…` are small
//! records and counters. One script compares the head, appends, and publishes on the channel.
//!
//! A removed topic leaves its head and its name behind, some 200 bytes.
//!
//! # Connections
//!
//! A node has two connections to a server, and to each primary of a cluster, however many topics it
//! follows: one for commands, one for what is published on the channels of those topics. (`XREAD
//! BLOCK` would read the same, but each time it wakes the server looks at all keys of the call: with
//! 10,000 of them that takes 11 ms of the only thread that it has, and a cluster refuses keys of
//! several slots.) What a channel loses, with the connection or since a node is slow, is read from
//! the stream: the numbers show it. The engine notices within 3 s that a server is silent, and at once that a connection was
//! closed; it connects again by itself. While one primary of a cluster is away the whole engine is.
//!
//! # Users
//!
//! A user of the server with its own permissions needs
//! `~kipo:* &kipo:* +@read +@write +@pubsub +@scripting +@connection +info +config|get
//! +cluster|slots +asking`. Without `config|get` the engine cannot see whether the server syncs
//! ([`Options::assume_synced`]).
//!
//! [`Durability`]: kipo_topic::Durability

mod address;
mod connection;
mod connector;
mod contents;
mod engine;
mod error;
mod failure;
mod names;
mod options;
mod pushed;
mod reply;
mod scripts;
mod session;
mod slots;
mod survey;

pub use self::{connector::CONNECTOR, engine::RedisEngine, error::ConnectError, options::Options};
