//! The topics that an app opens at start.

use std::collections::BTreeMap;

use kipo_topic::{Durability, Event, Store, StoreError, Topic};

use crate::error::StartDiagnostic;

/// A topic, as `#[topic]` registers it at link time.
#[derive(Debug)]
pub struct TopicRegistration {
    /// The topic, its type erased.
    pub topic: fn() -> &'static dyn Registered,
    /// The file it stands in.
    pub file: &'static str,
    /// The line it stands on.
    pub line: u32,
}

inventory::collect!(TopicRegistration);

/// A topic of any type of event.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a topic",
    label = "not a topic",
    note = "`#[topic]` stands above a `static` of type `kipo::Topic<…>`"
)]
pub trait Registered: Sync {
    /// Returns its name.
    fn name(&self) -> &'static str;

    /// Returns what its messages survive.
    fn durability(&self) -> Durability;

    /// Opens it in a store, unless it is open.
    ///
    /// # Errors
    ///
    /// As [`Topic::open`].
    fn open(&self, store: &Store) -> Result<(), StoreError>;

    /// Returns whether it still has to be opened in a store.
    fn wants_store(&self) -> bool;
}

impl<E: Event> Registered for Topic<E> {
    fn name(&self) -> &'static str {
        Self::name(self)
    }

    fn durability(&self) -> Durability {
        Self::durability(self)
    }

    fn open(&self, store: &Store) -> Result<(), StoreError> {
        Self::open(self, store)
    }

    fn wants_store(&self) -> bool {
        Self::durability(self) != Durability::Memory && !self.is_open()
    }
}

/// Returns the topics of which two have one name: each name is one log.
pub(crate) fn doubled_names() -> Vec<StartDiagnostic> {
    let mut by_name: BTreeMap<&str, Vec<&TopicRegistration>> = BTreeMap::new();
    for registration in inventory::iter::<TopicRegistration>() {
        by_name.entry((registration.topic)().name()).or_default().push(registration);
    }
    let doubled = by_name.into_iter().filter(|(_, places)| places.len() > 1);
    let errors = doubled.flat_map(|(name, places)| {
        let message = format!("two topics are named `{name}`: each name is one log");
        places.into_iter().map(move |at| StartDiagnostic::at(at.file, at.line, message.clone()))
    });
    errors.collect()
}

/// Opens all registered topics that need a store, in the store that `open` returns. Does not call
/// `open` if there is no such topic.
pub(crate) fn open_all(
    open: impl FnOnce() -> Result<Store, StartDiagnostic>,
) -> Result<Option<Store>, StartDiagnostic> {
    let all = inventory::iter::<TopicRegistration>.into_iter().map(|at| (at.topic)());
    let topics: Vec<_> = all.filter(|topic| topic.wants_store()).collect();
    if topics.is_empty() {
        return Ok(None);
    }
    let store = open()?;
    for topic in topics {
        topic.open(&store).map_err(|error| start_error(&error))?;
    }
    Ok(Some(store))
}

/// Returns an error of a store as one that keeps the app from starting.
pub(crate) fn start_error(error: &StoreError) -> StartDiagnostic {
    StartDiagnostic::new("topics", error.to_string())
}
