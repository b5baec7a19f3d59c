//! Appends that were refused because another node's is on its way, or was stored just now: they wait
//! until a consumer passes it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::{sync::oneshot, time::timeout};

use crate::server::lock;

/// The appends that wait, by topic.
#[derive(Debug, Default)]
pub(crate) struct News(Mutex<HashMap<Arc<str>, Vec<oneshot::Sender<()>>>>);

impl News {
    /// Waits until `is_there` holds: it is asked at once, and when a consumer has passed entries of
    /// the topic. Returns whether it holds within `time`.
    pub(crate) async fn wait_until(
        &self,
        topic: &Arc<str>,
        time: Duration,
        is_there: impl Fn() -> bool,
    ) -> bool {
        let (sender, mut receiver) = oneshot::channel();
        lock(&self.0).entry(topic.clone()).or_default().push(sender);
        if is_there() || timeout(time, &mut receiver).await.is_err() {
            drop(receiver);
            self.forget_those_that_left(topic);
        }
        is_there()
    }

    /// Wakes the appends of a topic that wait: the followers have more entries.
    pub(crate) fn passed(&self, topic: &str) {
        let waiting = lock(&self.0).remove(topic);
        for sender in waiting.into_iter().flatten() {
            // An append that does not wait any more asks the server.
            let _ = sender.send(());
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
