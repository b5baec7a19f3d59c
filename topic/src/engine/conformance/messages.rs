//! Messages between nodes. Nothing depends on one, so an engine without them passes.

use std::sync::Arc;

use super::{
    probe::{QUIET, eventually, two},
    subject::{Skipped, Subject},
};
use crate::{
    engine::{MESSAGE_BYTES_MAX, Mailbox},
    sync::{Mutex, lock},
};

#[derive(Default)]
struct Received(Mutex<Vec<Vec<u8>>>);

impl Mailbox for Received {
    fn deliver(&self, message: &[u8]) {
        lock(&self.0).push(message.to_vec());
    }
}

impl Received {
    fn has(&self, message: &[u8]) -> bool {
        lock(&self.0).iter().any(|other| other == message)
    }
}

/// A message reaches the node that it is for, or all nodes, unchanged, until the mailbox is given up.
pub async fn messages(subject: &mut dyn Subject) -> Result<(), Skipped> {
    let (a, b) = two(subject).await?;
    let [one, two] = [(); 2].map(|()| Arc::new(Received::default()));
    let guard = a.0.listen(1, Arc::clone(&one) as Arc<dyn Mailbox>);
    let _guard = b.0.listen(u64::MAX, Arc::clone(&two) as Arc<dyn Mailbox>);
    if !a.0.send(None, b"to all".to_vec()) {
        return Err(Skipped("the engine has no messages"));
    }
    let bytes: Vec<u8> = (0..=255).cycle().take(MESSAGE_BYTES_MAX).collect();
    // One that is sent before the other node listens is lost.
    eventually("a message to all nodes", async || {
        a.0.send(None, b"to all".to_vec());
        two.has(b"to all").then_some(())
    })
    .await;
    eventually("a message to one node", async || {
        b.0.send(Some(1), b"to the first".to_vec());
        a.0.send(Some(u64::MAX), bytes.clone());
        (one.has(b"to the first") && two.has(&bytes)).then_some(())
    })
    .await;
    assert!(!one.has(&bytes) && !two.has(b"to the first"), "a message is for one node");
    drop(guard);
    eventually("a message to the node that goes on listening", async || {
        b.0.send(None, b"to the others".to_vec());
        two.has(b"to the others").then_some(())
    })
    .await;
    tokio::time::sleep(QUIET).await;
    let count = lock(&one.0).len();
    b.0.send(Some(1), b"to nobody".to_vec());
    // A machine that is slow has passed the one by when the other arrives.
    eventually("the next message", async || {
        b.0.send(Some(u64::MAX), b"next".to_vec());
        two.has(b"next").then_some(())
    })
    .await;
    tokio::time::sleep(QUIET).await;
    assert_eq!(lock(&one.0).len(), count, "a mailbox that was given up gets nothing");
    Ok(())
}
