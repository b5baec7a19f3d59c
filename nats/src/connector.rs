//! Connecting by a URL, for apps whose command line names the engine.

use std::sync::Arc;

use kipo_topic::engine::{Connecting, Connector, EngineError};

use crate::{engine::NatsEngine, options::Options};

/// Connects to NATS by a URL: `nats://user:password@a,b,c`, or `tls://…`, with these parameters.
///
/// | parameter | as |
/// |---|---|
/// | `prefix=shop` | [`Options::prefix`] |
/// | `replicas=3` | [`Options::replicas`] |
/// | `assume_synced` | [`Options::assume_synced`] |
/// | `credentials=FILE` | [`Options::credentials_file`] |
/// | `ca=FILE` | [`Options::root_certificates`] |
///
/// # Examples
///
/// ```
/// assert_eq!(kipo_nats::CONNECTOR.schemes, ["nats", "tls"]);
/// ```
pub const CONNECTOR: Connector = Connector { schemes: &["nats", "tls"], connect };

fn connect(url: String) -> Connecting {
    Box::pin(async move {
        let (address, parameters) = url.split_once('?').unwrap_or((&url, ""));
        let options = options(parameters).map_err(EngineError::unavailable)?;
        let engine = NatsEngine::connect(address, options).await;
        Ok(Arc::new(engine.map_err(EngineError::unavailable)?) as _)
    })
}

fn options(parameters: &str) -> Result<Options, String> {
    let mut options = Options::new();
    for parameter in parameters.split('&').filter(|parameter| !parameter.is_empty()) {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        options = match name {
            "prefix" => options.prefix(value),
            "replicas" => {
                let replicas = value.parse();
                options.replicas(replicas.map_err(|_| "`replicas` is 1, 3 or 5".to_owned())?)
            }
            "assume_synced" => options.assume_synced(),
            "credentials" => options.credentials_file(value),
            "ca" => options.root_certificates(value),
            _ => {
                return Err(format!(
                    "the URL of NATS has no parameter `{name}`: there are prefix, replicas, \
                     assume_synced, credentials and ca"
                ));
            }
        };
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_options_and_others_are_refused() {
        let read = options("prefix=shop&replicas=3&assume_synced").unwrap();
        assert_eq!(
            (read.prefix.as_str(), read.replicas, read.assume_synced),
            ("shop", Some(3), true)
        );
        assert!(options("").is_ok());
        assert!(options("replicas=many").err().unwrap().contains("1, 3 or 5"));
        assert!(options("password=x").err().unwrap().contains("no parameter `password`"));
    }
}
