//! Comparing a topic with what the engine has: after a refused append, when the engine's head is
//! another one, and when what it passes does not continue the log.

use std::{sync::Arc, time::Duration};

use super::Partition;
use crate::{
    channel::Taken,
    engine::{EngineError, Link},
    log::{cursor::Cursor, generation},
    store::shared::Watched,
    sync::lock,
};

/// How long after a head that went back the engine is asked again: it may have answered with an old
/// one in the middle of a failover.
const DOUBT: Duration = Duration::from_millis(if cfg!(test) { 0 } else { 300 });

impl Partition {
    /// Asks the engine what it has, and goes on from there. Publishers wait meanwhile.
    pub(super) fn begin_check(self: &Arc<Self>) {
        {
            let mut waiting = lock(&self.waiting);
            if std::mem::replace(&mut waiting.is_checking, true) {
                return;
            }
        }
        let Some(runtime) = self.store.runtime() else {
            lock(&self.waiting).is_checking = false;
            self.refuse(&EngineError::unavailable("there is no tokio runtime"));
            return;
        };
        let partition = Arc::clone(self);
        runtime.spawn(async move {
            let checked = partition.settle().await;
            partition.end_check(checked);
        });
    }

    pub(super) fn end_check(self: &Arc<Self>, checked: Result<(), EngineError>) {
        lock(&self.waiting).is_checking = false;
        match checked {
            Ok(()) => {
                self.go_on();
                // A listener that came meanwhile may be ahead of what the engine answered.
                if self.channel.is_check_wanted() {
                    self.begin_check();
                }
            }
            // The next comparison of heads checks again.
            Err(error) => self.refuse(&error),
        }
    }

    async fn settle(self: &Arc<Self>) -> Result<(), EngineError> {
        let number = self.channel.begin_check();
        let known = self.channel.head().cursor;
        let mut loaded = self.store.engine.load(&self.name, known.seq).await?;
        // Other nodes were so fast that the engine has trimmed what follows.
        let is_far_behind = loaded.entries.first().is_some_and(|first| {
            let before = first.before();
            before.generation == known.generation && before.seq > known.seq
        });
        if !loaded.holds(known) && !is_far_behind {
            if self.is_shared() {
                tokio::time::sleep(DOUBT).await;
            }
            loaded = self.store.engine.load(&self.name, 0).await?;
        }
        let profile = self.store.engine.profile();
        let has = loaded.head.cursor;
        // A topic that was removed has a generation that was drawn.
        if has.seq() == 0
            && has.generation != known.generation
            && has.generation != generation::derived(profile.id, &self.name)
        {
            self.channel.remove();
        } else if !loaded.holds(known) && !is_far_behind {
            let had = known;
            tracing::warn!(
                topic = %self.name, %had, %has,
                "the log went back: listeners that have seen more read a gap"
            );
        }
        // Otherwise the log has gone on while the engine lost entries: the next check finds that.
        let settled = self.channel.settle(known, loaded);
        self.answer_appended();
        if settled == Taken::All {
            self.channel.end_check(number);
        }
        Ok(())
    }

    /// Appends what waits after a check, if a refused append has left it.
    fn go_on(self: &Arc<Self>) {
        let waits = {
            let mut waiting = lock(&self.waiting);
            std::mem::replace(&mut waiting.is_parked, false)
        };
        if waits {
            self.append_next();
        }
    }

    /// Refuses what waits for a check.
    fn refuse(&self, error: &EngineError) {
        let parked = lock(&self.waiting).take_parked();
        self.fail(parked.into_iter().map(|parked| (parked.reply, parked.number)), error);
    }
}

impl Watched for Partition {
    fn name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    fn head(&self) -> Cursor {
        self.channel.head().cursor
    }

    fn set_link(&self, link: Link) {
        self.channel.set_link(link);
    }

    fn compare(self: Arc<Self>, known: Cursor, engine: Cursor) {
        let went_back = engine.generation != known.generation
            || engine.seq < known.seq
            || (engine.seq == known.seq && engine.fingerprint != known.fingerprint);
        // One that is ahead now, and was ahead when the follower had time to pass it.
        let is_behind = engine.seq > self.channel.head().cursor.seq;
        if went_back || is_behind || self.channel.is_check_wanted() {
            self.begin_check();
        }
    }
}
