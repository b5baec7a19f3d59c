//! The engine: the trait's methods, and the task that connects again.

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use kipo_topic::engine::{
    Append, AppendError, Engine, EngineError, Entry, FollowGuard, Follower, Head, Link, Loaded,
    Mailbox, Profile, RECORD_BYTES_MAX,
};
use tokio::{runtime::Handle, sync::watch, task::AbortHandle};
use tokio_util::task::TaskTracker;

use crate::{
    address::Address,
    contents::Contents,
    error::ConnectError,
    options::Options,
    pushed::{feeds::Feeds, mail::Mail},
    session::{OnMessage, Session},
};

/// How long it may take to connect at first.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the pause before a further try to connect again is: it doubles from the first to the
/// last.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// How many entries one append may have, and how many bytes: the server does nothing else while it
/// appends them.
const APPEND_MAX: (usize, usize) = (1024, 4 * 1024 * 1024);

/// Topics in a server of Redis 7 or Valkey, or in a cluster of them.
///
/// # Examples
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn std::error::Error>> {
/// use kipo_redis::{Options, RedisEngine};
/// use kipo_topic::Store;
///
/// let engine = RedisEngine::connect("redis://127.0.0.1:6379/0", Options::new()).await?;
/// let store = Store::on(std::sync::Arc::new(engine));
/// # Ok(()) }
/// ```
pub struct RedisEngine {
    profile: Profile,
    shared: Arc<Shared>,
    runtime: Handle,
    /// Appends that are not answered yet.
    appends: TaskTracker,
    /// The task that connects again.
    task: AbortHandle,
}

struct Shared {
    address: Address,
    options: Options,
    link: watch::Sender<Link>,
    feeds: Arc<Feeds>,
    mail: Arc<Mail>,
    state: Mutex<State>,
}

enum State {
    Connected(Arc<Session>),
    /// Why there is no session.
    Away(Arc<str>),
    Closed,
}

impl RedisEngine {
    /// Connects to the server at `address`, checks what it does and logs that in one line.
    ///
    /// The address is `redis://user:password@host:port/database?prefix=kipo`, or `rediss://…` for
    /// TLS. All parts but the host may be left out. Of a cluster any server does. The parameters are
    ///
    /// | parameter | what it sets |
    /// |---|---|
    /// | `prefix=shop` | what all keys and channels begin with: applications that share a server have one each |
    /// | `ca=FILE` | as [`Options::root_certificates`] |
    /// | `assume_synced` | as [`Options::assume_synced`] |
    ///
    /// # Errors
    ///
    /// [`ConnectError`] if the server does not answer within 10 s, refuses the user, has a
    /// certificate that does not verify, is too old, is a replica, deletes keys when its memory is
    /// full (`maxmemory-policy allkeys-…`), or if the names that begin with the prefix are another
    /// application's.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime. The engine lives on that runtime.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn run() -> Result<(), kipo_redis::ConnectError> {
    /// use kipo_redis::{Options, RedisEngine};
    ///
    /// let options = Options::new().root_certificates("/etc/shop/ca.pem");
    /// let address = "rediss://shop:secret@redis.example/?prefix=shop";
    /// let engine = RedisEngine::connect(address, options).await?;
    /// # Ok(()) }
    /// ```
    pub async fn connect(address: &str, mut options: Options) -> Result<Self, ConnectError> {
        let address = Address::parse(address, &mut options)?;
        let feeds = Arc::new(Feeds::new(address.names.clone()));
        let mail = Arc::new(Mail::new(address.names.clone()));
        let seeds = vec![(address.host.clone(), address.port)];
        let link = watch::Sender::new(Link::Down);
        let state = Mutex::new(State::Away("not connected yet".into()));
        let shared = Arc::new(Shared { address, options, link, feeds, mail, state });
        let name = &shared.address.name;
        let session = tokio::time::timeout(CONNECT_TIMEOUT, shared.open(&seeds, random())).await;
        let session = session.map_err(|_| {
            ConnectError::new(format!(
                "{name} did not answer within {} s: check the address and the network",
                CONNECT_TIMEOUT.as_secs()
            ))
        })??;
        let (append_max, bytes_max) = APPEND_MAX;
        let profile =
            Profile::new(name, session.id, session.durability).shared(append_max, bytes_max);
        tracing::info!("{name}: {}", session.summary);
        let session = shared.install(session);
        let runtime = Handle::current();
        // `Drop` ends it.
        let task =
            runtime.spawn(keep_up(Arc::clone(&shared), profile.clone(), session)).abort_handle();
        Ok(Self { profile, shared, runtime, appends: TaskTracker::new(), task })
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the session. There is none while the server is away.
    fn session(&self) -> Result<Arc<Session>, EngineError> {
        match &*self.state() {
            State::Connected(session) if *self.link.borrow() == Link::Up => Ok(Arc::clone(session)),
            State::Connected(_) => Err(EngineError::unavailable("the connection is lost")),
            State::Away(cause) => Err(EngineError::unavailable(cause)),
            State::Closed => Err(EngineError::unavailable("the engine is closed")),
        }
    }

    async fn open(&self, seeds: &[(String, u16)], id: u64) -> Result<Session, ConnectError> {
        // The session's connections hold it, and the feeds and the mail do not know the session.
        let (feeds, mail) = (Arc::clone(&self.feeds), Arc::clone(&self.mail));
        let on_message: OnMessage = Arc::new(move |channel, payload| {
            feeds.published(channel, payload);
            mail.published(channel, payload);
        });
        Session::open(&self.address, &self.options, seeds, id, self.link.clone(), on_message).await
    }

    fn install(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        let mut state = self.state();
        if !matches!(*state, State::Closed) {
            *state = State::Connected(Arc::clone(&session));
            drop(state);
            self.feeds.restart();
            session.announce();
        }
        session
    }
}

/// Follows topics by a session, and connects again when it is lost.
async fn keep_up(shared: Arc<Shared>, profile: Profile, mut session: Arc<Session>) {
    let (name, id_key) = (&shared.address.name, shared.address.names.id());
    let mut seeds = session.addresses();
    let own = (shared.address.host.clone(), shared.address.port);
    loop {
        let cause = tokio::select! {
            cause = session.watch(&id_key) => cause,
            () = shared.feeds.serve(&session) => return,
            () = shared.mail.serve(&session) => return,
        };
        *shared.state() = State::Away(format!("{name} cannot be reached ({cause})").into());
        drop(session);
        tracing::warn!("{name}: {cause}; connecting again");
        if !seeds.contains(&own) {
            seeds.push(own.clone());
        }
        let (mut pause, mut logged) = (PAUSES.0, String::new());
        let next = loop {
            let error = match shared.open(&seeds, profile.id).await {
                Ok(next) if next.durability >= profile.durability => break next,
                Ok(next) => format!(
                    "{name} is weaker than when the engine connected ({}): restore its settings, or \
                     restart the application",
                    next.summary
                ),
                Err(error) => error.to_string(),
            };
            *shared.state() = State::Away(error.as_str().into());
            if error != logged {
                tracing::warn!("{error}");
                logged = error;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        };
        tracing::info!("{name}: connected again, {}", next.summary);
        if next.id != profile.id {
            tracing::warn!("{name}: its contents are others than before");
        }
        seeds = next.addresses();
        session = shared.install(next);
    }
}

#[async_trait]
impl Engine for RedisEngine {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn link(&self) -> watch::Receiver<Link> {
        self.shared.link.subscribe()
    }

    fn append(&self, append: Append) {
        let session = match self.shared.session() {
            Ok(_) if self.appends.is_closed() => {
                Err(EngineError::unavailable("the engine is closed"))
            }
            session => session,
        };
        match session {
            Ok(session) => {
                let shared = Arc::clone(&self.shared);
                let request = self.contents(&session).request(&append);
                let own = shared.feeds.appending(&append);
                // `close` waits for it.
                let task = async move {
                    let contents = Contents { session: &session, names: &shared.address.names };
                    let outcome = contents.append(&request).await;
                    if let Some(last) = own {
                        shared.feeds.appended(&append.topic, last, outcome.is_ok());
                    }
                    append.finish(outcome);
                };
                self.appends.spawn_on(task, &self.runtime);
            }
            Err(error) => append.finish(Err(AppendError::Failed(error))),
        }
    }

    async fn load(&self, topic: &str, after: u64) -> Result<Loaded, EngineError> {
        let session = self.shared.session()?;
        self.contents(&session).load(topic, after).await
    }

    async fn read(&self, topic: &str, after: u64, bytes: usize) -> Result<Vec<Entry>, EngineError> {
        let session = self.shared.session()?;
        Ok(self.contents(&session).read(topic, after, bytes).await?)
    }

    async fn heads(&self, topics: &[Arc<str>]) -> Result<Vec<Head>, EngineError> {
        let session = self.shared.session()?;
        let heads = self.contents(&session).heads(topics).await?;
        Ok(heads.into_iter().collect::<Result<_, _>>()?)
    }

    fn follow(&self, topic: Arc<str>, after: u64, follower: Arc<dyn Follower>) -> FollowGuard {
        FollowGuard::of(self.shared.feeds.add(topic, after, follower))
    }

    fn listen(&self, node: u64, mailbox: Arc<dyn Mailbox>) -> FollowGuard {
        let mail = Arc::clone(&self.shared.mail);
        mail.add(node, mailbox);
        FollowGuard::new(move || mail.remove(node))
    }

    fn send(&self, to: Option<u64>, message: Vec<u8>) -> bool {
        self.shared.session().is_ok() && self.shared.mail.send(to, message)
    }

    async fn trim(&self, topic: &str, before: u64) -> Result<(), EngineError> {
        let session = self.shared.session()?;
        Ok(self.contents(&session).trim(topic, before).await?)
    }

    async fn remove(&self, topic: &str) -> Result<(), EngineError> {
        let session = self.shared.session()?;
        Ok(self.contents(&session).remove(topic, random()).await?)
    }

    async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, EngineError> {
        let session = self.shared.session()?;
        Ok(self.contents(&session).list(prefix, after, limit).await?)
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), EngineError> {
        if value.len() > RECORD_BYTES_MAX {
            let text = format!("a small record has at most {RECORD_BYTES_MAX} bytes");
            return Err(EngineError::unavailable(text));
        }
        let session = self.shared.session()?;
        Ok(self.contents(&session).put(key, value, ttl).await?)
    }

    async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, EngineError> {
        let session = self.shared.session()?;
        Ok(self.contents(&session).get(key).await?)
    }

    async fn delete(&self, key: &str) -> Result<(), EngineError> {
        let session = self.shared.session()?;
        Ok(self.contents(&session).delete(key).await?)
    }

    async fn count(&self, key: &str, by: u64, window: Duration) -> Result<u64, EngineError> {
        let session = self.shared.session()?;
        Ok(self.contents(&session).count(key, by, window).await?)
    }

    async fn close(&self) {
        self.appends.close();
        self.appends.wait().await;
        self.end();
    }
}

impl RedisEngine {
    fn contents<'a>(&'a self, session: &'a Session) -> Contents<'a> {
        Contents { session, names: &self.shared.address.names }
    }

    fn end(&self) {
        self.task.abort();
        *self.shared.state() = State::Closed;
        self.shared.link.send_replace(Link::Down);
    }
}

impl Drop for RedisEngine {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for RedisEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisEngine").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Returns a number that is not drawn twice: the keys of `RandomState` come from the system's
/// randomness.
fn random() -> u64 {
    RandomState::new().hash_one("kipo-redis")
}
