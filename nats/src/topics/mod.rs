//! Topics on the server: their heads and entries, and how they are trimmed, removed and listed.

pub(crate) mod marks;
mod news;
mod rounds;

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use async_nats::HeaderMap;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};
use kipo_topic::engine::{EngineError, Entry, Head, Loaded, unpack};
use serde::Deserialize;
use serde_json::{Value, json};

use self::{
    marks::{Mark, Marks},
    news::News,
    rounds::{Round, Rounds},
};
use crate::{
    names::{Address, StreamName},
    reading::{self, Position, What},
    server::{Failure, Server, code, lock},
    streams::{Info, Streams},
};

/// How many topics the engine remembers the positions of, about a hundred bytes each.
const KNOWN_MAX: usize = 65_536;

/// How many heads are asked for at once.
const HEADS_AT_ONCE: usize = 128;

/// How many names one page of the server's answer has at most.
const SUBJECTS_PAGE: usize = 100_000;

/// The topics of all streams.
#[derive(Debug)]
pub(crate) struct Topics {
    pub(crate) server: Server,
    pub(crate) streams: Streams,
    pub(crate) news: News,
    rounds: Rounds,
    known: Mutex<HashMap<Arc<str>, Known>>,
}

/// What is remembered of a topic. All of it only saves requests.
#[derive(Debug, Default)]
struct Known {
    /// The newest entry that was seen.
    newest: Option<Position>,
    /// Whether the followers have it.
    is_passed: bool,
    /// Whether there are followers, in which case they get what others append.
    is_followed: bool,
    /// The number of the round in which the head was read.
    round: u32,
    /// Nothing before entries are read or marked.
    more: Option<Box<More>>,
}

/// What is remembered of a topic with more than a few entries.
#[derive(Debug, Default)]
struct More {
    /// The last entry that was read, where the next read goes on.
    read: Option<Position>,
    /// Entries below this number were removed, by this node.
    trimmed: u64,
    marks: Marks,
}

impl Known {
    fn saw(&mut self, position: Position) {
        match &mut self.newest {
            Some(newest) if newest.is_at(&position) => {
                newest.connection = newest.connection.max(position.connection);
            }
            Some(newest) if newest.seq > position.seq => {}
            _ => (self.newest, self.is_passed) = (Some(position), false),
        }
    }
}

#[derive(Deserialize)]
struct Purged {}

#[derive(Deserialize)]
struct StreamNames {
    /// Null where there is none.
    streams: Option<Vec<String>>,
    total: usize,
}

impl Topics {
    pub(crate) fn new(server: Server, streams: Streams) -> Self {
        let (news, rounds) = (News::default(), Rounds::default());
        Self { server, streams, news, rounds, known: Mutex::default() }
    }

    pub(crate) fn address(&self, topic: &str) -> Address {
        self.streams.names.address(topic)
    }

    pub(crate) fn stream_of(&self, topic: &str) -> StreamName {
        self.streams.names.stream_of(topic)
    }

    /// Returns the head of a topic without messages.
    pub(crate) fn start(&self, topic: &str) -> Head {
        Head::start(self.streams.id(), topic)
    }

    /// Returns the newest position that this node has seen.
    pub(crate) fn seen(&self, topic: &str) -> Option<Position> {
        lock(&self.known).get(topic)?.newest
    }

    /// Remembers a position, unless a newer one is known.
    pub(crate) fn saw(&self, topic: &Arc<str>, position: Position) {
        self.remember(topic, |known| known.saw(position));
    }

    /// Remembers the position of the last entry that the followers of a topic have.
    pub(crate) fn passed(&self, topic: &Arc<str>, position: Position) {
        self.remember(topic, |known| {
            known.saw(position);
            known.is_passed |= known.newest.is_some_and(|newest| newest.is_at(&position));
        });
    }

    /// Returns whether a topic has followers.
    pub(crate) fn is_followed(&self, topic: &str) -> bool {
        lock(&self.known).get(topic).is_some_and(|known| known.is_followed)
    }

    /// Returns whether the followers of a topic have an entry after a position in the stream.
    pub(crate) fn is_passed_after(&self, topic: &str, seq: u64) -> bool {
        let known = lock(&self.known);
        let known = known.get(topic).filter(|known| known.is_passed);
        known.and_then(|known| known.newest).is_some_and(|newest| newest.seq > seq)
    }

    fn remember<R>(&self, topic: &Arc<str>, change: impl FnOnce(&mut Known) -> R) -> R {
        let mut known = lock(&self.known);
        if known.len() >= KNOWN_MAX && !known.contains_key(topic) {
            let any = known.keys().next().cloned();
            any.and_then(|any| known.remove(&any));
        }
        change(known.entry(topic.clone()).or_default())
    }

    fn remember_more<R>(&self, topic: &Arc<str>, change: impl FnOnce(&mut More) -> R) -> R {
        self.remember(topic, |known| change(known.more.get_or_insert_default()))
    }

    /// Remembers that a topic has followers, by a name that is in memory anyway.
    pub(crate) fn followed(&self, topic: &Arc<str>) {
        let mut all = lock(&self.known);
        if let Some(known) = all.remove(topic) {
            all.insert(topic.clone(), Known { is_followed: true, ..known });
        }
    }

    /// Forgets what is remembered of a topic.
    pub(crate) fn forget(&self, topic: &str) {
        lock(&self.known).remove(topic);
    }

    /// Reads the position of a topic's newest message from the stream's leader.
    pub(crate) async fn newest(&self, topic: &str) -> Result<Position, EngineError> {
        let at = self.address(topic);
        let mut position = self.newest_at(topic, &at).await?;
        if let Some(seen) = self.seen(topic)
            && seen.seq > position.seq
        {
            // Either the log went back, or the server that answers no longer leads the stream and
            // has not noticed.
            self.barrier(&at.stream).await?;
            position = self.newest_at(topic, &at).await?;
            if seen.seq > position.seq {
                self.forget(topic);
            }
        }
        Ok(position)
    }

    async fn newest_at(&self, topic: &str, at: &Address) -> Result<Position, EngineError> {
        let connection = self.server.connection();
        let (head, seq) = match reading::newest(&self.server, at).await? {
            None => (self.start(topic), 0),
            Some(found) => {
                let head = found.what.head().ok_or_else(|| reading::foreign(at, found.seq))?;
                (head, found.seq)
            }
        };
        Ok(Position { head, seq, connection })
    }

    /// Makes sure that what the leader of a stream answers from here on is the newest: the write is
    /// acknowledged only by a server that a majority follows.
    async fn barrier(&self, stream: &str) -> Result<(), EngineError> {
        if self.streams.replicas() == 1 {
            return Ok(());
        }
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Rollup", "sub");
        let subject = self.streams.names.barrier(stream);
        match self.server.publish(&subject, headers, Bytes::new()).await {
            // Without the stream there is nothing to wait for.
            Ok(_) | Err(Failure::NotTaken) => Ok(()),
            Err(failure) => Err(failure.into()),
        }
    }

    /// Returns the heads of topics. Those in a stream that has not changed since they were read are
    /// not read again.
    pub(crate) async fn heads(&self, topics: &[Arc<str>]) -> Result<Vec<Head>, EngineError> {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for topic in topics {
            *counts.entry(self.stream_of(topic).name).or_default() += 1;
        }
        let rounds = &self.rounds.of(&self.streams, counts).await?;
        stream::iter(topics.to_vec())
            .map(|topic| async move {
                let round = rounds.get(&self.stream_of(&topic).name).copied();
                self.head_in(&topic, round).await
            })
            .buffered(HEADS_AT_ONCE)
            .try_collect()
            .await
    }

    async fn head_in(&self, topic: &str, round: Option<Round>) -> Result<Head, EngineError> {
        let Some(Round { number, last_seq }) = round else {
            return Ok(self.newest(topic).await?.head);
        };
        // What this node has seen after the round was stored after it, or is lost by now.
        let is_same = |known: &Known| {
            let newest = known.newest.filter(|newest| newest.seq <= last_seq);
            newest.filter(|_| known.round == number)
        };
        if let Some(position) = lock(&self.known).get(topic).and_then(is_same) {
            return Ok(position.head);
        }
        let position = self.newest(topic).await?;
        if let Some(known) = lock(&self.known).get_mut(topic) {
            known.round = number;
            known.saw(position);
        }
        Ok(position.head)
    }

    pub(crate) async fn load(&self, topic: &Arc<str>, after: u64) -> Result<Loaded, EngineError> {
        let newest = self.newest(topic).await?;
        let Position { head, seq, .. } = newest;
        let mut entries = Vec::new();
        if head.cursor.seq() > after {
            let at = self.address(topic);
            let from = reading::seek(&self.server, &at, after + 1, &newest, None).await?;
            let found = reading::range(&self.server, &at, from, seq, usize::MAX).await?;
            entries = reading::chained(found, &head);
            // The first message may begin with older ones.
            entries.retain(|entry| entry.seq() > after);
            if entries.is_empty() {
                // It was removed or trimmed in between; the caller asks again.
                return Err(EngineError::unavailable(format!("the topic {topic:?} changes")));
            }
        }
        self.saw(topic, newest);
        Ok(Loaded { head, entries, keys: Vec::new() })
    }

    pub(crate) async fn read(
        &self,
        topic: &Arc<str>,
        after: u64,
        bytes: usize,
    ) -> Result<Vec<Entry>, EngineError> {
        let newest = self.newest(topic).await?;
        Ok(self.read_to(topic, after, bytes, &newest).await?.into_iter().map(|(_, e)| e).collect())
    }

    /// Reads entries after number `after`, up to `newest`, each with its position in the stream.
    pub(crate) async fn read_to(
        &self,
        topic: &Arc<str>,
        after: u64,
        bytes: usize,
        newest: &Position,
    ) -> Result<Vec<(u64, Entry)>, EngineError> {
        if newest.head.cursor.seq() <= after {
            return Ok(Vec::new());
        }
        let at = self.address(topic);
        let read = |known: &Known| known.more.as_ref()?.read;
        let positions = lock(&self.known).get(topic).map(|known| [read(known), known.newest]);
        let goes_on = |position: &Position| {
            let cursor = position.head.cursor;
            position.connection == newest.connection
                && cursor.seq() == after
                && cursor.generation() == newest.head.cursor.generation()
        };
        let hint = positions.into_iter().flatten().flatten().find(goes_on);
        let from = match hint {
            Some(position) => position.seq + 1,
            None => reading::seek(&self.server, &at, after + 1, newest, None).await?,
        };
        let found = reading::range(&self.server, &at, from, newest.seq, bytes).await?;
        let mut entries = reading::unbroken(found);
        // The first message may begin with older ones.
        entries.retain(|(_, entry)| entry.seq() > after);
        // After the newest entry, which is remembered anyway, the next read needs no other hint.
        if let Some((seq, last)) = entries.last().filter(|(seq, _)| *seq < newest.seq) {
            let read = Position { head: last.head(), seq: *seq, connection: newest.connection };
            self.remember_more(topic, |more| more.read = Some(read));
        }
        Ok(entries)
    }

    pub(crate) async fn trim(&self, topic: &Arc<str>, before: u64) -> Result<(), EngineError> {
        let newest = self.newest(topic).await?;
        let before = before.min(newest.head.cursor.seq());
        if before > 1 {
            let at = self.address(topic);
            let from = reading::seek(&self.server, &at, before, &newest, None).await?;
            self.purge(&at, from).await?;
        }
        self.remember_more(topic, |more| more.trimmed = more.trimmed.max(before));
        Ok(())
    }

    /// Remembers where a message of a topic with so many retained entries is.
    pub(crate) fn mark(&self, topic: &Arc<str>, mark: Mark, retained: u64) {
        self.remember_more(topic, |more| more.marks.add(mark, retained));
    }

    /// Trims a topic up to a mark, or by a search if there is none.
    pub(crate) async fn trim_roughly(
        &self,
        topic: &Arc<str>,
        before: u64,
    ) -> Result<(), EngineError> {
        let marked = |known: &Known| known.more.as_ref()?.marks.at(before);
        let Some(mark) = lock(&self.known).get(topic).and_then(marked) else {
            return self.trim(topic, before).await;
        };
        let at = self.address(topic);
        // The stream may be another one by now.
        let found = reading::raw(&self.server, &at.stream, mark.seq).await?;
        let entries = found.and_then(|payload| unpack(&payload));
        if !entries.is_some_and(|entries| mark.is_of(&entries)) {
            self.remember_more(topic, |more| more.marks = Marks::default());
            return self.trim(topic, before).await;
        }
        self.purge(&at, mark.seq).await?;
        self.remember_more(topic, |more| {
            more.trimmed = more.trimmed.max(mark.first.seq());
            more.marks.trim(mark.first.seq());
        });
        Ok(())
    }

    /// Returns the number below which this node has trimmed a topic.
    pub(crate) fn trimmed(&self, topic: &str) -> u64 {
        let trimmed = |known: &Known| Some(known.more.as_ref()?.trimmed);
        lock(&self.known).get(topic).and_then(trimmed).unwrap_or(0)
    }

    /// Removes the messages of a subject below a position in the stream.
    async fn purge(&self, at: &Address, below: u64) -> Result<(), Failure> {
        let request = json!({ "filter": at.subject, "seq": below });
        let subject = format!("STREAM.PURGE.{}", at.stream);
        self.server.api_patient::<Purged>(&subject, &request).await.map(|_| ())
    }

    pub(crate) async fn remove(&self, topic: &Arc<str>) -> Result<(), EngineError> {
        let at = self.address(topic);
        let Some(found) = reading::newest(&self.server, &at).await? else { return Ok(()) };
        let marker = if matches!(found.what, What::Removed(_)) {
            // Somebody removed it and may not have got further.
            found.seq
        } else {
            let marker = reading::marker(fastrand::u64(..));
            self.server.publish(&at.subject, HeaderMap::new(), marker).await?.seq
        };
        self.purge(&at, marker).await?;
        self.forget(topic);
        Ok(())
    }

    /// Returns names of topics; those that were removed are left out.
    ///
    /// The server gives the names of a stream in pages and in no order, so each call reads all
    /// names of the streams that the prefix may be in, and keeps `limit` of them.
    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, EngineError> {
        let streams = match prefix.split_once('/') {
            Some(_) => vec![self.stream_of(prefix).name],
            None => self.stream_names().await?,
        };
        let (mut listed, mut after) = (Vec::new(), after.to_owned());
        while listed.len() < limit {
            let wanted = limit - listed.len();
            let mut names = BTreeSet::new();
            for stream in &streams {
                self.collect_names(stream, prefix, &after, wanted, &mut names).await?;
            }
            let Some(last) = names.last().cloned() else { break };
            let full = names.len() == wanted;
            let exist: Vec<Option<String>> = stream::iter(names)
                .map(|name| async move {
                    let found = reading::newest(&self.server, &self.address(&name)).await?;
                    let exists = found.is_some_and(|found| matches!(found.what, What::Entries(_)));
                    Ok::<_, Failure>(exists.then_some(name))
                })
                .buffered(HEADS_AT_ONCE)
                .try_collect()
                .await?;
            listed.extend(exist.into_iter().flatten());
            if !full {
                break;
            }
            after = last;
        }
        Ok(listed)
    }

    /// Adds the first `limit` names of a stream's topics that begin with `prefix` and sort after
    /// `after`.
    async fn collect_names(
        &self,
        stream: &str,
        prefix: &str,
        after: &str,
        limit: usize,
        names: &mut BTreeSet<String>,
    ) -> Result<(), EngineError> {
        let mut offset = 0;
        loop {
            let request = json!({ "subjects_filter": ">", "offset": offset });
            let answer = self.server.api_patient(&format!("STREAM.INFO.{stream}"), &request).await;
            let info: Info = match answer {
                Err(failure) if failure.is(&[code::NO_STREAM]) => return Ok(()),
                answer => answer?,
            };
            let count = info.state.subjects.len();
            for subject in info.state.subjects.into_keys() {
                let Some(topic) = self.streams.names.topic(&subject) else { continue };
                if topic.starts_with(prefix) && topic.as_str() > after {
                    names.insert(topic);
                    if names.len() > limit {
                        names.pop_last();
                    }
                }
            }
            offset += count;
            if count < SUBJECTS_PAGE {
                return Ok(());
            }
        }
    }

    /// Returns the names of all streams of topics.
    async fn stream_names(&self) -> Result<Vec<String>, EngineError> {
        let own = self.streams.names.statics().name;
        let (mut names, mut offset): (Vec<String>, usize) = (Vec::new(), 0);
        loop {
            let request: Value = json!({ "offset": offset });
            let answer: StreamNames = self.server.api_patient("STREAM.NAMES", &request).await?;
            let page = answer.streams.unwrap_or_default();
            offset += page.len();
            let is_last = page.is_empty() || offset >= answer.total;
            let is_ours = |name: &String| {
                name.strip_prefix(&own).is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
            };
            names.extend(page.into_iter().filter(is_ours));
            if is_last {
                return Ok(names);
            }
        }
    }
}
