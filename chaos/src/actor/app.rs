//! The real app, as a process on files of its own.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use load::{Server, machine};

/// A debug binary on a busy machine starts well within this.
const START: Duration = Duration::from_secs(30);

/// An engine that was away as a whole is back well within this.
const ENGINE: Duration = Duration::from_secs(60);

/// The pause before the app is started again that did not find its engine.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// A drain of ten thousand listeners takes less.
const STOP: Duration = Duration::from_secs(60);

/// How the app is started: always on the same address and data.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) binary: PathBuf,
    pub(crate) address: SocketAddr,
    /// The directory of everything that it writes.
    pub(crate) home: PathBuf,
    /// The longest that a file may become, in blocks of 512 bytes; writing more is an I/O error.
    pub(crate) file_blocks_max: Option<u64>,
    /// The URL of the engine that nodes share. Without one, its topics are in its own data.
    pub(crate) engine: Option<String>,
    /// Where its numbers are, if it counts anything.
    pub(crate) admin: Option<SocketAddr>,
    /// Whether it starts over an engine that does not sync.
    pub(crate) allows_weaker: bool,
}

impl App {
    /// Returns the app on a free address, with everything it writes in `home`.
    pub(crate) fn new(binary: &Path, home: &Path) -> io::Result<Self> {
        let (binary, home) = (binary.to_owned(), home.to_owned());
        let (address, file_blocks_max) = (machine::stable_address()?, None);
        let (engine, admin, allows_weaker) = (None, None, false);
        Ok(Self { binary, address, home, file_blocks_max, engine, admin, allows_weaker })
    }

    /// Returns the directory of its durable topics.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    /// Returns the command, not started.
    pub(crate) fn command(&self) -> Command {
        let mut args: Vec<OsString> = vec!["--port".into(), self.address.port().to_string().into()];
        args.extend(["--no-watch".into(), "--host".into(), "127.0.0.1".into()]);
        args.extend(["--data-dir".into(), self.data().into()]);
        if let Some(engine) = &self.engine {
            args.extend(["--engine".into(), engine.into()]);
        }
        if let Some(admin) = self.admin {
            args.extend(["--admin".into(), admin.to_string().into()]);
        }
        if self.allows_weaker {
            args.push("--allow-weaker".into());
        }
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
        command.args(args).stdin(Stdio::null());
        command
    }

    /// Starts the app, and returns when it listens.
    pub(crate) async fn start(&self) -> io::Result<Server> {
        let path = self.home.join("server.log");
        let log = OpenOptions::new().create(true).append(true).open(&path)?;
        let mut command = self.command();
        command.stderr(log);
        Server::start(command, START).await.map_err(|error| match error.kind() {
            io::ErrorKind::NotConnected => {
                let log = fs::read_to_string(&path).unwrap_or_default();
                io::Error::other(format!("the app did not start: {error}{log}"))
            }
            _ => {
                let binary = self.binary.display();
                io::Error::other(format!("{binary}: {error} (build it, or name one by --bin)"))
            }
        })
    }
}

/// Starts the app, and tries again while its engine cannot be reached: then it does not start.
pub(crate) async fn start_with_engine(app: &App) -> io::Result<Server> {
    let began = Instant::now();
    loop {
        match app.start().await {
            Err(_) if began.elapsed() < ENGINE => sleep(RETRY_PAUSE).await,
            started => return started,
        }
    }
}

/// Asks the app to end, and waits until it has served everything that it had admitted.
pub(crate) async fn stop(server: Server) -> io::Result<ExitStatus> {
    server.stop(STOP).await
}
