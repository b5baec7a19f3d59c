//! Appends: one message with all entries, or several as an atomic batch if they are large, if the
//! newest message of the topic's subject is still the expected one.
//!
//! At most one append to a topic is in flight: a cluster refuses a second one, whatever it expects.

use std::{sync::Arc, time::Duration};

use async_nats::HeaderMap;
use bytes::Bytes;
use kipo_topic::{
    Cursor,
    engine::{Append, AppendError, Entry, Head, Outcome, pack},
};
use tokio::sync::Semaphore;

use crate::{
    names::{Address, StreamName},
    reading::{self, Found, Position},
    server::{Failure, Patience, Stored, code},
    topics::{Topics, marks::Mark},
};

/// How many entries one append may have; JetStream takes batches of 1000 unless it is configured.
pub(crate) const APPEND_MAX: usize = 500;

/// How many bytes the entries of one append may have.
pub(crate) const APPEND_BYTES_MAX: usize = 1024 * 1024;

/// How many bytes the entries of one message have together, unless one alone has more. A request for
/// the newest message of a topic returns all of them.
const PACK_BYTES_MAX: usize = 64 * 1024;

/// How many batches this node sends at once: a stream takes 50 from all nodes.
const BATCHES_MAX: usize = 12;

/// How many entries are read for an append that was refused, in bytes.
const MOVED_BYTES: usize = 256 * 1024;

/// How long a refused append waits for what another node appends at the same time.
const NEWS_TIME: Duration = Duration::from_millis(20);

/// How many topics are trimmed at once.
const TRIMS_MAX: usize = 4;

/// A topic is trimmed once it has a tenth too many entries, but at least and at most so many.
const TRIM_MIN: u64 = 16;
const TRIM_MAX: u64 = 100;

/// After so many tries that no server took, the stream is looked for.
const NOT_TAKEN_MAX: u32 = 8;

/// What an append asks for, apart from the answer.
#[derive(Debug)]
pub(crate) struct Write {
    topic: Arc<str>,
    after: Head,
    /// The messages that hold the entries.
    payloads: Vec<Bytes>,
    /// The position after the first entry.
    first: Cursor,
    /// The head after them.
    last: Head,
    keep_from: u64,
}

impl Write {
    pub(crate) fn of(append: &Append) -> Self {
        let payloads = pack(&append.entries, PACK_BYTES_MAX);
        Self {
            topic: append.topic.clone(),
            after: append.after,
            payloads: payloads.into_iter().map(Bytes::from).collect(),
            first: append.entries.first().map_or(append.after.cursor, Entry::cursor),
            last: append.entries.last().map_or(append.after, Entry::head),
            keep_from: append.keep_from.min(append.keys_from),
        }
    }
}

/// Sends appends and trims what they have made superfluous.
#[derive(Debug)]
pub(crate) struct Appending {
    topics: Arc<Topics>,
    batches: Semaphore,
    trims: Arc<Semaphore>,
}

impl Appending {
    pub(crate) fn new(topics: Arc<Topics>) -> Self {
        Self {
            topics,
            batches: Semaphore::new(BATCHES_MAX),
            trims: Arc::new(Semaphore::new(TRIMS_MAX)),
        }
    }

    pub(crate) async fn append(&self, write: Write) -> Outcome {
        let Write { topic, after, payloads, first, last, keep_from } = write;
        let (stored, connection) = self.append_to(&topic, &after, &payloads).await?;
        self.topics.saw(&topic, Position { head: last, seq: stored.seq, connection });
        let retained = (last.cursor.seq() + 1).saturating_sub(keep_from);
        if retained > TRIM_MIN {
            // The messages of a batch follow one another.
            let mark = Mark { first, seq: stored.seq + 1 - payloads.len() as u64 };
            self.topics.mark(&topic, mark, retained);
        }
        self.trim_lazily(&topic, keep_from, retained);
        Ok(())
    }

    /// Returns what was stored, and the connection on which it was.
    async fn append_to(
        &self,
        topic: &Arc<str>,
        after: &Head,
        payloads: &[Bytes],
    ) -> Result<(Stored, u64), AppendError> {
        let (at, stream) = (self.topics.address(topic), self.topics.stream_of(topic));
        self.topics.streams.ensure(&stream).await.map_err(failed)?;
        let mut expected = self.expected(topic, after).await?;
        let patience = Patience::new();
        let mut not_taken = 0;
        loop {
            // On a new connection the same position may be one of another history.
            if expected.connection != self.topics.server.connection() {
                expected = self.expected(topic, after).await?;
            }
            let failure = match self.send(&at, payloads, expected.seq).await {
                Ok(stored) => return Ok((stored, expected.connection)),
                Err(failure) => failure,
            };
            // Each of these certainly stored nothing, so it is tried again.
            if failure.is(&code::WRONG_LAST) && self.is_passed(topic, expected.seq).await {
                return Err(AppendError::Moved(Vec::new()));
            }
            if failure.is(&code::WRONG_LAST) {
                let now = self.unmoved(topic, &at, after, expected.seq).await?;
                // The same again: another write is on its way, and may yet fail.
                if now.seq != expected.seq || patience.pause().await {
                    expected = now;
                    continue;
                }
            } else if failure.is(&[code::TOO_MANY_BATCHES]) || failure.is(&code::BATCH_INCOMPLETE) {
                if patience.pause().await {
                    continue;
                }
            } else if patience.allows(&failure).await {
                not_taken += 1;
                if not_taken % NOT_TAKEN_MAX == 0 {
                    self.find_again(&stream).await.map_err(failed)?;
                }
                continue;
            }
            return Err(failed(failure));
        }
    }

    /// Returns the position in the stream of the topic's head, which has to be `after`.
    async fn expected(&self, topic: &Arc<str>, after: &Head) -> Result<Position, AppendError> {
        let connection = self.topics.server.connection();
        match self.topics.seen(topic) {
            Some(seen) if seen.connection == connection && seen.head.cursor == after.cursor => {
                return Ok(seen);
            }
            // A topic that was never appended to; if it was, JetStream refuses.
            None if after.cursor == self.topics.start(topic).cursor => {
                return Ok(Position { head: *after, seq: 0, connection });
            }
            _ => {}
        }
        let newest = self.topics.newest(topic).await.map_err(AppendError::Failed)?;
        self.unless_moved(topic, after, &newest, Vec::new()).await
    }

    /// Waits for what another node has appended after the expected position. Returns whether the
    /// followers of the topic have it.
    async fn is_passed(&self, topic: &Arc<str>, expected: u64) -> bool {
        let topics = &self.topics;
        topics.is_followed(topic)
            && topics
                .news
                .wait_until(topic, NEWS_TIME, || topics.is_passed_after(topic, expected))
                .await
    }

    /// Returns the position in the stream of the topic's head after a refusal, if it is still
    /// `after`. What others appended is read at the same time.
    async fn unmoved(
        &self,
        topic: &Arc<str>,
        at: &Address,
        after: &Head,
        expected: u64,
    ) -> Result<Position, AppendError> {
        let (newest, ahead) = tokio::join!(
            self.topics.newest(topic),
            reading::ahead(&self.topics.server, at, expected + 1, MOVED_BYTES),
        );
        let newest = newest.map_err(AppendError::Failed)?;
        self.unless_moved(topic, after, &newest, ahead.unwrap_or_default()).await
    }

    async fn unless_moved(
        &self,
        topic: &Arc<str>,
        after: &Head,
        newest: &Position,
        ahead: Vec<Found>,
    ) -> Result<Position, AppendError> {
        self.topics.saw(topic, *newest);
        if newest.head.cursor == after.cursor {
            return Ok(*newest);
        }
        let mut moved = reading::unbroken(ahead);
        if !follows(&moved, after) {
            let reading = self.topics.read_to(topic, after.cursor.seq(), MOVED_BYTES, newest);
            moved = reading.await.map_err(AppendError::Failed)?;
        }
        if !follows(&moved, after) {
            moved = Vec::new();
        }
        Err(AppendError::Moved(moved.into_iter().map(|(_, entry)| entry).collect()))
    }

    async fn send(
        &self,
        at: &Address,
        payloads: &[Bytes],
        expected: u64,
    ) -> Result<Stored, Failure> {
        let server = &self.topics.server;
        let mut headers = HeaderMap::new();
        headers.insert("Nats-Expected-Stream", at.stream.as_str());
        headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string());
        let stored = if let [payload] = payloads {
            server.publish(&at.subject, headers, payload.clone()).await?
        } else {
            let _permit = self.batches.acquire().await;
            self.send_batch(at, payloads, headers).await?
        };
        if stored.stream == at.stream {
            Ok(stored)
        } else {
            let Stored { stream, .. } = stored;
            Err(Failure::Unknown(format!("the stream {stream} took {}", at.subject)))
        }
    }

    /// Sends a batch; only its last message is answered.
    async fn send_batch(
        &self,
        at: &Address,
        payloads: &[Bytes],
        mut headers: HeaderMap,
    ) -> Result<Stored, Failure> {
        let server = &self.topics.server;
        let id = format!("{:016x}{:016x}", fastrand::u64(..), fastrand::u64(..));
        for (number, payload) in (1..).zip(payloads) {
            headers.insert("Nats-Batch-Id", id.as_str());
            headers.insert("Nats-Batch-Sequence", number.to_string());
            let payload = payload.clone();
            if number == payloads.len() {
                headers.insert("Nats-Batch-Commit", "1");
                return server.publish(&at.subject, headers, payload).await;
            }
            server.send(&at.subject, std::mem::take(&mut headers), payload).await?;
        }
        Err(Failure::Unknown("a batch without messages".to_owned()))
    }

    /// Looks whether a stream is still there, and makes it anew if it is not.
    async fn find_again(&self, stream: &StreamName) -> Result<(), Failure> {
        let streams = &self.topics.streams;
        if streams.info(&stream.name).await?.is_none() {
            streams.missing(stream).await?;
            streams.ensure(stream).await?;
        }
        Ok(())
    }

    /// Trims a topic in a task of its own once it has a tenth too many entries, or a hundred.
    fn trim_lazily(&self, topic: &Arc<str>, keep_from: u64, retained: u64) {
        let too_many = keep_from.saturating_sub(self.topics.trimmed(topic).max(1));
        if too_many < (retained / 10).clamp(TRIM_MIN, TRIM_MAX) {
            return;
        }
        // All permits taken: a later append trims.
        let Ok(permit) = self.trims.clone().try_acquire_owned() else { return };
        let (topics, topic) = (self.topics.clone(), topic.clone());
        tokio::spawn(async move {
            let _permit = permit;
            if let Err(error) = topics.trim_roughly(&topic, keep_from).await {
                tracing::debug!(%topic, %error, "a topic was not trimmed");
            }
        });
    }
}

fn failed(failure: Failure) -> AppendError {
    AppendError::Failed(failure.into())
}

/// Returns whether these entries go on from `after`.
fn follows(moved: &[(u64, Entry)], after: &Head) -> bool {
    moved.first().is_some_and(|(_, first)| first.before() == after.cursor)
}
