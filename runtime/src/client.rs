//! The browser client: a table of embedded files under one content hash.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The generic half of the generated types; the other half is written from the actions.
pub(crate) const TYPES: &str = include_str!("../client/types.d.ts");

/// One module of the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        &[$(Module { name: $name, text: include_str!(concat!("../client/", $name)) }),*]
    };
}

/// Every module that browsers load, the entry first.
pub(crate) const MODULES: &[Module] = modules![
    "main.js",
    "action.js",
    "backoff.js",
    "call.js",
    "connection.js",
    "cursor.js",
    "error.js",
    "loading.js",
    "platform.js",
    "request.js",
    "sse.js",
    "stream.js",
];

/// The module that browsers load in development, to follow edits.
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) const RELOAD: Module =
    Module { name: "reload.js", text: include_str!("../client/reload.js") };

/// Returns the hash of the whole set: 16 hex digits, another one for any change of any file.
///
/// The modules import each other by relative paths, so they share one hash in their paths
/// instead of one in each name.
pub(crate) fn hash() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        for module in MODULES {
            hash.update(module.name);
            hash.update([0]);
            hash.update(module.text);
            hash.update([0]);
        }
        hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    });
    &HASH
}
