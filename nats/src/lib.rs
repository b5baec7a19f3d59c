//! Keeps the topics of `kipo-topic` in NATS JetStream, so that any number of processes (nodes)
//! publish to the same topics and follow them.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use kipo_nats::{NatsEngine, Options};
//! use kipo_topic::engine::Engine;
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! // Every server of the cluster syncs before it acknowledges: the operator states it.
//! let options = Options::new().prefix("shop").replicas(3).assume_synced();
//! let address = "nats://shop:secret@n1:4222,n2:4222,n3:4222";
//! let engine = Arc::new(NatsEngine::connect(address, options).await?);
//! assert!(engine.profile().shared);
//! # Ok(())
//! # }
//! ```
//!
//! NATS 2.12 or later is needed, with JetStream.
//!
//! # What is on the server
//!
//! With the prefix `kipo`, which [`Options::prefix`] changes:
//!
//! | | stream | subject |
//! |---|---|---|
//! | the topic `chat` | `kipo_topics` | `kipo.topic.chat` |
//! | the topic `board/42` | `kipo_topics_board` | `kipo.family.board.42` |
//! | a small record, a counter | `kipo_records` | `kipo.record.…`, `kipo.count.…` |
//! | what nodes that append to one topic write to each other | none | `kipo.node.…` |
//!
//! Each family of topics (the part of the name before the first slash) has a stream of its own, so
//! that families have leaders of their own and a removed family is a removed stream. All topics
//! without a slash share one stream: there are few of them, and each stream costs a Raft group on
//! three servers and a consumer for each node. Bytes of a name that are no letter, digit, `-` or `_`
//! are written as `%` and two hexadecimal digits.
//!
//! A message holds the entries of one append, each as
//! [`Entry::encode`](kipo_topic::engine::Entry::encode) gives it. An append is one publish, or an
//! atomic batch if its entries have more than 64 KiB, that JetStream refuses unless the newest message
//! of the subject is the expected one. A topic that was removed leaves one small message.
//!
//! # What an acknowledged message survives
//!
//! | replicas | `sync_interval` | one server is killed | all servers lose power |
//! |---|---|---|---|
//! | 1 | two minutes (the default of NATS) | yes, and is away until it is back | no |
//! | 3 | two minutes | yes | no |
//! | 1 or 3 | `always` | yes | yes |
//!
//! A server does not show `sync_interval` to its clients, so
//! [`Durability::Fsync`](kipo_topic::Durability::Fsync) is reached only where the operator states it:
//! [`Options::assume_synced`].
//!
//! # Retention
//!
//! JetStream has no bound on the bytes of one subject, so nodes trim topics: with an append, once a
//! topic has a tenth too many entries.
//!
//! # Limits
//!
//! An entry is at most as large as the server's `max_payload` (1 MiB unless configured).
//! [`Engine::list`](kipo_topic::engine::Engine::list) reads all names of a family for each page. A
//! node receives all messages of a family in which it follows a topic.

mod appending;
mod connecting;
mod connector;
mod engine;
mod error;
mod following;
mod mail;
mod names;
mod options;
mod reading;
mod records;
mod server;
mod streams;
mod topics;

pub use self::{connector::CONNECTOR, engine::NatsEngine, error::ConnectError, options::Options};
