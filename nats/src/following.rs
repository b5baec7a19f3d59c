//! Follows topics: one ordered consumer for each stream that has a followed topic.
//!
//! The consumer passes all messages of its stream, and this node picks those of the topics that it
//! follows: to follow one more costs an entry in a map, no request to the server and no task. A
//! consumer passes each message once and in order; one that does not, or is gone, is made anew after
//! the last message that was passed.
//!
//! A topic is first read up to its head, and then goes on with what the consumer passes. The same
//! happens after a hole. A new follower whose next entry the consumer passes before the read begins
//! needs no read: numbers are dense, so nothing is missing before that entry.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet, VecDeque},
    hash::{Hash, Hasher},
    iter,
    mem::take,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use async_nats::{HeaderMap, Message, Subscriber};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use kipo_topic::{
    Cursor,
    engine::{Ends, EngineError, Entry, FollowGuard, Follower, Link},
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
    following: Weak<Following>,
    topics: Arc<Topics>,
    stream: StreamName,
    followers: Mutex<HashSet<Few>>,
    /// Those that have to be read up to their head.
    behind: Mutex<VecDeque<Arc<One>>>,
    wake: Notify,
    /// Whether it is known from which message on the consumer passes them.
    begun: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

/// The followers of one topic: never none, and seldom more than one. They are found by the topic's
/// name, which each of them has.
struct Few {
    first: Arc<One>,
    #[expect(
        clippy::box_collection,
        reason = "the box makes a topic with one of them 16 bytes smaller"
    )]
    more: Option<Box<Vec<Arc<One>>>>,
}

/// One follower of one topic.
struct One {
    topic: Arc<str>,
    follower: Arc<dyn Follower>,
    followed: Weak<Followed>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    at: At,
    /// Its position in the stream; 0 where it is not known.
    seq: u64,
    /// The connection on which it was seen there.
    connection: u64,
    /// It is being read up to its head.
    reading: Option<Box<Reading>>,
}

/// The last entry that was passed.
#[derive(Clone, Copy, Debug)]
enum At {
    /// Its number, before one was passed.
    Number(u64),
    Position(Cursor),
}

#[derive(Debug, Default)]
struct Reading {
    /// Whether a task reads it. Otherwise it waits for one.
    has_begun: bool,
    /// What the consumer passes meanwhile.
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
        self.topics.followed(&topic);
        let mut streams = lock(&self.streams);
        let followed = streams.entry(stream.name.clone()).or_insert_with(|| self.begin(&stream));
        let reading = Some(Box::default());
        let state = State { at: At::Number(after), seq: 0, connection: 0, reading };
        let (followed, state) = (Arc::clone(followed), Mutex::new(state));
        let one = One { topic, follower, followed: Arc::downgrade(&followed), state };
        let one = Arc::new(one);
        let mut followers = lock(&followed.followers);
        let few = match followers.take(&*one.topic) {
            Some(few) => few.with(Arc::clone(&one)),
            None => Few::of(Arc::clone(&one)),
        };
        followers.insert(few);
        drop(followers);
        followed.read_to_head(Arc::clone(&one));
        drop(streams);
        FollowGuard::of(one)
    }

    /// Starts the tasks of a stream.
    fn begin(self: &Arc<Self>, stream: &StreamName) -> Arc<Followed> {
        let followed = Arc::new(Followed {
            following: Arc::downgrade(self),
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
        let mut streams = lock(&self.streams);
        let Some(followed) = streams.get(stream) else { return };
        let mut followers = lock(&followed.followers);
        let others = followers.take(&*one.topic).and_then(|few| few.without(one));
        followers.extend(others);
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
                if one.begin_reading()
                    && let Err(error) = one.read(&self.topics).await
                {
                    tracing::debug!(topic = %one.topic, %error, "a followed topic was not read");
                    sleep(PAUSE).await;
                    one.give_up_reading();
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
        for messages in messages.chunk_by(|a, b| a.topic == b.topic) {
            let Some(few) = messages.first().and_then(|first| followers.get(&*first.topic)) else {
                continue;
            };
            groups.extend(few.all().map(|one| (one.clone(), messages.to_vec())));
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
        let all: Vec<Arc<One>> = lock(&self.followers).iter().flat_map(Few::all).cloned().collect();
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

impl Few {
    fn of(first: Arc<One>) -> Self {
        Self { first, more: None }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<One>> {
        iter::once(&self.first).chain(self.more.iter().flat_map(|more| more.iter()))
    }

    fn with(mut self, one: Arc<One>) -> Self {
        self.more.get_or_insert_default().push(one);
        self
    }

    /// Returns the others, if there are any.
    fn without(self, one: &Arc<One>) -> Option<Self> {
        let mut others = self.all().filter(|other| !Arc::ptr_eq(other, one)).cloned();
        let first = Self::of(others.next()?);
        Some(others.fold(first, Self::with))
    }
}

impl Borrow<str> for Few {
    fn borrow(&self) -> &str {
        &self.first.topic
    }
}

impl Hash for Few {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.first.topic.hash(state);
    }
}

impl PartialEq for Few {
    fn eq(&self, other: &Self) -> bool {
        self.first.topic == other.first.topic
    }
}

impl Eq for Few {}

impl Ends for One {
    fn end(self: Arc<Self>) {
        if let Some(followed) = self.followed.upgrade()
            && let Some(following) = followed.following.upgrade()
        {
            following.unfollow(&followed.stream.name, &self);
        }
    }
}

impl One {
    /// Returns whether the caller has to have it read now.
    fn begins_reading(&self) -> bool {
        let mut state = lock(&self.state);
        let begins = state.reading.is_none();
        state.reading.get_or_insert_default().again = !begins;
        begins
    }

    /// Returns whether the caller reads it now. Otherwise another one does, or nothing is missing any
    /// more.
    fn begin_reading(&self) -> bool {
        let mut state = lock(&self.state);
        state
            .reading
            .as_mut()
            .is_some_and(|reading| !std::mem::replace(&mut reading.has_begun, true))
    }

    /// Leaves the read to the next one who begins it.
    fn give_up_reading(&self) {
        if let Some(reading) = &mut lock(&self.state).reading {
            reading.has_begun = false;
        }
    }

    /// Takes messages that the consumer passes. Returns whether there is a hole before the last of
    /// them, which has to be read.
    fn take(&self, topics: &Topics, messages: Vec<Passed>) -> bool {
        let (entries, at, is_whole) = {
            let mut state = lock(&self.state);
            let goes_on = state.goes_on_with(&messages);
            if let Some(reading) = state.reading.as_mut().filter(|_| !goes_on) {
                reading.keep(messages);
                return false;
            }
            let (entries, is_whole) = state.take(messages);
            state.reading = (!is_whole).then(Box::default);
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
                let (pending, again) = match &mut state.reading {
                    Some(reading) => (take(&mut reading.pending), take(&mut reading.again)),
                    None => (Vec::new(), false),
                };
                let (entries, is_whole) = state.take(pending);
                let is_whole = is_whole && !again;
                if is_whole && entries.is_empty() {
                    state.reading = None;
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
            let at = {
                let mut state = lock(&self.state);
                let is_there = match state.at {
                    At::Number(number) => number == head.seq(),
                    At::Position(cursor) => cursor == head,
                };
                if is_there {
                    (state.at, state.seq) = (At::Position(head), newest.seq);
                    state.connection = newest.connection;
                    drop(state);
                    topics.passed(&self.topic, newest);
                    if self.end_reading(topics) {
                        return Ok(());
                    }
                    continue;
                }
                state.at
            };
            let number = at.number();
            let entries = if head.seq() > number {
                topics.read_to(&self.topic, number, READ_BYTES, &newest).await?
            } else {
                Vec::new()
            };
            let goes_on = entries.first().is_some_and(|(_, first)| at.is_before(first));
            if !goes_on {
                // Entries are missing, or it is another history: its reader has to look.
                self.follower.uncertain();
            }
            let mut state = lock(&self.state);
            match entries.last() {
                Some((seq, last)) => state.passed(*seq, newest.connection, last),
                None => {
                    (state.at, state.seq) = (At::Position(head), newest.seq);
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

impl At {
    fn number(self) -> u64 {
        match self {
            Self::Number(number) => number,
            Self::Position(cursor) => cursor.seq(),
        }
    }

    /// Returns whether an entry is the next one.
    fn is_before(self, entry: &Entry) -> bool {
        match self {
            Self::Number(number) => entry.seq() == number + 1,
            Self::Position(cursor) => entry.before() == cursor,
        }
    }
}

impl Reading {
    /// Keeps messages for the end of the read.
    fn keep(&mut self, messages: Vec<Passed>) {
        if self.pending.len() + messages.len() > PENDING_MAX {
            self.pending = Vec::new();
            self.again = true;
        } else if !self.again {
            self.pending.extend(messages);
        }
    }
}

impl State {
    /// Returns whether messages follow what the follower has had from the start, so that nothing has
    /// to be read.
    fn goes_on_with(&self, messages: &[Passed]) -> bool {
        let is_untouched =
            |reading: &Reading| !reading.has_begun && !reading.again && reading.pending.is_empty();
        let first = messages.first().map(|message| &message.what);
        matches!(self.at, At::Number(_))
            && self.reading.as_deref().is_some_and(is_untouched)
            && matches!(first, Some(What::Entries(those)) if self.is_followed_by(those))
    }

    fn is_followed_by(&self, entries: &[Entry]) -> bool {
        entries.first().is_some_and(|first| self.at.is_before(first))
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

    fn passed(&mut self, seq: u64, connection: u64, last: &Entry) {
        self.at = At::Position(last.cursor());
        (self.seq, self.connection) = (seq, connection);
    }
}

/// A message that the consumer has passed.
#[derive(Clone, Debug)]
struct Passed {
    seq: u64,
    connection: u64,
    topic: String,
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
    use kipo_topic::engine::Head;

    use super::*;

    fn passed(seq: u64, entry: &Entry) -> Passed {
        let what = What::Entries(vec![entry.clone()]);
        Passed { seq, connection: 1, topic: "board".to_owned(), what }
    }

    fn state(at: At) -> State {
        State { at, seq: 0, connection: 0, reading: Some(Box::default()) }
    }

    #[test]
    fn a_topic_whose_next_entry_comes_is_not_read() {
        let head = Head::start(7, "board");
        let first = Entry::next(&head, None, "said", b"1", 9).unwrap();
        let second = Entry::next(&first.head(), None, "said", b"2", 9).unwrap();
        let messages = [passed(10, &first), passed(11, &second)];
        assert!(state(At::Number(0)).goes_on_with(&messages));
        assert!(state(At::Number(1)).goes_on_with(&messages[1..]));
        // What is between is missing, or was passed before it is followed.
        assert!(!state(At::Number(0)).goes_on_with(&messages[1..]));
        assert!(!state(At::Number(1)).goes_on_with(&messages));
        // It is read because of a hole.
        assert!(!state(At::Position(head.cursor)).goes_on_with(&messages));

        let mut read = state(At::Number(0));
        read.reading.as_mut().unwrap().has_begun = true;
        assert!(!read.goes_on_with(&messages));
    }

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
