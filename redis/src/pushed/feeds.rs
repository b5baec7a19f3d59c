//! The topics that this node follows, over the few connections of a session.
//!
//! The script that appends publishes the entries on the topic's channel; a feed passes them on where
//! they follow the last ones. Those of an append of this node are known by their positions, and are not
//! read. Whatever does not follow (a message was lost, the connection was, the
//! log is another one) makes the feed *late*: one task reads what is missing, and the feed is live
//! again. So there is no queue of messages here: only the names of topics that are to be read.

use std::{
    borrow::Borrow,
    collections::{HashMap, HashSet},
    fmt,
    hash::{Hash, Hasher},
    iter,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use kipo_topic::{
    Cursor,
    engine::{Append, Ends, Entry, Follower, Head},
};
use tokio::sync::Notify;

use crate::{contents::Contents, failure::Failure, names::Names, reply, session::Session};

/// How many topics are looked at in one round trip.
const BATCH: usize = 256;

/// How many bytes are read of a topic at once.
const READ_BYTES: usize = 256 * 1024;

/// How long after a failed read the next one starts.
const PAUSE: Duration = Duration::from_millis(200);

/// All feeds of a node.
pub(crate) struct Feeds {
    names: Names,
    /// A std lock: it is held for a look-up, never across an `.await` or a call of a follower.
    followed: Mutex<Followed>,
    /// The appends of this node to topics that it follows which have neither an answer nor a notification
    /// yet, by the positions after their last entries: the position before the first one, and the entries.
    /// They come back in the notification, and need not be read there.
    own: Mutex<HashMap<Cursor, (Cursor, Vec<Entry>)>>,
    /// There are topics to look at, or there is a session.
    wake: Notify,
}

#[derive(Default)]
struct Followed {
    topics: HashSet<Following>,
    /// Topics to subscribe to, to read, or to end.
    due: HashSet<Arc<str>>,
    /// Topics that nobody follows any more, and to whose channels this session is subscribed.
    ended: HashSet<Arc<str>>,
}

/// The feeds of one topic. It is found by the topic's name, which its feeds have.
struct Following {
    feeds: Few,
    /// Whether this session is subscribed to the channel.
    is_subscribed: bool,
}

/// The feeds of one topic: never none, and seldom more than one.
#[derive(Clone)]
struct Few {
    first: Arc<Feed>,
    #[expect(
        clippy::box_collection,
        reason = "the box makes a topic with one feed 16 bytes smaller"
    )]
    more: Option<Box<Vec<Arc<Feed>>>>,
}

/// One follower of one topic.
pub(crate) struct Feed {
    topic: Arc<str>,
    follower: Arc<dyn Follower>,
    all: Weak<Feeds>,
    /// A std lock, held while the follower takes entries, so that it takes them in order.
    progress: Mutex<Progress>,
}

struct Progress {
    /// The number of the last entry that was passed.
    last: u64,
    /// Its position; nothing before the first one.
    cursor: Option<Cursor>,
    state: State,
    /// Whether the follower has to look at the head once there is a session.
    is_uncertain: bool,
}

enum State {
    /// Passes what is published.
    Live,
    /// The task reads. `again` is set if something was published meanwhile.
    Late { again: bool },
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Feeds {
    pub(crate) fn new(names: Names) -> Self {
        let (followed, own, wake) = (Mutex::default(), Mutex::default(), Notify::new());
        Self { names, followed, own, wake }
    }

    /// Adds a follower that has the entries up to number `last`. It is followed until the feed ends.
    pub(crate) fn add(
        self: &Arc<Self>,
        topic: Arc<str>,
        last: u64,
        follower: Arc<dyn Follower>,
    ) -> Arc<Feed> {
        let state = State::Late { again: false };
        let progress = Mutex::new(Progress { last, cursor: None, state, is_uncertain: false });
        let all = Arc::downgrade(self);
        let feed = Arc::new(Feed { topic: Arc::clone(&topic), follower, all, progress });
        let mut followed = lock(&self.followed);
        let following = match followed.topics.take(&*topic) {
            Some(Following { feeds, is_subscribed }) => {
                Following { feeds: feeds.with(Arc::clone(&feed)), is_subscribed }
            }
            None => {
                let is_subscribed = followed.ended.remove(&topic);
                Following { feeds: Few::of(Arc::clone(&feed)), is_subscribed }
            }
        };
        followed.topics.insert(following);
        followed.due.insert(topic);
        drop(followed);
        self.wake.notify_one();
        feed
    }

    fn remove(&self, feed: &Arc<Feed>) {
        let mut followed = lock(&self.followed);
        let Some(following) = followed.topics.take(&*feed.topic) else { return };
        let Following { feeds, is_subscribed } = following;
        if let Some(feeds) = feeds.without(feed) {
            followed.topics.insert(Following { feeds, is_subscribed });
        } else if is_subscribed {
            followed.ended.insert(Arc::clone(&feed.topic));
            followed.due.insert(Arc::clone(&feed.topic));
            drop(followed);
            self.wake.notify_one();
        }
    }

    /// Makes all feeds late: the session is another one, and followers have to look at the head.
    pub(crate) fn restart(&self) {
        let feeds: Vec<_> = {
            let mut followed = lock(&self.followed);
            followed.ended.clear();
            let topics = std::mem::take(&mut followed.topics).into_iter();
            let anew = |Following { feeds, .. }| Following { feeds, is_subscribed: false };
            followed.topics = topics.map(anew).collect();
            let feeds = followed.topics.iter().flat_map(|following| following.feeds.all());
            feeds.cloned().collect()
        };
        // Not under the lock above: a follower that takes entries may end itself, which takes it.
        for feed in feeds {
            let mut progress = lock(&feed.progress);
            progress.state = State::Late { again: true };
            progress.is_uncertain = true;
        }
        let mut followed = lock(&self.followed);
        let Followed { topics, due, .. } = &mut *followed;
        due.extend(topics.iter().map(|following| Arc::clone(&following.feeds.first.topic)));
        drop(followed);
        self.wake.notify_one();
    }

    /// Notes an append that is about to be sent, if the topic is followed. Returns what to give to
    /// [`appended`](Self::appended).
    pub(crate) fn appending(&self, append: &Append) -> Option<Cursor> {
        if append.entries.len() == 1 {
            // A frame that has had a clone takes more memory, and most topics have one message.
            return None;
        }
        let is_followed = lock(&self.followed).topics.contains(&*append.topic);
        let last = append.entries.last().filter(|_| is_followed)?.cursor();
        let noted = (append.after.cursor, append.entries.clone());
        lock(&self.own).insert(last, noted);
        Some(last)
    }

    /// Takes the answer to an append. If the server has appended it, the entries are passed, unless its
    /// notification came first.
    pub(crate) fn appended(&self, topic: &str, last: Cursor, is_appended: bool) {
        let Some((_, entries)) = lock(&self.own).remove(&last) else { return };
        if is_appended {
            self.pass(topic, &self.feeds(topic), &entries);
        }
    }

    /// Takes what was published on a channel.
    pub(crate) fn published(&self, channel: &str, payload: &[u8]) {
        let Some(topic) = self.names.topic(channel) else { return };
        let (mut feeds, span) = (self.feeds(&topic), reply::notification_span(payload));
        if let Some((_, last)) = span {
            feeds.retain(|feed| lock(&feed.progress).cursor != Some(last));
        }
        if feeds.is_empty() {
            return;
        }
        let own = span.and_then(|(before, last)| {
            let own = lock(&self.own).remove(&last);
            own.filter(|(own_before, _)| *own_before == before)
        });
        let entries = match own {
            Some((_, entries)) => entries,
            None => reply::notification(payload).unwrap_or_default(),
        };
        self.pass(&topic, &feeds, &entries);
    }

    fn feeds(&self, topic: &str) -> Vec<Arc<Feed>> {
        let followed = lock(&self.followed);
        let following = followed.topics.get(topic);
        following.map(|following| following.feeds.all().cloned().collect()).unwrap_or_default()
    }

    /// Passes entries to feeds of a topic. Those that they do not follow have to read.
    fn pass(&self, topic: &str, feeds: &[Arc<Feed>], entries: &[Entry]) {
        let late = feeds.iter().filter(|feed| !feed.take(entries)).count();
        if late > 0 {
            lock(&self.followed).due.insert(topic.into());
            self.wake.notify_one();
        }
    }

    /// Subscribes and reads for as long as the session lasts.
    pub(crate) async fn serve(&self, session: &Session) {
        loop {
            let due: Vec<_> = {
                let mut followed = lock(&self.followed);
                let some = followed.due.iter().take(BATCH).cloned().collect::<Vec<_>>();
                for topic in &some {
                    followed.due.remove(topic);
                }
                some
            };
            if due.is_empty() {
                self.wake.notified().await;
            } else if let Err(failure) = self.look_at(session, &due).await {
                // The session may be lost, which ends this; otherwise the next try may go better.
                tracing::debug!(%failure, "topics could not be followed for now");
                lock(&self.followed).due.extend(due);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    async fn look_at(&self, session: &Session, due: &[Arc<str>]) -> Result<(), Failure> {
        let (mut add, mut end, mut topics) = (Vec::new(), Vec::new(), Vec::new());
        {
            let mut followed = lock(&self.followed);
            for topic in due {
                if let Some(following) = followed.topics.get(&**topic) {
                    if !following.is_subscribed {
                        add.push((Arc::clone(topic), self.names.channel(topic)));
                    }
                    topics.push((Arc::clone(topic), following.feeds.clone()));
                } else if followed.ended.remove(topic) {
                    end.push(self.names.channel(topic));
                }
            }
        }
        let (added, add): (Vec<_>, Vec<_>) = add.into_iter().unzip();
        session.subscribe(&add, &end).await?;
        for topic in added {
            let mut followed = lock(&self.followed);
            match followed.topics.take(&*topic) {
                Some(Following { feeds, .. }) => {
                    followed.topics.insert(Following { feeds, is_subscribed: true });
                }
                // It has ended meanwhile.
                None => {
                    followed.ended.insert(Arc::clone(&topic));
                    followed.due.insert(topic);
                }
            }
        }

        // What is appended from here on is published to this session. It comes after the heads are
        // read, or it makes its feed late again.
        for feed in topics.iter().flat_map(|(_, feeds)| feeds.all()) {
            if let State::Late { again } = &mut lock(&feed.progress).state {
                *again = false;
            }
        }
        let contents = Contents { session, names: &self.names };
        let names: Vec<_> = topics.iter().map(|(topic, _)| Arc::clone(topic)).collect();
        let heads = contents.heads(&names).await?;
        for ((topic, feeds), head) in topics.into_iter().zip(heads) {
            for feed in feeds.all() {
                // A head that cannot be read is reported by whoever loads the topic.
                if let Ok(head) = head
                    && !feed.catch_up(&contents, &topic, head).await?
                {
                    lock(&self.followed).due.insert(Arc::clone(&topic));
                }
            }
        }
        Ok(())
    }
}

impl Few {
    fn of(first: Arc<Feed>) -> Self {
        Self { first, more: None }
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Feed>> {
        iter::once(&self.first).chain(self.more.iter().flat_map(|more| more.iter()))
    }

    fn with(mut self, feed: Arc<Feed>) -> Self {
        self.more.get_or_insert_default().push(feed);
        self
    }

    /// Returns the others, if there are any.
    fn without(self, feed: &Arc<Feed>) -> Option<Self> {
        let mut others = self.all().filter(|other| !Arc::ptr_eq(other, feed)).cloned();
        let first = Self::of(others.next()?);
        Some(others.fold(first, Self::with))
    }
}

/// By the topic's name.
impl Borrow<str> for Following {
    fn borrow(&self) -> &str {
        &self.feeds.first.topic
    }
}

impl Hash for Following {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.feeds.first.topic.hash(state);
    }
}

impl PartialEq for Following {
    fn eq(&self, other: &Self) -> bool {
        self.feeds.first.topic == other.feeds.first.topic
    }
}

impl Eq for Following {}

impl Ends for Feed {
    fn end(self: Arc<Self>) {
        if let Some(all) = self.all.upgrade() {
            all.remove(&self);
        }
    }
}

impl Feed {
    /// Passes published entries if they follow; otherwise, and without entries, the feed is late.
    /// Returns whether there is nothing to read.
    fn take(&self, entries: &[Entry]) -> bool {
        let mut progress = lock(&self.progress);
        if entries.last().is_some_and(|last| progress.cursor == Some(last.cursor())) {
            // The answer to an append came at the same time as its notification.
            return true;
        }
        if let State::Late { again } = &mut progress.state {
            *again = true;
            return true;
        }
        if progress.is_followed_by(entries) {
            progress.pass(&*self.follower, entries.to_vec());
            return true;
        }
        progress.state = State::Late { again: false };
        false
    }

    /// Reads up to a head, and is live then. Returns false if there is more to read.
    async fn catch_up(
        &self,
        contents: &Contents<'_>,
        topic: &str,
        head: Head,
    ) -> Result<bool, Failure> {
        let mut last = {
            let mut progress = lock(&self.progress);
            if matches!(progress.state, State::Live) {
                return Ok(true);
            }
            progress.meet(head);
            if std::mem::take(&mut progress.is_uncertain) {
                self.follower.uncertain();
            }
            progress.last
        };
        while last < head.cursor.seq() {
            let page = contents.read(topic, last, READ_BYTES).await?;
            let mut progress = lock(&self.progress);
            let Some(newest) = page.last() else {
                // The log ends before its head: what is there was not written by us.
                progress.last = head.cursor.seq();
                self.follower.uncertain();
                break;
            };
            last = newest.seq();
            if !progress.is_followed_by(&page) {
                self.follower.uncertain();
            }
            progress.pass(&*self.follower, page);
        }
        let mut progress = lock(&self.progress);
        let is_live = matches!(progress.state, State::Late { again: false });
        if is_live {
            progress.state = State::Live;
        }
        Ok(is_live)
    }
}

impl Progress {
    /// Compares what was passed with a head. A log that went back, or that is another one, is
    /// followed from where it is.
    fn meet(&mut self, head: Head) {
        let head = head.cursor;
        let is_other = self.cursor.is_some_and(|cursor| {
            cursor.generation() != head.generation()
                || (cursor.seq() == head.seq() && cursor != head)
        });
        if head.seq() < self.last || is_other {
            self.is_uncertain = true;
            self.last = head.seq();
            self.cursor = Some(head);
        }
    }

    fn is_followed_by(&self, entries: &[Entry]) -> bool {
        entries.first().is_some_and(|first| {
            first.seq() == self.last + 1
                && self.cursor.is_none_or(|cursor| cursor == first.before())
        })
    }

    fn pass(&mut self, follower: &dyn Follower, entries: Vec<Entry>) {
        if let Some(newest) = entries.last() {
            (self.last, self.cursor) = (newest.seq(), Some(newest.cursor()));
            follower.entries(entries);
        }
    }
}

impl fmt::Debug for Feeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let topics = lock(&self.followed).topics.len();
        f.debug_struct("Feeds").field("topics", &topics).finish_non_exhaustive()
    }
}
