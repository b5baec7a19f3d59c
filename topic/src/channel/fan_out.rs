//! The connections that a topic writes to by itself, in as many parts as the runtime has threads.
//!
//! Each part has one deliverer, a task that reads the topic and writes what it reads to all
//! connections of its part. A listener enters when it has read at least as much as the deliverer, and
//! knows the same state of the channel. So what the deliverer reads next is what the listener reads
//! next, or what it has read already.

use std::{
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Context as Task, Poll, Waker},
};

use super::{outlet::Outlet, state::State};
use crate::{
    log::cursor::Cursor,
    sync::{Mutex, MutexGuard, lock},
};

/// The parts of one topic.
#[derive(Debug)]
pub(crate) struct FanOut(Box<[Arc<Part>]>);

impl FanOut {
    /// Returns so many parts without connections.
    pub(crate) fn new(parts: usize) -> Self {
        Self((0..parts.max(1)).map(|_| Arc::default()).collect())
    }

    /// Waits until all but `ahead_max` messages up to `cursor` are written to all connections.
    pub(crate) async fn wait(&self, cursor: Cursor, ahead_max: u64) {
        for part in &self.0 {
            poll_fn(|task| {
                let written = part.poll_written(task, cursor, ahead_max);
                if written.is_pending() {
                    self.0.iter().for_each(|part| part.end_pause());
                }
                written
            })
            .await;
        }
    }

    /// Returns the part for the listener in a slot of the channel.
    pub(crate) fn part(&self, slot: usize) -> &Arc<Part> {
        &self.0[slot % self.0.len()]
    }
}

/// What a reader has read: its position, and the state of the channel that it knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    pub(crate) cursor: Cursor,
    pub(crate) state: State,
}

/// One part of the connections.
#[derive(Debug, Default)]
pub(crate) struct Part(Mutex<Connections>);

#[derive(Default)]
struct Connections {
    /// What the deliverer has read; nothing while there is none.
    standing: Option<Standing>,
    /// What it has written, if publishers can wait for more.
    written: Option<Cursor>,
    /// The publishers that wait until more is written.
    publishers: Vec<Waker>,
    /// Whether the deliverer pauses until a publisher waits again.
    is_paused: bool,
    outlets: Vec<Option<Arc<dyn Outlet>>>,
    /// The indices in `outlets` that no connection has.
    free: Vec<usize>,
    /// How many connections there are.
    count: usize,
    /// What changes while the deliverer has the outlets.
    taken: Option<Changes>,
    /// Wakes the deliverer, for its end.
    deliverer: Option<Waker>,
}

#[derive(Default)]
struct Changes {
    entered: Vec<(usize, Arc<dyn Outlet>)>,
    left: Vec<usize>,
    /// The number of outlets, with those that have entered.
    len: usize,
}

/// A connection that is lent.
#[derive(Debug)]
pub(crate) struct Lent {
    /// The index of its connection.
    pub(crate) index: usize,
    /// Whether there was no deliverer. It begins at the position of this listener.
    pub(crate) is_first: bool,
}

impl Part {
    /// Lends a connection to the topic, if its listener would read nothing else than what the
    /// deliverer reads next, and if the connection can be written to.
    pub(crate) fn enter(&self, standing: Standing, outlet: &Arc<dyn Outlet>) -> Option<Lent> {
        let mut connections = lock(&self.0);
        let at = connections.standing.unwrap_or(standing);
        let is_known = at.state == standing.state
            && at.cursor.generation == standing.cursor.generation
            && (at.cursor == standing.cursor || at.cursor.seq < standing.cursor.seq);
        if !is_known || !outlet.enter(standing.cursor) {
            return None;
        }
        let is_first = connections.standing.is_none();
        if is_first {
            (connections.standing, connections.written) = (Some(at), Some(at.cursor));
        }
        Some(Lent { index: connections.insert(Arc::clone(outlet)), is_first })
    }

    /// Removes a connection. With the last one, the deliverer ends.
    pub(crate) fn leave(&self, index: usize) {
        let mut connections = lock(&self.0);
        connections.count -= 1;
        match &mut connections.taken {
            Some(changes) => changes.left.push(index),
            None => connections.remove(index),
        }
        let deliverer = (connections.count == 0).then(|| connections.deliverer.take()).flatten();
        drop(connections);
        if let Some(deliverer) = deliverer {
            deliverer.wake();
        }
    }

    /// Returns whether the deliverer is to end, as nobody listens. Otherwise it is woken when it is.
    pub(crate) fn has_ended(&self, task: &Task<'_>) -> bool {
        let mut connections = lock(&self.0);
        if connections.count == 0 {
            connections.standing = None;
            wake_publishers(connections);
            return true;
        }
        connections.set_deliverer(task);
        false
    }

    /// Takes all connections for writing to them. Whoever enters from now on has read as much as
    /// `standing`.
    pub(crate) fn take(&self, standing: Standing) -> Vec<Option<Arc<dyn Outlet>>> {
        let mut connections = lock(&self.0);
        connections.standing = Some(standing);
        let len = connections.outlets.len();
        connections.taken = Some(Changes { len, ..Changes::default() });
        std::mem::take(&mut connections.outlets)
    }

    /// Returns the connections after [`take`](Self::take), to which everything up to `written` is
    /// written; nothing if that is not known, so that no publisher waits. If one has waited, the
    /// deliverer is to [pause](Self::poll_pause).
    pub(crate) fn put_back(
        &self,
        outlets: Vec<Option<Arc<dyn Outlet>>>,
        written: Option<Cursor>,
    ) -> bool {
        let mut guard = lock(&self.0);
        let connections = &mut *guard;
        connections.outlets = outlets;
        if let Some(Changes { entered, left, len }) = connections.taken.take() {
            connections.outlets.resize_with(len, || None);
            for (index, outlet) in entered {
                connections.outlets[index] = Some(outlet);
            }
            for index in left {
                connections.remove(index);
            }
        }
        connections.written = written;
        let is_paused = !connections.publishers.is_empty();
        connections.is_paused = is_paused;
        wake_publishers(guard);
        is_paused
    }

    /// Completes when a publisher waits again, or nobody listens any more.
    pub(crate) fn poll_pause(&self, task: &Task<'_>) -> Poll<()> {
        let mut connections = lock(&self.0);
        if !connections.is_paused || connections.count == 0 {
            return Poll::Ready(());
        }
        connections.set_deliverer(task);
        Poll::Pending
    }

    /// Ends the pause of the deliverer.
    fn end_pause(&self) {
        let mut connections = lock(&self.0);
        if !std::mem::take(&mut connections.is_paused) {
            return;
        }
        let deliverer = connections.deliverer.take();
        drop(connections);
        if let Some(deliverer) = deliverer {
            deliverer.wake();
        }
    }

    /// Completes when all but `ahead_max` messages up to `cursor` are written, or nobody writes.
    fn poll_written(&self, task: &Task<'_>, cursor: Cursor, ahead_max: u64) -> Poll<()> {
        let mut connections = lock(&self.0);
        let written = connections.standing.and(connections.written);
        // After a change of the generation, the deliverer is about to end or to go on with it.
        let is_ahead = written.is_some_and(|written| {
            written.generation == cursor.generation
                && cursor.seq.saturating_sub(written.seq) > ahead_max
        });
        if !is_ahead {
            return Poll::Ready(());
        }
        if !connections.publishers.iter().any(|waker| waker.will_wake(task.waker())) {
            connections.publishers.push(task.waker().clone());
        }
        Poll::Pending
    }

    /// Gives all connections back to their listeners: the deliverer has failed.
    pub(crate) fn give_up(&self) {
        let mut connections = lock(&self.0);
        connections.standing = None;
        let outlets: Vec<_> = connections.outlets.iter().flatten().cloned().collect();
        wake_publishers(connections);
        outlets.iter().for_each(|outlet| outlet.release());
    }
}

impl Connections {
    fn insert(&mut self, outlet: Arc<dyn Outlet>) -> usize {
        self.count += 1;
        let index = self.free.pop();
        match &mut self.taken {
            Some(changes) => {
                let index = index.unwrap_or(changes.len);
                changes.len = changes.len.max(index + 1);
                changes.entered.push((index, outlet));
                index
            }
            None => {
                let index = index.unwrap_or(self.outlets.len());
                if index == self.outlets.len() {
                    self.outlets.push(None);
                }
                self.outlets[index] = Some(outlet);
                index
            }
        }
    }

    fn set_deliverer(&mut self, task: &Task<'_>) {
        match &mut self.deliverer {
            Some(waker) => waker.clone_from(task.waker()),
            none => *none = Some(task.waker().clone()),
        }
    }

    fn remove(&mut self, index: usize) {
        self.free.push(index);
        self.outlets[index] = None;
    }
}

/// Wakes the publishers that wait. A woken one takes the lock at once, so this thread releases it
/// first.
fn wake_publishers(mut connections: MutexGuard<'_, Connections>) {
    let publishers = std::mem::take(&mut connections.publishers);
    drop(connections);
    publishers.into_iter().for_each(Waker::wake);
}

impl fmt::Debug for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connections")
            .field("standing", &self.standing)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}
