//! The streams of the engine: made when they are first needed, and checked when they are found.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Mutex,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use serde::Deserialize;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::{
    names::{Kind, Names, StreamName},
    server::{Failure, Server, code, lock},
};

/// The key of the metadata of our streams that holds the version of their contents.
const FORM_KEY: &str = "kipo_form";

/// The version of the contents.
const FORM: &str = "2";

/// The key of the metadata of the first stream that holds the id of the contents.
const ID_KEY: &str = "kipo_id";

/// The replicas of new streams in a cluster.
const REPLICAS_IN_CLUSTER: usize = 3;

/// What the server says about a stream.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Info {
    pub(crate) config: Config,
    pub(crate) state: State,
    pub(crate) created: String,
    /// The server's time.
    #[serde(default)]
    ts: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Config {
    pub(crate) num_replicas: usize,
    #[serde(default)]
    subjects: Vec<String>,
    #[serde(default)]
    metadata: HashMap<String, String>,
    #[serde(flatten)]
    rest: HashMap<String, Value>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct State {
    pub(crate) last_seq: u64,
    #[serde(default)]
    pub(crate) first_seq: u64,
    #[serde(default)]
    pub(crate) messages: u64,
    /// When the last message was stored.
    #[serde(default)]
    pub(crate) last_ts: String,
    /// How many messages each subject has, where that was asked for.
    #[serde(default)]
    pub(crate) subjects: HashMap<String, u64>,
}

/// What was asked for and what was found.
#[derive(Debug)]
pub(crate) struct Streams {
    server: Server,
    pub(crate) names: Names,
    asked_replicas: Option<usize>,
    /// The replicas of the first stream, and so of every new one.
    replicas: AtomicU64,
    /// The id of the contents, as it was last read.
    id: AtomicU64,
    /// The server's clock minus ours, in milliseconds.
    clock_offset_ms: AtomicI64,
    /// The streams that were found or made.
    known: Mutex<HashSet<String>>,
}

impl Streams {
    pub(crate) fn new(server: Server, names: Names, replicas: Option<usize>) -> Self {
        Self {
            server,
            names,
            asked_replicas: replicas,
            replicas: AtomicU64::new(1),
            id: AtomicU64::new(0),
            clock_offset_ms: AtomicI64::new(0),
            known: Mutex::default(),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id.load(Ordering::Relaxed)
    }

    pub(crate) fn replicas(&self) -> usize {
        usize::try_from(self.replicas.load(Ordering::Relaxed)).unwrap_or(1)
    }

    /// Returns the server's time in milliseconds since 1970, as far as it is known.
    pub(crate) fn server_now_ms(&self) -> i64 {
        now_ms() + self.clock_offset_ms.load(Ordering::Relaxed)
    }

    /// Finds or makes the first stream, and reads the id of the contents, the replicas and the
    /// server's clock.
    pub(crate) async fn open(&self) -> Result<(), Failure> {
        let first = self.names.statics();
        let asked = self.asked_replicas.unwrap_or(REPLICAS_IN_CLUSTER);
        let info = match self.find_or_make(&first, asked).await {
            Err(failure) if self.asked_replicas.is_none() && failure.is(&[code::NOT_CLUSTERED]) => {
                self.find_or_make(&first, 1).await?
            }
            result => result?,
        };
        let id = info.config.metadata.get(ID_KEY).and_then(|id| u64::from_str_radix(id, 16).ok());
        let id = id.ok_or_else(|| foreign(&first.name, "has no id in its metadata"))?;
        self.id.store(id, Ordering::Relaxed);
        self.replicas.store(info.config.num_replicas as u64, Ordering::Relaxed);
        if let Some(server_ms) = milliseconds(&info.ts) {
            self.clock_offset_ms.store(server_ms - now_ms(), Ordering::Relaxed);
        }
        Ok(())
    }

    /// Finds or makes a stream, unless that was done before.
    pub(crate) async fn ensure(&self, stream: &StreamName) -> Result<(), Failure> {
        if !lock(&self.known).contains(&stream.name) {
            self.find_or_make(stream, self.replicas()).await?;
        }
        Ok(())
    }

    /// Forgets that a stream is there, since a server said that it is not. If the contents were
    /// lost, they begin again with another id.
    pub(crate) async fn missing(&self, stream: &StreamName) -> Result<(), Failure> {
        lock(&self.known).remove(&stream.name);
        self.open().await
    }

    /// Returns what the server says about a stream, or nothing if it is not there.
    pub(crate) async fn info(&self, name: &str) -> Result<Option<Info>, Failure> {
        match self.server.api_patient(&format!("STREAM.INFO.{name}"), &json!({})).await {
            Err(failure) if failure.is(&[code::NO_STREAM]) => Ok(None),
            result => result.map(Some),
        }
    }

    async fn find_or_make(&self, stream: &StreamName, replicas: usize) -> Result<Info, Failure> {
        let info = match self.info(&stream.name).await? {
            Some(info) => info,
            None => self.make(stream, replicas).await?,
        };
        self.check(stream, &info)?;
        lock(&self.known).insert(stream.name.clone());
        Ok(info)
    }

    async fn make(&self, stream: &StreamName, replicas: usize) -> Result<Info, Failure> {
        let config = self.config(stream, replicas);
        let subject = format!("STREAM.CREATE.{}", stream.name);
        match self.server.api_patient(&subject, &config).await {
            // Another node was quicker.
            Err(failure) if failure.is(&[code::NAME_IN_USE]) => {
                self.info(&stream.name).await?.ok_or(failure)
            }
            Err(failure) if failure.is(&[code::SUBJECTS_OVERLAP]) => {
                let subject = &stream.subject;
                Err(refusal(format!(
                    "another stream takes subjects like {subject}, which {} needs: \
                     choose another prefix, or remove that stream's subjects",
                    stream.name,
                )))
            }
            result => result,
        }
    }

    fn config(&self, stream: &StreamName, replicas: usize) -> Value {
        let mut metadata = json!({ FORM_KEY: FORM });
        if stream.name == self.names.statics().name {
            metadata[ID_KEY] = format!("{:016x}", fastrand::u64(1..)).into();
        }
        let other = match stream.kind {
            Kind::Topics => self.names.barrier(&stream.name),
            Kind::Records => self.names.counters(),
        };
        json!({
            "name": stream.name,
            "description": match stream.kind {
                Kind::Topics => "Topics of Kipo: one subject for each, one message for each append",
                Kind::Records => "Small records and counters of Kipo that expire",
            },
            "subjects": [stream.subject, other],
            "retention": "limits",
            "storage": "file",
            "discard": "old",
            "num_replicas": replicas,
            "max_consumers": -1,
            "max_msgs": -1,
            "max_bytes": -1,
            "max_age": 0,
            "max_msgs_per_subject": if stream.kind == Kind::Records { 1 } else { -1 },
            "allow_direct": true,
            "allow_rollup_hdrs": stream.kind == Kind::Topics,
            "allow_atomic": stream.kind == Kind::Topics,
            "allow_msg_ttl": stream.kind == Kind::Records,
            "metadata": metadata,
        })
    }

    /// Checks that a stream is ours, and that it keeps what it is given.
    fn check(&self, stream: &StreamName, info: &Info) -> Result<(), Failure> {
        let (name, config) = (&stream.name, &info.config);
        match config.metadata.get(FORM_KEY).map(String::as_str) {
            Some(FORM) => {}
            Some(other) => {
                let text = format!("has contents of form {other}, and this version reads {FORM}");
                return Err(foreign(name, &text));
            }
            None => return Err(foreign(name, "was not made by Kipo")),
        }
        let expected = self.config(stream, config.num_replicas);
        if expected["subjects"] != json!(config.subjects) {
            return Err(foreign(name, &format!("has the subjects {:?}", config.subjects)));
        }
        let settings = [
            "retention",
            "storage",
            "max_msgs",
            "max_bytes",
            "max_age",
            "max_msgs_per_subject",
            "allow_direct",
            "allow_rollup_hdrs",
            "allow_atomic",
            "allow_msg_ttl",
        ];
        for setting in settings {
            let (want, found) = (&expected[setting], config.rest.get(setting));
            // A setting that is off may be absent.
            if found.unwrap_or(&Value::Bool(false)) != want {
                let found = found.map_or_else(|| "unset".to_owned(), Value::to_string);
                return Err(refusal(format!(
                    "the stream {name} has {setting} {found}, and Kipo needs {want}: \
                     change it with `nats stream edit {name}`"
                )));
            }
        }
        for setting in ["sealed", "deny_purge"] {
            if config.rest.get(setting) == Some(&Value::Bool(true)) {
                return Err(refusal(format!(
                    "the stream {name} is {setting}: Kipo cannot write or trim it"
                )));
            }
        }
        match self.asked_replicas {
            Some(asked) if asked != config.num_replicas => Err(refusal(format!(
                "the stream {name} has {} replicas and the options ask for {asked}: change it \
                 with `nats stream edit {name} --replicas {asked}`, or do not ask for a number",
                config.num_replicas
            ))),
            _ => Ok(()),
        }
    }
}

fn foreign(stream: &str, what: &str) -> Failure {
    refusal(format!("the stream {stream} {what}: choose another prefix, or remove that stream"))
}

fn refusal(text: String) -> Failure {
    Failure::Refused { code: 0, text }
}

/// Returns the milliseconds since 1970 of a time as JetStream writes it.
fn milliseconds(text: &str) -> Option<i64> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    i64::try_from(time.unix_timestamp_nanos() / 1_000_000).ok()
}

fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_the_server_are_read() {
        assert_eq!(milliseconds("1970-01-01T00:00:01.5Z"), Some(1500));
        assert_eq!(milliseconds("2026-11-29T08:00:00.123456789Z"), Some(1_795_939_200_123));
        assert_eq!(milliseconds("2026-11-29T09:00:00+01:00"), Some(1_795_939_200_000));
        assert_eq!(milliseconds("yesterday"), None);
    }
}
