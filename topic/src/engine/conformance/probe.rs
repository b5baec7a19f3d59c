//! An engine as the cases use it: every answer is awaited for a limited time, and every log that
//! it returns is checked for holes.

use std::{fmt, sync::Arc, time::Duration};

use tokio::{sync::oneshot, time::timeout};

use super::subject::{Skipped, Subject};
use crate::{
    engine::{
        Answer, Append, AppendError, Engine, EngineError, Entry, Head, Link, Loaded, Outcome,
    },
    log::{cursor::Cursor, durability::Durability},
};

/// How long a case waits for one answer, or for entries to arrive. Far above what an engine needs:
/// tests share a machine.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// How long a case waits for something that is not to happen.
pub(super) const QUIET: Duration = Duration::from_millis(300);

/// When the first entry of each topic is published: some day in 2023.
const STAMP_MS: u64 = 1_700_000_000_000;

/// An engine, with answers that come in time.
#[derive(Clone)]
pub(super) struct Probe(pub(super) Arc<dyn Engine>);

/// An append that is not answered yet.
pub(super) struct Pending {
    topic: Arc<str>,
    entries: Vec<Entry>,
    answer: oneshot::Receiver<(Vec<Entry>, Outcome)>,
}

/// The answer to an append, on its way to the case that waits for it.
struct Reply(oneshot::Sender<(Vec<Entry>, Outcome)>);

/// All that two equal entries have in common.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Facts<'a> {
    before: Cursor,
    after: Cursor,
    stamp_ms: u64,
    key: Option<&'a str>,
    event: &'a str,
    data: &'a str,
}

/// Returns an engine with empty contents.
pub(super) async fn one(subject: &mut dyn Subject) -> Probe {
    Probe(subject.fresh().await)
}

/// Returns two nodes with the same empty contents.
pub(super) async fn two(subject: &mut dyn Subject) -> Result<(Probe, Probe), Skipped> {
    let one = one(subject).await;
    if !one.0.profile().shared {
        return Err(Skipped("it is an engine of one process"));
    }
    let other = subject.node().await.ok_or(Skipped("the subject has no second node"))?;
    Ok((one, Probe(other)))
}

/// Awaits something that an engine owes.
pub(super) async fn within<T>(what: impl fmt::Display, future: impl Future<Output = T>) -> T {
    match timeout(PATIENCE, future).await {
        Ok(value) => value,
        Err(_) => panic!("{what}: no answer within {} s", PATIENCE.as_secs()),
    }
}

/// Waits until `check` returns something, and asks it again and again until then.
pub(super) async fn eventually<T>(
    what: impl fmt::Display,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> T {
    within(what, async {
        loop {
            if let Some(value) = check().await {
                return value;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await
}

impl Probe {
    /// Returns the head that a topic has before its first append.
    pub(super) fn start(&self, topic: &str) -> Head {
        Head::start(self.0.profile().id, topic)
    }

    /// Begins to append entries, at the level that the engine reaches.
    pub(super) fn begin(&self, topic: &str, after: Head, entries: Vec<Entry>) -> Pending {
        self.begin_trimming(topic, after, entries, (0, 0))
    }

    /// Begins to append entries to a topic that still needs the entries from `needed.0` on, and the
    /// keys from `needed.1` on.
    pub(super) fn begin_trimming(
        &self,
        topic: &str,
        after: Head,
        entries: Vec<Entry>,
        needed: (u64, u64),
    ) -> Pending {
        self.begin_at(topic, after, entries, self.0.profile().durability, needed)
    }

    /// Begins to append entries at a level.
    pub(super) fn begin_at(
        &self,
        topic: &str,
        after: Head,
        entries: Vec<Entry>,
        durability: Durability,
        needed: (u64, u64),
    ) -> Pending {
        let (reply, answer) = oneshot::channel();
        let (topic, copy) = (Arc::<str>::from(topic), entries.clone());
        let reply = Box::new(Reply(reply));
        self.0.append(Append::with(Arc::clone(&topic), after, copy, durability, needed, reply));
        Pending { topic, entries, answer }
    }

    /// Appends entries.
    pub(super) async fn append(&self, topic: &str, after: Head, entries: Vec<Entry>) -> Outcome {
        self.begin(topic, after, entries).outcome().await
    }

    /// Appends `count` entries, in one group as far as the engine takes it. Returns them.
    pub(super) async fn grow(&self, topic: &str, count: usize) -> Vec<Entry> {
        let mut head = self.head(topic).await;
        let all = entries(&head, "entry", count);
        for group in all.chunks(self.0.profile().append_max.min(100)) {
            let outcome = self.append(topic, head, group.to_vec()).await;
            accepted(topic, &outcome);
            head = newest(group);
        }
        all
    }

    pub(super) async fn head(&self, topic: &str) -> Head {
        let heads = self.heads(&[topic]).await;
        heads[0]
    }

    pub(super) async fn heads(&self, topics: &[&str]) -> Vec<Head> {
        let names: Vec<Arc<str>> = topics.iter().map(|topic| Arc::from(*topic)).collect();
        let heads = succeeds("heads", self.0.heads(&names)).await;
        assert_eq!(heads.len(), topics.len(), "heads: one head for each of the topics");
        heads
    }

    /// Returns what the engine has of a topic, which has no holes.
    pub(super) async fn load(&self, topic: &str, after: u64) -> Loaded {
        let loaded = succeeds(format!("load {topic:?}"), self.0.load(topic, after)).await;
        let newest = loaded.entries.last().map(Entry::head);
        assert!(
            newest.is_none_or(|newest| newest == loaded.head),
            "load {topic:?}: the entries go up to the head ({newest:?}, {:?})",
            loaded.head
        );
        check_dense(topic, &loaded.entries);
        let first = loaded.entries.first();
        let follows = first.is_none_or(|first| first.seq() > after);
        assert!(follows, "load {topic:?}: entry {first:?} does not follow number {after}");
        loaded
    }

    pub(super) async fn read(&self, topic: &str, after: u64, bytes: usize) -> Vec<Entry> {
        let what = format!("read {topic:?} after {after}");
        let entries = succeeds(&what, self.0.read(topic, after, bytes)).await;
        check_dense(topic, &entries);
        let first = entries.first();
        let follows = first.is_none_or(|first| first.seq() > after);
        assert!(follows, "{what}: entry {first:?} does not follow number {after}");
        entries
    }

    /// Reads all that the engine has of a topic, in pieces.
    pub(super) async fn read_all(&self, topic: &str) -> Vec<Entry> {
        let mut all: Vec<Entry> = Vec::new();
        loop {
            let after = all.last().map_or(0, Entry::seq);
            let piece = self.read(topic, after, 16 * 1024).await;
            if piece.is_empty() {
                check_dense(topic, &all);
                return all;
            }
            all.extend(piece);
        }
    }

    pub(super) async fn list(&self, prefix: &str, after: &str, limit: usize) -> Vec<String> {
        let what = format!("list {prefix:?} after {after:?}");
        succeeds(what, self.0.list(prefix, after, limit)).await
    }

    pub(super) async fn trim(&self, topic: &str, before: u64) {
        succeeds(format!("trim {topic:?}"), self.0.trim(topic, before)).await;
    }

    pub(super) async fn remove(&self, topic: &str) {
        succeeds(format!("remove {topic:?}"), self.0.remove(topic)).await;
    }

    pub(super) async fn close(&self) {
        within("close", self.0.close()).await;
    }

    /// Waits until the engine says that its link is up, or down.
    pub(super) async fn until_link(&self, wanted: Link) {
        let mut link = self.0.link();
        let reached = within(format!("the link is {wanted:?}"), async {
            link.wait_for(|link| *link == wanted).await.is_ok()
        });
        assert!(reached.await, "the engine goes on reporting its link");
    }
}

impl Pending {
    /// Waits for the answer.
    pub(super) async fn outcome(self) -> Outcome {
        let what = format!("append to {:?}", self.topic);
        let Ok((back, outcome)) = within(&what, self.answer).await else {
            panic!("{what}: there is an answer");
        };
        if outcome.is_ok() {
            assert_same(&back, &self.entries, "an answered append still has its entries");
        }
        outcome
    }
}

impl Answer for Reply {
    fn finish(self: Box<Self>, entries: Vec<Entry>, outcome: Outcome) {
        // A case that does not wait for the answer any more has failed already.
        let _ = self.0.send((entries, outcome));
    }
}

/// Awaits the answer to a call that succeeds.
pub(super) async fn succeeds<T>(
    what: impl fmt::Display,
    call: impl Future<Output = Result<T, EngineError>>,
) -> T {
    match within(&what, call).await {
        Ok(value) => value,
        Err(error) => panic!("{what}: {error}"),
    }
}

/// Returns `count` entries that follow `head`. Every third has a key.
pub(super) fn entries(head: &Head, label: &str, count: usize) -> Vec<Entry> {
    let mut head = *head;
    let next = |_| {
        let seq = head.cursor.seq() + 1;
        let data = format!("\"{label} {seq}\"");
        let key = (seq.is_multiple_of(3)).then(|| format!("key of {label} {seq}"));
        let entry = entry(&head, key.as_deref(), "said", data.as_bytes());
        head = entry.head();
        entry
    };
    (0..count).map(next).collect()
}

pub(super) fn entry(head: &Head, key: Option<&str>, event: &str, data: &[u8]) -> Entry {
    let stamp_ms = STAMP_MS + head.cursor.seq();
    Entry::next(head, key, event, data, stamp_ms).expect("an entry that can be")
}

/// Returns the head after entries, of which there is at least one.
pub(super) fn newest(entries: &[Entry]) -> Head {
    entries.last().expect("at least one entry").head()
}

#[track_caller]
pub(super) fn accepted(topic: &str, outcome: &Outcome) {
    assert!(
        outcome.is_ok(),
        "append to {topic:?}: the head fits, so it is accepted, but it is {outcome:?}"
    );
}

/// Returns the entries with which the engine refused an append.
#[track_caller]
pub(super) fn moved(outcome: Outcome, why: &str) -> Vec<Entry> {
    match outcome {
        Err(AppendError::Moved(entries)) => entries,
        Ok(()) => panic!("{why}: the append is refused, but it was accepted"),
        Err(AppendError::Failed(error)) => {
            panic!("{why}: the append is answered with Moved, but with Failed ({error})")
        }
    }
}

#[track_caller]
pub(super) fn check_dense(topic: &str, entries: &[Entry]) {
    for pair in entries.windows(2) {
        assert_eq!(
            (pair[0].seq() + 1, pair[0].cursor()),
            (pair[1].seq(), pair[1].before()),
            "{topic:?}: each entry follows the one before"
        );
    }
}

#[track_caller]
pub(super) fn assert_same(are: &[Entry], expected: &[Entry], expectation: &str) {
    assert_same_but_keys(are, expected, 0, expectation);
}

/// Keys of entries with numbers below `keys_from` may be gone.
#[track_caller]
pub(super) fn assert_same_but_keys(
    are: &[Entry],
    expected: &[Entry],
    keys_from: u64,
    expectation: &str,
) {
    let numbers = |entries: &[Entry]| match (entries.first(), entries.last()) {
        (Some(first), Some(last)) => format!("{}..={}", first.seq(), last.seq()),
        _ => "none".to_owned(),
    };
    assert!(
        are.len() == expected.len(),
        "{expectation}: numbers {} instead of {}",
        numbers(are),
        numbers(expected)
    );
    for (is, expected) in are.iter().zip(expected) {
        let mut facts = Facts::of(expected);
        if is.key().is_none() && is.seq() < keys_from {
            facts.key = None;
        }
        assert_eq!(Facts::of(is), facts, "{expectation}");
    }
}

impl<'a> Facts<'a> {
    fn of(entry: &'a Entry) -> Self {
        Self {
            before: entry.before(),
            after: entry.cursor(),
            stamp_ms: entry.stamp_ms(),
            key: entry.key(),
            event: entry.event(),
            data: entry.data(),
        }
    }
}
