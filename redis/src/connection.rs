//! One connection to one server, and why a server refuses it.

use std::time::Duration;

use redis::{
    AsyncConnectionConfig, ErrorKind, ProtocolVersion, PushInfo, RedisError,
    aio::MultiplexedConnection, cmd,
};

use crate::{address::Address, error::ConnectError, options::Options, survey::Survey};

/// How long a command may take.
pub(crate) const COMMAND_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take to connect to one server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// How many commands wait for their way into a connection; further ones wait before it.
const COMMANDS_MAX: usize = 256;

/// Takes what a server pushes. It must not block.
pub(crate) type OnPush = Box<dyn Fn(PushInfo) -> Result<(), redis::aio::SendError> + Send + Sync>;

/// Opens one connection: with a function for what the server pushes, one that it pushes on.
pub(crate) async fn connect(
    address: &Address,
    host: &str,
    port: u16,
    on_push: Option<OnPush>,
) -> Result<MultiplexedConnection, ConnectError> {
    let protocol = if on_push.is_some() { ProtocolVersion::RESP3 } else { ProtocolVersion::RESP2 };
    let mut config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(CONNECT_TIMEOUT))
        .set_response_timeout(Some(COMMAND_TIMEOUT))
        .set_pipeline_buffer_size(COMMANDS_MAX);
    if let Some(on_push) = on_push {
        config = config.set_push_sender(on_push);
    }
    let client = redis::Client::open(address.info(host, port, protocol));
    let server = server(address, host, port);
    match client {
        Ok(client) => client
            .get_multiplexed_async_connection_with_config(&config)
            .await
            .map_err(|error| refusal(address, &server, &error)),
        Err(error) => Err(refusal(address, &server, &error)),
    }
}

/// Returns the name of a server: that of the address, unless it is another one of its cluster.
fn server(address: &Address, host: &str, port: u16) -> String {
    if host == address.host && port == address.port {
        return address.name.clone();
    }
    format!("{host}:{port} (of {})", address.name)
}

/// Says in one sentence why a server refuses a connection or a first command.
pub(crate) fn refusal(address: &Address, server: &str, error: &RedisError) -> ConnectError {
    let code = error.code().unwrap_or_default();
    let text = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = if error.kind() == ErrorKind::AuthenticationFailed
        || code == "NOAUTH"
        || code == "WRONGPASS"
    {
        format!("{server} refuses the user or the password: correct them in the address")
    } else if text.contains("certificate") {
        format!(
            "the certificate of {server} does not verify ({text}): set the certificates of its \
             issuer with `Options::root_certificates`, or correct the host name"
        )
    } else if code == "NOPERM" {
        let detail = error.detail().unwrap_or_default();
        let prefix = address.names.prefix();
        format!(
            "{server} does not let this user do what the engine needs ({detail}): grant it the keys \
             `~{prefix}:*`, the channels `&{prefix}:*`, and `+info +config|get +cluster|slots +eval \
             +evalsha` with the commands for strings, streams and sorted sets"
        )
    } else if error.is_io_error() && address.uses_tls() {
        format!("{server} cannot be reached ({text}): start it with TLS, or correct the address")
    } else if error.is_io_error() {
        format!("{server} cannot be reached ({text}): start it, or correct the address")
    } else if error.kind() == ErrorKind::Parse {
        format!("{server} does not speak the protocol of Redis: check the address")
    } else {
        format!("{server} does not serve the engine ({text})")
    };
    ConnectError::new(sentence)
}

pub(crate) async fn survey(
    address: &Address,
    options: &Options,
    host: &str,
    port: u16,
    connection: &MultiplexedConnection,
) -> Result<Survey, ConnectError> {
    let (mut connection, server) = (connection.clone(), server(address, host, port));
    let info: String = cmd("INFO")
        .query_async(&mut connection)
        .await
        .map_err(|error| refusal(address, &server, &error))?;
    let config: Option<Vec<String>> = cmd("CONFIG")
        .arg("GET")
        .arg("appendfsync")
        .arg("no-appendfsync-on-rewrite")
        .query_async(&mut connection)
        .await
        .ok();
    let config: Option<Vec<_>> = config.map(|config| {
        config.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
    });
    Survey::read(&server, &info, config.as_deref(), options.assume_synced)
}
