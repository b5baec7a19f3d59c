//! One node appends for others that publish to a topic at the same time.
//!
//! An append says after which entry it comes, so nodes that append at the same time refuse each other's.
//! Nodes that meet like that tell each other, and those with higher numbers send their drafts to the
//! lowest one, which appends them with its own. They read in the log that it has. Nothing depends on it:
//! what is refused, or away for too long, is appended here under the same conditions as ever.
//!
//! No draft is appended twice, whatever becomes of letters and nodes: `others::serving` says what an
//! appender may append, and [`Fate`](crate::channel::Fate) what the sender knows before it appends by
//! itself. An append that may have happened, but nobody knows, has failed, as it has without other nodes.

#[cfg(all(test, not(kipo_loom)))]
mod tests;

use std::{collections::BTreeMap, sync::Arc};

use tokio::{
    sync::Semaphore,
    time::{Duration, Instant},
};

use super::{
    Partition,
    others::{Look, Others, Untaken},
    submission::{Origin, Received, Reply, Submission},
    waiting::Waiting,
};
use crate::{
    channel::Fate,
    engine::{EngineError, Link},
    log::{keys, record::Draft},
    store::{
        letter::{Content, DraftSent, Drafts},
        peers::Peer,
    },
    sync::lock,
};

/// How often is looked at what is away.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The most drafts of one letter.
const DRAFTS_MAX: usize = 4096;

impl Partition {
    /// Counts an append of this node that has met one of another, and tells the others once they are
    /// many.
    pub(super) fn meet_others(self: &Arc<Self>) {
        if self.store.runtime().is_none() {
            // Without one nothing would be looked at that is away.
            return;
        }
        let now = Instant::now();
        let announces = {
            let mut waiting = lock(&self.waiting);
            let others = waiting.others.get_or_insert_with(|| Box::new(Others::new(now)));
            others.contention.meets(now)
        };
        if announces {
            self.store.peers.join(&self.name, self);
            self.store.peers.write(None, &self.name, Content::Appends);
        }
    }

    /// Sends what waits to the node that appends for this one. Returns whether nothing is left that this
    /// node has to append.
    pub(super) fn send_away(self: &Arc<Self>) -> bool {
        loop {
            let (node, letter, durability) = {
                let mut waiting = lock(&self.waiting);
                let Some(node) = waiting.others.as_ref().and_then(|others| others.appender())
                else {
                    return false;
                };
                if waiting.submissions.is_empty() {
                    // An idle topic retains no buffer.
                    (waiting.submissions, waiting.is_busy) = (Vec::new(), false);
                    return true;
                }
                (node, waiting.take_letter(), waiting.durability)
            };
            if letter.is_empty() {
                return false;
            }
            let away = self.number(letter);
            let Some((first, _)) = away.first() else { continue };
            let first = *first;
            let keys = away.iter().map(|(number, submission)| (*number, submission.key.clone()));
            let after = self.channel.expect(self.store.peers.node, keys);
            let drafts = away.iter().map(|(_, submission)| sent(submission)).collect();
            let drafts = Content::Drafts(Drafts { first, after, durability, drafts });
            let letter = self.store.peers.letter(&self.name, drafts);
            let noted = {
                let mut waiting = lock(&self.waiting);
                let now = Instant::now();
                let others = waiting.others.get_or_insert_with(|| Box::new(Others::new(now)));
                others.contention.sends(node, away, now)
            };
            if let Err(left) = noted {
                self.take_back(left);
                return false;
            }
            if !self.store.peers.send(Some(node), letter) {
                self.append_alone();
                return false;
            }
        }
    }

    /// Numbers the messages of a letter. Those whose key was published before are answered at once.
    fn number(&self, letter: Vec<Submission>) -> Vec<(u64, Submission)> {
        let mut left = Vec::with_capacity(letter.len());
        for submission in letter {
            let known = submission.key.as_deref().and_then(|key| self.channel.cursor_of(key));
            match known {
                Some(cursor) => drop(submission.reply.answer(Ok(cursor))),
                None => left.push(submission),
            }
        }
        let first = self.store.peers.numbers(left.len());
        let numbered = (first..).zip(left).map(|(number, submission)| {
            (number, Submission { number: Some(number), ..submission })
        });
        numbered.collect()
    }

    /// Answers publishers whose drafts were appended by another node, after entries came into the log.
    pub(super) fn answer_appended(self: &Arc<Self>) {
        if lock(&self.waiting).others.is_none() {
            return;
        }
        let decided = self.channel.decided();
        // What waits here is answered when it is its turn.
        let away = match &mut lock(&self.waiting).others {
            Some(others) => others.contention.take_decided(&decided),
            None => Vec::new(),
        };
        self.channel.forget(away.iter().filter_map(|(submission, _)| submission.number));
        for (Submission { reply, permit, .. }, fate) in away {
            match fate {
                Fate::Stored(cursor) => reply.answer(Ok(cursor)),
                Fate::Open | Fate::Unknown => reply.answer(Err(unknown())),
            };
            drop(permit);
        }
    }

    /// Appends by itself for a while, what is away too.
    fn append_alone(self: &Arc<Self>) {
        let now = Instant::now();
        let away = {
            let mut waiting = lock(&self.waiting);
            waiting.others.as_mut().map(|others| others.contention.be_alone(now))
        };
        self.take_back(away.unwrap_or_default());
    }

    /// Puts drafts that were away before those that wait, for this node to append.
    fn take_back(self: &Arc<Self>, drafts: Vec<Submission>) {
        if drafts.is_empty() {
            return;
        }
        let begins = {
            let mut waiting = lock(&self.waiting);
            waiting.put_back(drafts.into_iter());
            waiting.begin()
        };
        if begins {
            self.begin_append();
        }
    }

    /// Tells nodes that drafts of theirs are not appended here.
    pub(super) fn refuse_drafts(&self, refused: Vec<Origin>, is_final: bool) {
        let mut by_node = BTreeMap::<u64, Vec<u64>>::new();
        for origin in refused {
            by_node.entry(origin.letter.node).or_default().push(origin.number);
        }
        for (node, numbers) in by_node {
            // One that does not hear of it appends them later.
            self.store.peers.write(Some(node), &self.name, Content::Refusal { numbers, is_final });
        }
    }

    /// Returns the drafts of a letter as messages that wait, unless this node does not take them.
    fn take_drafts(&self, node: u64, drafts: Drafts<'_>) -> Result<(), Untaken> {
        let Drafts { first, after, durability, drafts } = drafts;
        let count = drafts.len();
        let now = Instant::now();
        let mut waiting = lock(&self.waiting);
        let is_strong_enough = waiting.durability >= durability;
        let Some(others) = &mut waiting.others else { return Err(Untaken::Refused) };
        let held = others.serving.take(node, first, count, now)?;
        // A draft is never sent a second time.
        if others.appender().is_some() || !is_strong_enough || self.store.link() == Link::Down {
            return Err(Untaken::Refused);
        }
        let acquire = |semaphore: &Arc<Semaphore>, permits: usize| {
            let permits = u32::try_from(permits).map_err(|_| Untaken::Refused)?;
            let permits = Arc::clone(semaphore).try_acquire_many_owned(permits);
            permits.map_err(|_| Untaken::Refused)
        };
        let bytes = acquire(&self.store.peers.held, drafts.iter().map(DraftSent::len).sum())?;
        let permits = acquire(&self.store.permits, count)?;
        let received = Received { node, after, _permits: permits, _bytes: bytes, _held: held };
        let received = Arc::new(received);
        waiting.submissions.extend((first..).zip(drafts).map(|(number, sent)| {
            let DraftSent { key, event, data } = sent;
            let key = Some(key.map_or_else(|| keys::of_draft(node, number), Arc::from));
            let reply = Reply::Node(Origin { letter: Arc::clone(&received), number });
            let draft = Draft::new(event, data);
            Submission { draft, key, reply, permit: None, number: None }
        }));
        if let Some(turns) = &mut waiting.turns {
            turns.stop_waiting();
        }
        Ok(())
    }

    /// Looks at what is away, until nothing was for a while.
    fn begin_looking(self: &Arc<Self>) {
        let Some(runtime) = self.store.runtime() else { return };
        let partition = Arc::downgrade(self);
        runtime.spawn(async move {
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(partition) = partition.upgrade() else { return };
                let now = Instant::now();
                let look = {
                    let mut waiting = lock(&partition.waiting);
                    waiting.others.as_mut().map(|others| others.contention.look(now))
                };
                match look {
                    Some(Look::GoesOn) => {}
                    Some(Look::Late) => partition.append_alone(),
                    Some(Look::Ends) | None => return,
                }
            }
        });
    }
}

impl Peer for Partition {
    fn appends(self: Arc<Self>, node: u64) {
        let (now, own) = (Instant::now(), self.store.peers.node);
        let (begins, answers) = {
            let mut waiting = lock(&self.waiting);
            let Waiting { others: Some(others), turns, .. } = &mut *waiting else { return };
            let is_free = others.appender().is_none();
            let begins = node < own && others.contention.follow(node, now);
            if let Some(turns) = turns.as_mut().filter(|_| others.appender() == Some(node)) {
                turns.stop_waiting();
            }
            (begins, node > own && is_free && others.serving.is_active(now))
        };
        if begins {
            self.begin_looking();
        }
        if answers {
            self.store.peers.write(Some(node), &self.name, Content::Appends);
        }
    }

    fn drafts(self: Arc<Self>, node: u64, drafts: Drafts<'_>) {
        let (first, count) = (drafts.first, drafts.drafts.len());
        let taken =
            if count > DRAFTS_MAX { Err(Untaken::Refused) } else { self.take_drafts(node, drafts) };
        match taken {
            Ok(()) => {
                let begins = lock(&self.waiting).begin();
                if begins {
                    self.begin_append();
                }
            }
            Err(Untaken::Known) => {}
            Err(Untaken::Refused) => {
                let numbers = (first..).take(count).collect();
                let refusal = Content::Refusal { numbers, is_final: true };
                self.store.peers.write(Some(node), &self.name, refusal);
            }
        }
    }

    fn refused(self: Arc<Self>, node: u64, numbers: &[u64], is_final: bool) {
        let (drafts, is_over) = {
            let mut waiting = lock(&self.waiting);
            let Some(others) = &mut waiting.others else { return };
            let is_over = is_final && others.appender() == Some(node);
            (others.contention.take(numbers), is_over)
        };
        if is_over {
            self.append_alone();
        }
        self.take_back(drafts);
    }
}

/// Returns a message as a letter has it.
fn sent(submission: &Submission) -> DraftSent<'_> {
    let Submission { draft, key, .. } = submission;
    let event = std::str::from_utf8(draft.event()).unwrap_or_default();
    DraftSent { key: key.as_deref(), event, data: draft.data() }
}

/// Returns why a draft has no answer: see [`Fate::Unknown`].
pub(super) fn unknown() -> EngineError {
    EngineError::unavailable(
        "another node may have appended the message, and it cannot be read any more",
    )
}
