//! The consumer of one stream: what the server passes, as long as it is in order and without a hole.

use std::{mem::take, sync::Arc, time::Duration};

use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::StreamExt;
use kipo_topic::engine::Link;
use serde::Deserialize;
use serde_json::json;
use tokio::time::{sleep, timeout};
use xxhash_rust::xxh3::xxh3_128;

use super::{followed::Followed, follower::Passed};
use crate::{
    reading::{self, What},
    server::Failure,
};

/// How often the server shows that an idle consumer is there.
const HEARTBEAT: Duration = Duration::from_millis(500);

/// A consumer that is silent for so long is made anew.
const SILENCE_MAX: Duration = Duration::from_millis(1600);

/// How long the server keeps a consumer that nobody listens to.
const ABANDONED: Duration = Duration::from_secs(10);

/// The pause before a consumer is made anew.
const PAUSE: Duration = Duration::from_millis(100);

/// How many messages are handled together.
const MESSAGES_AT_ONCE: usize = 256;

/// The consumer of one stream, which is made anew as often as it has to be.
pub(super) struct Consumer {
    followed: Arc<Followed>,
    /// When the stream was made.
    created: String,
    /// The last message of the stream that was passed.
    passed: u64,
    /// The hash of that message, if it was passed to this process.
    hash: Option<u128>,
    /// The stream is another one or went back, and the followers have not been sent to read yet.
    lost: bool,
}

#[derive(Deserialize)]
struct Made {}

/// What the server says with each message: the position in the stream, and the number since the
/// consumer was made.
struct Delivery {
    seq: u64,
    number: u64,
}

impl Consumer {
    pub(super) async fn run(followed: Arc<Followed>) {
        let mut consumer =
            Self { followed, created: String::new(), passed: 0, hash: None, lost: false };
        let server = consumer.followed.topics.server.clone();
        let mut link = server.link();
        let mut connections = server.connections();
        loop {
            // The sender lives as long as the server.
            let _ = link.wait_for(|link| *link == Link::Up).await;
            connections.mark_unchanged();
            // A connection that is made meanwhile is not the one of what is passed.
            let connection = server.connection();
            match consumer.open().await {
                Ok(messages) => {
                    tokio::select! {
                        () = consumer.pass(messages, connection) => {}
                        _ = connections.changed() => {}
                    }
                }
                Err(failure) => {
                    let stream = &consumer.followed.stream.name;
                    tracing::debug!(stream, %failure, "a stream cannot be followed yet");
                }
            }
            sleep(PAUSE).await;
        }
    }

    /// Makes a consumer that goes on after the last message that was passed.
    async fn open(&mut self) -> Result<Subscriber, Failure> {
        let Followed { topics, stream, .. } = &*self.followed;
        let name = &stream.name;
        let info = match topics.streams.info(name).await? {
            Some(info) => info,
            None => {
                topics.streams.missing(stream).await?;
                topics.streams.ensure(stream).await?;
                topics.streams.info(name).await?.ok_or(Failure::NotTaken)?
            }
        };
        let is_first = !*self.followed.begun.borrow();
        if !self.goes_on(&info.created, info.state.last_seq).await? {
            (self.passed, self.hash) = (info.state.last_seq, None);
            self.created.clone_from(&info.created);
            self.lost = true;
        }
        let server = &self.followed.topics.server;
        let inbox = server.client.new_inbox();
        let subscribing = server.client.subscribe(inbox.clone());
        let messages = subscribing.await.map_err(|error| Failure::Unknown(error.to_string()))?;
        let consumer = format!("kipo_{:016x}", fastrand::u64(..));
        let request = json!({
            "stream_name": name,
            "config": {
                "name": consumer,
                "deliver_subject": inbox,
                "deliver_policy": "by_start_sequence",
                "opt_start_seq": self.passed + 1,
                "filter_subject": stream.subject,
                "ack_policy": "none",
                "replay_policy": "instant",
                "max_deliver": 1,
                "mem_storage": true,
                "num_replicas": 1,
                "flow_control": true,
                "idle_heartbeat": nanoseconds(HEARTBEAT),
                "inactive_threshold": nanoseconds(ABANDONED),
            },
        });
        let subject = format!("CONSUMER.CREATE.{name}.{consumer}");
        server.api::<Made>(&subject, &request).await?;
        let lost = take(&mut self.lost);
        if !is_first {
            self.followed.uncertain(lost);
        }
        self.followed.begun.send_replace(true);
        Ok(messages)
    }

    /// Returns whether the stream is still the one that was followed, with the last message that
    /// was passed: a start that is not there is moved by the server without a word.
    async fn goes_on(&self, created: &str, last_seq: u64) -> Result<bool, Failure> {
        if self.created != created || last_seq < self.passed {
            return Ok(false);
        }
        let Some(hash) = self.hash else { return Ok(true) };
        let Followed { topics, stream, .. } = &*self.followed;
        let last = reading::raw(&topics.server, &stream.name, self.passed).await?;
        // One that was trimmed meanwhile says nothing.
        Ok(last.is_none_or(|last| xxh3_128(&last) == hash))
    }

    /// Passes messages until the consumer is no longer right.
    async fn pass(&mut self, messages: Subscriber, connection: u64) {
        let mut messages = messages.ready_chunks(MESSAGES_AT_ONCE);
        let mut number = 0;
        while let Ok(Some(chunk)) = timeout(SILENCE_MAX, messages.next()).await {
            let mut passed = Vec::with_capacity(chunk.len());
            let mut right = true;
            for message in chunk {
                if message.status.is_some() {
                    right = self.control(&message, number).await;
                } else if let Some(delivery) = message.reply.as_deref().and_then(delivery)
                    && delivery.number == number + 1
                {
                    number += 1;
                    (self.passed, self.hash) = (delivery.seq, Some(xxh3_128(&message.payload)));
                    // What has another subject is not ours.
                    let names = &self.followed.topics.streams.names;
                    if let Some(topic) = names.topic(message.subject.as_str()) {
                        let what = What::of(&message.payload);
                        passed.push(Passed { seq: delivery.seq, connection, topic, what });
                    }
                } else {
                    right = false;
                }
                if !right {
                    break;
                }
            }
            self.followed.pass(&passed);
            if !right {
                break;
            }
        }
    }

    /// Answers a message by which the server controls the flow. Returns whether nothing was lost.
    async fn control(&self, message: &Message, number: u64) -> bool {
        let header = |name: &str| {
            message.headers.as_ref().and_then(|headers| headers.get_last(name)).map(|v| v.as_str())
        };
        let reply = message.reply.as_deref().or_else(|| header("Nats-Consumer-Stalled"));
        if let Some(reply) = reply {
            let server = &self.followed.topics.server;
            if server.send(reply, HeaderMap::new(), Bytes::new()).await.is_err() {
                return false;
            }
        }
        header("Nats-Last-Consumer").is_none_or(|last| last.parse() == Ok(number))
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Reads the subject for acknowledgements: `$JS.ACK.`, from newer servers the domain and the account,
/// then stream, consumer, number of deliveries, position in the stream, number, time and more.
fn delivery(subject: &str) -> Option<Delivery> {
    let tokens: Vec<&str> = subject.split('.').collect();
    let skipped = if tokens.len() >= 11 { 2 } else { 0 };
    let at = |i: usize| tokens.get(i + skipped)?.parse().ok();
    Some(Delivery { seq: at(5)?, number: at(6)? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deliveries_are_read() {
        for (subject, numbers) in [
            ("$JS.ACK.kipo_topics.c.1.70.7.1700000000000.3", Some((70, 7))),
            ("$JS.ACK._.ACC.kipo_topics.c.1.70.7.1700000000000.3", Some((70, 7))),
            ("$JS.ACK._.ACC.kipo_topics.c.1.70.7.1700000000000.3.random", Some((70, 7))),
            ("_INBOX.a", None),
            ("", None),
        ] {
            let read = delivery(subject).map(|Delivery { seq, number }| (seq, number));
            assert_eq!(read, numbers, "{subject}");
        }
    }
}
