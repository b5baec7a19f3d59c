//! Tests of the suite itself: the model passes, and each engine that breaks one promise fails the
//! case that is named for it.

use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::watch, task::LocalSet};

use super::{
    Deliveries, Fault, Messages, Model, ModelEngine, Options, Snapshot, Subject, check, probe, run,
};
use crate::engine::{
    Append, AppendError, Engine, EngineError, Entry, FollowGuard, Follower, Head, Link, Loaded,
    Mailbox, Profile,
};

/// What a node breaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Breaks {
    #[default]
    Nothing,
    IdOfContents,
    IgnoresTheHead,
    IgnoresFingerprints,
    ChecksNoEmptyTopic,
    AcknowledgesNothing,
    AppendsHalfAGroup,
    AppendsWhatItRefuses,
    MovedWithoutEntries,
    MovedWithAnotherHistory,
    LosesAppendsNowAndThen,
    FailsOnLargeEntries,
    LosesKeys,
    LosesTimes,
    LoadsOneTooFew,
    ReadsOneTooFew,
    ReadsNothingLarge,
    ReadsAll,
    HeadsOutOfOrder,
    OldHeads,
    FoldsNames,
    CutsNamesAtNul,
    ListsByLength,
    ListsBeforeAfter,
    ListsPatterns,
    ListsRecords,
    ListsRemoved,
    RemovesNothing,
    RemovesWithoutGeneration,
    TrimsTheNewest,
    TrimsOneTooMany,
    TrimsNeededKeys,
    TrimsWithKeys,
    NeverTrims,
    FollowsFromNow,
    FollowsForEver,
    FollowsTwice,
    FollowsBackwards,
    FollowsWithHoles,
    FollowsLate,
    WritesToAll,
    ListensForEver,
    RecordsEndLate,
    RecordsEndEarly,
    RecordsAreShort,
    RecordsMeet,
    CountsForEver,
    CountsAlone,
    WindowsSlide,
    AppendsWhenClosed,
    RestartsWithoutTheNewest,
    RestartsWithoutRemovals,
    LinkIsAlwaysUp,
    IsCertain,
    RemembersHeads,
}

/// A node of the model that breaks one promise.
struct Broken {
    model: Model,
    engine: ModelEngine,
    breaks: Breaks,
    profile: Profile,
    link: watch::Sender<Link>,
    remembered: Arc<Mutex<HashMap<Arc<str>, Head>>>,
    calls: AtomicUsize,
}

/// The model and its nodes, as a subject that can do all.
struct Nodes {
    model: Model,
    breaks: Breaks,
    first: Option<ModelEngine>,
    snapshot: Option<Snapshot>,
    remembered: Arc<Mutex<HashMap<Arc<str>, Head>>>,
}

impl Nodes {
    fn new(breaks: Breaks) -> Self {
        let remembered = Arc::default();
        Self { model: Model::new(), breaks, first: None, snapshot: None, remembered }
    }

    fn engine(&self) -> Arc<dyn Engine> {
        self.wrap(self.model.node())
    }

    fn wrap(&self, engine: ModelEngine) -> Arc<dyn Engine> {
        engine.set_messages(Messages::InOrder);
        let mut profile = engine.profile().clone();
        if self.breaks == Breaks::IdOfContents {
            profile.id = 7;
        }
        let remembered = Arc::clone(&self.remembered);
        let (breaks, calls) = (self.breaks, AtomicUsize::new(0));
        let link = watch::Sender::new(Link::Up);
        let model = self.model.clone();
        Arc::new(Broken { model, engine, breaks, profile, link, remembered, calls })
    }
}

#[async_trait]
impl Subject for Nodes {
    async fn fresh(&mut self) -> Arc<dyn Engine> {
        *self = Self::new(self.breaks);
        let first = self.model.node();
        self.first = Some(first.clone());
        self.wrap(first)
    }

    async fn node(&mut self) -> Option<Arc<dyn Engine>> {
        Some(self.engine())
    }

    async fn restart(&mut self) -> Option<Arc<dyn Engine>> {
        match self.breaks {
            Breaks::RestartsWithoutTheNewest => self.model.lose_tail("fsync", 1),
            Breaks::RestartsWithoutRemovals => {
                self.model.node().remove("removed").await.unwrap();
            }
            _ => {}
        }
        Some(self.engine())
    }

    async fn cut(&mut self) -> bool {
        self.first.as_ref().unwrap().set_link(Link::Down);
        true
    }

    async fn mend(&mut self) {
        self.first.as_ref().unwrap().set_link(Link::Up);
    }

    async fn snapshot(&mut self) -> bool {
        self.snapshot = Some(self.model.snapshot());
        true
    }

    async fn roll_back(&mut self) -> Option<Arc<dyn Engine>> {
        self.model.restore(self.snapshot.as_ref()?);
        Some(self.engine())
    }
}

impl Broken {
    /// Returns the name under which the model has a topic or a record.
    fn name(&self, name: &str) -> String {
        match self.breaks {
            Breaks::FoldsNames => name.to_lowercase(),
            Breaks::CutsNamesAtNul => name.split('\0').next().unwrap_or_default().to_owned(),
            _ => name.to_owned(),
        }
    }

    /// Changes entries on their way out.
    fn out(&self, entries: Vec<Entry>) -> Vec<Entry> {
        let changed = entries.into_iter().map(|mut entry| match self.breaks {
            Breaks::LosesKeys => {
                entry.key = None;
                entry
            }
            Breaks::LosesTimes => {
                let before = Head { cursor: entry.before(), stamp_ms: 0 };
                let data = entry.data().as_bytes();
                Entry::next(&before, entry.key(), entry.event(), data, 1).unwrap()
            }
            _ => entry,
        });
        changed.collect()
    }
}

impl fmt::Debug for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.breaks)
    }
}

#[async_trait]
impl Engine for Broken {
    fn profile(&self) -> &Profile {
        &self.profile
    }

    fn link(&self) -> watch::Receiver<Link> {
        match self.breaks {
            Breaks::LinkIsAlwaysUp => self.link.subscribe(),
            _ => self.engine.link(),
        }
    }

    fn append(&self, mut append: Append) {
        append.topic = self.name(&append.topic).into();
        let (engine, breaks) = (self.engine.clone(), self.breaks);
        let call = self.calls.fetch_add(1, Ordering::Relaxed);
        tokio::spawn(async move {
            let Ok(head) = engine.heads(&[Arc::clone(&append.topic)]).await.map(|heads| heads[0])
            else {
                return match breaks {
                    Breaks::AppendsWhenClosed => append.finish(Ok(())),
                    _ => engine.append(append),
                };
            };
            let fits = head.cursor == append.after.cursor;
            match breaks {
                Breaks::IgnoresTheHead => append.after = head,
                Breaks::IgnoresFingerprints if head.cursor.seq() == append.after.cursor.seq() => {
                    append.after = head;
                }
                Breaks::ChecksNoEmptyTopic if head.cursor.seq() == 0 => append.after = head,
                Breaks::AcknowledgesNothing if append.entries.len() > 1 => {
                    return append.finish(Ok(()));
                }
                Breaks::AppendsHalfAGroup if fits && append.entries.len() > 32 => {
                    let mut half = append.entries.clone();
                    half.truncate(32);
                    let (topic, after) = (Arc::clone(&append.topic), append.after);
                    engine.append(Append::new(topic, after, half, append.durability, |_| ()));
                    tokio::task::yield_now().await;
                    return append.finish(Ok(()));
                }
                Breaks::AppendsWhatItRefuses if head.cursor.seq() > append.after.cursor.seq() => {
                    let next = probe::entries(&head, "refused", 1);
                    let topic = Arc::clone(&append.topic);
                    engine.append(Append::new(topic, head, next, append.durability, |_| ()));
                    tokio::task::yield_now().await;
                }
                Breaks::MovedWithoutEntries if !fits => {
                    return append.finish(Err(AppendError::Moved(Vec::new())));
                }
                Breaks::MovedWithAnotherHistory if !fits => {
                    let after = append.after.cursor.seq();
                    let entries = engine.load(&append.topic, after).await.unwrap().entries;
                    return append.finish(Err(AppendError::Moved(entries)));
                }
                Breaks::LosesAppendsNowAndThen if fits && call % 7 == 6 => {
                    engine.fail_next(Fault::Refused);
                    let (topic, after) = (Arc::clone(&append.topic), append.after);
                    let entries = append.entries.clone();
                    engine.append(Append::new(topic, after, entries, append.durability, |_| ()));
                    tokio::task::yield_now().await;
                    return append.finish(Ok(()));
                }
                Breaks::FailsOnLargeEntries if append.entries[0].encoded_len() > 200_000 => {
                    let error = EngineError::unavailable("too large");
                    return append.finish(Err(AppendError::Failed(error)));
                }
                Breaks::TrimsWithKeys => append.keep_from = append.keys_from,
                Breaks::TrimsNeededKeys => append.keys_from = append.keep_from,
                Breaks::TrimsOneTooMany => {
                    append.keep_from = append.keep_from.saturating_add(1);
                    append.keys_from = append.keep_from;
                }
                Breaks::NeverTrims => (append.keep_from, append.keys_from) = (0, 0),
                _ => {}
            }
            engine.append(append);
        });
    }

    async fn load(&self, topic: &str, after: u64) -> Result<Loaded, EngineError> {
        let mut loaded = self.engine.load(&self.name(topic), after).await?;
        loaded.entries = self.out(loaded.entries);
        if self.breaks == Breaks::LoadsOneTooFew && !loaded.entries.is_empty() {
            loaded.entries.remove(0);
        }
        Ok(loaded)
    }

    async fn read(&self, topic: &str, after: u64, bytes: usize) -> Result<Vec<Entry>, EngineError> {
        let bytes = if self.breaks == Breaks::ReadsAll { usize::MAX } else { bytes };
        let mut entries = self.out(self.engine.read(&self.name(topic), after, bytes).await?);
        match self.breaks {
            Breaks::ReadsOneTooFew if entries.len() > 1 => drop(entries.remove(0)),
            Breaks::ReadsNothingLarge => entries.retain(|entry| entry.encoded_len() <= bytes),
            _ => {}
        }
        Ok(entries)
    }

    async fn heads(&self, topics: &[Arc<str>]) -> Result<Vec<Head>, EngineError> {
        let names: Vec<Arc<str>> = topics.iter().map(|name| self.name(name).into()).collect();
        let mut heads = self.engine.heads(&names).await?;
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        match self.breaks {
            Breaks::HeadsOutOfOrder => heads.sort_by_key(|head| head.cursor.seq()),
            Breaks::OldHeads if self.calls.fetch_add(1, Ordering::Relaxed) % 10 == 9 => {
                heads = names.iter().map(|name| remembered[name]).collect();
            }
            Breaks::RemembersHeads => {
                for (head, name) in heads.iter_mut().zip(&names) {
                    let newest = remembered.entry(Arc::clone(name)).or_insert(*head);
                    if head.cursor.seq() > newest.cursor.seq() {
                        *newest = *head;
                    }
                    *head = *newest;
                }
            }
            _ => {}
        }
        remembered.extend(names.into_iter().zip(heads.iter().copied()));
        Ok(heads)
    }

    fn follow(&self, topic: Arc<str>, after: u64, follower: Arc<dyn Follower>) -> FollowGuard {
        let topic: Arc<str> = self.name(&topic).into();
        match self.breaks {
            Breaks::FollowsFromNow => return self.engine.follow(topic, !0 >> 1, follower),
            Breaks::FollowsTwice => self.engine.set_deliveries(Deliveries::Repeated),
            Breaks::FollowsBackwards => self.engine.set_deliveries(Deliveries::Reversed),
            Breaks::FollowsWithHoles => {
                let holed = Holed(follower, AtomicUsize::new(0));
                return self.engine.follow(topic, after, Arc::new(holed));
            }
            Breaks::FollowsLate => {
                let engine = self.engine.clone();
                engine.set_deliveries(Deliveries::Held);
                tokio::spawn(async move {
                    loop {
                        tokio::time::sleep(Duration::from_secs(3)).await;
                        engine.set_deliveries(Deliveries::InOrder);
                        engine.set_deliveries(Deliveries::Held);
                    }
                });
            }
            Breaks::IsCertain => {
                return self.engine.follow(topic, after, Arc::new(Certain(follower)));
            }
            Breaks::FollowsForEver => {
                let guard = self.engine.follow(topic, after, follower);
                return FollowGuard::new(move || {
                    // The guard lives on in a task.
                    tokio::spawn(async move {
                        tokio::time::sleep(Duration::from_secs(60)).await;
                        drop(guard);
                    });
                });
            }
            _ => {}
        }
        self.engine.follow(topic, after, follower)
    }

    fn listen(&self, node: u64, mailbox: Arc<dyn Mailbox>) -> FollowGuard {
        let guard = self.engine.listen(node, mailbox);
        if self.breaks == Breaks::ListensForEver {
            // The mailbox stays.
            return FollowGuard::new(move || {
                // The guard lives on in a task.
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(60)).await;
                    drop(guard);
                });
            });
        }
        guard
    }

    fn send(&self, to: Option<u64>, message: Vec<u8>) -> bool {
        let to = to.filter(|_| self.breaks != Breaks::WritesToAll);
        self.engine.send(to, message)
    }

    async fn trim(&self, topic: &str, before: u64) -> Result<(), EngineError> {
        let topic = self.name(topic);
        match self.breaks {
            Breaks::TrimsTheNewest => {
                let head = self.engine.heads(&[topic.as_str().into()]).await?[0];
                if before > head.cursor.seq() && head.cursor.seq() > 0 {
                    return self.engine.remove(&topic).await;
                }
                self.engine.trim(&topic, before).await
            }
            Breaks::TrimsOneTooMany => self.engine.trim(&topic, before.saturating_add(1)).await,
            Breaks::NeverTrims => Ok(()),
            _ => self.engine.trim(&topic, before).await,
        }
    }

    async fn remove(&self, topic: &str) -> Result<(), EngineError> {
        let topic = self.name(topic);
        match self.breaks {
            Breaks::RemovesNothing => Ok(()),
            Breaks::RemovesWithoutGeneration => {
                // All entries are gone, and the topic begins as if it had never been.
                self.model.lose_tail(&topic, usize::MAX);
                Ok(())
            }
            _ => self.engine.remove(&topic).await,
        }
    }

    async fn list(
        &self,
        prefix: &str,
        after: &str,
        limit: usize,
    ) -> Result<Vec<String>, EngineError> {
        match self.breaks {
            Breaks::ListsByLength => {
                let mut names = self.engine.list(prefix, after, usize::MAX).await?;
                names.sort_by_key(String::len);
                names.truncate(limit);
                Ok(names)
            }
            Breaks::ListsBeforeAfter => self.engine.list(prefix, "", limit).await,
            Breaks::ListsPatterns => {
                let prefix = prefix.split('*').next().unwrap_or_default();
                self.engine.list(prefix, after, limit).await
            }
            Breaks::ListsRemoved => {
                let mut names = self.engine.list(prefix, after, limit).await?;
                let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
                names.extend(remembered.keys().map(ToString::to_string));
                names.retain(|name| name.starts_with(prefix) && name.as_str() > after);
                names.sort();
                names.dedup();
                names.truncate(limit);
                Ok(names)
            }
            _ => self.engine.list(prefix, after, limit).await,
        }
    }

    async fn put(&self, key: &str, value: &[u8], ttl: Duration) -> Result<(), EngineError> {
        match self.breaks {
            Breaks::RecordsEndLate => self.engine.put(key, value, ttl * 4).await,
            Breaks::RecordsEndEarly => self.engine.put(key, value, ttl / 4).await,
            Breaks::RecordsAreShort if value.len() > 60_000 => {
                Err(EngineError::unavailable("too large"))
            }
            Breaks::RecordsMeet => self.engine.put(&key.to_lowercase(), value, ttl).await,
            Breaks::ListsRecords => {
                let start = Head::start(self.profile.id, key);
                let entries = probe::entries(&start, "record", 1);
                let durability = self.profile.durability;
                self.engine.append(Append::new(key, start, entries, durability, |_| ()));
                self.engine.put(key, value, ttl).await
            }
            _ => self.engine.put(key, value, ttl).await,
        }
    }

    async fn get(&self, key: &str) -> Result<Option<(Vec<u8>, Duration)>, EngineError> {
        match self.breaks {
            Breaks::RecordsMeet => self.engine.get(&key.to_lowercase()).await,
            _ => self.engine.get(key).await,
        }
    }

    async fn delete(&self, key: &str) -> Result<(), EngineError> {
        self.engine.delete(key).await
    }

    async fn count(&self, key: &str, by: u64, window: Duration) -> Result<u64, EngineError> {
        match self.breaks {
            Breaks::CountsForEver => self.engine.count(key, by, window * 10).await,
            Breaks::CountsAlone => {
                let key = format!("{key} {:p}", &raw const *self);
                self.engine.count(&key, by, window).await
            }
            Breaks::WindowsSlide => {
                let call = self.calls.fetch_add(1, Ordering::Relaxed) as u64;
                Ok(call + by)
            }
            _ => self.engine.count(key, by, window).await,
        }
    }

    async fn close(&self) {
        self.engine.close().await;
    }
}

/// A follower that is never notified that entries may be missing.
struct Certain(Arc<dyn Follower>);

impl Follower for Certain {
    fn entries(&self, entries: Vec<Entry>) {
        self.0.entries(entries);
    }

    fn uncertain(&self) {}
}

/// A follower that every third delivery does not reach.
struct Holed(Arc<dyn Follower>, AtomicUsize);

impl Follower for Holed {
    fn entries(&self, entries: Vec<Entry>) {
        if self.1.fetch_add(1, Ordering::Relaxed) % 3 != 2 {
            self.0.entries(entries);
        }
    }

    fn uncertain(&self) {
        self.0.uncertain();
    }
}

#[tokio::test]
async fn the_model_passes() {
    let mut nodes = Nodes::new(Breaks::Nothing);
    let report = run(&mut nodes, &Options::default()).await;
    report.assert_passed();
    let skipped: Vec<&str> = report.skipped.iter().map(|(name, _)| *name).collect();
    assert_eq!(skipped, ["follow::follow_in_one_process"]);
}

#[tokio::test]
async fn the_model_of_one_process_passes() {
    struct One;

    #[async_trait]
    impl Subject for One {
        async fn fresh(&mut self) -> Arc<dyn Engine> {
            let mut profile = Model::new().node().profile().clone();
            profile.shared = false;
            Arc::new(Model::of(profile).node())
        }
    }

    check(One).await;
}

#[tokio::test]
async fn a_case_is_skipped_with_a_reason() {
    let options = Options::default().only("trim::").skip("trim::trim", "it is known to fail");
    let report = run(&mut Nodes::new(Breaks::TrimsTheNewest), &options).await;
    assert_eq!(report.skipped, [("trim::trim", "it is known to fail".to_owned())]);
    let passed = ["trim::retention", "trim::retention_without_keys", "trim::old_entries_go"];
    assert_eq!(report.passed, passed);
}

#[tokio::test]
async fn each_broken_promise_fails_its_case() {
    let mutants = [
        (Breaks::IdOfContents, "append::profile"),
        (Breaks::IgnoresTheHead, "append::refused"),
        (Breaks::IgnoresFingerprints, "append::diverged"),
        (Breaks::ChecksNoEmptyTopic, "append::diverged"),
        (Breaks::AcknowledgesNothing, "append::reading"),
        (Breaks::AppendsHalfAGroup, "append::groups"),
        (Breaks::AppendsWhatItRefuses, "append::refused"),
        (Breaks::MovedWithoutEntries, "append::refused"),
        (Breaks::MovedWithAnotherHistory, "append::diverged"),
        (Breaks::LosesAppendsNowAndThen, "append::race"),
        (Breaks::FailsOnLargeEntries, "append::round_trip"),
        (Breaks::LosesKeys, "append::round_trip"),
        (Breaks::LosesTimes, "append::round_trip"),
        (Breaks::LoadsOneTooFew, "append::reading"),
        (Breaks::ReadsOneTooFew, "append::reading"),
        (Breaks::ReadsNothingLarge, "append::reading"),
        (Breaks::ReadsAll, "append::reading"),
        (Breaks::HeadsOutOfOrder, "append::many_topics"),
        (Breaks::OldHeads, "append::heads_are_newest"),
        (Breaks::FoldsNames, "topics::names"),
        (Breaks::CutsNamesAtNul, "topics::names"),
        (Breaks::ListsByLength, "topics::list"),
        (Breaks::ListsBeforeAfter, "topics::list"),
        (Breaks::ListsPatterns, "topics::list"),
        (Breaks::ListsRemoved, "topics::remove"),
        (Breaks::RemovesNothing, "topics::remove"),
        (Breaks::RemovesWithoutGeneration, "topics::remove"),
        (Breaks::TrimsTheNewest, "trim::trim"),
        (Breaks::TrimsOneTooMany, "trim::trim"),
        (Breaks::TrimsOneTooMany, "trim::retention"),
        (Breaks::TrimsNeededKeys, "trim::retention"),
        (Breaks::TrimsWithKeys, "trim::retention_without_keys"),
        (Breaks::NeverTrims, "trim::old_entries_go"),
        (Breaks::FollowsFromNow, "follow::follow_from_the_past"),
        (Breaks::FollowsForEver, "follow::follow_ends"),
        (Breaks::WritesToAll, "messages::messages"),
        (Breaks::ListensForEver, "messages::messages"),
        (Breaks::FollowsTwice, "follow::follow"),
        (Breaks::FollowsBackwards, "follow::follow_from_the_past"),
        (Breaks::FollowsWithHoles, "follow::follow"),
        (Breaks::FollowsLate, "follow::follow_is_prompt"),
        (Breaks::RecordsEndLate, "records::records_end"),
        (Breaks::RecordsEndEarly, "records::records_end"),
        (Breaks::RecordsAreShort, "records::large_records"),
        (Breaks::RecordsMeet, "records::keys_of_records"),
        (Breaks::ListsRecords, "records::keys_of_records"),
        (Breaks::CountsForEver, "records::counters_end"),
        (Breaks::WindowsSlide, "records::counters_end"),
        (Breaks::CountsAlone, "records::shared_counters"),
        (Breaks::AppendsWhenClosed, "outage::close"),
        (Breaks::RestartsWithoutTheNewest, "outage::restart"),
        (Breaks::RestartsWithoutRemovals, "outage::restart"),
        (Breaks::LinkIsAlwaysUp, "outage::link"),
        (Breaks::IsCertain, "outage::follow_across_an_outage"),
        (Breaks::RemembersHeads, "outage::rollback"),
    ];
    // Most of them wait for something that does not happen: all wait at the same time.
    let set = LocalSet::new();
    let runs = mutants.map(|(breaks, case)| {
        set.spawn_local(async move {
            let report = run(&mut Nodes::new(breaks), &Options::default().only(case)).await;
            report.failed.iter().any(|(name, _)| *name == case)
        })
    });
    set.await;
    let mut survivors = Vec::new();
    for (mutant, is_caught) in mutants.iter().zip(runs) {
        if !is_caught.await.unwrap() {
            survivors.push(mutant);
        }
    }
    assert!(survivors.is_empty(), "broken, but the case passes: {survivors:?}");
}
