//! What the consumers pass, for appends that wait for it: those that were refused because another
//! node's append is on its way.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use kipo_topic::engine::Entry;
use tokio::{sync::oneshot, time::timeout};

use crate::server::lock;

/// The appends that wait, by topic.
#[derive(Debug, Default)]
pub(crate) struct News(Mutex<HashMap<Arc<str>, Vec<oneshot::Sender<Vec<Entry>>>>>);

impl News {
    /// Returns the next entries of a topic that a consumer passes, unless that takes longer than
    /// `time`, or `is_late` shows after the registration that they were passed before.
    pub(crate) async fn next(
        &self,
        topic: &Arc<str>,
        time: Duration,
        is_late: impl FnOnce() -> bool,
    ) -> Option<Vec<Entry>> {
        let (sender, receiver) = oneshot::channel();
        lock(&self.0).entry(topic.clone()).or_default().push(sender);
        let passed = match is_late() {
            true => None,
            false => timeout(time, receiver).await.ok().and_then(Result::ok),
        };
        if passed.is_none() {
            self.forget_those_that_left(topic);
        }
        passed
    }

    /// Passes entries to the appends of the topic that wait.
    pub(crate) fn passed(&self, topic: &str, entries: &[Entry]) {
        let waiting = lock(&self.0).remove(topic);
        for sender in waiting.into_iter().flatten() {
            // An append that does not wait any more asks the server.
            let _ = sender.send(entries.to_vec());
        }
    }

    fn forget_those_that_left(&self, topic: &str) {
        let mut waiting = lock(&self.0);
        if let Some(those) = waiting.get_mut(topic) {
            those.retain(|sender| !sender.is_closed());
            if those.is_empty() {
                waiting.remove(topic);
            }
        }
    }
}
