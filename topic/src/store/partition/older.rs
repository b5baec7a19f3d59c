//! Reading messages that are no longer in memory.

use std::{sync::Arc, time::Duration};

use tokio::runtime::Handle;

use super::Partition;
use crate::{
    channel::{Source, Wanted},
    engine::{EngineError, Entry},
    log::Log,
    message::Message,
};

/// How many bytes of messages one read asks for. As frames they are about the largest piece that a
/// connection takes at once, so a slow reader seldom keeps a page. Tests read two or three messages.
const PAGE_BYTES: usize = if cfg!(test) { 100 } else { 32 * 1024 };

/// How long a read that failed waits before it is tried again.
const REREAD_AFTER: Duration = Duration::from_millis(if cfg!(test) { 10 } else { 500 });

/// A read that has not ended. One whose runtime ends has failed; the listeners try it again in
/// theirs.
struct Reading {
    partition: Arc<Partition>,
    id: u64,
}

impl Reading {
    /// Returns whether the older messages are given up.
    fn end(self, entries: Vec<Entry>) -> bool {
        self.partition.channel.end_read(self.id, Some(entries))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        // Does nothing for a read that has ended.
        self.partition.channel.end_read(self.id, None);
    }
}

impl Source for Partition {
    fn check(self: Arc<Self>) {
        self.begin_check();
    }

    fn read(self: Arc<Self>, wanted: Wanted) {
        let Wanted { id, after } = wanted;
        let reading = Reading { partition: Arc::clone(&self), id };
        // The runtime of the listener is alive. Where it has none, that of the store may be.
        let runtime = Handle::try_current().ok().or_else(|| self.store.runtime().cloned());
        let Some(runtime) = runtime else { return };
        // The task ends by itself once the engine has answered.
        runtime.spawn(async move {
            match self.read_page(after).await {
                Ok(entries) => {
                    if reading.end(entries) {
                        tracing::warn!(
                            topic = %self.name,
                            "the engine lost older messages: listeners that need them read a gap"
                        );
                    }
                }
                Err(error) => {
                    tracing::debug!(topic = %self.name, %error, "older messages cannot be read");
                    self.pause().await;
                    drop(reading);
                }
            }
        });
    }
}

impl Partition {
    /// Returns the messages that the topic retains, oldest first.
    pub(crate) async fn history(&self) -> Result<Vec<Message>, EngineError> {
        let mut messages = Vec::<Message>::new();
        let mut position = self.channel.look(Log::base);
        loop {
            let is_whole = self.channel.look(|log| {
                if !log.holds(position) {
                    // The log is another one by now, or the position was trimmed.
                    messages.clear();
                    position = log.base();
                }
                if position.seq < log.window().seq {
                    return false;
                }
                messages.retain(|message| message.seq() > log.base().seq);
                let newer = position.seq + 1..=log.head().cursor.seq;
                messages.extend(newer.filter_map(|seq| Message::of(log, seq)));
                true
            });
            if is_whole {
                return Ok(messages);
            }
            let entries = self.read_page(position.seq).await?;
            let count = messages.len();
            self.channel.look(|log| {
                for entry in &entries {
                    if entry.before() != position || !log.holds(entry.cursor()) {
                        break;
                    }
                    position = entry.cursor();
                    messages.push(Message::from(entry));
                }
            });
            if messages.len() > count {
                continue;
            }
            let trimmed = entries.first().map(Entry::before);
            let trimmed = trimmed.filter(|first| first.seq > position.seq);
            let Some(first) = trimmed.filter(|first| self.channel.look(|log| log.holds(*first)))
            else {
                return Err(EngineError::unavailable("the engine has other messages than before"));
            };
            messages.clear();
            position = first;
        }
    }

    async fn read_page(&self, after: u64) -> Result<Vec<Entry>, EngineError> {
        // The semaphore is never closed.
        let _permit = self.store.reads.acquire().await;
        self.store.engine.read(&self.name, after, PAGE_BYTES).await
    }

    /// Waits before a read is tried again. An engine of one process serves runtimes without timers
    /// as well.
    async fn pause(&self) {
        if self.is_shared() {
            tokio::time::sleep(REREAD_AFTER).await;
        } else {
            let _ = tokio::task::spawn_blocking(|| std::thread::sleep(REREAD_AFTER)).await;
        }
    }
}
