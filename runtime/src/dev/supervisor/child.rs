//! A process that serves, as its supervisor holds it.

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
    process::{ChildStderr, Command},
};

use crate::dev::{
    environment::SUPERVISED,
    handoff::Socket,
    protocol::{Order, Word, line},
};

/// How much of the end of what a process said on standard error is kept, in bytes.
const SAID_MAX: usize = 8 * 1024;

/// How long the last words of a process that has ended may take: others may hold its standard
/// error open.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// The environment variable that says whether standard error is a terminal in the end.
pub(crate) const COLOUR: &str = "KIPO_COLOUR";

/// A process that serves, or will. Dropping it kills it, with all that it started.
#[derive(Debug)]
pub(super) struct Child {
    /// No two processes have the same.
    pub(super) id: u64,
    orders: UnixStream,
    group: Option<Pid>,
}

/// What a process does that its supervisor has to know.
#[derive(Debug)]
pub(super) enum News {
    Said(Word),
    /// It has ended; with the end of what it said on standard error.
    Ended(Option<ExitStatus>, String),
}

impl Child {
    /// Starts `binary` with the arguments of this process, and hands it the socket.
    pub(super) fn spawn(
        id: u64,
        binary: &Path,
        root: &Path,
        socket: &Socket,
        news: impl Fn(News) + Send + 'static,
    ) -> io::Result<Self> {
        let (orders, theirs) = UnixStream::pair()?;
        socket.hand_over(&orders)?;
        let colour = io::IsTerminal::is_terminal(&io::stderr());
        let mut process = Command::new(binary)
            .args(env::args_os().skip(1))
            .env(SUPERVISED, root)
            .env(COLOUR, if colour { "1" } else { "0" })
            .stdin(OwnedFd::from(theirs))
            .stderr(Stdio::piped())
            // Not to be ended by the terminal, but by its supervisor.
            .process_group(0)
            .spawn()?;
        let words = orders.try_clone()?;
        words.set_nonblocking(true)?;
        let words = tokio::net::UnixStream::from_std(words)?;
        let group = process.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw);
        let said = tokio::spawn(pass_on(process.stderr.take()));
        tokio::spawn(async move {
            let mut lines = BufReader::new(words).lines();
            // A torn line is the end as well.
            while let Ok(Some(line)) = lines.next_line().await {
                if let Ok(word) = serde_json::from_str(&line) {
                    news(News::Said(word));
                }
            }
            let status = process.wait().await.ok();
            let said = tokio::time::timeout(LAST_WORDS, said).await;
            news(News::Ended(status, said.ok().and_then(Result::ok).unwrap_or_default()));
        });
        Ok(Self { id, orders, group })
    }

    /// Tells the process. One that is gone hears nothing, and that is found elsewhere.
    pub(super) fn order(&self, order: &Order) {
        // The socket does not block; it holds far more than all orders to a living process.
        let _ = (&self.orders).write_all(&line(order));
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if let Some(group) = self.group {
            // It may have ended by itself.
            let _ = kill_process_group(group, Signal::KILL);
        }
    }
}

/// Writes what a process says to the standard error of this one; returns the end of it.
async fn pass_on(said: Option<ChildStderr>) -> String {
    let Some(mut said) = said else { return String::new() };
    let (mut tail, mut buffer) = (Vec::new(), vec![0; 4096]);
    while let Ok(read @ 1..) = said.read(&mut buffer).await {
        let _ = io::stderr().write_all(&buffer[..read]);
        tail.extend_from_slice(&buffer[..read]);
        let surplus = tail.len().saturating_sub(SAID_MAX);
        tail.drain(..surplus);
    }
    String::from_utf8_lossy(&tail).into_owned()
}
