//! One server under test: a child process, where it listens and what it has used.

use std::io::{self, BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::AbortHandle;

use crate::clients::http;
use crate::engines::Folder;
use crate::nchan;
use crate::process;
use crate::serve::Order;
use load::machine::Cores;

/// Which of the two implementations runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Kipo,
    Axum,
    /// nginx with nchan.
    Nchan,
    /// One `write(2)` for each delivery.
    Floor,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kipo => "kipo",
            Self::Axum => "axum",
            Self::Nchan => "nchan",
            Self::Floor => "floor",
        }
    }

    /// Returns the path of one of the bench's endpoints.
    ///
    /// Both sides have the same four, at the paths that are natural there.
    pub(crate) fn path(self, endpoint: Endpoint) -> &'static str {
        match (self, endpoint) {
            (Self::Kipo, Endpoint::Echo) => "/_kipo/actions/bench.Echo",
            (Self::Kipo, Endpoint::Listen) => "/_kipo/actions/bench.Listen",
            (Self::Kipo, Endpoint::Publish) => "/_kipo/actions/bench.Publish",
            (Self::Kipo, Endpoint::Stop) => "/_kipo/actions/bench.Stop",
            (_, Endpoint::Echo) => "/echo",
            (_, Endpoint::Listen) => "/listen",
            (_, Endpoint::Publish) => "/publish",
            (_, Endpoint::Stop) => "/stop",
        }
    }
}

/// What can be asked of either server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint {
    /// Answers its input.
    Echo,
    /// Streams the room.
    Listen,
    /// Starts publishers inside the server.
    Publish,
    /// Waits until the publishers are done or stops them, and answers how much was published.
    Stop,
}

/// A running server; dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) side: Side,
    pub(crate) address: SocketAddr,
    child: Child,
    /// Held open, because a server that writes to a closed pipe would fail.
    _stdout: Option<BufReader<ChildStdout>>,
    /// Where nginx has its files.
    _folder: Option<Folder>,
    /// Who publishes to a server whose publishers are outside.
    outside: Option<Outside>,
}

/// A publisher in the load's process.
#[derive(Debug)]
struct Outside {
    published: Arc<AtomicU64>,
    task: Mutex<Option<AbortHandle>>,
}

impl Server {
    /// Starts a server and waits until it listens.
    pub(crate) fn start(side: Side, cores: Cores) -> io::Result<Self> {
        if side == Side::Nchan {
            let (child, address, folder) = nchan::start(cores)?;
            let outside = Outside { published: Arc::default(), task: Mutex::default() };
            let (_folder, outside) = (Some(folder), Some(outside));
            return Ok(Self { side, address, child, _stdout: None, _folder, outside });
        }
        let mut child = cores
            .command_for_server(&std::env::current_exe()?)
            .args(["serve", side.name()])
            // The server ends when this pipe closes, so none outlives a runner that was killed.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take();
        let mut stdout = BufReader::new(stdout.ok_or_else(|| io::Error::other("no pipe"))?);
        let mut line = String::new();
        stdout.read_line(&mut line)?;
        let address = line.trim().rsplit('/').next().and_then(|text| text.parse().ok());
        let Some(address) = address else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(io::Error::other(format!("the {} server did not start", side.name())));
        };
        let _stdout = Some(stdout);
        Ok(Self { side, address, child, _stdout, _folder: None, outside: None })
    }

    pub(crate) fn cpu_time(&self) -> io::Result<Duration> {
        process::cpu_time(self.child.id())
    }

    pub(crate) fn anonymous_memory(&self) -> io::Result<u64> {
        process::anonymous_memory(self.child.id())
    }

    /// Starts publishers inside the server.
    pub(crate) async fn publish(&self, order: &Order) -> io::Result<()> {
        if let Some(Outside { published, task }) = &self.outside {
            let (address, order, published) = (self.address, *order, Arc::clone(published));
            let publishing =
                tokio::spawn(async move { nchan::publish(address, order, &published).await });
            *task.lock().unwrap_or_else(PoisonError::into_inner) = Some(publishing.abort_handle());
            return Ok(());
        }
        let body = serde_json::to_vec(order)?;
        http::post(self.address, self.side.path(Endpoint::Publish), &body).await?;
        Ok(())
    }

    /// Ends publishing and returns how many messages the room has seen since the server started.
    pub(crate) async fn stop_publishing(&self) -> io::Result<u64> {
        if let Some(Outside { published, task }) = &self.outside {
            let task = task.lock().unwrap_or_else(PoisonError::into_inner).take();
            task.inspect(AbortHandle::abort);
            return Ok(published.load(Ordering::Relaxed));
        }
        let body = http::post(self.address, self.side.path(Endpoint::Stop), b"{}").await?;
        Ok(serde_json::from_slice(&body)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
