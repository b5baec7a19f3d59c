//! Who is there now, for each board, document or room.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{BuildHasher, RandomState},
    marker::PhantomData,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use schemars::SchemaGenerator;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use tokio::{
    runtime::Handle,
    sync::{Notify, watch},
    time::{Instant, MissedTickBehavior, interval, sleep, timeout_at},
};

use crate::{
    error::StoreError,
    event::{Event, EventType},
    log::durability::Durability,
    store::Store,
    subscription::{Next, Subscription},
    sync::{Mutex, lock},
    topics::{Topics, key::TopicKey},
};

/// How long a member stays after its last stream has ended, unless [`Presence::grace`] says
/// otherwise: longer than loading a page again takes.
const GRACE: Duration = Duration::from_secs(10);

/// How often a node says who is there.
const BEAT: Duration = Duration::from_secs(5);

/// How long a node that says nothing counts: it is gone, or cannot reach the engine.
const SILENCE_MAX: Duration = Duration::from_secs(15);

/// How long a room without members stays, so that this node can say that nobody is there.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long after the first question for a key [`Members::loaded`] waits at most: longer than an
/// engine takes that can be reached.
const LOAD_MAX: Duration = Duration::from_secs(2);

/// How many members of one key a node has; more come when others have gone.
const MEMBERS_MAX: usize = 1_000;

/// Who is there, for each key of type `K`: members of type `M`.
///
/// A member is there from [`enter`](Self::enter) until what that returns is dropped, and for a grace
/// of 10 seconds more, so that a page that is loaded again does not leave and come. Two members whose
/// JSON is the same are one, however often they enter: a user with three tabs is there once.
///
/// In a [`Store`] on an engine that many nodes share, all nodes see all members. Each node says every
/// 5 seconds in the log of the key who is there; a node that says nothing for 15 seconds is gone with
/// its members. Without such an engine presence lives in this process.
///
/// # Examples
///
/// ```
/// use kipo_topic::Presence;
///
/// static HERE: Presence<u64, String> = Presence::new("here");
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let ada = HERE.enter(&7, &"Ada".to_owned());
/// let mut board = HERE.of(&7);
/// assert_eq!(board.list(), ["Ada"]);
///
/// let bob = HERE.enter(&7, &"Bob".to_owned());
/// board.changed().await;
/// assert_eq!(board.list(), ["Ada", "Bob"]);
/// # });
/// ```
pub struct Presence<K, M> {
    name: &'static str,
    grace: Duration,
    open: OnceLock<Arc<Shared>>,
    types: PhantomData<fn(K, M) -> M>,
}

/// What the members and the watchers of all keys share.
struct Shared {
    grace: Duration,
    /// This process, in the log.
    node: u64,
    /// Where nodes say who is there, if there are several.
    log: Option<Topics<String, Beat>>,
    rooms: Mutex<HashMap<Arc<str>, Weak<Room>>>,
}

/// The members of one key.
struct Room {
    key: Arc<str>,
    shared: Arc<Shared>,
    state: Mutex<State>,
    /// Counts the changes.
    changes: watch::Sender<u64>,
    /// Wakes the task that says who is there.
    news: Notify,
    /// When this node was asked for the key.
    opened_at: Instant,
    /// Whether this node has read who is there on the others.
    is_loaded: watch::Sender<bool>,
}

#[derive(Default)]
struct State {
    /// The members here, by their JSON: how many streams each has.
    here: BTreeMap<Arc<str>, usize>,
    /// The members on other nodes, and when the node said so.
    elsewhere: HashMap<u64, (Instant, Vec<Arc<str>>)>,
}

/// What a node says: who of its members is there.
#[derive(Debug, Serialize, Deserialize)]
struct Beat {
    node: u64,
    members: Vec<String>,
}

impl Event for Beat {
    fn name(&self) -> &'static str {
        "beat"
    }

    fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        serde_json::to_writer(out, self)
    }

    fn describe(_: &mut SchemaGenerator) -> Vec<EventType> {
        Vec::new()
    }
}

/// A member that is there: until this is dropped, and for the grace after.
///
/// # Examples
///
/// See [`Presence`].
#[must_use = "the member leaves when this is dropped"]
pub struct Entered {
    room: Arc<Room>,
    member: Option<Arc<str>>,
}

/// The members of one key, and how they change.
///
/// # Examples
///
/// See [`Presence`].
pub struct Members<M> {
    room: Arc<Room>,
    changes: watch::Receiver<u64>,
    members: PhantomData<fn() -> M>,
}

impl<K: TopicKey, M: Serialize + DeserializeOwned + 'static> Presence<K, M> {
    /// Returns a presence without members. The name is that of a family of topics.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self { name, grace: GRACE, open: OnceLock::new(), types: PhantomData }
    }

    /// Sets how long a member stays after its last stream has ended.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Returns whether the presence was opened, or used.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.open.get().is_some()
    }

    /// Shows the members of all nodes, if many nodes share the engine of the store.
    ///
    /// # Errors
    ///
    /// When the presence was used or opened before, or the store has a family of this name.
    pub fn open(&self, store: &Store) -> Result<(), StoreError> {
        if self.is_open() {
            return Err(StoreError::Late(self.name.to_owned()));
        }
        let log = if store.engine().profile().shared {
            let topics = Topics::durable(self.name, Durability::Os);
            // Longer than a node may be silent, and enough for all nodes to say it several times.
            let topics = topics.keep_for(SILENCE_MAX.saturating_mul(2)).keep(1_000);
            topics.open(store)?;
            Some(topics)
        } else {
            None
        };
        let open = Arc::new(Shared::new(self.grace, log));
        self.open.set(open).map_err(|_| StoreError::Late(self.name.to_owned()))
    }

    /// Lets a member be there until the returned value is dropped, and for the grace after.
    ///
    /// A key of 0 or more than 128 bytes has no members. Beyond 1,000 members of one key and node
    /// the others are not listed.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time enabled, and for a member whose JSON cannot be
    /// written, such as a map whose keys are lists.
    pub fn enter<Q: TopicKey + ?Sized>(&self, key: &Q, member: &M) -> Entered
    where
        K: Borrow<Q>,
    {
        let member: Arc<str> =
            serde_json::to_string(member).expect("a member has a form in JSON").into();
        let room = self.room(&key.to_key());
        let is_listed = room.change(|state| {
            let has_room = state.here.len() < MEMBERS_MAX || state.here.contains_key(&member);
            if has_room {
                *state.here.entry(Arc::clone(&member)).or_default() += 1;
            }
            has_room
        });
        Entered { room, member: is_listed.then_some(member) }
    }

    /// Returns the members of a key.
    ///
    /// # Panics
    ///
    /// Panics outside of a tokio runtime with time enabled.
    pub fn of<Q: TopicKey + ?Sized>(&self, key: &Q) -> Members<M>
    where
        K: Borrow<Q>,
    {
        let room = self.room(&key.to_key());
        Members { changes: room.changes.subscribe(), room, members: PhantomData }
    }

    fn room(&self, key: &str) -> Arc<Room> {
        let shared = self.open.get_or_init(|| Arc::new(Shared::new(self.grace, None)));
        let mut rooms = lock(&shared.rooms);
        if let Some(room) = rooms.get(key).and_then(Weak::upgrade) {
            return room;
        }
        let room = Arc::new(Room {
            key: key.into(),
            shared: Arc::clone(shared),
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            news: Notify::new(),
            opened_at: Instant::now(),
            is_loaded: watch::Sender::new(shared.log.is_none()),
        });
        rooms.insert(Arc::clone(&room.key), Arc::downgrade(&room));
        drop(rooms);
        if shared.log.is_some() {
            tokio::spawn(say(Arc::downgrade(&room)));
            tokio::spawn(listen(Arc::downgrade(&room)));
        }
        room
    }
}

impl<M: DeserializeOwned> Members<M> {
    /// Returns who is there, in the order of their JSON.
    #[must_use]
    pub fn list(&self) -> Vec<M> {
        let all = lock(&self.room.state).all();
        // A member that another version of the program wrote may be none here.
        all.iter().filter_map(|member| serde_json::from_str(member).ok()).collect()
    }

    /// Waits until this node has read who is there on the others. Without it, the first list of a
    /// key on a node has the members of that node alone.
    ///
    /// Waits for at most 2 seconds after the first use of the key, because the engine may be away.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn loaded(&self) {
        let mut is_loaded = self.room.is_loaded.subscribe();
        let until = self.room.opened_at + LOAD_MAX;
        let _ = timeout_at(until, is_loaded.wait_for(|is_loaded| *is_loaded)).await;
    }

    /// Waits until somebody has come or gone since the last call.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a change is seen by the next call.
    pub async fn changed(&mut self) {
        // The room, which sends the changes, is there as long as this is.
        let _ = self.changes.changed().await;
    }
}

impl Shared {
    fn new(grace: Duration, log: Option<Topics<String, Beat>>) -> Self {
        let node = RandomState::new().hash_one(0);
        Self { grace, node, log, rooms: Mutex::default() }
    }
}

impl Room {
    /// Changes the members, and reports it if others are there now.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut state = lock(&self.state);
        let before = state.all();
        let changed = change(&mut state);
        let is_news = state.all() != before;
        drop(state);
        if is_news {
            self.changes.send_modify(|count| *count += 1);
            self.news.notify_one();
        }
        changed
    }

    /// Takes what another node says.
    fn hear(&self, Beat { node, members }: Beat) {
        self.change(|state| {
            if members.is_empty() {
                state.elsewhere.remove(&node);
            } else {
                let members = members.into_iter().map(Arc::from).collect();
                state.elsewhere.insert(node, (Instant::now(), members));
            }
        });
    }

    fn leave(&self, member: &Arc<str>) {
        self.change(|state| {
            if let Some(streams) = state.here.get_mut(member) {
                *streams -= 1;
                if *streams == 0 {
                    state.here.remove(member);
                }
            }
        });
    }
}

impl State {
    /// Returns who is there on all nodes, each once, in order.
    fn all(&self) -> Vec<Arc<str>> {
        let elsewhere = self.elsewhere.values().flat_map(|(_, members)| members);
        let mut all: Vec<_> = self.here.keys().chain(elsewhere).cloned().collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let Some(member) = self.member.take() else { return };
        let room = Arc::clone(&self.room);
        let grace = room.shared.grace;
        let Ok(runtime) = Handle::try_current() else {
            room.leave(&member);
            return;
        };
        runtime.spawn(async move {
            sleep(grace).await;
            room.leave(&member);
            if room.shared.log.is_some() {
                // So long the room stays, and the other nodes are told.
                sleep(FAREWELL).await;
            }
        });
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut rooms = lock(&self.shared.rooms);
        // Another one may have taken its place.
        if rooms.get(&self.key).is_some_and(|room| room.strong_count() == 0) {
            rooms.remove(&self.key);
        }
    }
}

/// Says who is there: when that changes, and every few seconds while somebody is.
async fn say(room: Weak<Room>) {
    let mut beats = interval(BEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut said_nobody = true;
    while let Some(room) = room.upgrade() {
        let members: Vec<_> = lock(&room.state).here.keys().map(ToString::to_string).collect();
        let is_nobody = members.is_empty();
        if let Some(log) = room.shared.log.as_ref().filter(|_| !(is_nobody && said_nobody)) {
            let beat = Beat { node: room.shared.node, members };
            // The next beat says it again.
            if let Err(error) = log.of(&*room.key).publish(&beat).await {
                tracing::debug!(key = %room.key, %error, "who is there could not be said");
            }
        }
        said_nobody = is_nobody;
        tokio::select! {
            () = room.news.notified() => {}
            _ = beats.tick() => {}
        }
    }
}

/// Takes what other nodes say, and forgets those that say nothing any more.
async fn listen(room: Weak<Room>) {
    let mut subscription: Option<Subscription<Beat>> = None;
    // The end of the log when this task began to read it.
    let mut head = None;
    let mut checks = interval(Duration::from_secs(1));
    checks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let next = match &mut subscription {
            Some(subscription) => tokio::select! {
                next = subscription.next() => Some(next),
                _ = checks.tick() => None,
            },
            None => {
                checks.tick().await;
                None
            }
        };
        let Some(room) = room.upgrade() else { return };
        if subscription.is_none()
            && let Some(log) = &room.shared.log
        {
            let log = log.of(&*room.key);
            subscription = log.subscribe(None).await.ok();
            head = log.position().await.ok();
        }
        match next {
            Some(Next::Message(message)) => {
                if let Ok(beat) = message.json::<Beat>()
                    && beat.node != room.shared.node
                {
                    room.hear(beat);
                }
            }
            Some(Next::Removed) => subscription = None,
            // A gap is nothing here: what was said is said again.
            Some(Next::Gap(_) | Next::Link(_)) => {}
            None => room.change(|state| {
                state.elsewhere.retain(|_, (said, _)| said.elapsed() < SILENCE_MAX);
            }),
        }
        if let (Some(subscription), Some(head)) = (&subscription, head)
            && subscription.position().seq() >= head.seq()
        {
            room.is_loaded.send_if_modified(|is_loaded| !std::mem::replace(is_loaded, true));
        }
    }
}

impl<K, M> fmt::Debug for Presence<K, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Presence").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Entered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entered").field("key", &self.room.key).finish_non_exhaustive()
    }
}

impl<M> fmt::Debug for Members<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Members").field("key", &self.room.key).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::conformance::Model;

    fn presence() -> Presence<u64, String> {
        Presence::new("here")
    }

    #[tokio::test(start_paused = true)]
    async fn a_member_with_two_streams_is_there_once_and_stays_for_the_grace() {
        let presence = presence();
        let mut members = presence.of(&1);
        let ada = "Ada".to_owned();
        let (one, two) = (presence.enter(&1, &ada), presence.enter(&1, &ada));
        members.changed().await;
        assert_eq!(members.list(), ["Ada"]);
        drop(one);
        drop(two);
        // Back within the grace: nobody has gone.
        sleep(Duration::from_secs(9)).await;
        let _back = presence.enter(&1, &ada);
        sleep(Duration::from_secs(60)).await;
        assert_eq!(members.list(), ["Ada"]);
        assert!(!members.changes.has_changed().unwrap());
        drop(_back);
        members.changed().await;
        assert!(members.list().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_key_without_members_and_watchers_leaves_memory() {
        let presence = presence().grace(Duration::ZERO);
        drop(presence.enter(&1, &"Ada".to_owned()));
        sleep(Duration::from_millis(1)).await;
        let shared = presence.open.get().unwrap();
        assert!(lock(&shared.rooms).is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn members_beyond_the_bound_are_not_listed() {
        let presence = presence();
        let all: Vec<_> =
            (0..MEMBERS_MAX + 5).map(|n| presence.enter(&1, &format!("{n:05}"))).collect();
        assert_eq!(presence.of(&1).list().len(), MEMBERS_MAX);
        drop(all);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_asked_for_the_first_time_knows_the_members_of_the_others() {
        let model = Model::new();
        let [one, two] = [(); 2].map(|()| {
            let presence = presence();
            presence.open(&Store::on(Arc::new(model.node()))).unwrap();
            presence
        });
        let ada = one.enter(&1, &"Ada".to_owned());
        // Until a few beats are in the log.
        sleep(BEAT * 3).await;
        let members = two.of(&1);
        members.loaded().await;
        assert_eq!(members.list(), ["Ada"]);
        // Without other nodes there is nothing to read.
        let alone = presence();
        alone.of(&1).loaded().await;
        assert!(alone.of(&1).list().is_empty());
        drop(ada);
    }

    #[tokio::test(start_paused = true)]
    async fn all_nodes_see_all_members_and_one_that_is_gone_is_forgotten() {
        let model = Model::new();
        let nodes: Vec<_> = (0..2)
            .map(|_| {
                let presence = presence();
                presence.open(&Store::on(Arc::new(model.node()))).unwrap();
                presence
            })
            .collect();
        let (mut here, mut there) = (nodes[0].of(&1), nodes[1].of(&1));
        let ada = nodes[0].enter(&1, &"Ada".to_owned());
        let bob = nodes[1].enter(&1, &"Bob".to_owned());
        for members in [&mut here, &mut there] {
            while members.list() != ["Ada", "Bob"] {
                members.changed().await;
            }
        }
        // A node that leaves says so.
        drop(bob);
        while here.list() != ["Ada"] {
            here.changed().await;
        }
        // One that is killed says nothing any more.
        let log = nodes[0].open.get().unwrap().log.as_ref().unwrap();
        let eve = Beat { node: 99, members: vec![r#""Eve""#.into()] };
        log.of("1").publish(&eve).await.unwrap();
        here.changed().await;
        assert_eq!(here.list(), ["Ada", "Eve"]);
        let said = Instant::now();
        here.changed().await;
        assert_eq!(here.list(), ["Ada"]);
        assert!((SILENCE_MAX..SILENCE_MAX + Duration::from_secs(2)).contains(&said.elapsed()));
        drop(ada);
    }
}
