//! The engine's own client, without Kipo: it publishes and waits for the acknowledgement, and it
//! follows what others publish.

use std::io;
use std::sync::Arc;

use async_nats::jetstream;
use async_nats::jetstream::consumer::{DeliverPolicy, push};
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Value};
use tokio_stream::StreamExt as _;

use load::engine::Kind;

use super::servers::Servers;
use crate::serve::room::KEPT;

/// The name of the stream, and of its subject.
const STREAM: &str = "bare";

/// How long one `XREAD` waits, in milliseconds.
const BLOCK_MS: u64 = 1_000;

/// A connection that publishes; clones share it.
#[derive(Clone)]
pub(super) enum Bare {
    Nats(Arc<jetstream::Context>),
    Redis(MultiplexedConnection),
}

/// What is published, as it arrives.
pub(super) enum Following {
    /// A consumer of JetStream: it passes what is stored.
    Consumer(Box<push::Ordered>),
    /// A subscription of NATS without JetStream: it passes a message before it is stored.
    Subject(async_nats::Subscriber),
    Log {
        connection: MultiplexedConnection,
        last: String,
    },
}

impl Bare {
    /// Connects, and makes the stream: it retains as many messages as Kipo's room does.
    pub(super) async fn connect(servers: &Servers) -> io::Result<Self> {
        match servers.kind {
            Kind::Nats => {
                let client = nats(servers).await?;
                let context = jetstream::new(client);
                let config = jetstream::stream::Config {
                    name: STREAM.to_owned(),
                    subjects: vec![STREAM.to_owned()],
                    num_replicas: 3,
                    max_messages_per_subject: i64::try_from(KEPT).map_err(io::Error::other)?,
                    ..Default::default()
                };
                context.get_or_create_stream(config).await.map_err(io::Error::other)?;
                Ok(Self::Nats(Arc::new(context)))
            }
            Kind::Redis => Ok(Self::Redis(redis(servers).await?)),
        }
    }

    /// Publishes, and waits until the message is stored.
    pub(super) async fn publish(&self, payload: Vec<u8>) -> io::Result<()> {
        match self {
            Self::Nats(context) => {
                let sent = context.publish(STREAM, payload.into()).await;
                sent.map_err(io::Error::other)?.await.map_err(io::Error::other)?;
                Ok(())
            }
            Self::Redis(connection) => {
                let mut command = redis::cmd("XADD");
                command.arg(STREAM).arg("MAXLEN").arg("~").arg(KEPT).arg("*");
                command.arg("e").arg(payload);
                command.query_async(&mut connection.clone()).await.map_err(io::Error::other)
            }
        }
    }
}

impl Following {
    /// Follows what is stored from now on, on a connection of its own.
    pub(super) async fn stored(servers: &Servers) -> io::Result<Self> {
        match servers.kind {
            Kind::Nats => {
                let client = nats(servers).await?;
                let config = push::OrderedConfig {
                    deliver_subject: client.new_inbox(),
                    deliver_policy: DeliverPolicy::New,
                    ..Default::default()
                };
                let context = jetstream::new(client);
                let stream = context.get_stream(STREAM).await.map_err(io::Error::other)?;
                let consumer = stream.create_consumer(config).await.map_err(io::Error::other)?;
                let messages = consumer.messages().await.map_err(io::Error::other)?;
                Ok(Self::Consumer(Box::new(messages)))
            }
            Kind::Redis => {
                let mut connection = redis(servers).await?;
                let mut newest = redis::cmd("XREVRANGE");
                newest.arg(STREAM).arg("+").arg("-").arg("COUNT").arg(1);
                let newest: Value =
                    newest.query_async(&mut connection).await.map_err(io::Error::other)?;
                let last = entries(&newest).last().map_or("0", |(id, _)| *id).to_owned();
                Ok(Self::Log { connection, last })
            }
        }
    }

    /// Follows what is published from now on, whether or not it is stored. Only NATS has that.
    pub(super) async fn published(servers: &Servers) -> io::Result<Self> {
        let client = nats(servers).await?;
        let subscriber = client.subscribe(STREAM).await.map_err(io::Error::other)?;
        client.flush().await.map_err(io::Error::other)?;
        Ok(Self::Subject(subscriber))
    }

    /// Waits for the next messages, and returns their payloads.
    pub(super) async fn next(&mut self) -> io::Result<Vec<Vec<u8>>> {
        let ended = || io::Error::other("the subscription ended");
        match self {
            Self::Consumer(messages) => {
                let message = messages.next().await.ok_or_else(ended)?;
                Ok(vec![message.map_err(io::Error::other)?.payload.to_vec()])
            }
            Self::Subject(subscriber) => {
                let message = subscriber.next().await.ok_or_else(ended)?;
                Ok(vec![message.payload.to_vec()])
            }
            Self::Log { connection, last } => {
                let mut command = redis::cmd("XREAD");
                command.arg("BLOCK").arg(BLOCK_MS).arg("STREAMS").arg(STREAM).arg(&*last);
                let answer: Value =
                    command.query_async(connection).await.map_err(io::Error::other)?;
                // One stream, with its name first; nothing if none came.
                let Value::Array(streams) = answer else { return Ok(Vec::new()) };
                let Some(Value::Array(stream)) = streams.first() else { return Err(ended()) };
                let entries = stream.last().map(entries).unwrap_or_default();
                let payloads = entries.iter().map(|(_, payload)| payload.to_vec()).collect();
                if let Some((id, _)) = entries.last() {
                    *last = (*id).to_owned();
                }
                Ok(payloads)
            }
        }
    }
}

async fn nats(servers: &Servers) -> io::Result<async_nats::Client> {
    let address = servers.address();
    let addresses: Vec<_> = address.trim_start_matches("nats://").split(',').collect();
    async_nats::connect(addresses).await.map_err(io::Error::other)
}

async fn redis(servers: &Servers) -> io::Result<MultiplexedConnection> {
    let client = redis::Client::open(servers.address()).map_err(io::Error::other)?;
    // A read that blocks takes longer than the client waits unless it is set.
    let config = AsyncConnectionConfig::new().set_response_timeout(None);
    let connection = client.get_multiplexed_async_connection_with_config(&config).await;
    connection.map_err(io::Error::other)
}

/// Returns the ids and the payloads of a list of entries.
fn entries(value: &Value) -> Vec<(&str, &[u8])> {
    let Value::Array(entries) = value else { return Vec::new() };
    entries.iter().filter_map(entry).collect()
}

/// Reads an entry, which is its id and one field.
fn entry(value: &Value) -> Option<(&str, &[u8])> {
    let Value::Array(parts) = value else { return None };
    let [Value::BulkString(id), Value::Array(fields)] = &parts[..] else { return None };
    let Value::BulkString(payload) = fields.last()? else { return None };
    Some((str::from_utf8(id).ok()?, payload))
}
