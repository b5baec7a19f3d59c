//! One Redis server with an append-only file.

use std::{io, net::SocketAddr, path::Path, process::Command};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

/// When a server syncs what it acknowledges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sync {
    /// Before it acknowledges.
    Always,
    /// Every second: a power loss takes what came after the last sync. Redis alone can.
    EverySecond,
}

/// Returns the command of the server, whose files are in `home`.
pub(crate) fn command(
    program: &Path,
    address: SocketAddr,
    home: &Path,
    store: &Path,
    sync: Sync,
) -> Command {
    let sync = match sync {
        Sync::Always => "always",
        Sync::EverySecond => "everysec",
    };
    let mut command = Command::new(program);
    command.args(["--port", &address.port().to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--daemonize", "no", "--appendonly", "yes", "--appendfsync", sync, "--dir"]);
    command.arg(store).arg("--logfile").arg(home.join("server.log"));
    command
}

/// Returns whether the server has read its files.
pub(crate) async fn is_ready(address: SocketAddr) -> bool {
    let answer = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"PING\r\n").await?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer).await?;
        io::Result::Ok(answer)
    };
    answer.await.is_ok_and(|answer| &answer == b"+PONG\r\n")
}
