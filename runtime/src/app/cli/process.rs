//! What every command has of its process: threads, signals, sockets, what it prints, and why it fails.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
};

use tokio::net::TcpListener;

use crate::server::listen::{self, BoundSocket};

/// Why a command failed, for the person who ran it.
pub(super) type Failure = String;

pub(super) fn start_failure(error: &impl std::fmt::Display) -> Failure {
    format!("the app does not start:\n\n{error}\n")
}

pub(super) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| format!("no threads: {error}"))
}

pub(super) fn bind(address: SocketAddr) -> Result<BoundSocket, Failure> {
    listen::bind(address).map_err(|error| socket_failure(address, &error))
}

pub(super) fn listen(socket: BoundSocket, address: SocketAddr) -> Result<TcpListener, Failure> {
    socket.listen().map_err(|error| socket_failure(address, &error))
}

fn socket_failure(address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "{address} is in use: stop the process that listens there, or choose another --port"
            )
        }
        _ => format!("{address}: {error}"),
    }
}

/// Returns a future that completes with the first SIGINT or SIGTERM.
pub(super) fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Writes a line to standard output. A closed standard output is no error.
pub(super) fn print(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
