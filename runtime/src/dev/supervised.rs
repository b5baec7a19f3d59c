//! A supervised process: its connection to the supervisor, and the hook that reports its panics.

use std::{
    env, io,
    io::{BufRead as _, BufReader, Write as _},
    os::{fd::AsFd as _, unix::net::UnixStream},
    panic, process,
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

use tokio::sync::mpsc::{self, UnboundedReceiver};

use crate::dev::{
    dev_loop::DevLoop,
    environment::SUPERVISED,
    handoff::ServeSockets,
    protocol::{Command, Status, line},
    report::Report,
};

/// How long a process may run after its supervisor is gone.
const ORPHAN_MAX: Duration = Duration::from_secs(2);

/// What the supervisor has given to this process.
#[derive(Debug)]
pub(crate) struct Supervised {
    pub(crate) supervisor: SupervisorLink,
    pub(crate) sockets: ServeSockets,
    pub(crate) commands: UnboundedReceiver<Command>,
}

/// The connection to the supervisor of this process.
#[derive(Debug)]
pub(crate) struct SupervisorLink {
    /// A std lock: held for one write.
    stream: Mutex<UnixStream>,
}

impl Supervised {
    /// Connects to the supervisor, if this process has one. Called once: it takes the standard
    /// input.
    ///
    /// When the supervisor ends, in any way, the process receives [`Command::Stop`], and exits soon
    /// after in any case.
    ///
    /// # Errors
    ///
    /// The error of the system if the sockets cannot be received.
    pub(crate) fn find() -> io::Result<Option<Self>> {
        if env::var_os(SUPERVISED).is_none() {
            return Ok(None);
        }
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let sockets = ServeSockets::receive_from(&stream)?;
        // Code of the app that reads the standard input finds its end.
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        let (sender, commands) = mpsc::unbounded_channel();
        let lines = BufReader::new(stream.try_clone()?);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    // Sending fails only while the process exits.
                    Ok(command) => _ = sender.send(command),
                    Err(error) => tracing::warn!(%error, "unknown command of the supervisor"),
                }
            }
            let _ = sender.send(Command::Stop);
            thread::sleep(ORPHAN_MAX);
            process::exit(1);
        });
        let supervisor = SupervisorLink { stream: Mutex::new(stream) };
        Ok(Some(Self { supervisor, sockets, commands }))
    }
}

impl SupervisorLink {
    /// Sends a status. Does nothing if the supervisor is gone: the reading thread notices that.
    pub(crate) fn report(&self, status: &Status) {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.write_all(&line(status));
    }
}

/// Installs a panic hook that shows each panic in the open tabs, after the hook before it has run.
pub(crate) fn report_panics(dev_loop: DevLoop) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        before(panic);
        let Some(location) = panic.location() else { return };
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let (line, column) = (location.line() as usize, location.column() as usize);
        dev_loop.show_failure(Report::of_panic(message, location.file(), line, column));
    }));
}
