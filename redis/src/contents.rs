//! What the server has of topics, small records and counters.

use std::{sync::Arc, time::Duration};

use kipo_topic::{
    Cursor,
    engine::{Append, AppendError, EngineError, Entry, Head, Loaded, Outcome, pack, span},
};
use redis::{Value, cmd};

use crate::{
    failure::Failure,
    names::{Names, slot},
    reply,
    scripts::{APPEND, COUNT, GET, LOAD, REMOVE, TRIM},
    session::Session,
};

/// How many bytes of entries one item of a stream has, unless a single entry has more: the server moves
/// an item as a whole, and what is read or retained is counted in items.
const ITEM_BYTES: usize = 128 * 1024;

/// How many bytes of items a notification has at most; followers read what is larger.
const NOTIFICATION_BYTES: usize = 256 * 1024;

/// How many bytes of a topic are read at once.
const PAGE_BYTES: usize = 1024 * 1024;

/// How many names of the index are read at once.
const NAMES_MAX: usize = 512;

/// The longest time that a small record or a counter lasts, which the server can count: 100 years.
const TTL_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// An append, as it is sent.
#[derive(Debug)]
pub(crate) struct Request {
    topic: Arc<str>,
    after: Cursor,
    /// Those of the script.
    arguments: Vec<Vec<u8>>,
}

/// The contents, by way of a session.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Contents<'a> {
    pub(crate) session: &'a Session,
    pub(crate) names: &'a Names,
}

impl Contents<'_> {
    fn start(&self, topic: &str) -> Head {
        Head::start(self.session.id, topic)
    }

    /// Reads the answer for the key of a head.
    fn head_of(&self, topic: &str, value: Value) -> Result<Head, Failure> {
        if value == Value::Nil {
            return Ok(self.start(topic));
        }
        let head = reply::bytes(value).and_then(|bytes| reply::head(&bytes));
        head.ok_or_else(|| {
            Failure::new(format!(
                "the key `{}` was written by another application: remove it, or choose another \
                 prefix",
                self.names.head(topic)
            ))
        })
    }

    /// Returns what is to be sent for an append.
    pub(crate) fn request(&self, append: &Append) -> Request {
        let topic = Arc::clone(&append.topic);
        let after = append.after.cursor;
        let newest = append.entries.last().map_or(append.after, Entry::head);
        let oldest = append.keep_from.min(append.keys_from).min(newest.cursor.seq());
        let may_be_missing = after == self.start(&topic).cursor;
        let arguments = [
            after.to_string(),
            u8::from(may_be_missing).to_string(),
            reply::head_text(&newest),
            reply::id(after.seq()),
            reply::id(after.seq() + 1),
            reply::id(oldest.max(1)),
            self.names.channel(&topic),
            NOTIFICATION_BYTES.to_string(),
            NOTIFICATION_BYTES.to_string(),
        ];
        let items = pack(&append.entries, ITEM_BYTES);
        let items = items.into_iter().flat_map(|item| {
            let last = span(&item).map_or(0, |(_, last)| last.seq());
            [reply::id(last).into_bytes(), item]
        });
        let arguments = arguments.into_iter().map(String::into_bytes).chain(items).collect();
        Request { topic, after, arguments }
    }

    /// Appends as the trait says.
    pub(crate) async fn append(&self, request: &Request) -> Outcome {
        let failed = |failure: Failure| AppendError::Failed(failure.into());
        let Request { topic, after, arguments } = request;
        let (head, log) = (self.names.head(topic), self.names.log(topic));
        if after.seq() == 0 {
            // Before the topic is there: if this process ends between the two, the index has a name
            // without a topic, which `list` leaves out; the other way round it would be hidden.
            self.enlist(topic).await.map_err(failed)?;
        }
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let answer = self.session.run(&APPEND, &[&head, &log], &arguments).await;
        let answer = answer.map_err(|failure| {
            if failure.is_smaller_id() {
                failed(Failure::new(format!(
                    "the log `{log}` has entries beyond its head `{head}`: something else wrote to \
                     it, or removed the head"
                )))
            } else {
                failed(failure)
            }
        })?;
        let Value::Array(mut answer) = answer else { return Err(failed(unexpected(&log))) };
        if answer.first() == Some(&Value::Int(1)) {
            return Ok(());
        }
        let others = answer
            .pop()
            .and_then(|page| reply::page(page, after.seq()))
            .ok_or_else(|| failed(unexpected(&log)))?;
        let mut moved = Vec::new();
        reply::extend_oldest(&mut moved, others.entries);
        // The topic does not go on from there if it is another one.
        if moved.first().is_some_and(|first| first.before() != *after) {
            moved.clear();
        }
        Err(AppendError::Moved(moved))
    }

    async fn enlist(&self, topic: &str) -> Result<(), Failure> {
        let index = self.names.index();
        self.session.command(slot(&index), cmd("ZADD").arg(&index).arg(0).arg(topic)).await?;
        Ok(())
    }

    /// Loads a topic as the trait says.
    pub(crate) async fn load(&self, topic: &str, after: u64) -> Result<Loaded, EngineError> {
        let (mut from, mut entries) = (reply::id(after), Vec::new());
        let head = loop {
            let (head, page) = self.page(topic, after, &from, PAGE_BYTES).await?;
            let Some(last) = page.last else { break head };
            from = last;
            reply::extend_newest(&mut entries, page.entries);
            if entries.last().is_some_and(|newest: &Entry| newest.cursor() == head.cursor) {
                break head;
            }
        };
        if head.cursor.seq() == 0 && from != reply::id(after) {
            let (head, log) = (self.names.head(topic), self.names.log(topic));
            return Err(EngineError::unavailable(format!(
                "the log `{log}` has no head `{head}`: something else removed the head, or wrote to \
                 the log; remove the log, or restore the head"
            )));
        }
        // The newest entries may be broken, or have been removed by something else.
        if entries.last().is_some_and(|newest| newest.cursor() != head.cursor) {
            entries.clear();
        }
        if head.cursor.seq() > 0 {
            // Mends an index that went back in a failover. It is no matter if it fails: the next
            // load does it.
            let _ = self.enlist(topic).await;
        }
        Ok(Loaded { head, entries, keys: Vec::new() })
    }

    /// Reads entries as the trait says.
    pub(crate) async fn read(
        &self,
        topic: &str,
        after: u64,
        bytes: usize,
    ) -> Result<Vec<Entry>, Failure> {
        let (mut from, mut entries) = (reply::id(after), Vec::new());
        loop {
            let (_, page) = self.page(topic, after, &from, bytes.min(PAGE_BYTES)).await?;
            let Some(last) = page.last else { return Ok(entries) };
            from = last;
            let goes_on = reply::extend_oldest(&mut entries, page.entries);
            let read = entries.iter().map(Entry::encoded_len).sum::<usize>();
            if !goes_on || read >= bytes.max(1) {
                return Ok(entries);
            }
        }
    }

    /// Reads items from an id on. An item may begin with entries up to number `after`, which are left out.
    async fn page(
        &self,
        topic: &str,
        after: u64,
        from: &str,
        bytes: usize,
    ) -> Result<(Head, reply::Page), Failure> {
        let (head, log) = (self.names.head(topic), self.names.log(topic));
        let arguments: [&[u8]; 2] = [from.as_bytes(), &bytes.to_string().into_bytes()];
        let answer = self.session.run(&LOAD, &[&head, &log], &arguments).await?;
        let [head, page] = reply::parts(answer).ok_or_else(|| unexpected(&log))?;
        Ok((self.head_of(topic, head)?, reply::page(page, after).ok_or_else(|| unexpected(&log))?))
    }

    /// Reads heads, each of which may be another application's.
    pub(crate) async fn heads(
        &self,
        topics: &[Arc<str>],
    ) -> Result<Vec<Result<Head, Failure>>, Failure> {
        let commands: Vec<_> = topics
            .iter()
            .map(|topic| {
                let key = self.names.head(topic);
                (slot(&key), cmd("GET").arg(&key).to_owned())
            })
            .collect();
        let answers = self.session.commands(&commands).await?;
        Ok(topics.iter().zip(answers).map(|(topic, answer)| self.head_of(topic, answer)).collect())
    }

    pub(crate) async fn trim(&self, topic: &str, before: u64) -> Result<(), Failure> {
        let (head, log) = (self.names.head(topic), self.names.log(topic));
        self.session.run(&TRIM, &[&head, &log], &[before.to_string().as_bytes()]).await?;
        Ok(())
    }

    /// Removes a topic; what remains is a head of `generation`.
    pub(crate) async fn remove(&self, topic: &str, generation: u64) -> Result<(), Failure> {
        let (head, log) = (self.names.head(topic), self.names.log(topic));
        let remains = reply::head_text(&Head::of_generation(generation));
        let channel = self.names.channel(topic);
        let arguments: [&[u8]; 2] = [remains.as_bytes(), channel.as_bytes()];
        self.session.run(&REMOVE, &[&head, &log], &arguments).await?;
        Ok(())
    }

    /// Lists topics as the trait says.
    pub(crate) async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, Failure> {
        let (index, mut found) = (self.names.index(), Vec::new());
        let mut from = if after >= prefix { bound(b'(', after) } else { bound(b'[', prefix) };
        // No UTF-8 has this byte.
        let to = if prefix.is_empty() {
            b"+".to_vec()
        } else {
            [&bound(b'(', prefix)[..], &[0xff]].concat()
        };
        while found.len() < limit {
            let mut range = cmd("ZRANGEBYLEX");
            range.arg(&index).arg(&from).arg(&to).arg("LIMIT").arg(0).arg(NAMES_MAX);
            let answer = self.session.command(slot(&index), &range).await?;
            let Value::Array(names) = answer else { return Err(unexpected(&index)) };
            let is_last = names.len() < NAMES_MAX;
            // Names that are no text are not ours.
            let names: Vec<Arc<str>> =
                names.into_iter().filter_map(reply::text).map(Arc::from).collect();
            let Some(last) = names.last() else { break };
            from = bound(b'(', last);
            // The index has names of topics that were removed, or never made, as well.
            let heads = self.heads(&names).await?;
            found.extend(names.iter().zip(heads).filter_map(|(name, head)| {
                head.is_ok_and(|head| head.cursor.seq() > 0).then(|| name.to_string())
            }));
            if is_last {
                break;
            }
        }
        found.truncate(limit);
        Ok(found)
    }

    pub(crate) async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), Failure> {
        let key = self.names.record(key);
        let mut set = cmd("SET");
        set.arg(&key).arg(value).arg("PX").arg(millis(ttl));
        self.session.command(slot(&key), &set).await?;
        Ok(())
    }

    pub(crate) async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, Failure> {
        let key = self.names.record(key);
        let answer = self.session.run(&GET, &[&key], &[]).await?;
        let [value, left] = reply::parts(answer).ok_or_else(|| unexpected(&key))?;
        Ok(match (reply::bytes(value), left) {
            // One with less than a millisecond left has ended.
            (Some(value), Value::Int(left)) => u64::try_from(left)
                .ok()
                .filter(|left| *left > 0)
                .map(|left| (value, Duration::from_millis(left))),
            _ => None,
        })
    }

    pub(crate) async fn delete(&self, key: &str) -> Result<(), Failure> {
        let key = self.names.record(key);
        self.session.command(slot(&key), cmd("DEL").arg(&key)).await?;
        Ok(())
    }

    pub(crate) async fn count(&self, key: &str, by: u64, window: Duration) -> Result<u64, Failure> {
        let key = self.names.counter(key);
        let arguments =
            [i64::try_from(by).unwrap_or(i64::MAX).to_string(), millis(window).to_string()];
        let arguments = arguments.each_ref().map(|argument| argument.as_bytes());
        match self.session.run(&COUNT, &[&key], &arguments).await? {
            Value::Int(value) => Ok(u64::try_from(value).unwrap_or(0)),
            _ => Err(unexpected(&key)),
        }
    }
}

fn unexpected(key: &str) -> Failure {
    Failure::new(format!("the server's answer about `{key}` is not one that we know"))
}

fn bound(sign: u8, name: &str) -> Vec<u8> {
    [&[sign], name.as_bytes()].concat()
}

/// A record that ends at once still needs a time.
fn millis(time: Duration) -> u64 {
    u64::try_from(time.min(TTL_MAX).as_millis()).unwrap_or(u64::MAX).max(1)
}
