//! Topics that are being loaded: each is loaded once, however many need it at the same time.

use std::{collections::HashMap, sync::Arc};

use tokio::sync::{Mutex as Turn, OwnedMutexGuard};

use crate::sync::{Mutex, lock};

/// The topics that are being loaded, by their names.
///
/// They are here and not in each topic: a topic is loaded once, and then has this no more.
#[derive(Debug, Default)]
pub(super) struct Loading(Mutex<HashMap<Arc<str>, Arc<Turn<()>>>>);

/// The turn of one task to load a topic. The next one that waits has it after this is dropped.
pub(crate) struct Loads<'a> {
    loading: &'a Loading,
    name: Arc<str>,
    turn: Option<OwnedMutexGuard<()>>,
}

impl Loading {
    /// Waits for the turn to load a topic.
    pub(super) async fn turn(&self, name: Arc<str>) -> Loads<'_> {
        let turn = Arc::clone(lock(&self.0).entry(Arc::clone(&name)).or_default());
        // It removes the entry, also if this future is dropped while it waits.
        let mut loads = Loads { loading: self, name, turn: None };
        loads.turn = Some(turn.lock_owned().await);
        loads
    }
}

impl Drop for Loads<'_> {
    fn drop(&mut self) {
        let mut topics = lock(&self.loading.0);
        self.turn = None;
        // Those that wait, or hold the turn, hold it beside the map.
        if topics.get(&self.name).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            topics.remove(&self.name);
        }
    }
}

#[cfg(all(test, not(kipo_loom)))]
mod tests {
    use std::{
        pin::{Pin, pin},
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn poll_once<T>(future: Pin<&mut impl Future<Output = T>>) -> Option<T> {
        match future.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Some(value),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_topic_is_loaded_by_one_at_a_time_and_leaves_nothing() {
        let loading = Loading::default();
        let first = poll_once(pin!(loading.turn("a".into()))).expect("nobody loads it");
        let other = poll_once(pin!(loading.turn("b".into()))).expect("another topic");
        {
            let mut second = pin!(loading.turn("a".into()));
            let mut third = Box::pin(loading.turn("a".into()));
            assert!(poll_once(second.as_mut()).is_none());
            assert!(poll_once(third.as_mut()).is_none());
            drop(third);
            drop(first);
            assert!(poll_once(second).is_some());
        }
        drop(other);
        assert!(lock(&loading.0).is_empty());
    }
}
