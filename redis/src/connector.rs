//! Connecting by a URL, for apps whose command line names the engine.

use std::sync::Arc;

use kipo_topic::engine::{Connecting, Connector, EngineError};

use crate::{engine::RedisEngine, options::Options};

/// Connects to Redis or Valkey by a URL: `redis://user:password@host:6379/0`, or `rediss://…` for
/// TLS, with these parameters.
///
/// | parameter | as |
/// |---|---|
/// | `prefix=shop` | the first part of all keys |
/// | `assume_synced` | [`Options::assume_synced`] |
/// | `ca=FILE` | [`Options::root_certificates`] |
///
/// # Examples
///
/// ```
/// assert!(kipo_redis::CONNECTOR.schemes.contains(&"redis"));
/// ```
pub const CONNECTOR: Connector =
    Connector { schemes: &["redis", "rediss", "valkey", "valkeys"], connect };

fn connect(url: String) -> Connecting {
    Box::pin(async move {
        let (address, options) = options(&url);
        let engine = RedisEngine::connect(&address, options).await;
        Ok(Arc::new(engine.map_err(EngineError::unavailable)?) as _)
    })
}

/// Takes the parameters that are options out of a URL. The engine refuses those that are unknown.
fn options(url: &str) -> (String, Options) {
    let (address, parameters) = url.split_once('?').unwrap_or((url, ""));
    let (mut options, mut rest) = (Options::new(), Vec::new());
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=').unwrap_or((parameter, "")) {
            ("assume_synced", _) => options = options.assume_synced(),
            ("ca", file) => options = options.root_certificates(file),
            _ => rest.push(parameter),
        }
    }
    let separator = if rest.is_empty() { "" } else { "?" };
    (format!("{address}{separator}{}", rest.join("&")), options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_taken_out_of_the_url() {
        let address = |url| options(url).0;
        assert_eq!(address("redis://h:1/0?assume_synced&prefix=shop"), "redis://h:1/0?prefix=shop");
        assert_eq!(address("redis://h?ca=/etc/ca.pem"), "redis://h");
        assert_eq!(address("redis://h"), "redis://h");
    }
}
