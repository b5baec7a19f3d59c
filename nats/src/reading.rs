//! Reads the newest message of a subject, and ranges of entries.

use std::time::Duration;

use async_nats::{HeaderMap, Message};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::StreamExt;
use kipo_topic::engine::{EngineError, Entry, Head};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{
    names::Address,
    server::{Failure, REQUEST_TIME, Server, code},
};

/// How many messages one request for a range asks for.
const RANGE_MESSAGES: usize = 512;

/// How many messages are read one by one from the stream's leader, where its replicas are behind.
const LEADER_MESSAGES: usize = 64;

/// The beginning of a marker that a removed topic leaves; its generation follows.
const REMOVED: &str = "kipo removed ";

/// One message of a topic's subject.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    /// Its position in the stream.
    pub(crate) seq: u64,
    pub(crate) what: What,
}

/// What a message is.
#[derive(Clone, Debug)]
pub(crate) enum What {
    Entry(Entry),
    /// The topic was removed; it goes on with this generation.
    Removed(u64),
    /// It was not written by this engine, or it was changed.
    Foreign,
}

impl What {
    pub(crate) fn of(payload: &[u8]) -> Self {
        if let Some(entry) = Entry::decode(payload) {
            return Self::Entry(entry);
        }
        let text = std::str::from_utf8(payload).ok();
        let generation = text
            .and_then(|text| text.strip_prefix(REMOVED))
            .and_then(|generation| u64::from_str_radix(generation, 16).ok());
        generation.map_or(Self::Foreign, Self::Removed)
    }

    /// Returns the head of a topic whose newest message this is.
    pub(crate) fn head(&self) -> Option<Head> {
        match self {
            Self::Entry(entry) => Some(entry.head()),
            Self::Removed(generation) => Some(Head::of_generation(*generation)),
            Self::Foreign => None,
        }
    }
}

/// Returns the marker of a topic that was removed.
pub(crate) fn marker(generation: u64) -> Bytes {
    format!("{REMOVED}{generation:016x}").into()
}

/// A position in the stream, and the head of the topic whose newest message is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) head: Head,
    /// 0 if the topic has no message.
    pub(crate) seq: u64,
}

#[derive(Deserialize)]
struct GetAnswer {
    message: StoredMessage,
}

#[derive(Deserialize)]
struct StoredMessage {
    seq: u64,
    #[serde(default)]
    data: String,
}

/// Returns the newest message of a subject, read from the stream's leader.
pub(crate) async fn newest(server: &Server, at: &Address) -> Result<Option<Found>, Failure> {
    get(server, &at.stream, json!({ "last_by_subj": at.subject })).await
}

/// Returns the first message of a subject at or after a position in the stream.
async fn next(server: &Server, at: &Address, seq: u64) -> Result<Option<Found>, Failure> {
    get(server, &at.stream, json!({ "seq": seq.max(1), "next_by_subj": at.subject })).await
}

/// Returns the bytes of the message at a position in a stream, if it is still there.
pub(crate) async fn raw(
    server: &Server,
    stream: &str,
    seq: u64,
) -> Result<Option<Vec<u8>>, Failure> {
    Ok(get_raw(server, stream, json!({ "seq": seq })).await?.map(|(_, bytes)| bytes))
}

/// Returns the newest message of a subject, and its position in the stream.
pub(crate) async fn newest_raw(
    server: &Server,
    at: &Address,
) -> Result<Option<(u64, Vec<u8>)>, Failure> {
    get_raw(server, &at.stream, json!({ "last_by_subj": at.subject })).await
}

async fn get(server: &Server, stream: &str, request: Value) -> Result<Option<Found>, Failure> {
    let found = get_raw(server, stream, request).await?;
    Ok(found.map(|(seq, bytes)| Found { seq, what: What::of(&bytes) }))
}

async fn get_raw(
    server: &Server,
    stream: &str,
    request: Value,
) -> Result<Option<(u64, Vec<u8>)>, Failure> {
    let answer = server.api_patient(&format!("STREAM.MSG.GET.{stream}"), &request).await;
    let GetAnswer { message } = match answer {
        Err(failure) if failure.is(&[code::NO_MESSAGE, code::NO_STREAM]) => return Ok(None),
        answer => answer?,
    };
    let bytes = STANDARD.decode(&message.data);
    let bytes = bytes.map_err(|error| Failure::Unknown(format!("not base64: {error}")))?;
    Ok(Some((message.seq, bytes)))
}

/// The sentence about a message that is not ours.
pub(crate) fn foreign(at: &Address, seq: u64) -> EngineError {
    let Address { stream, subject } = at;
    EngineError::unavailable(format!(
        "message {seq} of the stream {stream} (subject {subject}) was not written by Kipo: \
         remove it with `nats stream rmm {stream} {seq}`"
    ))
}

/// Finds where the entry with number `n`, or the oldest retained one after it, is in the stream,
/// given the newest entry of the topic.
pub(crate) async fn seek(
    server: &Server,
    at: &Address,
    n: u64,
    newest: &Position,
) -> Result<u64, EngineError> {
    let generation = newest.head.cursor.generation();
    let (mut best, mut best_number) = (newest.seq, newest.head.cursor.seq());
    // Between two entries of a topic the stream has at least as many messages as numbers.
    let above = |seq: u64, number: u64| seq.saturating_sub(number.saturating_sub(n));
    let (mut low, mut high) = (1, above(best, best_number));
    let mut probe = high;
    while low <= high && best_number > n {
        let Some(found) = next_sound(server, at, probe, best).await? else { break };
        match found.what {
            What::Entry(entry) if entry.cursor().generation() == generation => {
                let number = entry.seq();
                if number >= n {
                    (best, best_number) = (found.seq, number);
                    high = (probe - 1).min(above(best, best_number));
                } else {
                    low = found.seq + (n - number);
                }
            }
            // An older generation.
            _ => low = found.seq + 1,
        }
        // The first guess is the end, the second the beginning: both are often right.
        probe = if low == 1 && probe != 1 { 1 } else { low + high.saturating_sub(low) / 2 };
    }
    Ok(best)
}

/// Returns the first message of a subject, from `seq` on, that is ours; the one at `known` at the
/// latest.
async fn next_sound(
    server: &Server,
    at: &Address,
    seq: u64,
    known: u64,
) -> Result<Option<Found>, EngineError> {
    let mut seq = seq;
    while seq <= known {
        match next(server, at, seq).await? {
            Some(Found { seq: foreign, what: What::Foreign }) => seq = foreign + 1,
            found => return Ok(found),
        }
    }
    Ok(None)
}

/// Reads messages of a subject from position `from` in the stream to `newest`: about `bytes` of
/// them, and at least one. Foreign ones are left out, so the answer may be empty: then there is
/// none of ours.
pub(crate) async fn range(
    server: &Server,
    at: &Address,
    from: u64,
    newest: u64,
    bytes: usize,
) -> Result<Vec<Found>, EngineError> {
    let (mut found, mut from, mut left) = (Vec::new(), from, bytes.max(1));
    while from <= newest && left > 0 {
        let piece = direct(server, at, from, left).await?;
        // A replica that is behind has nothing yet; the leader has.
        let piece = if piece.is_empty() { leader(server, at, from, left).await? } else { piece };
        let Some((last, _)) = piece.last() else { break };
        from = last + 1;
        for (seq, payload) in piece {
            if seq > newest {
                return Ok(found);
            }
            left = left.saturating_sub(payload.len());
            match What::of(&payload) {
                What::Foreign => tracing::warn!("{}", foreign(at, seq)),
                what => found.push(Found { seq, what }),
            }
        }
    }
    Ok(found)
}

/// Reads messages of a subject from a position in the stream on, from any server: what it has.
pub(crate) async fn ahead(
    server: &Server,
    at: &Address,
    from: u64,
    bytes: usize,
) -> Result<Vec<Found>, EngineError> {
    let read = direct(server, at, from, bytes).await?;
    Ok(read.into_iter().map(|(seq, payload)| Found { seq, what: What::of(&payload) }).collect())
}

/// Reads messages from any server that has a replica.
async fn direct(
    server: &Server,
    at: &Address,
    from: u64,
    bytes: usize,
) -> Result<Vec<(u64, Bytes)>, EngineError> {
    let inbox = server.client.new_inbox();
    let request = json!({
        "seq": from, "next_by_subj": at.subject, "batch": RANGE_MESSAGES, "max_bytes": bytes,
    });
    let Address { stream, .. } = at;
    let receiving = async {
        let mut answers = server.client.subscribe(inbox.clone()).await.map_err(unread)?;
        let subject = format!("$JS.API.DIRECT.GET.{stream}");
        let request = request.to_string().into();
        server.client.publish_with_reply(subject, inbox, request).await.map_err(unread)?;
        let mut found = Vec::new();
        while let Some(Message { headers, payload, status, .. }) = answers.next().await {
            match status.map(|status| status.as_u16()) {
                None | Some(200) => {}
                // No servers, nothing found, or the end: what was read is what there is.
                Some(_) => break,
            }
            let seq = headers.as_ref().and_then(sequence);
            found.push((seq.ok_or_else(|| unread("no sequence"))?, payload));
        }
        Ok(found)
    };
    if !server.is_up() {
        return Err(Failure::Down.into());
    }
    // A server that dies in the middle does not end its answer.
    match timeout(DIRECT_TIME, receiving).await {
        Ok(found) => found,
        Err(_) => Ok(Vec::new()),
    }
}

/// How long a replica may take for a range before the leader is asked.
const DIRECT_TIME: Duration = Duration::from_millis(REQUEST_TIME.as_millis() as u64 / 2);

fn sequence(headers: &HeaderMap) -> Option<u64> {
    headers.get_last("Nats-Sequence")?.as_str().parse().ok()
}

fn unread(cause: impl std::fmt::Display) -> EngineError {
    EngineError::unavailable(format!("reading from JetStream failed: {cause}"))
}

/// Reads messages one by one from the stream's leader.
async fn leader(
    server: &Server,
    at: &Address,
    from: u64,
    bytes: usize,
) -> Result<Vec<(u64, Bytes)>, EngineError> {
    let (mut from, mut left, mut found) = (from.max(1), bytes, Vec::new());
    while left > 0 && found.len() < LEADER_MESSAGES {
        let request = json!({ "seq": from, "next_by_subj": at.subject });
        let Some((seq, payload)) = get_raw(server, &at.stream, request).await? else { break };
        (from, left) = (seq + 1, left.saturating_sub(payload.len()));
        found.push((seq, payload.into()));
    }
    Ok(found)
}

/// Returns the longest end of these messages that is entries of one history up to `head`, without
/// holes.
pub(crate) fn chained(found: Vec<Found>, head: &Head) -> Vec<Entry> {
    let mut wanted = head.cursor;
    let mut entries: Vec<Entry> = found
        .into_iter()
        .rev()
        .map_while(|found| match found.what {
            What::Entry(entry) if entry.cursor() == wanted => {
                wanted = entry.before();
                Some(entry)
            }
            _ => None,
        })
        .collect();
    entries.reverse();
    entries
}

/// Returns the longest beginning of these messages that is entries of one history without holes.
pub(crate) fn unbroken(found: Vec<Found>) -> Vec<(u64, Entry)> {
    let mut entries: Vec<(u64, Entry)> = Vec::with_capacity(found.len());
    for Found { seq, what } in found {
        match (what, entries.last()) {
            (What::Entry(entry), Some((_, last))) if entry.before() == last.cursor() => {
                entries.push((seq, entry));
            }
            (What::Entry(entry), None) => entries.push((seq, entry)),
            // What is left of an older generation comes before.
            (What::Removed(_), None) => {}
            _ => break,
        }
    }
    entries
}
