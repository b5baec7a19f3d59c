//! The real binary, as a process.

use std::{
    ffi::OsString,
    fs::{File, OpenOptions},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

/// A debug binary on a busy machine starts well within this.
const START: Duration = Duration::from_secs(30);

/// A drain of ten thousand listeners takes less.
const STOP: Duration = Duration::from_secs(60);

/// How the binary is started.
#[derive(Clone, Debug)]
pub(crate) struct Launch {
    pub(crate) binary: PathBuf,
    pub(crate) address: SocketAddr,
    /// Where everything is that it writes.
    pub(crate) home: PathBuf,
    /// The longest that a file may become, in blocks of 512 bytes; writing more is an I/O error.
    pub(crate) file_blocks_max: Option<u64>,
}

impl Launch {
    /// Returns the directory of its durable topics.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Returns the file that its log goes to.
    pub(crate) fn log(&self) -> PathBuf {
        self.home.join("server.log")
    }

    /// Returns the command, not started.
    pub(crate) fn command(&self) -> Command {
        let mut args: Vec<OsString> = vec!["--port".into(), self.address.port().to_string().into()];
        args.extend(["--no-watch".into(), "--host".into(), "127.0.0.1".into()]);
        args.extend(["--data-dir".into(), self.data().into()]);
        let mut command = match self.file_blocks_max {
            None => Command::new(&self.binary),
            Some(blocks) => {
                let mut command = Command::new("sh");
                // Without its signal the limit is an error of `write(2)`.
                let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
                command.arg("-c").arg(script).arg(&self.binary);
                command
            }
        };
        command.args(args).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Starts it, and returns when it listens.
    pub(crate) async fn start(&self) -> io::Result<Server> {
        let log = self.log_file()?;
        let mut child =
            self.command().stdout(Stdio::piped()).stderr(log).spawn().map_err(|error| {
                let binary = self.binary.display();
                io::Error::other(format!("{binary}: {error} (build it, or name one by --bin)"))
            })?;
        let stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
        let mut said = BufReader::new(stdout);
        let mut line = String::new();
        let listening = timeout(START, said.read_line(&mut line)).await;
        if listening.is_err() || !line.starts_with("listening on ") {
            let log = self.log();
            let why = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(io::Error::other(format!("the app did not start: {line}{why}")));
        }
        Ok(Server { child, _said: said })
    }

    fn log_file(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.log())
    }
}

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    /// Held open: a server that cannot say anything is another case.
    _said: BufReader<ChildStdout>,
}

impl Server {
    /// Ends it as `kill -9` does.
    pub(crate) async fn kill(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// Asks it to end, and waits until everything admitted has ended.
    pub(crate) async fn stop(mut self) -> io::Result<ExitStatus> {
        let pid = self.child.id().and_then(|id| Pid::from_raw(id.cast_signed()));
        kill_process(pid.ok_or(io::ErrorKind::NotFound)?, Signal::TERM)?;
        let late = |_| io::Error::other("the server did not end after SIGTERM");
        timeout(STOP, self.child.wait()).await.map_err(late)?
    }
}

/// Copies a directory as it stands, holes in its files included.
pub(crate) async fn copy(from: &Path, to: &Path) -> io::Result<()> {
    if to.exists() {
        std::fs::remove_dir_all(to)?;
    }
    let status = Command::new("cp").arg("-a").arg(from).arg(to).status().await?;
    if status.success() { Ok(()) } else { Err(io::Error::other("cp -a failed")) }
}
