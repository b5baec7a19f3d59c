//! The servers of an engine, as processes on this machine: three NATS servers that are one cluster,
//! or one Redis. Both sync each message before they acknowledge it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use load::{Server, engine::Kind, machine};
use tempfile::TempDir;

use crate::serve::engine;
use crate::server::Cores;

/// A server listens well within this on a busy machine.
const START: Duration = Duration::from_secs(20);

/// The pause before a cluster that has refused a stream is asked again.
const RETRY_PAUSE: Duration = Duration::from_millis(100);

const NATS_SERVERS: usize = 3;

/// Redis first: it uses nothing while the others are measured.
pub(super) const KINDS: [Kind; 2] = [Kind::Redis, Kind::Nats];

/// Returns what the servers of an engine are, for the head of a table.
pub(super) fn description(kind: Kind) -> &'static str {
    match kind {
        Kind::Nats => "three NATS servers, R3, `sync_interval: always`",
        Kind::Redis => "one Redis, `appendfsync always`",
    }
}

/// Running servers; dropping them ends the processes.
#[derive(Debug)]
pub(super) struct Servers {
    pub(super) kind: Kind,
    processes: Vec<Server>,
    prefixes: AtomicU32,
    _folder: TempDir,
}

impl Servers {
    /// Starts the servers of an engine, unless the program is missing.
    pub(super) async fn start(kind: Kind, cores: Cores) -> io::Result<Option<Self>> {
        let Some(program) = kind.program() else { return Ok(None) };
        let folder = TempDir::new()?;
        let commands = match kind {
            Kind::Nats => nats(&program, cores, folder.path())?,
            Kind::Redis => vec![redis(&program, cores, folder.path())?],
        };
        let mut processes = Vec::new();
        for (address, mut command) in commands {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            processes.push(Server::start_at(address, command, START).await?);
        }
        let servers = Self { kind, processes, prefixes: AtomicU32::new(0), _folder: folder };
        if kind == Kind::Nats {
            servers.wait_for_streams().await?;
        }
        Ok(Some(servers))
    }

    /// Waits until the cluster takes streams of three replicas: one that has just started refuses them
    /// for a moment.
    async fn wait_for_streams(&self) -> io::Result<()> {
        let (url, started) = (self.url(), Instant::now());
        loop {
            match engine::connect(&url).await {
                Ok(store) => {
                    store.shut_down().await;
                    return Ok(());
                }
                Err(_) if started.elapsed() < START => tokio::time::sleep(RETRY_PAUSE).await,
                Err(error) => return Err(error),
            }
        }
    }

    /// Returns the URL for the engine's own client.
    pub(super) fn address(&self) -> String {
        let addresses: Vec<_> =
            self.processes.iter().map(|process| process.address().to_string()).collect();
        match self.kind {
            Kind::Nats => format!("nats://{}", addresses.join(",")),
            Kind::Redis => format!("redis://{}", addresses.join(",")),
        }
    }

    /// Returns a URL for `--engine`, with a prefix of its own: there are no topics yet.
    pub(super) fn url(&self) -> String {
        let (address, prefix) = (self.address(), self.prefixes.fetch_add(1, Ordering::Relaxed));
        match self.kind {
            Kind::Nats => format!("{address}?prefix=p{prefix}&replicas=3&assume_synced"),
            Kind::Redis => format!("{address}?prefix=p{prefix}"),
        }
    }
}

fn nats(program: &Path, cores: Cores, folder: &Path) -> io::Result<Vec<(SocketAddr, Command)>> {
    let routes: Vec<_> =
        (0..NATS_SERVERS).map(|_| machine::stable_address()).collect::<io::Result<_>>()?;
    let list: Vec<_> = routes.iter().map(|route| format!("nats://{route}")).collect();
    let start = |(number, route): (usize, &SocketAddr)| {
        let (address, at) = (machine::stable_address()?, folder.join(format!("n{number}")));
        fs::create_dir(&at)?;
        let (store, list) = (at.join("store"), list.join(", "));
        let config = format!(
            "listen: \"{address}\"\nserver_name: n{number}\n\
             jetstream {{ store_dir: {store:?}, sync_interval: always }}\n\
             cluster {{ name: c, listen: \"{route}\", routes: [{list}] }}\n"
        );
        let path = at.join("conf");
        fs::write(&path, config)?;
        let mut command = cores.command_for_server(program);
        command.arg("-c").arg(path).arg("-l").arg(at.join("log"));
        Ok((address, command))
    };
    routes.iter().enumerate().map(start).collect()
}

fn redis(program: &Path, cores: Cores, folder: &Path) -> io::Result<(SocketAddr, Command)> {
    let address = machine::stable_address()?;
    let mut command = cores.command_for_server(program);
    command.arg("--port").arg(address.port().to_string()).args(["--bind", "127.0.0.1"]);
    command.args(["--save", "", "--appendonly", "yes", "--appendfsync", "always"]);
    command.arg("--dir").arg(folder);
    Ok((address, command))
}
