//! Reads the newest message of a subject, and ranges of entries.

use std::time::Duration;

use async_nats::{HeaderMap, Message};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures_util::StreamExt;
use kipo_topic::engine::{EngineError, Entry, Head, unpack};
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
    /// Entries of one append, at least one.
    Entries(Vec<Entry>),
    /// The topic was removed; it goes on with this generation.
    Removed(u64),
    /// It was not written by this engine, or it was changed.
    Foreign,
}

impl What {
    pub(crate) fn of(payload: &[u8]) -> Self {
        if let Some(entries) = unpack(payload) {
            return Self::Entries(entries);
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
            Self::Entries(entries) => entries.last().map(Entry::head),
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
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) head: Head,
    /// 0 if the topic has no message.
    pub(crate) seq: u64,
    /// The [connection](Server::connection) on which it was seen.
    pub(crate) connection: u64,
}

impl Position {
    /// Returns whether it is the same position in the same history.
    pub(crate) fn is_at(&self, other: &Self) -> bool {
        (self.head, self.seq) == (other.head, other.seq)
    }
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

/// Finds the message with the entry with number `n`, or with the oldest retained one after it, given
/// the newest entry of the topic. `guess` is where it may be.
pub(crate) async fn seek(
    server: &Server,
    at: &Address,
    n: u64,
    newest: &Position,
    guess: Option<u64>,
) -> Result<u64, EngineError> {
    let generation = newest.head.cursor.generation();
    // The message at `best` ends with number `n` or a later one, and none below it and from `high` on
    // does; those below `low` end before it.
    let (mut best, mut best_number) = (newest.seq, newest.head.cursor.seq());
    let (mut low, mut low_number, mut high) = (1, 0, best);
    // A topic alone in its stream, with one entry in each message, has its entry there.
    let mut probe = guess.unwrap_or(best.saturating_sub(best_number.saturating_sub(n)));
    for turn in 0_u32.. {
        if low >= high {
            break;
        }
        probe = probe.clamp(low, high - 1);
        let Some(found) = next_sound(server, at, probe, best).await? else { break };
        match found.what {
            _ if found.seq >= best => high = probe,
            What::Entries(entries) if is_of(&entries, generation) => {
                let (first, last) = numbers(&entries);
                if last < n {
                    (low, low_number) = (found.seq + 1, last);
                } else if first <= n {
                    return Ok(found.seq);
                } else {
                    (best, best_number, high) = (found.seq, first, probe);
                }
            }
            // An older generation.
            _ => low = found.seq + 1,
        }
        probe = match turn {
            // The second guess is the beginning, which is often right.
            0 => low,
            _ if turn % 2 == 0 => low + high.saturating_sub(low) / 2,
            _ => {
                let part = u128::from(n.saturating_sub(low_number).saturating_sub(1));
                let all = u128::from(best_number.saturating_sub(low_number).max(1));
                let ahead = u128::from(best.saturating_sub(low)) * part / all;
                low.saturating_add(u64::try_from(ahead).unwrap_or(u64::MAX))
            }
        };
    }
    Ok(best)
}

fn is_of(entries: &[Entry], generation: u64) -> bool {
    entries.first().is_some_and(|entry| entry.cursor().generation() == generation)
}

/// Returns the numbers of the first and the last entry of a message.
fn numbers(entries: &[Entry]) -> (u64, u64) {
    (entries.first().map_or(0, Entry::seq), entries.last().map_or(0, Entry::seq))
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
    let mut entries: Vec<Entry> = Vec::new();
    'all: for found in found.into_iter().rev() {
        let What::Entries(those) = found.what else { break };
        for entry in those.into_iter().rev() {
            if entry.cursor() != wanted {
                break 'all;
            }
            wanted = entry.before();
            entries.push(entry);
        }
    }
    entries.reverse();
    entries
}

/// Returns the longest beginning of these messages that is entries of one history without holes,
/// each with the position of its message in the stream.
pub(crate) fn unbroken(found: Vec<Found>) -> Vec<(u64, Entry)> {
    let mut entries: Vec<(u64, Entry)> = Vec::with_capacity(found.len());
    for Found { seq, what } in found {
        match (what, entries.last()) {
            (What::Entries(those), last) if last.is_none_or(|(_, last)| goes_on(&those, last)) => {
                entries.extend(those.into_iter().map(|entry| (seq, entry)));
            }
            // What is left of an older generation comes before.
            (What::Removed(_), None) => {}
            _ => break,
        }
    }
    entries
}

fn goes_on(entries: &[Entry], last: &Entry) -> bool {
    entries.first().is_some_and(|first| first.before() == last.cursor())
}
