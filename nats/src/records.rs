//! Small records and counters that expire. Each is the newest message of a subject; the message
//! begins with the time at which it ends, by the server's clock.

use std::{hash::BuildHasher, sync::Arc, time::Duration};

use async_nats::HeaderMap;
use kipo_topic::engine::{EngineError, RECORD_BYTES_MAX};
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;

use crate::{
    names::Address,
    reading,
    server::{Failure, Patience, code},
    topics::Topics,
};

/// How long the server keeps a record after its end, since clocks differ a little.
const GRACE_S: u64 = 60;

/// The longest time that the server is asked to keep a record for.
const TTL_MAX_S: u64 = 10 * 365 * 24 * 3600;

/// Counters that hash to the same lock are counted one after the other within this node.
const LOCKS: usize = 64;

/// The small records of all nodes.
#[derive(Debug)]
pub(crate) struct Records {
    topics: Arc<Topics>,
    locks: Vec<Mutex<()>>,
    hasher: std::hash::RandomState,
}

#[derive(Deserialize)]
struct Purged {}

struct Record {
    /// Its position in the stream.
    seq: u64,
    value: Vec<u8>,
    left: Duration,
}

impl Records {
    pub(crate) fn new(topics: Arc<Topics>) -> Self {
        let locks = (0..LOCKS).map(|_| Mutex::new(())).collect();
        Self { topics, locks, hasher: std::hash::RandomState::new() }
    }

    pub(crate) async fn put(
        &self,
        key: &str,
        value: &[u8],
        ttl: Duration,
    ) -> Result<(), EngineError> {
        if value.len() > RECORD_BYTES_MAX {
            return Err(EngineError::unavailable(format!(
                "a small record has at most {RECORD_BYTES_MAX} bytes, and this one {}",
                value.len()
            )));
        }
        let at = self.record(key)?;
        self.write(&at, value, ttl, None).await.map_err(EngineError::from)
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, EngineError> {
        let (_, record) = self.read(&self.record(key)?).await?;
        Ok(record.map(|record| (record.value, record.left)))
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), EngineError> {
        let at = self.record(key)?;
        let subject = format!("STREAM.PURGE.{}", at.stream);
        let request = json!({ "filter": at.subject });
        match self.topics.server.api_patient::<Purged>(&subject, &request).await {
            Err(failure) if !failure.is(&[code::NO_STREAM]) => Err(failure.into()),
            _ => Ok(()),
        }
    }

    pub(crate) async fn count(
        &self,
        key: &str,
        by: u64,
        window: Duration,
    ) -> Result<u64, EngineError> {
        let at = self.address(key, self.topics.streams.names.counter(key))?;
        let lock = usize::try_from(self.hasher.hash_one(key)).unwrap_or(usize::MAX) % LOCKS;
        let _counting = self.locks[lock].lock().await;
        let patience = Patience::new();
        loop {
            let (seq, record) = self.read(&at).await?;
            let (before, left) = match record {
                None => (0, window),
                Some(Record { value, left, .. }) => {
                    let value = value.try_into().map(u64::from_be_bytes);
                    (value.map_err(|_| reading::foreign(&at, seq))?, left)
                }
            };
            let value = before.saturating_add(by);
            match self.write(&at, &value.to_be_bytes(), left, Some(seq)).await {
                Ok(()) => return Ok(value),
                // Another node was quicker.
                Err(failure) if failure.is(&code::WRONG_LAST) => {
                    if !patience.pause().await {
                        return Err(failure.into());
                    }
                }
                Err(failure) => return Err(failure.into()),
            }
        }
    }

    fn record(&self, key: &str) -> Result<Address, EngineError> {
        self.address(key, self.topics.streams.names.record(key))
    }

    fn address(&self, key: &str, subject: Option<String>) -> Result<Address, EngineError> {
        let subject = subject.ok_or_else(|| {
            EngineError::unavailable(format!("a key of {} bytes is too long", key.len()))
        })?;
        Ok(Address { stream: self.topics.streams.names.records().name, subject })
    }

    /// Returns the position of the newest message, 0 if there is none, and the record if it has not
    /// ended.
    async fn read(&self, at: &Address) -> Result<(u64, Option<Record>), EngineError> {
        let found = reading::newest_raw(&self.topics.server, at).await?;
        let Some((seq, mut bytes)) = found else { return Ok((0, None)) };
        let end = bytes.first_chunk().map(|end| i64::from_be_bytes(*end));
        let end = end.ok_or_else(|| reading::foreign(at, seq))?;
        let left = u64::try_from(end - self.topics.streams.server_now_ms()).unwrap_or(0);
        let value = bytes.split_off(8);
        let record = Record { seq, value, left: Duration::from_millis(left) };
        Ok((record.seq, (left > 0).then_some(record)))
    }

    async fn write(
        &self,
        at: &Address,
        value: &[u8],
        ttl: Duration,
        expected: Option<u64>,
    ) -> Result<(), Failure> {
        let stream = self.topics.streams.names.records();
        self.topics.streams.ensure(&stream).await?;
        let ttl_ms = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
        let end = self.topics.streams.server_now_ms().saturating_add(ttl_ms);
        let mut headers = HeaderMap::new();
        let seconds = ttl.as_secs().saturating_add(GRACE_S).min(TTL_MAX_S);
        headers.insert("Nats-TTL", format!("{seconds}s"));
        if let Some(expected) = expected {
            headers.insert("Nats-Expected-Last-Subject-Sequence", expected.to_string());
        }
        let bytes = [&end.to_be_bytes(), value].concat();
        let patience = Patience::new();
        loop {
            let sending =
                self.topics.server.publish(&at.subject, headers.clone(), bytes.clone().into());
            match sending.await {
                Ok(_) => return Ok(()),
                Err(failure) if patience.allows(&failure).await => {
                    if self.topics.streams.info(&stream.name).await?.is_none() {
                        self.topics.streams.missing(&stream).await?;
                        self.topics.streams.ensure(&stream).await?;
                    }
                }
                Err(failure) => return Err(failure),
            }
        }
    }
}
