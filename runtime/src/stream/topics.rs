//! The registered topics and families of topics, which the app opens at start.

use std::{collections::BTreeMap, pin::Pin};

use kipo_topic::{
    Durability, Event, InMemory, Presence, ReadError, Retained, Store, StoreError, Topic, TopicKey,
    Topics,
};
use serde::{Serialize, de::DeserializeOwned};

use crate::{
    error::StartDiagnostic,
    metrics::{Desc, Kind, Metrics},
};

/// A topic that `#[topic]` registers at link time.
#[derive(Debug)]
pub struct TopicRegistration {
    /// Returns the topic, without its type of events.
    pub topic: fn() -> &'static dyn Registered,
    /// The source file of the topic.
    pub file: &'static str,
    /// The line in that file.
    pub line: u32,
}

inventory::collect!(TopicRegistration);

/// A topic with any type of events, or a family of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a topic",
    label = "not a topic",
    note = "put `#[topic]` above a `static` of type `kipo::Topic<…>` or `kipo::Topics<…, …>`"
)]
pub trait Registered: Sync {
    /// Returns the name of the topic.
    fn name(&self) -> &str;

    /// Returns the durability of the topic: what its messages survive.
    fn durability(&self) -> Durability;

    /// Opens the topic in a store.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Topic::open`].
    fn open(&self, store: &Store) -> Result<(), StoreError>;

    /// Returns whether the topic is durable and not open yet.
    fn needs_store(&self) -> bool;

    /// Returns whether it is opened in the app's store, if there is one.
    fn uses_store(&self) -> bool {
        self.needs_store()
    }

    /// Reads what the store has of the topic, so that an error shows at start. The topics of a
    /// family are read when they are used.
    fn load(&self) -> Loading<'_>;

    /// Returns what is in memory, for the metrics; nothing for a presence.
    fn size(&self) -> Option<Size> {
        None
    }

    /// Counts what is in memory, for the development panel.
    #[cfg(all(feature = "dev", debug_assertions))]
    fn counts(&self) -> Counts;

    /// Returns how many topics of a family have had a message, at most `max`; nothing for what is no
    /// family, and if the engine does not answer.
    #[cfg(all(feature = "dev", debug_assertions))]
    fn known(&self, max: usize) -> Counting<'_> {
        let _ = max;
        Box::pin(async { None })
    }
}

/// How large a topic is, or the topics of a family that are in memory.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// How many topics are in memory.
    pub topics: usize,
    /// How many listeners they have.
    pub listeners: usize,
    /// What they retain.
    pub retained: Retained,
}

/// What is in memory of a topic, a family or a presence.
#[cfg(all(feature = "dev", debug_assertions))]
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Counts {
    /// `topic`, `family` or `presence`.
    pub kind: &'static str,
    /// How many topics are in memory; of a presence nothing is counted.
    pub topics: Option<usize>,
    /// How many of these topics have listeners.
    pub followed: usize,
    /// How many listeners they have.
    pub listeners: usize,
    /// How many messages they have had.
    pub published: u64,
}

/// Counts the topics of a family.
#[cfg(all(feature = "dev", debug_assertions))]
type Counting<'t> = Pin<Box<dyn Future<Output = Option<usize>> + Send + 't>>;

/// Reads what a store has of a topic.
type Loading<'t> = Pin<Box<dyn Future<Output = Result<(), ReadError>> + Send + 't>>;

impl<E: Event> Registered for Topic<E> {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn durability(&self) -> Durability {
        Self::durability(self)
    }

    fn open(&self, store: &Store) -> Result<(), StoreError> {
        Self::open(self, store)
    }

    fn needs_store(&self) -> bool {
        Self::durability(self) != Durability::Memory && !self.is_open()
    }

    fn load(&self) -> Loading<'_> {
        Box::pin(Self::load(self))
    }

    fn size(&self) -> Option<Size> {
        Some(Size { topics: 1, listeners: self.listeners(), retained: self.retained() })
    }

    #[cfg(all(feature = "dev", debug_assertions))]
    fn counts(&self) -> Counts {
        let listeners = self.listeners();
        Counts {
            kind: "topic",
            topics: Some(1),
            followed: usize::from(listeners > 0),
            listeners,
            published: self.published(),
        }
    }
}

impl<K: TopicKey, E: Event> Registered for Topics<K, E> {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn durability(&self) -> Durability {
        Self::durability(self)
    }

    fn open(&self, store: &Store) -> Result<(), StoreError> {
        Self::open(self, store)
    }

    fn needs_store(&self) -> bool {
        !self.is_open()
    }

    fn load(&self) -> Loading<'_> {
        Box::pin(async { Ok(()) })
    }

    fn size(&self) -> Option<Size> {
        let InMemory { topics, listeners, .. } = self.in_memory();
        Some(Size { topics, listeners, retained: self.retained() })
    }

    #[cfg(all(feature = "dev", debug_assertions))]
    fn counts(&self) -> Counts {
        let InMemory { topics, followed, listeners, published } = self.in_memory();
        Counts { kind: "family", topics: Some(topics), followed, listeners, published }
    }

    #[cfg(all(feature = "dev", debug_assertions))]
    fn known(&self, max: usize) -> Counting<'_> {
        Box::pin(async move { self.count(max).await.ok() })
    }
}

impl<K: TopicKey, M: Serialize + DeserializeOwned + 'static> Registered for Presence<K, M> {
    fn name(&self) -> &str {
        Self::name(self)
    }

    fn durability(&self) -> Durability {
        Durability::Memory
    }

    fn open(&self, store: &Store) -> Result<(), StoreError> {
        Self::open(self, store)
    }

    fn needs_store(&self) -> bool {
        false
    }

    fn uses_store(&self) -> bool {
        !self.is_open()
    }

    fn load(&self) -> Loading<'_> {
        Box::pin(async { Ok(()) })
    }

    #[cfg(all(feature = "dev", debug_assertions))]
    fn counts(&self) -> Counts {
        Counts { kind: "presence", topics: None, followed: 0, listeners: 0, published: 0 }
    }
}

/// Returns a diagnostic for each topic whose name is not unique.
pub(crate) fn duplicate_names() -> Vec<StartDiagnostic> {
    let mut by_name: BTreeMap<&str, Vec<&TopicRegistration>> = BTreeMap::new();
    for registration in inventory::iter::<TopicRegistration>() {
        by_name.entry((registration.topic)().name()).or_default().push(registration);
    }
    let duplicates = by_name.into_iter().filter(|(_, registrations)| registrations.len() > 1);
    let errors = duplicates.flat_map(|(name, registrations)| {
        let message = format!("two topics are named `{name}`: give each topic its own name");
        registrations
            .into_iter()
            .map(move |at| StartDiagnostic::at(at.file, at.line, message.clone()))
    });
    errors.collect()
}

/// Opens all registered topics that are not open yet, in the store that `open` returns. If nothing
/// needs a store, and none is `wanted`, this does not call `open`.
pub(crate) fn open_all(
    wanted: bool,
    open: impl FnOnce() -> Result<Store, StartDiagnostic>,
) -> Result<Option<Store>, StartDiagnostic> {
    let all = || inventory::iter::<TopicRegistration>.into_iter().map(|at| (at.topic)());
    if !wanted && !all().any(|topic| topic.needs_store()) {
        return Ok(None);
    }
    let store = open()?;
    for topic in all().filter(|topic| topic.uses_store()) {
        topic.open(&store).map_err(|error| start_error(&error))?;
    }
    Ok(Some(store))
}

/// Reads what the store has of all registered topics that are durable.
pub(crate) async fn load_all() -> Result<(), StartDiagnostic> {
    for registration in inventory::iter::<TopicRegistration>() {
        let topic = (registration.topic)();
        if topic.durability() != Durability::Memory {
            topic
                .load()
                .await
                .map_err(|error| StartDiagnostic::new("topics", error.to_string()))?;
        }
    }
    Ok(())
}

/// Returns the diagnostic at start for an error of the store.
pub(crate) fn start_error(error: &StoreError) -> StartDiagnostic {
    StartDiagnostic::new("topics", error.to_string())
}

const LOADED: Desc = Desc {
    name: "kipo_topic_loaded",
    help: "Topics in memory, by the name of the topic or of the family.",
};
const LISTENERS: Desc =
    Desc { name: "kipo_topic_listeners", help: "Listeners of the topics in memory." };
const LOG_MESSAGES: Desc =
    Desc { name: "kipo_topic_log_messages", help: "Messages that the topics in memory retain." };
const LOG_BYTES: Desc = Desc {
    name: "kipo_topic_log_bytes",
    help: "Length of the messages that the topics in memory retain, as frames.",
};

/// Registers all topics and families, which are asked for their sizes when somebody reads them.
pub(crate) fn register(metrics: &Metrics) {
    type Number = fn(Size) -> usize;

    let of_size: [(Desc, Number); 4] = [
        (LOADED, |size| size.topics),
        (LISTENERS, |size| size.listeners),
        (LOG_MESSAGES, |size| size.retained.messages),
        (LOG_BYTES, |size| size.retained.bytes),
    ];
    for registration in inventory::iter::<TopicRegistration>() {
        let topic = (registration.topic)();
        for (desc, number) in of_size.into_iter().filter(|_| topic.size().is_some()) {
            let read = move || topic.size().map_or(0.0, |size| number(size) as f64);
            metrics.read(desc, Kind::Gauge, &[("topic", topic.name())], read);
        }
    }
}
