//! The messages between nodes: plain NATS, without JetStream. Each node has a subject, and all have one
//! in common.

use std::{sync::Arc, time::Duration};

use async_nats::HeaderMap;
use futures_util::{StreamExt, stream};
use kipo_topic::engine::{FollowGuard, Mailbox};
use tokio::{runtime::Handle, sync::mpsc, time::sleep};

use crate::{names::Names, server::Server};

/// How many messages may wait to be sent.
const QUEUE_MAX: usize = 256;

/// The pause before a further try to subscribe.
const PAUSE: Duration = Duration::from_millis(200);

/// Sends messages, and reads those that come.
#[derive(Debug)]
pub(crate) struct Mail {
    server: Server,
    names: Names,
    runtime: Handle,
    queue: mpsc::Sender<(String, Vec<u8>)>,
}

impl Mail {
    pub(crate) fn new(server: Server, names: Names, runtime: Handle) -> Self {
        let (queue, queued) = mpsc::channel(QUEUE_MAX);
        // It ends with the sender.
        runtime.spawn(send_all(server.clone(), queued));
        Self { server, names, runtime, queue }
    }

    /// Sends a message to a node, or to all. Returns false if too many wait, or if it is too large.
    pub(crate) fn send(&self, to: Option<u64>, message: Vec<u8>) -> bool {
        message.len() <= self.server.client.max_payload()
            && self.server.is_up()
            && self.queue.try_send((self.names.mail(to), message)).is_ok()
    }

    pub(crate) fn listen(&self, node: u64, mailbox: Arc<dyn Mailbox>) -> FollowGuard {
        let subjects = [self.names.mail(Some(node)), self.names.mail(None)];
        let task = self.runtime.spawn(read_all(self.server.clone(), subjects, mailbox));
        FollowGuard::new(move || task.abort())
    }
}

async fn send_all(server: Server, mut queued: mpsc::Receiver<(String, Vec<u8>)>) {
    while let Some((subject, message)) = queued.recv().await {
        // Nothing depends on a message.
        let _ = server.send(&subject, HeaderMap::new(), message.into()).await;
    }
}

/// Passes the messages of some subjects on. The client subscribes again after a lost connection.
async fn read_all(server: Server, subjects: [String; 2], mailbox: Arc<dyn Mailbox>) {
    loop {
        let mut subscribers = Vec::new();
        for subject in &subjects {
            subscribers.extend(server.client.subscribe(subject.clone()).await);
        }
        if subscribers.len() == subjects.len() {
            let messages = stream::select_all(subscribers);
            messages.for_each(async |message| mailbox.deliver(&message.payload)).await;
        }
        sleep(PAUSE).await;
    }
}
