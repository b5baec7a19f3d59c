//! The messages between nodes: each node has a shard channel, and all have one in common.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use kipo_topic::engine::Mailbox;
use redis::cmd;
use tokio::sync::{Mutex as AsyncMutex, Notify, mpsc};

use crate::{
    failure::Failure,
    names::{Names, slot},
    session::Session,
};

/// How many messages may wait to be sent.
const QUEUE_MAX: usize = 256;

/// How many messages may be without an answer of the server, which comes after its next sync.
const ON_THEIR_WAY_MAX: usize = 256;

/// How long after a failure to subscribe the next try starts.
const PAUSE: Duration = Duration::from_millis(200);

/// The mailboxes of this process, and the messages that it sends.
pub(crate) struct Mail {
    names: Names,
    mailboxes: Mutex<HashMap<u64, Arc<dyn Mailbox>>>,
    /// The mailboxes are others.
    changed: Notify,
    queue: mpsc::Sender<(String, Vec<u8>)>,
    /// Of one session at a time.
    queued: AsyncMutex<mpsc::Receiver<(String, Vec<u8>)>>,
}

impl Mail {
    pub(crate) fn new(names: Names) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE_MAX);
        let (mailboxes, changed) = (Mutex::default(), Notify::new());
        Self { names, mailboxes, changed, queue, queued: AsyncMutex::new(queued) }
    }

    fn mailboxes(&self) -> MutexGuard<'_, HashMap<u64, Arc<dyn Mailbox>>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, node: u64, mailbox: Arc<dyn Mailbox>) {
        self.mailboxes().insert(node, mailbox);
        self.changed.notify_one();
    }

    pub(crate) fn remove(&self, node: u64) {
        let mailbox = self.mailboxes().remove(&node);
        // Dropped without the lock.
        drop(mailbox);
        self.changed.notify_one();
    }

    /// Sends a message to a node, or to all. Returns false if too many wait.
    pub(crate) fn send(&self, to: Option<u64>, message: Vec<u8>) -> bool {
        self.queue.try_send((self.names.mail(to), message)).is_ok()
    }

    /// Takes what was published on a channel, if it is one of ours.
    pub(crate) fn published(&self, channel: &str, message: &[u8]) {
        let Some(to) = self.names.mail_of(channel) else { return };
        let mailboxes: Vec<_> = match to {
            Some(node) => self.mailboxes().get(&node).cloned().into_iter().collect(),
            None => self.mailboxes().values().cloned().collect(),
        };
        mailboxes.iter().for_each(|mailbox| mailbox.deliver(message));
    }

    /// Subscribes and sends for as long as the session lasts.
    pub(crate) async fn serve(&self, session: &Session) {
        let mut queued = self.queued.lock().await;
        let (mut on_their_way, mut subscribed) = (FuturesUnordered::new(), HashSet::new());
        self.changed.notify_one();
        loop {
            tokio::select! {
                () = self.changed.notified() => {
                    if let Err(failure) = self.subscribe(session, &mut subscribed).await {
                        tracing::debug!(%failure, "the messages of other nodes are not read for now");
                        tokio::time::sleep(PAUSE).await;
                        self.changed.notify_one();
                    }
                }
                // The sender lives as long as this.
                Some((channel, message)) = queued.recv(), if on_their_way.len() < ON_THEIR_WAY_MAX => {
                    on_their_way.push(async move {
                        let publish = cmd("SPUBLISH").arg(&channel).arg(message).to_owned();
                        // Nothing depends on a message.
                        let _ = session.command(slot(&channel), &publish).await;
                    });
                }
                Some(()) = on_their_way.next() => {}
            }
        }
    }

    async fn subscribe(
        &self,
        session: &Session,
        subscribed: &mut HashSet<Option<u64>>,
    ) -> Result<(), Failure> {
        let mut wanted: HashSet<_> = self.mailboxes().keys().copied().map(Some).collect();
        if !wanted.is_empty() {
            wanted.insert(None);
        }
        let channels = |of: &mut dyn Iterator<Item = &Option<u64>>| -> Vec<_> {
            of.map(|to| self.names.mail(*to)).collect()
        };
        let add = channels(&mut wanted.difference(subscribed));
        let end = channels(&mut subscribed.difference(&wanted));
        session.subscribe(&add, &end).await?;
        *subscribed = wanted;
        Ok(())
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail").field("mailboxes", &self.mailboxes().len()).finish_non_exhaustive()
    }
}
