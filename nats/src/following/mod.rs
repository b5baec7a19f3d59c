//! Follows topics: one ordered consumer for each stream that has a followed topic.
//!
//! The consumer passes all messages of its stream, and this node picks those of the topics that it
//! follows: to follow one more costs an entry in a map, no request to the server and no task. A
//! consumer passes each message once and in order; one that does not, or is gone, is made anew after
//! the last message that was passed.
//!
//! A topic is first read up to its head, and then goes on with what the consumer passes. The same
//! happens after a hole. A new follower whose next entry the consumer passes before the read begins
//! needs no read: numbers are dense, so nothing is missing before that entry.
//!
//! Start with `follow`; `consumer` has the way from the server, and `follower` what one follower has.

mod consumer;
mod few;
mod followed;
mod follower;

use std::sync::{Arc, Mutex, Weak};

use kipo_topic::engine::{FollowGuard, Follower};
use tokio::runtime::Handle;

use self::{
    consumer::Consumer,
    followed::{Followed, Streams},
    follower::{Leave, One},
};
use crate::{names::StreamName, server::lock, topics::Topics};

/// The followed topics of all streams.
#[derive(Debug)]
pub(crate) struct Following {
    topics: Arc<Topics>,
    runtime: Handle,
    streams: Arc<Mutex<Streams>>,
}

impl Following {
    pub(crate) fn new(topics: Arc<Topics>, runtime: Handle) -> Self {
        Self { topics, runtime, streams: Arc::default() }
    }

    pub(crate) fn follow(
        &self,
        topic: Arc<str>,
        after: u64,
        follower: Arc<dyn Follower>,
    ) -> FollowGuard {
        let stream = self.topics.stream_of(&topic);
        self.topics.followed(&topic);
        let mut streams = lock(&self.streams);
        let followed = streams.entry(stream.name.clone()).or_insert_with(|| self.begin(&stream));
        let all = Arc::downgrade(followed) as Weak<dyn Leave>;
        let one = Arc::new(One::new(topic, after, follower, all));
        followed.add(&one);
        drop(streams);
        FollowGuard::of(one)
    }

    /// Starts the tasks of a stream.
    fn begin(&self, stream: &StreamName) -> Arc<Followed> {
        let followed = Followed::new(&self.topics, stream, &self.streams);
        let consuming = self.runtime.spawn(Consumer::run(followed.clone()));
        let reading = self.runtime.spawn(followed.clone().read_those_behind());
        followed.served_by([consuming, reading]);
        followed
    }

    /// Ends all following.
    pub(crate) fn close(&self) {
        for (_, followed) in lock(&self.streams).drain() {
            followed.end();
        }
    }
}
