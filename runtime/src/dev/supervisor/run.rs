//! The supervisor's process, from its start to the signal that ends it.

use std::net::TcpListener;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::{self, UnboundedReceiver},
};

use crate::dev::{
    handoff::ServeSockets,
    supervisor::versions::{Settings, Start, Supervisor},
};

/// Runs versions of the app on this socket until a signal arrives.
pub(crate) async fn run(
    settings: Settings,
    listener: TcpListener,
    admin: Option<TcpListener>,
) -> Result<(), String> {
    let binary = std::env::current_exe().map_err(|error| format!("no binary: {error}"))?;
    let mut stop = signals().map_err(|error| format!("no signals: {error}"))?;
    let (sender, mut events) = mpsc::unbounded_channel();
    let sockets =
        ServeSockets::new(listener, admin).map_err(|error| format!("no sockets: {error}"))?;
    let mut supervisor = Supervisor::new(settings, sockets, binary, sender);
    supervisor.start(Start { cause: "the app".to_owned(), ..Start::default() });
    loop {
        tokio::select! {
            Some(event) = events.recv() => supervisor.on_event(event).await,
            Some(()) = stop.recv() => break,
        }
    }
    tokio::select! {
        () = supervisor.stop(&mut events) => {}
        // A second signal: returning drops, and so kills, the processes that still run.
        Some(()) = stop.recv() => {}
    }
    Ok(())
}

/// Receives the signals that ask the process to end; the hang-up of its terminal is one of them.
fn signals() -> std::io::Result<UnboundedReceiver<()>> {
    let (send, receive) = mpsc::unbounded_channel();
    for kind in [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()] {
        let (mut signals, send) = (signal(kind)?, send.clone());
        tokio::spawn(
            async move { while signals.recv().await.is_some() && send.send(()).is_ok() {} },
        );
    }
    Ok(receive)
}
