//! The engines that nodes of an app share, as programs on this machine.

use std::{env, path::PathBuf};

use crate::machine;

/// Which engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// NATS JetStream.
    Nats,
    /// Redis, or Valkey.
    Redis,
}

impl Kind {
    /// Returns what people call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "NATS",
            Self::Redis => "Redis",
        }
    }

    /// Returns the program of its server: what its variable names, what the test command has built,
    /// or what `PATH` has.
    #[must_use]
    pub fn program(self) -> Option<PathBuf> {
        let named = env::var_os(self.variable()).map(PathBuf::from);
        let path = env::var_os("PATH").unwrap_or_default();
        let built = machine::target().join("tools");
        let folders = std::iter::once(built).chain(env::split_paths(&path));
        let found = folders.map(|folder| folder.join(self.file_name()));
        named.into_iter().chain(found).find(|program| program.is_file())
    }

    /// Returns the sentence for a machine without the program.
    #[must_use]
    pub fn missing(self) -> String {
        let (name, variable) = (self.file_name(), self.variable());
        format!("`{name}` is not on this machine: install it, or name it by {variable}")
    }

    /// Returns the name of the program.
    #[must_use]
    pub fn file_name(self) -> &'static str {
        match self {
            Self::Nats => "nats-server",
            Self::Redis => "redis-server",
        }
    }

    fn variable(self) -> &'static str {
        match self {
            Self::Nats => "KIPO_NATS_SERVER",
            Self::Redis => "KIPO_REDIS_SERVER",
        }
    }
}
