//! A process that serves one version of the app, as the supervisor holds it.

use std::{
    env, io,
    io::Write as _,
    os::{fd::OwnedFd, unix::net::UnixStream},
    path::Path,
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process_group};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader},
    process::{self, ChildStderr},
};

use crate::dev::{
    environment::SUPERVISED,
    handoff::ServeSockets,
    protocol::{Command, Status, line},
};

/// How much of the end of a process's standard error is reported when it exits, in bytes.
const STDERR_TAIL_BYTES: usize = 8 * 1024;

/// How long to wait for the end of the standard error of a process that has exited: another process
/// can hold it open.
const STDERR_WAIT: Duration = Duration::from_millis(200);

/// The environment variable that says whether the supervisor's standard error is a terminal.
pub(crate) const COLOUR: &str = "KIPO_COLOUR";

/// A process that serves, or will serve. Dropping it kills it, and all processes that it started.
#[derive(Debug)]
pub(super) struct Child {
    /// Unique among the processes of this supervisor.
    pub(super) id: u64,
    commands: UnixStream,
    group: Option<Pid>,
}

/// An event of a process.
#[derive(Debug)]
pub(super) enum ChildEvent {
    Status(Status),
    /// The process has exited; with the end of its standard error.
    Exited(Option<ExitStatus>, String),
}

impl Child {
    /// Starts `binary` with the arguments of this process, and sends it the sockets.
    pub(super) fn spawn(
        id: u64,
        binary: &Path,
        root: &Path,
        sockets: &ServeSockets,
        on_event: impl Fn(ChildEvent) + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, child_end) = UnixStream::pair()?;
        sockets.send_to(&commands)?;
        let colour = io::IsTerminal::is_terminal(&io::stderr());
        let mut process = process::Command::new(binary)
            .args(env::args_os().skip(1))
            .env(SUPERVISED, root)
            .env(COLOUR, if colour { "1" } else { "0" })
            .stdin(OwnedFd::from(child_end))
            .stderr(Stdio::piped())
            // In a group of its own the process is ended by the supervisor and not by Ctrl-C.
            .process_group(0)
            .spawn()?;
        let statuses = commands.try_clone()?;
        statuses.set_nonblocking(true)?;
        let statuses = tokio::net::UnixStream::from_std(statuses)?;
        let group = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let stderr = tokio::spawn(forward_stderr(process.stderr.take()));
        tokio::spawn(async move {
            let mut lines = BufReader::new(statuses).lines();
            // An incomplete line ends the loop too: the process has exited.
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(status) = serde_json::from_str(&line) {
                    on_event(ChildEvent::Status(status));
                }
            }
            let exit = process.wait().await.ok();
            let stderr = tokio::time::timeout(STDERR_WAIT, stderr).await;
            let tail = stderr.ok().and_then(Result::ok).unwrap_or_default();
            on_event(ChildEvent::Exited(exit, tail));
        });
        Ok(Self { id, commands, group })
    }

    /// Sends a command. Does nothing if the process is gone: its `Exited` event says so.
    pub(super) fn send(&self, command: &Command) {
        // The socket does not block. It has room for far more than all commands to one process.
        let _ = (&self.commands).write_all(&line(command));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // This fails if the process has already exited.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Copies the standard error of a process to that of this one; returns the end of it.
async fn forward_stderr(stderr: Option<ChildStderr>) -> String {
    let Some(mut stderr) = stderr else { return String::new() };
    let (mut tail, mut buffer) = (Vec::new(), vec![0; 4096]);
    while let Ok(read @ 1..) = stderr.read(&mut buffer).await {
        let _ = io::stderr().write_all(&buffer[..read]);
        tail.extend_from_slice(&buffer[..read]);
        let surplus = tail.len().saturating_sub(STDERR_TAIL_BYTES);
        tail.drain(..surplus);
    }
    String::from_utf8_lossy(&tail).into_owned()
}
