//! The network between each node and each server of the engine: TCP proxies that can be cut, held
//! and slowed.

use std::{io, net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::AbortHandle,
    time::sleep,
};

/// How much one read of a wire takes.
const PIECE_BYTES: usize = 16 * 1024;

/// What is wrong with the network of one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// Connections are reset, new ones too.
    Cut,
    /// No byte passes, in either direction, and no connection ends.
    Held,
    /// What the node sends passes. What the servers answer does not.
    AnswersHeld,
    /// Each piece waits so long.
    Slow(Duration),
}

impl Fault {
    fn holds(self, direction: Direction) -> bool {
        match self {
            Self::Held => true,
            Self::AnswersHeld => direction == Direction::ToNode,
            Self::None | Self::Cut | Self::Slow(_) => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    ToServer,
    ToNode,
}

/// The network of all nodes.
#[derive(Debug)]
pub(crate) struct Network(Vec<Vec<Wire>>);

impl Network {
    /// Starts a wire between each node and each server.
    pub(crate) async fn start(nodes: usize, servers: &[SocketAddr]) -> io::Result<Self> {
        let mut network = Vec::with_capacity(nodes);
        for _ in 0..nodes {
            let mut wires = Vec::with_capacity(servers.len());
            for server in servers {
                wires.push(Wire::start(*server).await?);
            }
            network.push(wires);
        }
        Ok(Self(network))
    }

    /// Returns where a node finds the servers.
    pub(crate) fn addresses(&self, node: usize) -> Vec<SocketAddr> {
        self.0[node].iter().map(|wire| wire.address).collect()
    }

    /// Sets what is wrong between a node and all servers.
    pub(crate) fn set(&self, node: usize, fault: Fault) {
        for wire in &self.0[node] {
            wire.fault.send_replace(fault);
        }
    }
}

/// The network between one node and one server; it ends when it is dropped.
#[derive(Debug)]
struct Wire {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    accepting: AbortHandle,
}

impl Wire {
    async fn start(target: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let (address, fault) = (listener.local_addr()?, watch::Sender::new(Fault::None));
        let watching = fault.subscribe();
        let accepting = tokio::spawn(async move {
            loop {
                // Too many files, or a node that is gone already: the next connection may do.
                let Ok((node, _)) = listener.accept().await else { continue };
                // Ends with its sockets, or with the wire.
                tokio::spawn(connection(node, target, watching.clone()));
            }
        });
        Ok(Self { address, fault, accepting: accepting.abort_handle() })
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Carries one connection of a node until it ends or is cut.
async fn connection(node: TcpStream, target: SocketAddr, fault: watch::Receiver<Fault>) {
    let mut cutting = fault.clone();
    let carrying = async {
        let server = TcpStream::connect(target).await?;
        for stream in [&node, &server] {
            // An end from here on is a reset, as from a network that is gone.
            stream.set_zero_linger()?;
            stream.set_nodelay(true)?;
        }
        let (node_read, node_write) = node.into_split();
        let (server_read, server_write) = server.into_split();
        tokio::select! {
            ended = carry(node_read, server_write, Direction::ToServer, fault.clone()) => ended,
            ended = carry(server_read, node_write, Direction::ToNode, fault) => ended,
        }
    };
    tokio::select! {
        // Either side has ended, or the server is away: the other side finds its socket closed.
        _ = carrying => {}
        // A wire that is dropped ends its connections too.
        _ = cutting.wait_for(|fault| *fault == Fault::Cut) => {}
    }
}

async fn carry(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    direction: Direction,
    mut fault: watch::Receiver<Fault>,
) -> io::Result<()> {
    let mut buffer = vec![0; PIECE_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        if count == 0 {
            return Ok(());
        }
        let passing = fault.wait_for(|fault| !fault.holds(direction)).await;
        let Ok(now) = passing.map(|fault| *fault) else { return Ok(()) };
        if let Fault::Slow(time) = now {
            sleep(time).await;
        }
        to.write_all(&buffer[..count]).await?;
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(5);
    const NEVER: Duration = Duration::from_millis(50);

    /// Returns a server that answers each byte with the next one.
    async fn server() -> SocketAddr {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    while let Ok(byte) = stream.read_u8().await {
                        let _ = stream.write_u8(byte + 1).await;
                    }
                });
            }
        });
        address
    }

    async fn node(network: &Network) -> TcpStream {
        TcpStream::connect(network.addresses(0)[0]).await.unwrap()
    }

    #[tokio::test]
    async fn what_is_held_comes_when_the_network_is_back() {
        let network = Network::start(1, &[server().await]).await.unwrap();
        let mut node = node(&network).await;
        for fault in [Fault::Held, Fault::AnswersHeld] {
            node.write_u8(1).await.unwrap();
            assert_eq!(timeout(SOON, node.read_u8()).await.unwrap().unwrap(), 2);
            network.set(0, fault);
            node.write_u8(5).await.unwrap();
            assert!(timeout(NEVER, node.read_u8()).await.is_err(), "{fault:?}");
            network.set(0, Fault::Slow(Duration::from_millis(1)));
            assert_eq!(timeout(SOON, node.read_u8()).await.unwrap().unwrap(), 6);
        }
    }

    #[tokio::test]
    async fn a_cut_resets_connections_and_new_ones() {
        let network = Network::start(1, &[server().await]).await.unwrap();
        let mut before = node(&network).await;
        before.write_u8(1).await.unwrap();
        assert_eq!(before.read_u8().await.unwrap(), 2);
        network.set(0, Fault::Cut);
        assert!(timeout(SOON, before.read_u8()).await.unwrap().is_err());
        let mut new = node(&network).await;
        assert!(timeout(SOON, new.read_u8()).await.unwrap().is_err());
        network.set(0, Fault::None);
        let mut after = node(&network).await;
        after.write_u8(1).await.unwrap();
        assert_eq!(timeout(SOON, after.read_u8()).await.unwrap().unwrap(), 2);
    }
}
