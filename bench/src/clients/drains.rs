//! Listeners that count bytes alone: a core of the load is then left for a server's second worker.

use std::io::{self, Read as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::stream::{Stream, Tally};

/// Connections are read in turns, and then left alone for this long: the sockets hold what comes
/// meanwhile, and nothing is woken for it.
const PAUSE: Duration = Duration::from_millis(10);

/// Bytes of one read.
const READ_BYTES: usize = 256 * 1_024;

/// Open streams that one thread reads; dropping them closes all.
#[derive(Debug)]
pub(crate) struct Drains {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    bytes: AtomicU64,
    is_ending: AtomicBool,
    /// Why a stream has ended. A std lock: held for one statement.
    failure: Mutex<Option<io::Error>>,
}

impl Drains {
    /// Opens streams, each with its response head received.
    pub(crate) async fn open(address: SocketAddr, path: &str, count: usize) -> io::Result<Self> {
        let tally = Arc::<Tally>::default();
        let mut sockets = Vec::with_capacity(count);
        for number in 0..count {
            let stream = Stream::open(address, path, number, Arc::clone(&tally)).await?;
            sockets.push(stream.into_socket()?);
        }
        let shared = Arc::<Shared>::default();
        let reading = Arc::clone(&shared);
        // Ends with `Drop`.
        thread::spawn(move || reading.read_all(sockets));
        Ok(Self { shared })
    }

    /// Returns how many bytes have come.
    ///
    /// # Errors
    ///
    /// Fails once a stream has ended.
    pub(crate) fn bytes(&self) -> io::Result<u64> {
        let failure = self.shared.failure.lock().unwrap_or_else(PoisonError::into_inner).take();
        failure.map_or_else(|| Ok(self.shared.bytes.load(Ordering::Relaxed)), Err)
    }
}

impl Drop for Drains {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn read_all(&self, mut sockets: Vec<TcpStream>) {
        let mut buffer = vec![0; READ_BYTES];
        while !self.is_ending.load(Ordering::Relaxed) {
            for socket in &mut sockets {
                match socket.read(&mut buffer) {
                    Ok(count @ 1..) => {
                        self.bytes.fetch_add(count as u64, Ordering::Relaxed);
                    }
                    Ok(_) => return self.fail(io::ErrorKind::UnexpectedEof.into()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return self.fail(error),
                }
            }
            thread::sleep(PAUSE);
        }
    }

    fn fail(&self, error: io::Error) {
        *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
}
