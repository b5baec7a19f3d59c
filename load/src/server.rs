//! A server as a process of its own.

use std::io;
use std::net::SocketAddr;
use std::process::{self, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::{sleep, timeout};

/// What a server writes before its address, once it listens.
const ANNOUNCEMENT: &str = "listening on http://";

/// A running server; dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    child: Child,
    /// Held open: a write to a closed pipe would fail.
    _stdout: Option<BufReader<ChildStdout>>,
}

impl Server {
    /// Starts a server and waits for its first line, `listening on http://<address>`.
    ///
    /// # Errors
    ///
    /// Fails where the program cannot be run, and where the line does not come `within` the time:
    /// [`io::ErrorKind::NotConnected`], with the line that came instead.
    pub async fn start(mut command: process::Command, within: Duration) -> io::Result<Self> {
        command.stdout(Stdio::piped());
        let mut child = spawn(command)?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let (mut stdout, mut line) = (BufReader::new(stdout), String::new());
        let read = timeout(within, stdout.read_line(&mut line)).await;
        let announced = line.trim_end().strip_prefix(ANNOUNCEMENT);
        let address = announced.filter(|_| read.is_ok()).and_then(|text| text.parse().ok());
        match address {
            Some(address) => Ok(Self { address, child, _stdout: Some(stdout) }),
            None => Err(io::Error::new(io::ErrorKind::NotConnected, line)),
        }
    }

    /// Starts a server that announces nothing, and waits until `address` accepts connections.
    ///
    /// # Errors
    ///
    /// Fails where the program cannot be run, and where nothing accepts `within` the time.
    pub async fn start_at(
        address: SocketAddr,
        command: process::Command,
        within: Duration,
    ) -> io::Result<Self> {
        let child = spawn(command)?;
        let accepted = async {
            while TcpStream::connect(address).await.is_err() {
                sleep(Duration::from_millis(10)).await;
            }
        };
        timeout(within, accepted).await?;
        Ok(Self { address, child, _stdout: None })
    }

    /// Returns the address that the server listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the id of the process, which the system knows until the server is dropped.
    ///
    /// # Errors
    ///
    /// Fails where the process has ended.
    pub fn id(&self) -> io::Result<u32> {
        self.child.id().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Pauses the process (SIGSTOP): it neither answers nor closes its connections.
    ///
    /// # Errors
    ///
    /// Fails where the process has ended.
    pub fn pause(&self) -> io::Result<()> {
        self.signal(Signal::STOP)
    }

    /// Continues a process that [`pause`](Self::pause) has paused (SIGCONT).
    ///
    /// # Errors
    ///
    /// Fails where the process has ended.
    pub fn unpause(&self) -> io::Result<()> {
        self.signal(Signal::CONT)
    }

    /// Ends the process as `kill -9` does, and waits until it has ended.
    ///
    /// # Errors
    ///
    /// Fails where the system refuses it.
    pub async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Asks the process to end (SIGTERM), and waits until it has ended.
    ///
    /// # Errors
    ///
    /// Fails where it does not end `within` the time.
    pub async fn stop(mut self, within: Duration) -> io::Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        let late = |_| io::Error::other("the server did not end after SIGTERM");
        timeout(within, self.child.wait()).await.map_err(late)?
    }

    fn signal(&self, signal: Signal) -> io::Result<()> {
        let pid = Pid::from_raw(self.id()?.cast_signed()).ok_or(io::ErrorKind::NotFound)?;
        Ok(kill_process(pid, signal)?)
    }
}

fn spawn(command: process::Command) -> io::Result<Child> {
    Command::from(command).kill_on_drop(true).spawn()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WITHIN: Duration = Duration::from_secs(10);

    fn shell(script: &str) -> process::Command {
        let mut command = process::Command::new("sh");
        command.arg("-c").arg(script);
        command
    }

    #[tokio::test]
    async fn the_address_is_that_of_the_first_line() {
        let script = "echo 'listening on http://127.0.0.1:4000'; exec sleep 60";
        let server = Server::start(shell(script), WITHIN).await.unwrap();
        assert_eq!(server.address(), "127.0.0.1:4000".parse().unwrap());
        server.kill().await.unwrap();
    }

    #[tokio::test]
    async fn a_server_that_does_not_listen_is_an_error_with_its_line() {
        let error = Server::start(shell("echo no"), WITHIN).await.unwrap_err();
        assert_eq!((error.kind(), &*error.to_string()), (io::ErrorKind::NotConnected, "no\n"));
    }

    #[tokio::test]
    async fn a_stopped_server_ends_in_its_own_way() {
        let script = "trap 'exit 7' TERM; echo 'listening on http://127.0.0.1:4000'; \
                      while :; do sleep 0.01; done";
        let server = Server::start(shell(script), WITHIN).await.unwrap();
        assert_eq!(server.stop(WITHIN).await.unwrap().code(), Some(7));
    }
}
