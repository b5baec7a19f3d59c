//! What there is of a topic while it is in memory. An idle topic has little more than its newest
//! messages, since a family may have many: what its topics have in common is there once.

use std::sync::{Arc, OnceLock};

use crate::{
    channel::Channel,
    error::ReadError,
    log::{
        Log,
        durability::Durability,
        generation,
        retention::{Retained, Retention},
    },
    store::{Shared, partition::Partition},
};

/// One topic of a family.
pub(crate) struct Member {
    pub(crate) name: Arc<str>,
    pub(crate) settings: Arc<Settings>,
    /// Nothing before the topic is published to or read.
    pub(crate) place: OnceLock<Place>,
}

/// What topics of a family have in common.
pub(crate) struct Settings {
    pub(crate) durability: Durability,
    pub(crate) retention: Arc<Retention>,
    /// The store of a durable family, once that is open.
    pub(crate) store: Option<Arc<Shared>>,
}

/// Where the messages of a topic are.
#[derive(Clone)]
pub(crate) enum Place {
    /// Here alone.
    Memory(Arc<Channel>),
    /// In a store.
    Stored(Arc<Partition>),
}

impl Member {
    /// Returns whether nobody uses the topic: no listener, and no message on its way.
    pub(crate) fn is_idle(&self) -> bool {
        self.place.get().is_none_or(Place::is_idle)
    }

    /// Ends the listeners.
    pub(crate) fn end(&self) {
        if let Some(place) = self.place.get() {
            place.channel().remove();
        }
    }

    /// Returns whether the topic was removed, here or by another node.
    pub(crate) fn is_ended(&self) -> bool {
        self.place.get().is_some_and(|place| place.channel().is_removed())
    }

    pub(crate) fn listeners(&self) -> usize {
        self.place.get().map_or(0, Place::listeners)
    }

    pub(crate) fn published(&self) -> u64 {
        self.place.get().map_or(0, Place::published)
    }

    pub(crate) fn retained(&self) -> Retained {
        self.place.get().map_or_else(Retained::default, Place::retained)
    }
}

impl Place {
    /// Returns the place of a new topic that is in memory alone.
    pub(crate) fn in_memory(name: &str, retention: Arc<Retention>) -> Self {
        Self::Memory(Arc::new(Channel::empty(retention, generation::random(name))))
    }

    /// Reads a topic of a store, unless that was done meanwhile: each topic is loaded once.
    pub(crate) async fn load<'a>(
        place: &'a OnceLock<Self>,
        store: &Arc<Shared>,
        name: Arc<str>,
        durability: Durability,
        retention: Arc<Retention>,
    ) -> Result<&'a Self, ReadError> {
        let _turn = store.loads(Arc::clone(&name)).await;
        if let Some(loaded) = place.get() {
            return Ok(loaded);
        }
        let loaded = Partition::load(store, name, durability, retention).await?;
        Ok(place.get_or_init(|| Self::Stored(loaded)))
    }

    pub(crate) fn channel(&self) -> &Arc<Channel> {
        match self {
            Self::Memory(channel) => channel,
            Self::Stored(partition) => partition.channel(),
        }
    }

    /// Returns what keeps the topic in memory.
    pub(crate) fn hold(&self) -> Arc<dyn Send + Sync> {
        match self {
            Self::Memory(channel) => Arc::clone(channel) as _,
            Self::Stored(partition) => Arc::clone(partition) as _,
        }
    }

    fn is_idle(&self) -> bool {
        match self {
            // A subscription holds the channel.
            Self::Memory(channel) => Arc::strong_count(channel) == 1,
            // A subscription and an append hold the partition.
            Self::Stored(partition) => Arc::strong_count(partition) == 1,
        }
    }

    pub(crate) fn listeners(&self) -> usize {
        self.channel().listeners()
    }

    pub(crate) fn published(&self) -> u64 {
        self.channel().head().cursor.seq
    }

    pub(crate) fn retained(&self) -> Retained {
        self.channel().look(Log::size)
    }
}
