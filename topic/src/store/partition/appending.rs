//! The way of messages to the engine and of its answers to the publishers.

use std::{sync::Arc, time::Instant as Clock};

use tokio::{sync::OwnedSemaphorePermit, time::Instant};

use super::{
    Partition,
    forwarding::unknown,
    others::Run,
    submission::{Reply, Submission},
    waiting::Waiting,
};
use crate::{
    channel::{Fate, Taken},
    clock,
    engine::{Answer, Append, AppendError, EngineError, Entry, Outcome},
    log::{keys, record::Draft},
    sync::lock,
};

/// How often an append is tried against other nodes that append as well.
const TRIES_MAX: u8 = 64;

/// How many turns of the runtime an append waits at least for the publishers of the last one. The turns
/// of one thread may be over while another one has most of the publishers.
const TURNS_MIN: u32 = 4;

/// The publishers that wait for one append.
struct Group {
    partition: Arc<Partition>,
    begun: Clock,
    /// Not a `Vec`: in a group of the next size class, glibc left 1.8 KB of holes for each idle topic
    /// of NATS.
    members: Box<[Member]>,
}

/// A publisher whose message is in an append.
struct Member {
    key: Option<Arc<str>>,
    reply: Reply,
    permit: Option<OwnedSemaphorePermit>,
    /// Its number, if another node was asked to append it before.
    number: Option<u64>,
    /// The index of its entry: messages with the same key share one.
    entry: usize,
}

impl Partition {
    /// Begins an append once it is this node's turn and as many messages wait as the last one had,
    /// or when their publishers have had time to come.
    ///
    /// Publishers that the last append has answered may publish again at once. The answer of a server,
    /// and that of a disk that syncs, takes much longer than a turn, so they go together, instead of
    /// the first one alone and the others after its answer.
    pub(super) fn begin_append(self: &Arc<Self>) {
        let Some(runtime) = self.store.runtime() else {
            return self.append_next();
        };
        let (wait, is_partial) = {
            let mut waiting = lock(&self.waiting);
            // What is sent to another node waits for its turn there.
            let takes_turns = !waiting.submissions.is_empty() && appender(&waiting).is_none();
            let turns = waiting.turns.as_mut().filter(|_| takes_turns);
            let wait = turns.and_then(|turns| turns.wait(Instant::now()));
            let is_slow = waiting.is_slow || self.is_shared();
            (wait, is_slow && waiting.is_group_partial())
        };
        if wait.is_none() && !is_partial {
            return self.append_next();
        }
        let partition = Arc::clone(self);
        runtime.spawn(async move {
            if let Some(wait) = wait {
                wait.end().await;
            }
            // Not the runtime's clock, which stands still in tests while tasks run.
            let (begun, time) = (Clock::now(), lock(&partition.waiting).gather_time());
            let mut turns = 0;
            while lock(&partition.waiting).is_group_partial()
                && (turns < TURNS_MIN || begun.elapsed() < time)
            {
                tokio::task::yield_now().await;
                turns += 1;
            }
            partition.append_next();
        });
    }

    /// Passes the messages that wait to the engine, or to the node that appends for this one, if there
    /// are any.
    pub(super) fn append_next(self: &Arc<Self>) {
        loop {
            if self.send_away() {
                return;
            }
            let submissions = lock(&self.waiting).take_group(self.store.engine.profile());
            if submissions.is_empty() {
                return;
            }
            if let Some(append) = self.stage(submissions) {
                self.store.engine.append(append);
                return;
            }
        }
    }

    /// Numbers messages. Those whose key was published before are answered at once.
    fn stage(self: &Arc<Self>, submissions: Vec<Submission>) -> Option<Append> {
        let after = self.channel.head();
        let run = self.run();
        let (mut head, now_ms) = (after, clock::now_ms());
        let (mut entries, mut members) = (Vec::<Entry>::new(), Vec::new());
        let (mut refused, mut has_own) = (Vec::new(), false);
        for Submission { draft, key, reply, permit, number } in submissions {
            if let Some(number) = number {
                // After the head was read: an entry that came since makes the engine refuse this append.
                match self.channel.fate(number) {
                    Fate::Open => {}
                    Fate::Stored(cursor) => {
                        reply.answer(Ok(cursor));
                        continue;
                    }
                    Fate::Unknown => {
                        reply.answer(Err(unknown()));
                        continue;
                    }
                }
            }
            if let Reply::Node(origin) = &reply
                && !run.admits(origin.letter.after, after.cursor)
            {
                refused.extend(reply.answer(Err(unknown())));
                continue;
            }
            // The key of a draft is that of no other message.
            let of_publisher = key.as_deref().filter(|key| !keys::is_of_draft(key));
            if let Some(cursor) = of_publisher.and_then(|key| self.channel.cursor_of(key)) {
                self.channel.forget(number);
                reply.answer(Ok(cursor));
                continue;
            }
            has_own |= matches!(reply, Reply::Publisher(_));
            let staged = of_publisher
                .and_then(|key| entries.iter().position(|entry| entry.key.as_deref() == Some(key)));
            let entry = staged.unwrap_or_else(|| {
                let before = head.cursor.fingerprint;
                let record = head.number(draft, now_ms);
                let (cursor, key) = (head.cursor, key.clone());
                entries.push(Entry { before, cursor, record, key });
                entries.len() - 1
            });
            members.push(Member { key, reply, permit, number, entry });
        }
        self.refuse_drafts(refused, false);
        let first = entries.first()?.cursor();
        let durability = {
            let mut waiting = lock(&self.waiting);
            if self.is_shared() {
                waiting.turns.get_or_insert_default().begin(Instant::now(), first);
            }
            if let Some(others) = waiting.others.as_mut().filter(|_| has_own) {
                others.serving.has_own(Instant::now());
            }
            waiting.durability
        };
        let topic = Arc::clone(&self.name);
        let group = Box::new(Group {
            partition: Arc::clone(self),
            begun: Clock::now(),
            members: members.into(),
        });
        Some(Append::with(topic, after, entries, durability, self.channel.oldest(), group))
    }

    /// Puts the messages of a refused append before those that wait.
    fn put_back(&self, members: Box<[Member]>, entries: &[Entry]) {
        let submission = |Member { key, reply, permit, number, entry }| {
            let entry: &Entry = &entries[entry];
            let draft = Draft::new(entry.event(), entry.data().as_bytes());
            Submission { draft, key, reply, permit, number }
        };
        lock(&self.waiting).put_back(members.into_iter().map(submission));
    }

    /// Answers those whose messages were not appended.
    pub(super) fn fail(
        &self,
        those: impl Iterator<Item = (Reply, Option<u64>)>,
        error: &EngineError,
    ) {
        let mut refused = Vec::new();
        for (reply, number) in those {
            if number.is_some() {
                self.channel.forget(number);
            }
            refused.extend(reply.answer(Err(error.clone())));
        }
        self.refuse_drafts(refused, true);
    }

    /// Returns the newest entries that are this node's own.
    fn run(&self) -> Run {
        lock(&self.waiting).others.as_ref().map(|others| others.serving.run).unwrap_or_default()
    }

    /// Lets what waits wait until the engine was asked what it has.
    fn park_and_check(self: &Arc<Self>) {
        lock(&self.waiting).is_parked = true;
        self.begin_check();
    }
}

impl Member {
    fn answered(self) -> (Reply, Option<u64>) {
        (self.reply, self.number)
    }
}

/// Returns the node that appends for this one.
fn appender(waiting: &Waiting) -> Option<u64> {
    waiting.others.as_ref().and_then(|others| others.appender())
}

impl Answer for Group {
    fn finish(self: Box<Self>, entries: Vec<Entry>, outcome: Outcome) {
        let Self { partition, begun, members } = *self;
        match outcome {
            Ok(()) => {
                let cursors: Vec<_> = entries.iter().map(Entry::cursor).collect();
                let own = entries.first().map(Entry::before).zip(cursors.last().copied());
                let taken = partition.channel.take(entries);
                for Member { reply, permit, entry, number, .. } in members {
                    if number.is_some() {
                        partition.channel.forget(number);
                    }
                    reply.answer(Ok(cursors[entry]));
                    drop(permit);
                }
                let has_met = {
                    let mut waiting = lock(&partition.waiting);
                    let now = Instant::now();
                    waiting.tries = 0;
                    waiting.appended(begun.elapsed(), now);
                    if let Some((others, (before, last))) = waiting.others.as_mut().zip(own) {
                        others.serving.run.extend(before, last);
                    }
                    let has_met = waiting.turns.as_ref().is_some_and(|turns| turns.has_met());
                    waiting.turns.take_if(|turns| !turns.appended(now));
                    has_met
                };
                if has_met {
                    partition.meet_others();
                }
                if taken == Taken::Astray {
                    partition.park_and_check();
                } else {
                    partition.begin_append();
                }
            }
            Err(AppendError::Failed(error)) => {
                lock(&partition.waiting).turns = None;
                partition.fail(members.into_iter().map(Member::answered), &error);
                partition.append_next();
            }
            Err(AppendError::Moved(others)) => {
                let head = partition.channel.head().cursor;
                let are_news = others.last().is_some_and(|last| last.seq() > head.seq);
                let went_on = if others.is_empty() {
                    // The follower may have taken them.
                    let after = entries.first().map(Entry::before);
                    after.is_some_and(|after| partition.channel.goes_on_from(after))
                } else {
                    partition.channel.take(others) == Taken::All
                };
                partition.answer_appended();
                if went_on {
                    partition.meet_others();
                }
                let is_hopeless = {
                    let mut waiting = lock(&partition.waiting);
                    waiting.tries += 1;
                    if let Some(turns) = &mut waiting.turns {
                        turns.refused(are_news);
                    }
                    waiting.tries > TRIES_MAX
                };
                if is_hopeless {
                    lock(&partition.waiting).tries = 0;
                    let error = EngineError::unavailable("other nodes append too fast");
                    partition.fail(members.into_iter().map(Member::answered), &error);
                } else {
                    partition.put_back(members, &entries);
                }
                if went_on { partition.append_next() } else { partition.park_and_check() }
            }
        }
    }
}
