//! The durable topics of an app, in memory.

use std::sync::{Arc, Mutex, PoisonError};

use kipo_topic::Store;

use crate::{stream::topics, testing::unpaused::Unpaused};

/// Opens the app's durable topics ([`#[topic]`](macro@crate::topic)) in memory, for tests of
/// actions that publish to them. It skips topics that are open, so each test may call it.
///
/// # Panics
///
/// Panics if two topics have the same name.
///
/// # Examples
///
/// ```
/// use kipo::{Durability, Event, Topic, topic};
///
/// #[derive(Event)]
/// enum Tide {
///     Turned,
/// }
///
/// #[topic]
/// static TIDES: Topic<Tide> = Topic::durable("tides", Durability::Fsync);
///
/// // Tests run in parallel. The first one opens the topic.
/// std::thread::scope(|threads| {
///     for _ in 0..8 {
///         threads.spawn(|| {
///             kipo::testing::open_topics();
///             assert!(TIDES.is_open());
///         });
///     }
/// });
/// ```
pub fn open_topics() {
    /// Tests run in parallel: one of them opens the topics, and the others find them open. A std
    /// lock, never held across an `.await`.
    static OPENING: Mutex<()> = Mutex::new(());

    let _opening = OPENING.lock().unwrap_or_else(PoisonError::into_inner);
    let memory = || Store::on(Arc::new(Unpaused::new(Store::in_memory())));
    if let Err(error) = topics::open_all(false, || Ok(memory())) {
        panic!("{error}");
    }
}
