//! Connecting by a URL, for apps whose command line names the engine.

use std::sync::Arc;

use kipo_topic::engine::{Connecting, Connector, EngineError};

use crate::{engine::RedisEngine, options::Options};

/// Connects to Redis or Valkey by a URL, whose form is that of [`RedisEngine::connect`].
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_redis::CONNECTOR.schemes, ["redis", "rediss", "valkey", "valkeys"]);
/// ```
pub const CONNECTOR: Connector =
    Connector { schemes: &["redis", "rediss", "valkey", "valkeys"], connect };

fn connect(url: String) -> Connecting {
    Box::pin(async move {
        let engine = RedisEngine::connect(&url, Options::new()).await;
        Ok(Arc::new(engine.map_err(EngineError::unavailable)?) as _)
    })
}
