//! What there is of a topic while it is in memory. An idle topic has little more than its newest
//! messages, since a family may have many: what its topics have in common is there once.

use std::sync::{Arc, OnceLock, Weak};

use crate::{
    channel::{Channel, Owner},
    error::ReadError,
    log::{
        Log,
        durability::Durability,
        generation,
        retention::{Retained, Retention},
    },
    store::{Shared, partition::Partition},
};

/// One topic of a family, as the family and its users hold it.
#[derive(Clone)]
pub(crate) enum Member {
    /// Not loaded, or in memory alone.
    New(Arc<New>),
    /// Loaded from a store. The partition is all that there is of it; the key begins at this byte of
    /// its name.
    Stored(Arc<Partition>, u32),
}

/// A topic of a family that no partition stands for.
pub(crate) struct New {
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
    /// Where the key begins in the name of a topic.
    pub(crate) key_at: u32,
    pub(crate) family: Weak<dyn Family>,
}

/// The topics of a family that are in memory.
pub(crate) trait Family: Send + Sync {
    /// Holds a topic by its partition from now on, since it was loaded.
    fn loaded(&self, topic: &Arc<New>, partition: &Arc<Partition>);
}

/// Where the messages of a topic are.
#[derive(Clone)]
pub(crate) enum Place {
    /// Here alone.
    Memory(Arc<Channel>),
    /// In a store.
    Stored(Arc<Partition>),
}

/// The same, borrowed.
#[derive(Clone, Copy)]
pub(crate) enum At<'a> {
    Memory(&'a Arc<Channel>),
    Stored(&'a Arc<Partition>),
}

impl Member {
    #[inline]
    pub(crate) fn name(&self) -> &Arc<str> {
        match self {
            Self::New(new) => &new.name,
            Self::Stored(partition, _) => partition.name(),
        }
    }

    #[inline]
    pub(crate) fn key(&self) -> &str {
        let key_at = match self {
            Self::New(new) => new.settings.key_at,
            Self::Stored(_, key_at) => *key_at,
        };
        &self.name()[key_at as usize..]
    }

    pub(crate) fn durability(&self) -> Durability {
        match self {
            Self::New(new) => new.settings.durability,
            Self::Stored(partition, _) => partition.durability(),
        }
    }

    /// Returns where the messages are, if the topic is loaded.
    #[inline]
    pub(crate) fn at(&self) -> Option<At<'_>> {
        match self {
            Self::New(new) => new.place.get().map(Place::at),
            Self::Stored(partition, _) => Some(At::Stored(partition)),
        }
    }

    /// Returns whether nobody uses the topic: no caller, no listener, and no message on its way. The
    /// one that asks holds it once.
    pub(crate) fn is_idle(&self) -> bool {
        match self {
            Self::New(new) => Arc::strong_count(new) == 1 && self.at().is_none_or(At::is_idle),
            Self::Stored(partition, _) => Arc::strong_count(partition) == 1,
        }
    }

    /// Ends the listeners.
    pub(crate) fn end(&self) {
        if let Some(at) = self.at() {
            at.channel().remove();
        }
    }

    /// Returns whether the topic was removed, here or by another node.
    #[inline]
    pub(crate) fn is_ended(&self) -> bool {
        self.at().is_some_and(|at| at.channel().is_removed())
    }

    pub(crate) fn listeners(&self) -> usize {
        self.at().map_or(0, At::listeners)
    }

    pub(crate) fn published(&self) -> u64 {
        self.at().map_or(0, At::published)
    }

    pub(crate) fn retained(&self) -> Retained {
        self.at().map_or_else(Retained::default, At::retained)
    }
}

impl New {
    /// Loads the topic, and lets its family hold it by its partition.
    pub(crate) async fn load(self: &Arc<Self>) -> Result<At<'_>, ReadError> {
        let Settings { durability, retention, store, family, .. } = &*self.settings;
        let (name, retention) = (Arc::clone(&self.name), Arc::clone(retention));
        let at = Place::load(&self.place, store.as_ref(), name, *durability, retention).await?;
        if let At::Stored(partition) = at
            && let Some(family) = family.upgrade()
        {
            family.loaded(self, partition);
        }
        Ok(at)
    }
}

impl Place {
    /// Reads a topic of a store, unless that was done meanwhile: each topic is loaded once. One in
    /// memory alone is made.
    pub(crate) async fn load<'a>(
        place: &'a OnceLock<Self>,
        store: Option<&Arc<Shared>>,
        name: Arc<str>,
        durability: Durability,
        retention: Arc<Retention>,
    ) -> Result<At<'a>, ReadError> {
        if durability == Durability::Memory {
            let channel = || Channel::empty(retention, generation::random(&name));
            return Ok(place.get_or_init(|| Self::Memory(Arc::new(channel()))).at());
        }
        let store = store.ok_or_else(|| ReadError::NotOpen(Arc::clone(&name)))?;
        let _turn = store.loads(Arc::clone(&name)).await;
        if let Some(loaded) = place.get() {
            return Ok(loaded.at());
        }
        let loaded = Partition::load(store, name, durability, retention).await?;
        Ok(place.get_or_init(|| Self::Stored(loaded)).at())
    }

    #[inline]
    pub(crate) fn at(&self) -> At<'_> {
        match self {
            Self::Memory(channel) => At::Memory(channel),
            Self::Stored(partition) => At::Stored(partition),
        }
    }
}

impl<'a> At<'a> {
    #[inline]
    pub(crate) fn channel(self) -> &'a Channel {
        match self {
            Self::Memory(channel) => channel,
            Self::Stored(partition) => partition.channel(),
        }
    }

    /// Returns the channel, by what keeps the topic in memory.
    pub(crate) fn owner(self) -> Arc<dyn Owner> {
        match self {
            Self::Memory(channel) => Arc::clone(channel) as _,
            Self::Stored(partition) => Arc::clone(partition) as _,
        }
    }

    fn is_idle(self) -> bool {
        match self {
            // A subscription holds the channel.
            Self::Memory(channel) => Arc::strong_count(channel) == 1,
            // A subscription and an append hold the partition.
            Self::Stored(partition) => Arc::strong_count(partition) == 1,
        }
    }

    pub(crate) fn listeners(self) -> usize {
        self.channel().listeners()
    }

    pub(crate) fn published(self) -> u64 {
        self.channel().head().cursor.seq
    }

    pub(crate) fn retained(self) -> Retained {
        self.channel().look(Log::size)
    }
}
