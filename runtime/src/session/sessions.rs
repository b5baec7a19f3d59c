//! The sessions of an app: reading, writing and ending them in their store.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, OnceLock},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

#[cfg(test)]
use std::sync::atomic::{AtomicU64, Ordering};

use kipo_topic::{
    Store,
    engine::{Engine, RECORD_BYTES_MAX},
};
use tokio::sync::{Mutex, MutexGuard};

use crate::{
    error::{Code, Error, Result},
    metrics::{Counter, Metrics, SessionMeter},
    session::{
        cache::{self, Cache},
        ended_users::EndedUsers,
        ends::{Ends, Nodes},
        record::{Record, USER_BYTES_MAX, millis},
        store::{EngineStore, SessionStore},
        token::{Key, Token},
    },
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a session lasts that nobody uses: a person who comes back each fortnight stays signed in.
const IDLE_DEFAULT: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// How long a session lasts at most: a stolen cookie is worth nothing after a season.
const ABSOLUTE_DEFAULT: Duration = Duration::from_secs(90 * 24 * 60 * 60);

/// How often a session that is only read is written, so that it does not end as an idle one.
const SLIDE: Duration = Duration::from_secs(5 * 60);

/// How often a stream asks again for its session while the store does not answer.
const STORE_RETRY: Duration = Duration::from_secs(1);

/// How many locks the sessions of a process share: as many writes run side by side.
const SHARDS: usize = 64;

/// The mark of a user whose sessions were never ended together.
const NO_MARK: u64 = 0;

/// The sessions of an app: where they are kept, and when they end.
///
/// [`App::sessions`](crate::App::sessions) adds them, and an action takes its visitor's
/// [`Session`](crate::Session). `State<Sessions>` ends all sessions of a user. A clone is cheap and
/// refers to the same sessions. See the [guide](crate::guide::sessions).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use kipo::{App, Context, FromContext, Session, Sessions};
///
/// let hour = Duration::from_secs(3600);
/// let _app = App::new().sessions(Sessions::new().idle(hour).absolute(12 * hour));
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// // In a test:
/// let sessions = Sessions::in_memory();
/// let cx = Context::test().with_state(sessions.clone());
/// let session: Session = Session::from_context(&cx).await.unwrap();
/// session.set_user("ann").await.unwrap();
/// assert!(session.is_active().await.unwrap());
///
/// sessions.end_all("ann").await.unwrap();
/// assert!(!session.is_active().await.unwrap());
/// # });
/// ```
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    cookie: Cow<'static, str>,
    idle: Duration,
    absolute: Duration,
    /// Empty until the app has opened its storage.
    place: OnceLock<Place>,
    ends: Arc<Ends>,
    ended_users: EndedUsers,
    /// Held from the read of a session to its write. These locks are taken before those of users.
    session_locks: Locks,
    /// Held from the read of a user's mark until it is cached, and while it is written.
    user_locks: Locks,
    /// Empty in an app that does not count.
    meter: OnceLock<SessionMeter>,
    #[cfg(test)]
    ahead_ms: AtomicU64,
}

type Locks = Box<[Mutex<()>]>;

/// Where the sessions are kept.
struct Place {
    store: Arc<dyn SessionStore>,
    /// Only where no other process writes to the store.
    caches: Option<Caches>,
    /// Only where other processes write to the store.
    nodes: Option<Nodes>,
}

struct Caches {
    sessions: Cache<Arc<Record>>,
    /// The marks of users, by their keys.
    marks: Cache<u64>,
}

impl Sessions {
    /// Returns sessions that are kept where the app keeps its durable topics: in its data directory,
    /// or in its engine. They end after 14 idle days, and after 90 days in any case.
    #[must_use]
    pub fn new() -> Self {
        let locks = || (0..SHARDS).map(|_| Mutex::default()).collect();
        Self(Arc::new(Inner {
            cookie: Cow::Borrowed("kipo-session"),
            idle: IDLE_DEFAULT,
            absolute: ABSOLUTE_DEFAULT,
            place: OnceLock::new(),
            ends: Arc::default(),
            ended_users: EndedUsers::new(),
            session_locks: locks(),
            user_locks: locks(),
            meter: OnceLock::new(),
            #[cfg(test)]
            ahead_ms: AtomicU64::new(0),
        }))
    }

    /// Returns sessions that are gone with the process, for tests and for apps without a data
    /// directory.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot start a thread.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new().kept_by(Store::in_memory().engine()).expect("memory is no shared engine")
    }

    /// Returns sessions that are kept in a store of your own.
    ///
    /// # Examples
    ///
    /// See [`SessionStore`].
    #[must_use]
    pub fn on(store: impl SessionStore) -> Self {
        let sessions = Self::new();
        let place = Place { store: Arc::new(store), caches: None, nodes: None };
        let _ = sessions.0.place.set(place);
        sessions
    }

    /// Sets after which time without a request a session ends; 14 days by default.
    ///
    /// # Panics
    ///
    /// Panics if the sessions have been cloned.
    #[must_use]
    pub fn idle(mut self, time: Duration) -> Self {
        self.unshared().idle = time;
        self
    }

    /// Sets after which time a session ends in any case; 90 days by default.
    ///
    /// # Panics
    ///
    /// Panics if the sessions have been cloned.
    #[must_use]
    pub fn absolute(mut self, time: Duration) -> Self {
        self.unshared().absolute = time;
        self
    }

    /// Sets the name of the cookie; `kipo-session` by default. Two apps on one host need two names,
    /// also if their ports differ.
    ///
    /// # Panics
    ///
    /// Panics if the sessions have been cloned.
    #[must_use]
    pub fn cookie(mut self, name: impl Into<Cow<'static, str>>) -> Self {
        self.unshared().cookie = name.into();
        self
    }

    fn unshared(&mut self) -> &mut Inner {
        Arc::get_mut(&mut self.0).expect("the settings of sessions are made before a clone")
    }

    /// Ends all sessions of a user, on all nodes: those that [`Session::set_user`] gave this name. An
    /// open stream of such a session ends within a second, and [`Session::user`] is `None` also in a
    /// request that this process is answering.
    ///
    /// Call it when a password changes, or when a user is blocked.
    ///
    /// # Errors
    ///
    /// Returns a 503 if the store or the engine does not answer. Call it again then.
    ///
    /// # Cancel safety
    ///
    /// A dropped future may have ended the sessions or not.
    ///
    /// # Examples
    ///
    /// See [`Sessions`].
    ///
    /// [`Session::set_user`]: crate::Session::set_user
    /// [`Session::user`]: crate::Session::user
    pub async fn end_all(&self, user: &str) -> Result<()> {
        let place = self.place()?;
        let key = Key::of_user(user);
        {
            let _lock = lock(&self.0.user_locks, &key).await;
            if let Some(caches) = &place.caches {
                caches.marks.remove(&key);
            }
            let mark = random_mark();
            // A mark outlives every session that was made before it. The session of a user whose mark
            // has been removed ends early, and none comes back.
            let ttl = self.0.absolute.saturating_mul(10);
            place.put(&user_name(&key), &mark.to_be_bytes(), ttl).await?;
            if let Some(caches) = &place.caches {
                caches.marks.insert(key, mark);
            }
        }
        self.0.ended_users.end(key);
        self.count(|meter| &meter.users_ended);
        self.notify(place, key).await
    }

    /// Returns whether the sessions need the app's data directory or engine.
    pub(crate) fn needs_storage(&self) -> bool {
        self.0.place.get().is_none()
    }

    /// Counts what happens to the sessions, if the app counts. Sessions that several apps share are
    /// counted by the first.
    pub(crate) fn count_in(&self, metrics: &Metrics) {
        if metrics.is_counting() {
            let _ = self.0.meter.set(SessionMeter::new(metrics));
        }
    }

    /// Raises a counter by 1.
    pub(super) fn count(&self, of: impl FnOnce(&SessionMeter) -> &Counter) {
        if let Some(meter) = self.0.meter.get() {
            of(meter).add(1);
        }
    }

    /// Keeps the sessions in the app's data directory or engine, unless they have a store.
    pub(crate) fn open(&self, store: &Store) -> Result<()> {
        self.clone().kept_by(store.engine()).map(drop)
    }

    /// Returns what is wrong with the settings.
    pub(crate) fn error(&self) -> Option<String> {
        let Inner { cookie, idle, absolute, .. } = &*self.0;
        let is_token = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        if cookie.is_empty() || !cookie.bytes().all(is_token) {
            return Some(format!(
                "`{cookie}` is no name of a cookie: it has letters, digits, `-`, `_` and `.`"
            ));
        }
        let is_short = idle.is_zero() || absolute.is_zero();
        is_short.then(|| "a session that ends at once is none: set a longer time".to_owned())
    }

    fn kept_by(self, engine: &Arc<dyn Engine>) -> Result<Self> {
        let is_shared = engine.profile().shared;
        let caches = Caches { sessions: Cache::new(), marks: Cache::new() };
        let nodes = is_shared.then(|| Nodes::new(engine, &self.0.ends)).transpose()?;
        let store = Arc::new(EngineStore(Arc::clone(engine)));
        let _ = self.0.place.set(Place { store, caches: (!is_shared).then_some(caches), nodes });
        Ok(self)
    }

    fn place(&self) -> Result<&Place> {
        let missing = "the sessions are not open: the app opens them when it starts";
        let place = self.0.place.get().ok_or_else(|| Error::internal(missing))?;
        if let Some(nodes) = &place.nodes {
            nodes.follow(session_name);
        }
        Ok(place)
    }

    /// Returns the users whose sessions this process has ended.
    pub(super) fn ended_users(&self) -> &EndedUsers {
        &self.0.ended_users
    }

    pub(crate) fn cookie_name(&self) -> &str {
        &self.0.cookie
    }

    /// Returns how long the cookie of a session lasts: the store decides when an idle one ends.
    pub(super) fn cookie_age(&self, record: &Record) -> Duration {
        let end = record.created_ms.saturating_add(millis(self.0.absolute));
        Duration::from_millis(end.saturating_sub(self.now_ms()))
    }

    pub(super) fn now_ms(&self) -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis);
        #[cfg(test)]
        let now = now + self.0.ahead_ms.load(Ordering::Relaxed);
        now
    }

    /// Lets time pass, for tests.
    #[cfg(test)]
    pub(super) fn advance(&self, time: Duration) {
        self.0.ahead_ms.fetch_add(millis(time), Ordering::Relaxed);
    }

    /// Returns a session that has not ended.
    pub(super) async fn find(&self, key: &Key) -> Result<Option<Arc<Record>>> {
        let place = self.place()?;
        let cached = place.caches.as_ref().and_then(|caches| caches.sessions.get(key));
        let record = match (cached, &place.caches) {
            (Some(record), _) => Some(record),
            (None, None) => self.read(place, key).await?,
            (None, Some(_)) => {
                // What is read may be cached only if nobody writes meanwhile.
                let _lock = lock(&self.0.session_locks, key).await;
                self.read(place, key).await?
            }
        };
        let Some(record) = record else { return Ok(None) };
        self.only_alive(place, record).await
    }

    /// Finds the session of a request. Writes it if it was not written for some minutes, so that it
    /// does not end as an idle one.
    pub(super) async fn visit(&self, key: &Key) -> Result<Option<Arc<Record>>> {
        let Some(record) = self.find(key).await? else { return Ok(None) };
        let pause = SLIDE.min(self.0.idle / 10);
        if self.now_ms().saturating_sub(record.seen_ms) <= millis(pause) {
            return Ok(Some(record));
        }
        match self.update(key, |_| Ok(())).await {
            Ok(record) => Ok(Some(record)),
            Err(error) if error.code() == Code::Unauthorized => Ok(None),
            Err(error) => {
                // The request does not need the write, and the next one tries again.
                tracing::warn!(error = error.log_text(), "a session could not be written");
                Ok(Some(record))
            }
        }
    }

    /// Changes a session that has not ended, and writes it.
    pub(super) async fn update(
        &self,
        key: &Key,
        change: impl FnOnce(&mut Record) -> Result<()>,
    ) -> Result<Arc<Record>> {
        let place = self.place()?;
        let _lock = lock(&self.0.session_locks, key).await;
        let record = self.read(place, key).await?.ok_or_else(ended)?;
        let record = self.only_alive(place, record).await?.ok_or_else(ended)?;
        let mut record = Record::clone(&record);
        change(&mut record)?;
        record.seen_ms = self.now_ms();
        self.write(place, key, record).await
    }

    /// Writes a session under a new token.
    pub(super) async fn create(&self, record: Record) -> Result<(Token, Arc<Record>)> {
        let place = self.place()?;
        let token = Token::random();
        let key = token.key();
        let _lock = lock(&self.0.session_locks, &key).await;
        let record = self.write(place, &key, record).await?;
        self.count(|meter| &meter.begun);
        Ok((token, record))
    }

    /// Sets the user of a session that is not written yet.
    pub(super) async fn set_user(&self, record: &mut Record, user: String) -> Result<()> {
        if !matches!(user.len(), 1..=USER_BYTES_MAX) {
            let message = format!("the name of a user has 1 to {USER_BYTES_MAX} bytes");
            return Err(Error::internal(message));
        }
        record.mark = self.mark(self.place()?, &Key::of_user(&user)).await?;
        record.user = Some(user);
        Ok(())
    }

    /// Ends a session, on all nodes.
    pub(super) async fn end(&self, key: &Key) -> Result<()> {
        let place = self.place()?;
        {
            let _lock = lock(&self.0.session_locks, key).await;
            if let Some(caches) = &place.caches {
                caches.sessions.remove(key);
            }
            place.store.delete(&session_name(key)).await.map_err(unavailable)?;
        }
        self.count(|meter| &meter.ended);
        self.notify(place, *key).await
    }

    /// Completes when a session ends, with the error that the client of its stream reads.
    pub(super) async fn ended(self, key: Key, user: Option<String>) -> Error {
        let ends = &self.0.ends;
        let session_end = ends.wait(key);
        // A session without a user waits for its own end twice.
        let user_end = ends.wait(user.map_or(key, |user| Key::of_user(&user)));
        loop {
            let recheck = ends.recheck();
            let left = match self.find(&key).await {
                Ok(Some(record)) => self.left(&record).unwrap_or_default(),
                Ok(None) => return ended(),
                Err(_) => STORE_RETRY,
            };
            tokio::select! {
                () = session_end.ended() => return ended(),
                () = user_end.ended() => return ended(),
                () = recheck => {}
                // A request may have used the session meanwhile.
                () = tokio::time::sleep(left.min(DAY)) => {}
            }
        }
    }

    async fn notify(&self, place: &Place, key: Key) -> Result<()> {
        self.0.ends.end(&key);
        match &place.nodes {
            Some(nodes) => nodes.notify(key).await,
            None => Ok(()),
        }
    }

    fn left(&self, record: &Record) -> Option<Duration> {
        record.left(self.now_ms(), self.0.idle, self.0.absolute)
    }

    /// Returns a session if neither it nor all sessions of its user have ended.
    async fn only_alive(&self, place: &Place, record: Arc<Record>) -> Result<Option<Arc<Record>>> {
        if self.left(&record).is_none() {
            return Ok(None);
        }
        if let Some(user) = &record.user
            && self.mark(place, &Key::of_user(user)).await? != record.mark
        {
            return Ok(None);
        }
        Ok(Some(record))
    }

    /// Returns the mark of a user, which changes when all sessions of the user end.
    async fn mark(&self, place: &Place, user: &Key) -> Result<u64> {
        let Some(caches) = &place.caches else { return place.mark(user).await };
        if let Some(mark) = caches.marks.get(user) {
            return Ok(mark);
        }
        let _lock = lock(&self.0.user_locks, user).await;
        let mark = place.mark(user).await?;
        caches.marks.insert(*user, mark);
        Ok(mark)
    }

    /// Reads a session. Where there is a cache the caller holds the session's lock.
    async fn read(&self, place: &Place, key: &Key) -> Result<Option<Arc<Record>>> {
        let caches = place.caches.as_ref();
        if let Some(record) = caches.and_then(|caches| caches.sessions.get(key)) {
            return Ok(Some(record));
        }
        let bytes = place.store.get(&session_name(key)).await.map_err(unavailable)?;
        let record = bytes.and_then(|bytes| Record::decode(&bytes)).map(Arc::new);
        if let (Some(caches), Some(record)) = (caches, &record) {
            caches.keep(key, record);
        }
        Ok(record)
    }

    /// Writes a session. The caller holds its lock.
    async fn write(&self, place: &Place, key: &Key, record: Record) -> Result<Arc<Record>> {
        let ttl = self.left(&record).ok_or_else(ended)?;
        let bytes = record.encode();
        if bytes.len() > RECORD_BYTES_MAX {
            let message = format!("the data of a session has at most {RECORD_BYTES_MAX} bytes");
            return Err(Error::internal(message));
        }
        // A write that fails, or that is dropped, may have happened: the next read asks the store.
        if let Some(caches) = &place.caches {
            caches.sessions.remove(key);
        }
        if let Some(nodes) = &place.nodes {
            nodes.writes(*key);
        }
        place.put(&session_name(key), &bytes, ttl).await?;
        if place.nodes.as_ref().is_some_and(|nodes| nodes.has_ended(key)) {
            place.store.delete(&session_name(key)).await.map_err(unavailable)?;
            return Err(ended());
        }
        let record = Arc::new(record);
        if let Some(caches) = &place.caches {
            caches.keep(key, &record);
        }
        Ok(record)
    }
}

impl Place {
    async fn put(&self, name: &str, value: &[u8], ttl: Duration) -> Result<()> {
        self.store.put(name, value, ttl).await.map_err(unavailable)
    }

    async fn mark(&self, user: &Key) -> Result<u64> {
        let value = self.store.get(&user_name(user)).await.map_err(unavailable)?;
        let mark = value.and_then(|value| Some(u64::from_be_bytes(value.try_into().ok()?)));
        Ok(mark.unwrap_or(NO_MARK))
    }
}

impl Caches {
    fn keep(&self, key: &Key, record: &Arc<Record>) {
        if record.data.len() <= cache::RECORD_BYTES_MAX {
            self.sessions.insert(*key, Arc::clone(record));
        }
    }
}

impl Default for Sessions {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { cookie, idle, absolute, .. } = &*self.0;
        f.debug_struct("Sessions")
            .field("cookie", cookie)
            .field("idle", idle)
            .field("absolute", absolute)
            .finish_non_exhaustive()
    }
}

/// Returns the error of who acts in a session that has ended.
pub(super) fn ended() -> Error {
    Error::unauthorized("the session has ended: sign in again")
}

fn unavailable(source: Box<dyn std::error::Error + Send + Sync>) -> Error {
    let error = Error::new(Code::Unavailable, "sessions cannot be read or written at the moment");
    error.with_source(source).with_retry_after(1)
}

async fn lock<'l>(locks: &'l Locks, key: &Key) -> MutexGuard<'l, ()> {
    locks[key.shard(locks.len())].lock().await
}

/// Returns a mark that no user had before.
fn random_mark() -> u64 {
    loop {
        let mark = getrandom::u64().expect("the system has random numbers");
        if mark != NO_MARK {
            return mark;
        }
    }
}

fn session_name(key: &Key) -> String {
    format!("kipo-session/{}", key.text())
}

fn user_name(key: &Key) -> String {
    format!("kipo-session-user/{}", key.text())
}
