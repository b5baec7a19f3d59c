//! The engine: what the trait asks for, by way of the other modules.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use kipo_topic::{
    Durability,
    engine::{
        Append, AppendError, Engine, EngineError, Entry, FollowGuard, Follower, Head, Link, Loaded,
        Mailbox, Profile,
    },
};
use tokio::{
    runtime::Handle,
    sync::{Semaphore, watch},
    time::{Instant, timeout},
};

use crate::{
    appending::{APPEND_BYTES_MAX, APPEND_MAX, Appending, Write},
    connecting::Addresses,
    error::ConnectError,
    following::Following,
    mail::Mail,
    names::Names,
    options::Options,
    records::Records,
    server::{Failure, REQUEST_TIME, code},
    streams::Streams,
    topics::Topics,
};

/// How long connecting may take in all.
const CONNECT_TIME: Duration = Duration::from_secs(10);

/// How long after its beginning connecting still waits for servers of the cluster that do not run.
const PEERS_TIME: Duration = Duration::from_secs(8);

/// The pause before a cluster that is just starting is asked again.
const START_PAUSE: Duration = Duration::from_millis(200);

/// How many appends may be on their way.
const APPENDS_MAX: u32 = 65_536;

/// Keeps topics in NATS JetStream: see the [crate](crate).
pub struct NatsEngine {
    profile: Profile,
    runtime: Handle,
    topics: Arc<Topics>,
    appending: Arc<Appending>,
    following: Following,
    records: Records,
    mail: Mail,
    /// One permit for each append on its way.
    appends: Arc<Semaphore>,
    closed: AtomicBool,
}

impl NatsEngine {
    /// Connects to a server, or to a cluster by the addresses of several of its servers
    /// (`nats://user:password@a:4222,b:4222`), makes the first stream if it is not there, and logs
    /// in one line what the server is and what an acknowledged message survives.
    ///
    /// Tasks of the engine run on the Tokio runtime that this is called on.
    ///
    /// # Errors
    ///
    /// Fails after at most 10 s if no server can be reached, if it refuses the user, if its
    /// certificate does not verify, if it is older than 2.12 or runs without JetStream, if the first
    /// stream has to be made and the cluster has fewer running servers than replicas, and if the
    /// streams with the names that the engine needs belong to others or have settings that lose
    /// messages. The error says what would help.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use kipo_nats::{NatsEngine, Options};
    ///
    /// # async fn connect() -> Result<(), kipo_nats::ConnectError> {
    /// let options = Options::new().prefix("shop");
    /// let engine = NatsEngine::connect("nats://shop:secret@n1:4222,n2:4222,n3:4222", options).await?;
    /// # drop(engine);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn connect(address: &str, options: Options) -> Result<Self, ConnectError> {
        let addresses = Addresses::parse(address)?;
        match timeout(CONNECT_TIME, Self::connect_to(&addresses, &options)).await {
            Ok(result) => result,
            Err(_) => Err(ConnectError::new(format!(
                "NATS at {} did not get ready in {} s: check that JetStream has a leader there \
                 (`nats server report jetstream`)",
                addresses.text,
                CONNECT_TIME.as_secs()
            ))),
        }
    }

    async fn connect_to(addresses: &Addresses, options: &Options) -> Result<Self, ConnectError> {
        let names = Names::new(&options.prefix).ok_or_else(|| {
            ConnectError::new("the prefix has to be 1 to 32 letters, digits and dashes")
        })?;
        if options.replicas.is_some_and(|replicas| !matches!(replicas, 1 | 3 | 5)) {
            return Err(ConnectError::new("the number of replicas has to be 1, 3 or 5"));
        }
        let started = Instant::now();
        let server = addresses.connect(options).await?;
        let streams = Streams::new(server.clone(), names, options.replicas);
        let mut warned = false;
        while let Err(failure) = streams.open().await {
            let lacks_servers = failure.is(&[code::NO_PEERS]) && started.elapsed() < PEERS_TIME;
            if !lacks_servers && !is_starting(&failure) {
                return Err(explain(addresses, &failure));
            }
            if lacks_servers && !std::mem::replace(&mut warned, true) {
                tracing::warn!(%failure, "waits for more servers of the NATS cluster");
            }
            tokio::time::sleep(START_PAUSE).await;
        }
        let durability = if options.assume_synced { Durability::Fsync } else { Durability::Os };
        let profile = Profile::new(addresses.text.clone(), streams.id(), durability)
            .shared(APPEND_MAX, APPEND_BYTES_MAX);
        let version = server.client.server_info().version;
        let replicas = streams.replicas();
        let (sync, survives) = if options.assume_synced {
            ("synced before each acknowledgement, as the options state", "a power loss")
        } else {
            (
                "sync_interval not visible to clients",
                "the end of the server's process, not a power loss",
            )
        };
        tracing::info!(
            "NATS JetStream {version} at {}: replicas {replicas}, {sync}; an acknowledged message \
             survives {survives}",
            addresses.text
        );
        let runtime = Handle::current();
        let mail = Mail::new(server.clone(), streams.names.clone(), runtime.clone());
        let topics = Arc::new(Topics::new(server, streams));
        runtime.spawn(reopen(Arc::downgrade(&topics)));
        Ok(Self {
            profile,
            appending: Arc::new(Appending::new(topics.clone())),
            following: Following::new(topics.clone(), runtime.clone()),
            records: Records::new(topics.clone()),
            mail,
            topics,
            runtime,
            appends: Arc::new(Semaphore::new(APPENDS_MAX as usize)),
            closed: AtomicBool::new(false),
        })
    }

    fn check_open(&self) -> Result<(), EngineError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(EngineError::unavailable("the engine is closed"));
        }
        Ok(())
    }
}

/// After each reconnection reads again what the server is: its contents may be others, with
/// another id, and its clock.
async fn reopen(topics: std::sync::Weak<Topics>) {
    let Some(mut connections) = topics.upgrade().map(|topics| topics.server.connections()) else {
        return;
    };
    connections.mark_unchanged();
    while connections.changed().await.is_ok() {
        let Some(topics) = topics.upgrade() else { return };
        if let Err(failure) = topics.streams.open().await {
            tracing::warn!(%failure, "the streams in NATS are not as they have to be");
        }
    }
}

fn is_starting(failure: &Failure) -> bool {
    matches!(failure, Failure::NotTaken | Failure::NoAnswer | Failure::Unknown(_) | Failure::Down)
        || failure.is(&[code::NOT_AVAILABLE])
}

fn explain(addresses: &Addresses, failure: &Failure) -> ConnectError {
    let at = &addresses.text;
    ConnectError::new(match failure {
        // A sentence of our own.
        Failure::Refused { code: 0, text } => format!("NATS at {at}: {text}"),
        _ if failure.is(&[code::NOT_ENABLED, code::NOT_ENABLED_FOR_ACCOUNT]) => format!(
            "NATS at {at} has no JetStream for this account: enable it in the server's configuration"
        ),
        _ if failure.is(&[code::NOT_CLUSTERED, code::NO_PEERS]) => format!(
            "NATS at {at} has not enough servers that are up for the replicas: start them, or set \
             fewer with Options::replicas ({failure})"
        ),
        _ => format!("NATS at {at}: {failure}"),
    })
}

#[async_trait]
impl Engine for NatsEngine {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.topics.server.link()
    }

    fn append(&self, append: Append) {
        let failed = |error| Err(AppendError::Failed(error));
        if let Err(error) = self.check_open() {
            return append.finish(failed(error));
        }
        if !self.topics.server.is_up() {
            return append.finish(failed(Failure::Down.into()));
        }
        let Ok(permit) = self.appends.clone().try_acquire_owned() else {
            let text = format!("{APPENDS_MAX} appends are on their way to NATS already");
            return append.finish(failed(EngineError::unavailable(text)));
        };
        let (appending, write) = (self.appending.clone(), Write::of(&append));
        self.runtime.spawn(async move {
            let outcome = appending.append(write).await;
            append.finish(outcome);
            drop(permit);
        });
    }

    async fn load(&self, topic: &str, after: u64) -> Result<Loaded, EngineError> {
        self.topics.load(&topic.into(), after).await
    }

    async fn read(&self, topic: &str, after: u64, bytes: usize) -> Result<Vec<Entry>, EngineError> {
        self.topics.read(&topic.into(), after, bytes).await
    }

    async fn heads(&self, topics: &[Arc<str>]) -> Result<Vec<Head>, EngineError> {
        self.topics.heads(topics).await
    }

    fn follow(&self, topic: Arc<str>, after: u64, follower: Arc<dyn Follower>) -> FollowGuard {
        self.following.follow(topic, after, follower)
    }

    fn listen(&self, node: u64, mailbox: Arc<dyn Mailbox>) -> FollowGuard {
        self.mail.listen(node, mailbox)
    }

    fn send(&self, to: Option<u64>, message: Vec<u8>) -> bool {
        self.check_open().is_ok() && self.mail.send(to, message)
    }

    async fn trim(&self, topic: &str, before: u64) -> Result<(), EngineError> {
        self.topics.trim(&topic.into(), before).await
    }

    async fn remove(&self, topic: &str) -> Result<(), EngineError> {
        self.topics.remove(&topic.into()).await
    }

    async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, EngineError> {
        self.topics.list(prefix, after, limit).await
    }

    fn release(&self, topic: &str) {
        self.topics.forget(topic);
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), EngineError> {
        self.records.put(key, value, ttl).await
    }

    async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, EngineError> {
        self.records.get(key).await
    }

    async fn delete(&self, key: &str) -> Result<(), EngineError> {
        self.records.delete(key).await
    }

    async fn count(&self, key: &str, by: u64, window: Duration) -> Result<u64, EngineError> {
        self.records.count(key, by, window).await
    }

    async fn close(&self) {
        if self.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.following.close();
        // Each append on its way has a permit.
        let _ = timeout(REQUEST_TIME * 2, self.appends.acquire_many(APPENDS_MAX)).await;
        let _ = self.topics.server.client.drain().await;
    }
}

impl fmt::Debug for NatsEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NatsEngine").field("profile", &self.profile).finish_non_exhaustive()
    }
}
