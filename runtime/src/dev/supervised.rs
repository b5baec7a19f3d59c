//! The end of a serving process that its supervisor holds.

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
    dev_loop::Develop,
    environment::SUPERVISED,
    handoff::Socket,
    protocol::{Order, Word, line},
    report::Report,
};

/// How long a process whose supervisor is gone takes to let go of everything.
const ORPHAN_MAX: Duration = Duration::from_secs(2);

/// What a process has that its supervisor started.
#[derive(Debug)]
pub(crate) struct Supervised {
    pub(crate) supervisor: Supervisor,
    pub(crate) socket: Socket,
    /// The orders to come.
    pub(crate) orders: UnboundedReceiver<Order>,
}

/// The supervisor of this process, as far as it can be spoken to.
#[derive(Debug)]
pub(crate) struct Supervisor {
    /// A std lock: held for one write.
    stream: Mutex<UnixStream>,
}

impl Supervised {
    /// Returns what the supervisor has given, if this process has one. To be asked once.
    ///
    /// When the supervisor goes, however it goes, that is an order to retire, and the process
    /// ends soon in any case.
    pub(crate) fn find() -> io::Result<Option<Self>> {
        if env::var_os(SUPERVISED).is_none() {
            return Ok(None);
        }
        let stream = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
        let socket = Socket::inherit(&stream)?;
        // Whoever reads from the standard input finds nothing.
        rustix::stdio::dup2_stdin(std::fs::File::open("/dev/null")?)?;
        let (order, orders) = mpsc::unbounded_channel();
        let lines = BufReader::new(stream.try_clone()?);
        thread::spawn(move || {
            for line in lines.lines().map_while(Result::ok) {
                match serde_json::from_str(&line) {
                    // Nobody hears it while the process ends.
                    Ok(told) => _ = order.send(told),
                    Err(error) => tracing::warn!(%error, "an order that is not known"),
                }
            }
            let _ = order.send(Order::Retire);
            thread::sleep(ORPHAN_MAX);
            process::exit(1);
        });
        let supervisor = Supervisor { stream: Mutex::new(stream) };
        Ok(Some(Self { supervisor, socket, orders }))
    }
}

impl Supervisor {
    /// Tells the supervisor. One that is gone hears nothing, and that is found elsewhere.
    pub(crate) fn tell(&self, word: &Word) {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = stream.write_all(&line(word));
    }
}

/// Shows each panic from here on in the open tabs, beside what is said of it already.
pub(crate) fn report_panics(develop: Develop) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |panic| {
        before(panic);
        let Some(place) = panic.location() else { return };
        let message = panic.payload_as_str().unwrap_or("(no message)");
        let (line, column) = (place.line() as usize, place.column() as usize);
        develop.failed(Report::of_panic(message, place.file(), line, column));
    }));
}
