//! The supervisor's process, from its start to the signal that ends it.

use std::net::TcpListener;

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::mpsc::{self, UnboundedReceiver},
};

use crate::dev::{
    handoff::Socket,
    supervisor::versions::{Settings, Start, Supervisor},
};

/// Lets the app serve on that socket until a signal comes.
pub(crate) async fn run(settings: Settings, listener: TcpListener) -> Result<(), String> {
    let binary = std::env::current_exe().map_err(|error| format!("no binary: {error}"))?;
    let mut stop = signals().map_err(|error| format!("no signals: {error}"))?;
    let (happen, mut happened) = mpsc::unbounded_channel();
    let socket = Socket::new(listener).map_err(|error| format!("no sockets: {error}"))?;
    let mut supervisor = Supervisor::new(settings, socket, binary, happen);
    supervisor.start(Start { what: "the app".to_owned(), ..Start::default() });
    loop {
        tokio::select! {
            Some(happened) = happened.recv() => supervisor.act(happened).await,
            Some(()) = stop.recv() => break,
        }
    }
    tokio::select! {
        () = supervisor.stop(&mut happened) => {}
        // Asked twice: whatever still runs is killed.
        Some(()) = stop.recv() => {}
    }
    Ok(())
}

/// The signals that ask a process to end, also that its terminal is gone.
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
