//! The address of a server, as the application writes it.

use redis::{Client, ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};
use url::Url;

use crate::{error::ConnectError, names::Names, options::Options};

/// Where the server is, how to log in, and which names are ours. Its form for people has no
/// password.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    /// For people: `redis://127.0.0.1:6379/0`.
    pub(crate) name: String,
    pub(crate) names: Names,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// How to connect, with host and port of the address.
    info: ConnectionInfo,
}

impl Address {
    /// Reads an address; its parameters besides the prefix go to the options.
    pub(crate) fn parse(address: &str, options: &mut Options) -> Result<Self, ConnectError> {
        let form = "the address of a Redis server begins with `redis://` or `rediss://` and has the \
                    form `redis://user:password@host:6379/0?prefix=kipo`";
        // The text may have a password, so no error shows it.
        let mut url = Url::parse(address).map_err(|_| ConnectError::new(form))?;
        let scheme = match url.scheme() {
            "redis" | "valkey" => "redis",
            "rediss" | "valkeys" => "rediss",
            _ => return Err(ConnectError::new(form)),
        };
        let Some(host) = url.host_str().map(str::to_owned) else {
            return Err(ConnectError::new(form));
        };
        let mut prefix = "kipo".to_owned();
        for (key, value) in url.query_pairs() {
            match &*key {
                "prefix" => prefix = value.into_owned(),
                "ca" => options.root_certificates = Some(value.into_owned().into()),
                "assume_synced" => options.assume_synced = true,
                _ => {
                    return Err(ConnectError::new(format!(
                        "the address of the Redis server has no parameter `{key}`: there are prefix, \
                         ca and assume_synced"
                    )));
                }
            }
        }
        let Some(names) = Names::new(&prefix) else {
            return Err(ConnectError::new(format!(
                "the prefix `{prefix}` in the address of the Redis server is not 1 to 32 letters, \
                 digits, dashes and underscores"
            )));
        };
        if url.fragment().is_some() {
            return Err(ConnectError::new(
                "the address of the Redis server ends with a `#` part: remove it, certificates are \
                 always verified",
            ));
        }
        url.set_query(None);
        let port = url.port().unwrap_or(6379);
        let info = url.into_connection_info().map_err(|error| {
            ConnectError::new(format!("the address of the Redis server is not valid: {error}"))
        })?;
        let (info, db) = if scheme == "rediss" {
            let certificates = certificates(options)?;
            // Another crate may have enabled a second provider, and then rustls does not choose.
            // An error means that the application has installed one.
            let _ = rustls::crypto::ring::default_provider().install_default();
            let client = Client::build_with_tls(info, certificates).map_err(|error| {
                ConnectError::new(format!(
                    "the certificates for the Redis server are not valid: {error}"
                ))
            })?;
            let info = client.get_connection_info().clone();
            let db = info.redis_settings().db();
            (info, db)
        } else {
            let db = info.redis_settings().db();
            (info, db)
        };
        let name = format!("{scheme}://{host}:{port}/{db}");
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { name, names, host, port, info })
    }

    pub(crate) fn db(&self) -> i64 {
        self.info.redis_settings().db()
    }

    pub(crate) fn uses_tls(&self) -> bool {
        matches!(self.info.addr(), ConnectionAddr::TcpTls { .. })
    }

    /// Returns how to connect to one server, with the credentials of the address.
    pub(crate) fn info(&self, host: &str, port: u16, protocol: ProtocolVersion) -> ConnectionInfo {
        let host = host.to_owned();
        let addr = match self.info.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                let (insecure, tls_params) = (*insecure, tls_params.clone());
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        let settings = self.info.redis_settings().clone().set_protocol(protocol);
        let settings = settings.set_lib_name("kipo-redis", env!("CARGO_PKG_VERSION"));
        let tcp = self.info.tcp_settings().clone().set_nodelay(true);
        self.info.clone().set_addr(addr).set_redis_settings(settings).set_tcp_settings(tcp)
    }
}

fn certificates(options: &Options) -> Result<redis::TlsCertificates, ConnectError> {
    let read = |path: &std::path::Path| {
        std::fs::read(path).map_err(|error| {
            ConnectError::new(format!(
                "the certificate file `{}` cannot be read: {error}",
                path.display()
            ))
        })
    };
    let client_tls = match &options.client_certificate {
        Some((certificate, key)) => {
            Some(redis::ClientTlsConfig { client_cert: read(certificate)?, client_key: read(key)? })
        }
        None => None,
    };
    let root_cert = options.root_certificates.as_deref().map(read).transpose()?;
    Ok(redis::TlsCertificates { client_tls, root_cert })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, name: &str) {
        let address = Address::parse(address, &mut Options::new()).unwrap();
        assert_eq!((&*address.name, address.names.prefix()), (name, "kipo"));
    }

    #[test]
    fn addresses_have_names_without_passwords() {
        check("redis://localhost", "redis://localhost:6379/0");
        check("valkey://:secret@10.0.0.1:7000/3", "redis://10.0.0.1:7000/3");
        check("rediss://shop:secret@[::1]/?prefix=kipo", "rediss://[::1]:6379/0");
        let address =
            Address::parse("redis://u:p%40ss@h/?prefix=shop", &mut Options::new()).unwrap();
        assert_eq!(address.names.prefix(), "shop");
        assert_eq!(address.info.redis_settings().password(), Some("p@ss"));
        assert!(!format!("{address:?}").contains("p@ss"));
    }

    #[test]
    fn addresses_that_are_wrong_are_refused_without_showing_the_password() {
        for address in [
            "",
            "localhost",
            "http://:secret@localhost",
            "redis://",
            "redis://:secret@:80",
            "redis://:secret@h/x",
            "redis://:secret@h/0?db=1",
            "redis://:secret@h/0?prefix=a:b",
            "rediss://:secret@h/0#insecure",
            "redis://:secret@h:99999",
        ] {
            let error = Address::parse(address, &mut Options::new()).unwrap_err().to_string();
            assert!(!error.contains("secret") && !error.contains('\n'), "{address}: {error}");
        }
    }
}
