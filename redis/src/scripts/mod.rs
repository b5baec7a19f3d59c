//! The Lua scripts, each of which a server runs as one step.

use std::sync::LazyLock;

/// A script, and the hash that a server knows it by.
#[derive(Debug)]
pub(crate) struct Script {
    pub(crate) code: String,
    pub(crate) hash: String,
}

impl Script {
    fn new(parts: &[&str]) -> Self {
        let code = parts.concat();
        let hash = redis::Script::new(&code).get_hash().to_owned();
        Self { code, hash }
    }
}

const READ: &str = include_str!("read.lua");

pub(crate) static APPEND: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[READ, include_str!("append.lua")]));
pub(crate) static LOAD: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[READ, include_str!("load.lua")]));
pub(crate) static REMOVE: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("remove.lua")]));
pub(crate) static TRIM: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("trim.lua")]));
pub(crate) static GET: LazyLock<Script> = LazyLock::new(|| Script::new(&[include_str!("get.lua")]));
pub(crate) static COUNT: LazyLock<Script> =
    LazyLock::new(|| Script::new(&[include_str!("count.lua")]));
