//! Collects the log of a test. The tests over a socket include this file as well.

use std::{cell::RefCell, io, sync::Once};

thread_local! {
    /// What was logged on this thread since the last [`start`].
    static LOGGED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Writes to [`LOGGED`].
struct Lines;

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LOGGED.with_borrow_mut(|logged| logged.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Begins to collect what this thread logs, without what it has logged before.
///
/// The subscriber is one for all threads: tracing asks a subscriber once whether a line is wanted, on
/// the thread that comes to the line first, which may be that of another test.
pub(crate) fn start() {
    static SUBSCRIBER: Once = Once::new();
    SUBSCRIBER.call_once(|| {
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::DEBUG)
            .with_writer(|| Lines);
        tracing::subscriber::set_global_default(subscriber.finish())
            .expect("no other test sets a subscriber");
    });
    LOGGED.take();
}

/// Returns what this thread has logged since [`start`].
pub(crate) fn text() -> String {
    LOGGED.with_borrow(|logged| String::from_utf8_lossy(logged).into_owned())
}
