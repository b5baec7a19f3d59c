//! The followed topics of one stream.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    ptr,
    sync::{Arc, Mutex, Weak},
    time::Duration,
};

use futures_util::{StreamExt, stream};
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
    time::sleep,
};

use super::{
    few::Few,
    follower::{Leave, One, Passed},
};
use crate::{names::StreamName, server::lock, topics::Topics};

/// The pause before a topic is read again.
const PAUSE: Duration = Duration::from_millis(100);

/// How many topics of a stream are read up to their heads at once.
const READS_AT_ONCE: usize = 32;

/// The streams that have followed topics, by their names.
pub(super) type Streams = HashMap<String, Arc<Followed>>;

/// The followed topics of one stream, and the tasks that serve them.
pub(super) struct Followed {
    streams: Weak<Mutex<Streams>>,
    pub(super) topics: Arc<Topics>,
    pub(super) stream: StreamName,
    followers: Mutex<HashSet<Few>>,
    /// Those that have to be read up to their head.
    behind: Mutex<VecDeque<Arc<One>>>,
    wake: Notify,
    /// Whether it is known from which message on the consumer passes them.
    pub(super) begun: watch::Sender<bool>,
    tasks: Mutex<Vec<JoinHandle<()>>>,
}

impl Followed {
    pub(super) fn new(
        topics: &Arc<Topics>,
        stream: &StreamName,
        streams: &Arc<Mutex<Streams>>,
    ) -> Arc<Self> {
        Arc::new(Self {
            streams: Arc::downgrade(streams),
            topics: topics.clone(),
            stream: stream.clone(),
            followers: Mutex::default(),
            behind: Mutex::default(),
            wake: Notify::new(),
            begun: watch::Sender::new(false),
            tasks: Mutex::default(),
        })
    }

    /// Sets the tasks that end with it.
    pub(super) fn served_by(&self, tasks: [JoinHandle<()>; 2]) {
        lock(&self.tasks).extend(tasks);
    }

    /// Adds a follower, which is read up to the head of its topic.
    pub(super) fn add(&self, one: &Arc<One>) {
        let mut followers = lock(&self.followers);
        let few = match followers.take(&*one.topic) {
            Some(few) => few.with(one.clone()),
            None => Few::of(one.clone()),
        };
        followers.insert(few);
        drop(followers);
        self.read_to_head(one.clone());
    }

    /// Ends its tasks.
    pub(super) fn end(&self) {
        for task in lock(&self.tasks).drain(..) {
            task.abort();
        }
    }

    /// Has a follower read up to the head of its topic; its state is `reading` already.
    fn read_to_head(&self, one: Arc<One>) {
        lock(&self.behind).push_back(one);
        self.wake.notify_one();
    }

    /// Reads those that are behind, several at a time, for ever.
    pub(super) async fn read_those_behind(self: Arc<Self>) {
        let mut begun = self.begun.subscribe();
        // The sender is in `self`.
        let _ = begun.wait_for(|begun| *begun).await;
        let next = || async {
            loop {
                let woken = self.wake.notified();
                let one = lock(&self.behind).pop_front();
                match one {
                    Some(one) => return one,
                    None => woken.await,
                }
            }
        };
        stream::unfold((), |()| async { Some((next().await, ())) })
            .for_each_concurrent(READS_AT_ONCE, |one| async {
                if one.begin_reading()
                    && let Err(error) = one.read(&self.topics).await
                {
                    tracing::debug!(topic = %one.topic, %error, "a followed topic was not read");
                    sleep(PAUSE).await;
                    one.give_up_reading();
                    self.read_to_head(one);
                }
            })
            .await;
    }

    /// Passes messages, in the order of the stream, to the followers of their topics.
    pub(super) fn pass(&self, messages: &[Passed]) {
        let mut groups: Vec<(Arc<One>, Vec<Passed>)> = Vec::new();
        let followers = lock(&self.followers);
        // Messages of one topic one after the other are passed together.
        for messages in messages.chunk_by(|a, b| a.topic == b.topic) {
            let Some(few) = messages.first().and_then(|first| followers.get(&*first.topic)) else {
                continue;
            };
            groups.extend(few.all().map(|one| (one.clone(), messages.to_vec())));
        }
        drop(followers);
        for (one, messages) in groups {
            if one.take(&self.topics, messages) {
                self.read_to_head(one);
            }
        }
    }

    /// Says to all followers that something may be missing.
    pub(super) fn uncertain(&self, reading: bool) {
        let all: Vec<Arc<One>> = lock(&self.followers).iter().flat_map(Few::all).cloned().collect();
        for one in all {
            one.uncertain();
            if reading && one.begins_reading() {
                self.read_to_head(one);
            }
        }
    }
}

impl Leave for Followed {
    fn leave(&self, one: &Arc<One>) {
        let Some(streams) = self.streams.upgrade() else { return };
        let mut streams = lock(&streams);
        let mut followers = lock(&self.followers);
        let others = followers.take(&*one.topic).and_then(|few| few.without(one));
        followers.extend(others);
        if followers.is_empty()
            && streams.get(&self.stream.name).is_some_and(|it| ptr::eq(&**it, self))
        {
            streams.remove(&self.stream.name);
            self.end();
        }
    }
}

impl std::fmt::Debug for Followed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Followed").field("stream", &self.stream.name).finish_non_exhaustive()
    }
}
