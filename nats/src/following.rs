//! Follows topics: one ordered consumer for each stream that has a followed topic.
//!
//! The consumer passes all messages of its stream, and this node picks those of the topics that it
//! follows: to follow one more costs an entry in a map, no request to the server and no task. A
//! consumer passes each message once and in order; one that does not, or is gone, is made anew after
//! the last message that was passed.
//!
//! A topic is first read up to its head, and then goes on with what the consumer passes. The same
//! happens after a hole.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kipo_topic::{
    Cursor,
    engine::{EngineError, Entry, FollowGuard, Follower},
};
use serde::Deserialize;
use serde_json::json;
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    task::JoinHandle,
    time::{sleep, timeout},
};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    names::StreamName,
    reading::{self, Position, What},
    server::{Failure, lock},
    topics::Topics,
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

/// How many messages of a topic are pending at most while it is read.
const PENDING_MAX: usize = 256;

/// How many topics of a stream are read up to their heads at once.
const READS_AT_ONCE: usize = 32;

/// How many bytes are read and passed at once.
const READ_BYTES: usize = 256 * 1024;

/// The followed topics of all streams.
#[derive(Debug)]
pub(crate) struct Following {
    topics: Arc<Topics>,
    runtime: Handle,
    streams: Mutex<HashMap<String, Arc<Followed>>>,
}

/// The followed topics of one stream, and the tasks that serve them.
struct Followed {
    topics: Arc<Topics>,
    stream: StreamName,
    /// By subject. A topic seldom has more than one.
    followers: Mutex<HashMap<Box<str>, Vec<Arc<One>>>>,
    /// Those that have to be read up to their head.
    behind: Mutex<VecDeque<Arc<One>>>,
    wake: Notify,
    /// Whether it is known from which message on the consumer passes them.
    begun: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// One follower of one topic.
struct One {
    topic: Arc<str>,
    follower: Arc<dyn Follower>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The number of the last entry that was passed.
    number: u64,
    /// The position after it, once it is known.
    cursor: Option<Cursor>,
    /// Its position in the stream; 0 where it is not known.
    seq: u64,
    /// The connection on which it was seen there.
    connection: u64,
    /// It is being read up to its head; what the consumer passes meanwhile is pending.
    reading: bool,
    pending: Vec<Passed>,
    /// It has to be read once more: not all that the consumer has passed is pending.
    again: bool,
}

impl Following {
    pub(crate) fn new(topics: Arc<Topics>, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { topics, runtime, streams: Mutex::default() })
    }

    pub(crate) fn follow(
        self: &Arc<Self>,
        topic: Arc<str>,
        after: u64,
        follower: Arc<dyn Follower>,
    ) -> FollowGuard {
        let stream = self.topics.stream_of(&topic);
        let subject = self.topics.address(&topic).subject.into();
        self.topics.followed(&topic);
        let state = State { number: after, reading: true, ..State::default() };
        let one = Arc::new(One { topic, follower, state: Mutex::new(state) });
        let mut streams = lock(&self.streams);
        let followed = streams.entry(stream.name.clone()).or_insert_with(|| self.begin(&stream));
        let followed = followed.clone();
        let mut followers = lock(&followed.followers);
        followers.entry(subject).or_insert_with(|| Vec::with_capacity(1)).push(one.clone());
        drop(followers);
        followed.read_to_head(one.clone());
        drop(streams);
        let following = Arc::downgrade(self);
        FollowGuard::new(move || {
            if let Some(following) = Weak::upgrade(&following) {
                following.unfollow(&followed.stream.name, &one);
            }
        })
    }

    /// Starts the tasks of a stream.
    fn begin(&self, stream: &StreamName) -> Arc<Followed> {
        let followed = Arc::new(Followed {
            topics: self.topics.clone(),
            stream: stream.clone(),
            followers: Mutex::default(),
            behind: Mutex::default(),
            wake: Notify::new(),
            begun: watch::Sender::new(false),
            tasks: Mutex::default(),
        });
        let consuming = self.runtime.spawn(Consumer::run(followed.clone()));
        let reading = self.runtime.spawn(followed.clone().read_those_behind());
        lock(&followed.tasks).extend([consuming, reading]);
        followed
    }

    fn unfollow(&self, stream: &str, one: &Arc<One>) {
        let subject = &*self.topics.address(&one.topic).subject;
        let mut streams = lock(&self.streams);
        let Some(followed) = streams.get(stream) else { return };
        let mut followers = lock(&followed.followers);
        if let Some(those) = followers.get_mut(subject) {
            those.retain(|other| !Arc::ptr_eq(other, one));
            if those.is_empty() {
                followers.remove(subject);
            }
        }
        if followers.is_empty() {
            drop(followers);
            if let Some(followed) = streams.remove(stream) {
                followed.end();
            }
        }
    }

    /// Ends all following.
    pub(crate) fn close(&self) {
        for (_, followed) in lock(&self.streams).drain() {
            followed.end();
        }
    }
}

impl Followed {
    fn end(&self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }

    /// Has a follower read up to the head of its topic; its state is `reading` already.
    fn read_to_head(&self, one: Arc<One>) {
        lock(&self.behind).push_back(one);
        self.wake.notify_one();
    }

    /// Reads those that are behind, several at a time, for ever.
    async fn read_those_behind(self: Arc<Self>) {
        let mut begun = self.begun.subscribe();
        // The sender is in `self`.
        let _ = begun.wait_for(|begun| *begun).await;
        let next = || async {
            loop {
                let woken = self.wake.notified();
                let one = lock(&self.behind).pop_front();
                match one {
                    Some(one) => return one,
                    None => woken.await,
                }
            }
        };
        stream::unfold((), |()| async { Some((next().await, ())) })
            .for_each_concurrent(READS_AT_ONCE, |one| async {
                if let Err(error) = one.read(&self.topics).await {
                    tracing::debug!(topic = %one.topic, %error, "a followed topic was not read");
                    sleep(PAUSE).await;
                    self.read_to_head(one);
                }
            })
            .await;
    }

    /// Passes messages, in the order of the stream, to the followers of their topics.
    fn pass(&self, messages: &[Passed]) {
        let mut groups: Vec<(Arc<One>, Vec<Passed>)> = Vec::new();
        let followers = lock(&self.followers);
        // Messages of one topic one after the other are passed together.
        for messages in messages.chunk_by(|a, b| a.subject == b.subject) {
            let Some(those) = messages.first().and_then(|first| followers.get(&*first.subject))
            else {
                continue;
            };
            groups.extend(those.iter().map(|one| (one.clone(), messages.to_vec())));
        }
        drop(followers);
        for (one, messages) in groups {
            if one.take(&self.topics, messages) {
                self.read_to_head(one);
            }
        }
    }

    /// Says to all followers that something may be missing.
    fn uncertain(&self, reading: bool) {
        let all: Vec<Arc<One>> = lock(&self.followers).values().flatten().cloned().collect();
        for one in all {
            one.follower.uncertain();
            if reading && one.begins_reading() {
                self.read_to_head(one);
            }
        }
    }
}

impl std::fmt::Debug for Followed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Followed").field("stream", &self.stream.name).finish_non_exhaustive()
    }
}

impl One {
    /// Returns whether the caller has to have it read now.
    fn begins_reading(&self) -> bool {
        let mut state = lock(&self.state);
        state.again = state.reading;
        !std::mem::replace(&mut state.reading, true)
    }

    /// Takes messages that the consumer passes. Returns whether there is a hole before the last of
    /// them, which has to be read.
    fn take(&self, topics: &Topics, messages: Vec<Passed>) -> bool {
        let (entries, at, is_whole) = {
            let mut state = lock(&self.state);
            if state.reading {
                state.keep(messages);
                return false;
            }
            let (entries, is_whole) = state.take(messages);
            state.reading = !is_whole;
            (entries, (state.seq, state.connection), is_whole)
        };
        self.pass(topics, entries, at);
        !is_whole
    }

    /// Passes entries to the follower; the last one was seen at this position in the stream, on this
    /// connection.
    fn pass(&self, topics: &Topics, entries: Vec<Entry>, (seq, connection): (u64, u64)) {
        let Some(head) = entries.last().map(Entry::head) else { return };
        self.follower.entries(entries);
        // In this order: an append that sees the position does not wait for the news.
        topics.passed(&self.topic, Position { head, seq, connection });
        topics.news.passed(&self.topic);
    }

    /// Passes what is pending after a read, and ends the read. Returns false if the topic has to be
    /// read once more.
    fn end_reading(&self, topics: &Topics) -> bool {
        loop {
            let (entries, at, is_whole) = {
                let mut state = lock(&self.state);
                let pending = std::mem::take(&mut state.pending);
                let (entries, is_whole) = state.take(pending);
                let is_whole = is_whole && !std::mem::take(&mut state.again);
                if is_whole && entries.is_empty() {
                    state.reading = false;
                    return true;
                }
                (entries, (state.seq, state.connection), is_whole)
            };
            self.pass(topics, entries, at);
            if !is_whole {
                return false;
            }
        }
    }

    /// Reads up to the head of the topic, as long as the consumer has more.
    async fn read(&self, topics: &Topics) -> Result<(), EngineError> {
        loop {
            let newest = topics.newest(&self.topic).await?;
            let head = newest.head.cursor;
            let (number, cursor) = {
                let mut state = lock(&self.state);
                let is_there =
                    head.seq() == state.number && state.cursor.is_none_or(|cursor| cursor == head);
                if is_there {
                    (state.cursor, state.seq) = (Some(head), newest.seq);
                    state.connection = newest.connection;
                    drop(state);
                    topics.passed(&self.topic, newest);
                    if self.end_reading(topics) {
                        return Ok(());
                    }
                    continue;
                }
                (state.number, state.cursor)
            };
            let entries = if head.seq() > number {
                topics.read_to(&self.topic, number, READ_BYTES, &newest).await?
            } else {
                Vec::new()
            };
            let goes_on = entries.first().is_some_and(|(_, first)| {
                first.seq() == number + 1 && cursor.is_none_or(|cursor| first.before() == cursor)
            });
            if !goes_on {
                // Entries are missing, or it is another history: its reader has to look.
                self.follower.uncertain();
            }
            let mut state = lock(&self.state);
            match entries.last() {
                Some((seq, last)) => state.passed(*seq, newest.connection, last),
                None => {
                    (state.number, state.cursor, state.seq) = (head.seq(), Some(head), newest.seq);
                    state.connection = newest.connection;
                }
            }
            let is_at_head = state.seq == newest.seq;
            drop(state);
            if !entries.is_empty() {
                self.follower.entries(entries.into_iter().map(|(_, entry)| entry).collect());
            }
            // Others may append faster than the head is read: what is pending goes on from here.
            if is_at_head {
                topics.passed(&self.topic, newest);
                if self.end_reading(topics) {
                    return Ok(());
                }
            }
        }
    }
}

impl State {
    fn is_followed_by(&self, entries: &[Entry]) -> bool {
        entries.first().is_some_and(|first| match self.cursor {
            Some(cursor) => first.before() == cursor,
            None => first.seq() == self.number + 1,
        })
    }

    /// Takes messages that follow. Returns their entries, and whether none is missing before the last
    /// of them.
    fn take(&mut self, messages: Vec<Passed>) -> (Vec<Entry>, bool) {
        let mut entries = Vec::new();
        for Passed { seq, connection, what, .. } in messages {
            if seq <= self.seq {
                continue;
            }
            match what {
                What::Entries(those) if self.is_followed_by(&those) => {
                    those.last().iter().for_each(|last| self.passed(seq, connection, last));
                    entries.extend(those);
                }
                What::Entries(_) | What::Removed(_) => return (entries, false),
                What::Foreign => {}
            }
        }
        (entries, true)
    }

    /// Keeps messages for the end of a read.
    fn keep(&mut self, messages: Vec<Passed>) {
        if self.pending.len() + messages.len() > PENDING_MAX {
            self.pending = Vec::new();
            self.again = true;
        } else if !self.again {
            self.pending.extend(messages);
        }
    }

    fn passed(&mut self, seq: u64, connection: u64, last: &Entry) {
        (self.number, self.cursor) = (last.seq(), Some(last.cursor()));
        (self.seq, self.connection) = (seq, connection);
    }
}

/// A message that the consumer has passed.
#[derive(Clone, Debug)]
struct Passed {
    seq: u64,
    connection: u64,
    subject: String,
    what: What,
}

/// The consumer of one stream, which is made anew as often as it has to be.
struct Consumer {
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
    async fn run(followed: Arc<Followed>) {
        let mut consumer =
            Self { followed, created: String::new(), passed: 0, hash: None, lost: false };
        let server = consumer.followed.topics.server.clone();
        let mut link = server.link();
        let mut connections = server.connections();
        loop {
            // The sender lives as long as the server.
            let _ = link.wait_for(|link| *link == kipo_topic::engine::Link::Up).await;
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
        let lost = std::mem::take(&mut self.lost);
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
                    let what = What::of(&message.payload);
                    let subject = message.subject.as_str().to_owned();
                    passed.push(Passed { seq: delivery.seq, connection, subject, what });
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
