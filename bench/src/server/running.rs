//! One server under test: a child process, where it listens and what it has used.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use load::http;
use tempfile::TempDir;
use tokio::task::AbortHandle;
use tokio::time::timeout;

use crate::clients::calls;
use crate::serve::engine::DISK;
use crate::serve::room::Order;
use crate::serve::side::{Endpoint, Side};
use crate::server::cores::Cores;
use crate::server::outside::Program;
use crate::server::process::{self, CpuTime};

/// A server starts well within this on a busy machine.
const START: Duration = Duration::from_secs(30);

/// Longer than any answer that the runner asks for takes.
const ANSWER: Duration = Duration::from_secs(30);

/// A running server; dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) side: Side,
    process: load::Server,
    /// Who publishes to a server whose publishers are outside.
    outside: Option<Outside>,
    /// The files of a program of others, or the data directory of sessions or of the room.
    folder: Option<TempDir>,
}

/// A publisher in the load's process.
#[derive(Debug)]
struct Outside {
    program: Program,
    published: Arc<AtomicU64>,
    task: Mutex<Option<AbortHandle>>,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) async fn start(side: Side, cores: Cores) -> io::Result<Self> {
        Self::start_with(side, &[], cores).await
    }

    /// Starts a server of this program with so many worker threads.
    pub(crate) async fn start_with_workers(
        side: Side,
        workers: usize,
        cores: Cores,
    ) -> io::Result<Self> {
        let mut command = cores.command_for_workers(&std::env::current_exe()?, workers);
        // What `tokio::main` of the server reads.
        command.env("TOKIO_WORKER_THREADS", workers.to_string());
        Self::run(side, &[], command).await
    }

    /// Starts Kipo's server with its room in the engine that a URL names.
    pub(crate) async fn start_node(engine: &str, cores: Cores) -> io::Result<Self> {
        Self::start_with(Side::Kipo, &[format!("--engine={engine}").into()], cores).await
    }

    /// Starts Kipo's server with its room on disk, in a folder of its own.
    pub(crate) async fn start_with_log(cores: Cores) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let mut argument = OsString::from(format!("--engine={DISK}"));
        argument.push(folder.path());
        let server = Self::start_with(Side::Kipo, &[argument], cores).await?;
        Ok(Self { folder: Some(folder), ..server })
    }

    /// Starts a server with sessions in memory.
    pub(crate) async fn start_with_sessions(side: Side, cores: Cores) -> io::Result<Self> {
        Self::start_with(side, &["--sessions=memory".into()], cores).await
    }

    /// Starts Kipo's server with sessions in a data directory of its own.
    pub(crate) async fn start_with_session_data(cores: Cores) -> io::Result<Self> {
        let folder = TempDir::new()?;
        let mut argument = OsString::from("--sessions=");
        argument.push(folder.path());
        let server = Self::start_with(Side::Kipo, &[argument], cores).await?;
        Ok(Self { folder: Some(folder), ..server })
    }

    /// Returns the sentence for a machine that has not the program of a side.
    pub(crate) fn missing(side: Side) -> Option<&'static str> {
        Program::of(side).and_then(Program::missing)
    }

    async fn start_with(side: Side, arguments: &[OsString], cores: Cores) -> io::Result<Self> {
        if let Some(program) = Program::of(side) {
            let (process, folder) = program.start(cores).await?;
            let outside =
                Some(Outside { program, published: Arc::default(), task: Mutex::default() });
            return Ok(Self { side, process, outside, folder: Some(folder) });
        }
        Self::run(side, arguments, cores.command_for_server(&std::env::current_exe()?)).await
    }

    /// Starts a server of this program by a command that runs it.
    async fn run(side: Side, arguments: &[OsString], mut command: Command) -> io::Result<Self> {
        // The server ends when this pipe closes, so none outlives a runner that was killed.
        command.args(["serve", side.name()]).args(arguments).stdin(Stdio::piped());
        let process = load::Server::start(command, START).await.map_err(|error| {
            io::Error::other(format!("the {} server did not start: {error}", side.name()))
        })?;
        Ok(Self { side, process, outside: None, folder: None })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.process.address()
    }

    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        process::cpu_time(self.process.id()?)
    }

    pub(crate) fn cpu_time_by_mode(&self) -> io::Result<CpuTime> {
        process::cpu_time_by_mode(self.process.id()?)
    }

    /// Returns the memory of the process that no file backs, in bytes.
    pub(crate) fn memory(&self) -> io::Result<u64> {
        process::memory(self.process.id()?)
    }

    /// Returns how many files and sockets the process has open.
    pub(crate) fn open_files(&self) -> io::Result<usize> {
        process::open_files(self.process.id()?)
    }

    /// Returns the bytes of the files in the data directory of its sessions, as the disk has them; 0
    /// without one.
    pub(crate) fn disk_bytes(&self) -> io::Result<u64> {
        self.folder.as_ref().map_or(Ok(0), |folder| process::disk_bytes(folder.path()))
    }

    /// Starts publishers inside the server.
    pub(crate) async fn publish(&self, order: &Order) -> io::Result<()> {
        if let Some(Outside { program, published, task }) = &self.outside {
            let (program, address, order) = (*program, self.address(), *order);
            let published = Arc::clone(published);
            let publishing =
                tokio::spawn(async move { program.publish(address, order, &published).await });
            *task.lock().unwrap_or_else(PoisonError::into_inner) = Some(publishing.abort_handle());
            return Ok(());
        }
        self.post(Endpoint::Publish, &serde_json::to_vec(order)?).await?;
        Ok(())
    }

    /// Ends publishing and returns how many messages the room has seen since the server started.
    pub(crate) async fn stop_publishing(&self) -> io::Result<u64> {
        if let Some(Outside { published, task, .. }) = &self.outside {
            let task = task.lock().unwrap_or_else(PoisonError::into_inner).take();
            task.inspect(AbortHandle::abort);
            return Ok(published.load(Ordering::Relaxed));
        }
        let body = self.post(Endpoint::Stop, b"{}").await?;
        Ok(serde_json::from_slice(&body)?)
    }

    /// Ends the process, and waits until it has ended.
    pub(crate) async fn kill(self) -> io::Result<()> {
        self.process.kill().await
    }

    /// Calls an endpoint and returns the body of its answer, which has to be a success.
    async fn post(&self, endpoint: Endpoint, body: &[u8]) -> io::Result<Vec<u8>> {
        let path = self.side.path(endpoint);
        let request = calls::call(self.address(), path, body);
        let answer = timeout(ANSWER, http::call(self.address(), &request)).await;
        let (status, body) = answer.map_err(|_| {
            io::Error::other(format!("{path} did not answer in {} s", ANSWER.as_secs()))
        })??;
        match status {
            200..=299 => Ok(body),
            status => {
                let body = String::from_utf8_lossy(&body);
                Err(io::Error::other(format!("{path} answered {status}: {body}")))
            }
        }
    }
}
