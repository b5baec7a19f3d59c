//! What a server really does: its version, its role, and what an acknowledged message survives.

use std::fmt;

use kipo_topic::Durability;

use crate::error::ConnectError;

/// The oldest version with shard channels, which carry what is appended.
const VERSION_MIN: (u32, u32) = (7, 0);

/// What one server reports about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Survey {
    product: &'static str,
    version: String,
    pub(crate) is_cluster: bool,
    replicas: u32,
    sync: Sync,
}

/// When a server writes an acknowledged change to its append-only file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sync {
    /// There is no such file: changes are in memory, and now and then in a snapshot.
    Off,
    /// Written and synced before the answer.
    Always,
    /// Written before the answer; not synced while the file is rewritten.
    AlwaysButRewrites,
    /// Written before the answer in general, but up to 2 s later while a sync is running
    /// (`flushAppendOnlyFile` of the server postpones the write).
    EverySecond,
    /// Written before the answer; the system syncs.
    System,
    /// The server does not show it, and the operator states that it is `always`.
    Assumed,
    /// The server does not show it.
    Hidden,
}

impl Survey {
    /// Reads the answer to `INFO`, and that to `CONFIG GET` for the settings of the append-only
    /// file, if the server gives one.
    pub(crate) fn read(
        server: &str,
        info: &str,
        config: Option<&[(String, String)]>,
        assume_synced: bool,
    ) -> Result<Self, ConnectError> {
        let field = |name: &str| {
            info.lines().find_map(|line| line.trim_end().strip_prefix(name)?.strip_prefix(':'))
        };
        let Some(compatible) = field("redis_version") else {
            return Err(ConnectError::new(format!(
                "{server} does not answer INFO as Redis or Valkey do: check the address"
            )));
        };
        let product = if field("server_name") == Some("valkey") { "valkey" } else { "redis" };
        let version = field("valkey_version").unwrap_or(compatible).to_owned();
        let mut parts = compatible.split('.').map(|part| part.parse().unwrap_or(0));
        let (major, minor) = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
        if (major, minor) < VERSION_MIN {
            return Err(ConnectError::new(format!(
                "{server} is {product} {version}: upgrade it to Redis 7.0 or later, or to Valkey"
            )));
        }
        if field("role") == Some("slave") {
            return Err(ConnectError::new(format!(
                "{server} is a replica and takes no messages: use the address of its primary"
            )));
        }
        if field("loading") == Some("1") || field("async_loading") == Some("1") {
            return Err(ConnectError::new(format!(
                "{server} is loading its files: wait until it is done"
            )));
        }
        let policy = field("maxmemory_policy").unwrap_or("noeviction");
        if policy.starts_with("allkeys") {
            return Err(ConnectError::new(format!(
                "{server} has `maxmemory-policy {policy}` and would delete topics when its memory is \
                 full: set `maxmemory-policy noeviction`"
            )));
        }
        let sync = if field("aof_enabled") == Some("0") {
            Sync::Off
        } else {
            let setting = |name: &str| {
                config?.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
            };
            match (setting("appendfsync"), setting("no-appendfsync-on-rewrite")) {
                (Some("always"), Some("no")) => Sync::Always,
                (Some("always"), _) => Sync::AlwaysButRewrites,
                (Some("everysec"), _) => Sync::EverySecond,
                (Some("no"), _) => Sync::System,
                _ if assume_synced => Sync::Assumed,
                _ => Sync::Hidden,
            }
        };
        Ok(Self {
            product,
            version,
            is_cluster: field("cluster_enabled") == Some("1"),
            replicas: field("connected_slaves").and_then(|n| n.parse().ok()).unwrap_or(0),
            sync,
        })
    }

    /// Returns the level that an acknowledged append reaches.
    pub(crate) fn durability(&self) -> Durability {
        match self.sync {
            Sync::Always | Sync::Assumed => Durability::Fsync,
            Sync::AlwaysButRewrites | Sync::System => Durability::Os,
            Sync::Off | Sync::EverySecond | Sync::Hidden => Durability::Memory,
        }
    }
}

/// One line: version, replicas, sync, and what that means.
impl fmt::Display for Survey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { product, version, replicas, sync, .. } = self;
        let (setting, meaning) = match sync {
            Sync::Off => (
                "appendonly no",
                "messages do not survive the end of the server; `appendonly yes` and `appendfsync \
                 always` would change that",
            ),
            Sync::Always => ("appendfsync always", "messages survive a power loss (fsync)"),
            Sync::AlwaysButRewrites => (
                "appendfsync always, no-appendfsync-on-rewrite yes",
                "messages survive the end of the server (os), but during a rewrite no power loss; \
                 `no-appendfsync-on-rewrite no` would change that",
            ),
            Sync::EverySecond => (
                "appendfsync everysec",
                "the server acknowledges messages up to 2 s before it writes them, so the last ones \
                 do not survive its end; `appendfsync always` would change that",
            ),
            Sync::System => (
                "appendfsync no",
                "messages survive the end of the server (os), but no power loss; `appendfsync \
                 always` would change that",
            ),
            Sync::Assumed => (
                "appendfsync always, as the application states",
                "messages survive a power loss (fsync)",
            ),
            Sync::Hidden => (
                "appendfsync not shown to this user",
                "messages may not survive the end of the server; `Options::assume_synced` states \
                 otherwise",
            ),
        };
        write!(f, "{product} {version}, {replicas} replicas, {setting}: {meaning}")?;
        if *replicas > 0 {
            f.write_str("; a failover may lose messages that no replica has yet")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn survey(info: &str, config: Option<&[(&str, &str)]>) -> Result<Survey, String> {
        let config = config.map(|config| {
            config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect::<Vec<_>>()
        });
        Survey::read("redis://h:1/0", info, config.as_deref(), false)
            .map_err(|error| error.to_string())
    }

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nrole:master\r\naof_enabled:1\r\n";

    #[track_caller]
    fn check(appendfsync: &str, on_rewrite: &str, durability: Durability) {
        let config = [("appendfsync", appendfsync), ("no-appendfsync-on-rewrite", on_rewrite)];
        assert_eq!(survey(INFO, Some(&config)).unwrap().durability(), durability);
    }

    #[test]
    fn durability_is_what_the_server_does() {
        check("always", "no", Durability::Fsync);
        check("always", "yes", Durability::Os);
        check("no", "no", Durability::Os);
        check("everysec", "no", Durability::Memory);
        assert_eq!(survey(INFO, None).unwrap().durability(), Durability::Memory);
        let assumed = Survey::read("", INFO, None, true).unwrap();
        assert_eq!(assumed.durability(), Durability::Fsync);
        let off = INFO.replace("aof_enabled:1", "aof_enabled:0");
        let always = [("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no")];
        assert_eq!(survey(&off, Some(&always)).unwrap().durability(), Durability::Memory);
    }

    #[test]
    fn servers_that_do_not_fit_are_refused() {
        for (from, to, part) in [
            ("7.0.15", "6.2.7", "is redis 6.2.7: upgrade it to Redis 7.0"),
            ("master", "slave", "is a replica"),
            ("role", "loading:1\r\nrole", "is loading its files"),
            ("role", "maxmemory_policy:allkeys-lru\r\nrole", "set `maxmemory-policy noeviction`"),
            ("redis_version", "memcached", "does not answer INFO"),
        ] {
            let error = survey(&INFO.replace(from, to), None).unwrap_err();
            assert!(error.contains(part) && error.starts_with("redis://h:1/0 "), "{error}");
        }
    }

    #[test]
    fn valkey_is_named() {
        let info = INFO.replace("role", "server_name:valkey\r\nvalkey_version:9.1.2\r\nrole");
        let always = [("appendfsync", "always"), ("no-appendfsync-on-rewrite", "no")];
        assert_eq!(
            survey(&info, Some(&always)).unwrap().to_string(),
            "valkey 9.1.2, 0 replicas, appendfsync always: messages survive a power loss (fsync)"
        );
    }
}
