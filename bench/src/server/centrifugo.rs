//! Centrifugo and its one-way event streams (`uni_sse`): a server of its own, and a publisher
//! outside that calls its HTTP API, as it is meant to be used.
//!
//! Its channel has no history: each message goes to the listeners that are connected. Everything
//! else is as `centrifugo defaultconfig` has it.

use std::env;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use load::http::Request;
use load::{Server, machine};
use serde_json::json;
use tempfile::TempDir;

use crate::serve::room::{self, Order};
use crate::serve::side::CENTRIFUGO_CHANNEL;
use crate::server::cores::Cores;

/// The sentence for a machine without it.
pub(super) const MISSING: &str = "Centrifugo is not on this machine: \
    `go install github.com/centrifugal/centrifugo/v6@latest`, or name the program by \
    KIPO_CENTRIFUGO";

/// Centrifugo starts well within this on a busy machine.
const START: Duration = Duration::from_secs(30);

/// What shows the API that the publisher may publish. It listens on the loopback device alone.
const API_KEY: &str = "bench";

/// Returns the program: what `KIPO_CENTRIFUGO` names, what `go install` has built, or what `PATH`
/// has.
pub(super) fn program() -> Option<PathBuf> {
    let named = env::var_os("KIPO_CENTRIFUGO").map(PathBuf::from);
    let go = env::var_os("GOPATH").map(PathBuf::from);
    let home = env::var_os("HOME").map(|home| Path::new(&home).join("go"));
    let built = go.into_iter().chain(home).map(|folder| folder.join("bin"));
    let path = env::var_os("PATH").unwrap_or_default();
    let found = built.chain(env::split_paths(&path)).map(|folder| folder.join("centrifugo"));
    named.into_iter().chain(found).find(|program| program.is_file())
}

/// Starts the program on a free port. Returns it with the folder of its files.
pub(super) async fn start(program: &Path, cores: Cores) -> io::Result<(Server, TempDir)> {
    let folder = TempDir::new()?;
    // Free now: Centrifugo does not report a port that it chose itself.
    let address = machine::stable_address()?;
    let config = json!({
        "http_server": { "address": address.ip(), "port": address.port() },
        "client": { "insecure": true, "allowed_origins": ["*"] },
        "channel": { "without_namespace": { "allow_subscribe_for_client": true } },
        "uni_sse": { "enabled": true },
        "http_api": { "key": API_KEY },
        "log": { "level": "error" },
    });
    let path = folder.path().join("config.json");
    fs::write(&path, config.to_string())?;
    let mut command = cores.command_for_server(program);
    command.arg("--config").arg(path);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok((Server::start_at(address, command, START).await?, folder))
}

/// Returns the request that publishes one message.
pub(super) fn publication(address: SocketAddr, order: Order, n: u64) -> Vec<u8> {
    let note = room::note(n, order.text_bytes);
    let body = format!(r#"{{"channel":"{CENTRIFUGO_CHANNEL}","data":{note}}}"#);
    Request::new("POST", "/api/publish", address).header("X-API-Key", API_KEY).json(body.as_bytes())
}
