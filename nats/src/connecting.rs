//! Connects: addresses and credentials, and what a server that refuses means.

use std::time::Duration;

use async_nats::{ConnectErrorKind, ConnectOptions, Event, ServerAddr, ServerInfo};

use crate::{
    error::ConnectError,
    names::percent_decode,
    options::Options,
    server::{LinkState, REQUEST_TIME, Server},
};

/// The oldest version that has atomic batches.
const VERSION_MIN: (u64, u64) = (2, 12);

/// How often an idle connection is checked; after two checks without an answer it is lost.
const PING_INTERVAL: Duration = Duration::from_secs(2);

/// The longest pause between two attempts to connect again.
const RECONNECT_PAUSE_MAX: Duration = Duration::from_secs(1);

/// How long an attempt to connect to one server may take.
const CONNECT_TIME: Duration = Duration::from_secs(4);

/// How many messages wait at most for the task that follows a stream.
const WAITING_MAX: usize = 16 * 1024;

/// Addresses of servers, and the user and password that were in them.
#[derive(Debug)]
pub(crate) struct Addresses {
    servers: Vec<ServerAddr>,
    user: Option<(String, String)>,
    /// The servers, without user and password.
    pub(crate) text: String,
}

impl Addresses {
    /// Reads `nats://user:password@host:port,host:port`: the user of the first that has one is the
    /// user for all.
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectError> {
        // The text may have a password in it, so no error shows it.
        let wrong = || {
            ConnectError::new(
                "the address is not understood: expected nats://[user:password@]host[:port], and \
                 more hosts after commas",
            )
        };
        let (mut servers, mut user) = (Vec::new(), None);
        for part in text.split(',') {
            let server: ServerAddr = part.trim().parse().map_err(|_| wrong())?;
            if server.is_websocket() || server.host().is_empty() {
                return Err(wrong());
            }
            let mut url = server.into_inner();
            if user.is_none() && !url.username().is_empty() {
                let name = percent_decode(url.username()).ok_or_else(wrong)?;
                let password = percent_decode(url.password().unwrap_or("")).ok_or_else(wrong)?;
                user = Some((name, password));
            }
            url.set_username("").map_err(|()| wrong())?;
            url.set_password(None).map_err(|()| wrong())?;
            servers.push(ServerAddr::from_url(url).map_err(|_| wrong())?);
        }
        let names: Vec<String> =
            servers.iter().map(|s| format!("{}:{}", s.host(), s.port())).collect();
        let scheme = servers.first().map_or("nats", ServerAddr::scheme);
        let text = format!("{scheme}://{}", names.join(","));
        Ok(Self { servers, user, text })
    }

    pub(crate) async fn connect(&self, options: &Options) -> Result<Server, ConnectError> {
        let link = LinkState::new();
        let shown = link.clone();
        let mut connect = ConnectOptions::new()
            .name("kipo")
            .connection_timeout(CONNECT_TIME)
            .request_timeout(Some(REQUEST_TIME))
            .ping_interval(PING_INTERVAL)
            .subscription_capacity(WAITING_MAX)
            .reconnect_delay_callback(|attempts| {
                let tries = u32::try_from(attempts).unwrap_or(u32::MAX);
                Duration::from_millis(100).saturating_mul(tries).min(RECONNECT_PAUSE_MAX)
            })
            .event_callback(move |event| {
                let link = shown.clone();
                async move { show(&link, &event) }
            });
        if let Some((user, password)) = &self.user {
            connect = connect.user_and_password(user.clone(), password.clone());
        }
        if let Some(path) = &options.credentials_file {
            connect = connect.credentials_file(path).await.map_err(|error| {
                let path = path.display();
                ConnectError::new(format!("the credentials in {path} cannot be read: {error}"))
            })?;
        }
        for path in &options.root_certificates {
            connect = connect.add_root_certificates(path.clone());
        }
        if let Some((certificate, key)) = &options.client_certificate {
            connect = connect.add_client_certificate(certificate.clone(), key.clone());
        }
        let client = connect.connect(&self.servers[..]).await.map_err(|e| self.refused(&e))?;
        link.set_connected(true);
        let server = Server::new(client, link);
        self.check(&server.client.server_info())?;
        Ok(server)
    }

    fn refused(&self, error: &async_nats::ConnectError) -> ConnectError {
        let at = &self.text;
        // The causes of the client's errors have no password in them; its kinds say what would help.
        let cause = cause(error);
        ConnectError::new(match error.kind() {
            ConnectErrorKind::AuthorizationViolation | ConnectErrorKind::Authentication => {
                let given = if self.user.is_some() { "this user and password" } else { "no user" };
                format!(
                    "NATS at {at} refused the connection with {given}: write them into the address, \
                     nats://user:password@host, or set a credentials file"
                )
            }
            ConnectErrorKind::Tls => format!(
                "the certificate of NATS at {at} does not verify: add the one that signed it with \
                 Options::root_certificates ({cause})"
            ),
            ConnectErrorKind::TimedOut => format!(
                "NATS at {at} did not answer in {} s: check host and port, and that a NATS server \
                 listens there",
                CONNECT_TIME.as_secs()
            ),
            _ if cause.contains("certificate") => format!(
                "the certificate of NATS at {at} does not verify: add the one that signed it with \
                 Options::root_certificates ({cause})"
            ),
            _ => format!("no connection to NATS at {at}: check that it runs there ({cause})"),
        })
    }

    fn check(&self, info: &ServerInfo) -> Result<(), ConnectError> {
        let at = &self.text;
        if version(&info.version).is_none_or(|version| version < VERSION_MIN) {
            let (major, minor) = VERSION_MIN;
            return Err(ConnectError::new(format!(
                "NATS at {at} has version {}, which has no atomic batches: version {major}.{minor} \
                 or later is needed",
                info.version
            )));
        }
        if !info.jetstream {
            return Err(ConnectError::new(format!(
                "NATS at {at} runs without JetStream: start it with -js, or with a jetstream block \
                 in its configuration"
            )));
        }
        Ok(())
    }
}

fn show(link: &LinkState, event: &Event) {
    match event {
        Event::Connected => {
            link.set_connected(true);
            tracing::info!("connected to NATS");
        }
        Event::Disconnected => {
            link.set_connected(false);
            tracing::warn!("the connection to NATS is lost");
        }
        Event::Closed => link.set_connected(false),
        Event::ServerError(error) => tracing::warn!(%error, "NATS reports an error"),
        Event::ClientError(error) => tracing::debug!(%error, "the NATS client reports an error"),
        Event::LameDuckMode | Event::Draining | Event::SlowConsumer(_) => {}
    }
}

/// Returns the last cause of an error: the one that says most.
fn cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

/// Returns major and minor version.
fn version(text: &str) -> Option<(u64, u64)> {
    let mut parts = text.trim_start_matches('v').split(['.', '-']);
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str, user: Option<(&str, &str)>) {
        let addresses = Addresses::parse(text).unwrap();
        let found = addresses.user.as_ref().map(|(user, password)| (&**user, &**password));
        assert_eq!((&*addresses.text, found), (shown, user), "{text}");
        assert!(addresses.servers.iter().all(|server| !server.has_user_pass()));
    }

    #[test]
    fn addresses_are_read() {
        check("nats://a", "nats://a:4222", None);
        check("a:1,b:2", "nats://a:1,b:2", None);
        check("nats://u:p@a:4222,b:4223", "nats://a:4222,b:4223", Some(("u", "p")));
        check("nats://a, nats://u:p%2C%40@b", "nats://a:4222,b:4222", Some(("u", "p,@")));
        check("tls://u@a", "tls://a:4222", Some(("u", "")));
    }

    #[test]
    fn wrong_addresses_are_refused_without_showing_them() {
        for text in
            ["", "http://a", "ws://secret@a", "nats://u:secret@a:99999", "nats://u:secret@", "a,,b"]
        {
            let error = Addresses::parse(text).unwrap_err().to_string();
            assert!(error.starts_with("the address is not understood"), "{text}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("2.9.25").unwrap() < VERSION_MIN);
        assert!(version("2.12.0-RC.1").unwrap() >= VERSION_MIN);
        assert!(version("v3.0.0").unwrap() >= VERSION_MIN);
        assert_eq!(version("latest"), None);
    }
}
