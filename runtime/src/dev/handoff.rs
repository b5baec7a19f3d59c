//! From one version of the app to the next: the listening socket, and the connections that are open.
//!
//! Whoever keeps a connection may send the next request on it in the moment in which the server
//! closes it, and has that request reset. So a version that leaves closes none of them: each goes,
//! with what was read of it, into a queue of the system's, from which the next version takes it. The
//! supervisor holds both ends of the queue. What is in it stays there while no version serves.

use std::{
    io::{self, IoSlice},
    net::{self, TcpListener},
    os::{
        fd::AsFd,
        unix::net::{UnixDatagram, UnixStream},
    },
    sync::Arc,
    time::Duration,
};

use tokio::{
    io::Interest,
    net::{self as tokio_net, TcpStream},
    sync::mpsc::UnboundedReceiver,
};

use crate::{
    dev::fd_passing::{receive, send},
    server::IdleConnection,
};

/// How long the next version may take to fetch what the one before has left.
const PUT_TIME: Duration = Duration::from_secs(2);

/// The pause after a connection that could not be taken for want of files: time for some to be
/// freed.
const TAKE_PAUSE: Duration = Duration::from_millis(50);

/// More than what a server reads of a request before it has the whole head, in bytes.
const READ_BYTES_MAX: usize = 64 << 10;

/// What a version of the app serves on: the supervisor has it for as long as it runs.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) listener: TcpListener,
    put: UnixDatagram,
    take: UnixDatagram,
}

impl Socket {
    pub(crate) fn new(listener: TcpListener) -> io::Result<Self> {
        let (put, take) = UnixDatagram::pair()?;
        put.set_nonblocking(true)?;
        take.set_nonblocking(true)?;
        Ok(Self { listener, put, take })
    }

    /// Returns it once more, for this process itself.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        let listener = self.listener.try_clone()?;
        Ok(Self { listener, put: self.put.try_clone()?, take: self.take.try_clone()? })
    }

    /// Hands it to the process at the other end, and keeps it as well.
    pub(crate) fn hand_over(&self, to: &UnixStream) -> io::Result<()> {
        let sockets = [self.listener.as_fd(), self.put.as_fd(), self.take.as_fd()];
        // A socket travels with a byte at least.
        send(to, sockets, &[IoSlice::new(b"\n")])
    }

    /// Takes what [`hand_over`](Self::hand_over) sent.
    pub(super) fn inherit(from: &UnixStream) -> io::Result<Self> {
        let ([listener, put, take], _) = receive::<3>(from, &mut [0])?;
        Ok(Self { listener: listener.into(), put: put.into(), take: take.into() })
    }

    /// Opens it for the tasks of this process.
    pub(crate) fn open(self) -> io::Result<(tokio_net::TcpListener, Handoff)> {
        let listener = tokio_net::TcpListener::from_std(self.listener)?;
        let put = tokio_net::UnixDatagram::from_std(self.put)?;
        let take = tokio_net::UnixDatagram::from_std(self.take)?;
        Ok((listener, Handoff(Arc::new(Ends { put, take }))))
    }
}

/// The queue of open connections. Clones are the same one.
#[derive(Clone, Debug)]
pub(crate) struct Handoff(Arc<Ends>);

#[derive(Debug)]
struct Ends {
    put: tokio_net::UnixDatagram,
    take: tokio_net::UnixDatagram,
}

impl Handoff {
    /// Waits for a connection that a version before this one has left.
    ///
    /// # Cancel safety
    ///
    /// A connection that is taken is returned.
    pub(crate) async fn take(self) -> IdleConnection {
        let take = &self.0.take;
        loop {
            match take.async_io(Interest::READABLE, || receive_idle(take)).await {
                Ok(idle) => return idle,
                Err(error) => {
                    tracing::debug!(%error, "a connection of the version before is lost");
                    tokio::time::sleep(TAKE_PAUSE).await;
                }
            }
        }
    }

    /// Leaves connections to the next version, until there are no more. Those that nobody takes
    /// for a while are closed.
    pub(crate) async fn put_all(self, mut left: UnboundedReceiver<IdleConnection>) {
        let put_end = &self.0.put;
        let all = async {
            while let Some(IdleConnection { stream, read }) = left.recv().await {
                let bytes = [IoSlice::new(&read)];
                let put = || send(put_end, [stream.as_fd()], &bytes);
                if let Err(error) = put_end.async_io(Interest::WRITABLE, put).await {
                    tracing::debug!(%error, "a connection cannot be left to the next version");
                }
            }
        };
        _ = tokio::time::timeout(PUT_TIME, all).await;
    }
}

fn receive_idle(from: impl AsFd) -> io::Result<IdleConnection> {
    let mut read = vec![0; READ_BYTES_MAX];
    let ([socket], length) = receive(from, &mut read)?;
    let stream = TcpStream::from_std(net::TcpStream::from(socket))?;
    read.truncate(length);
    Ok(IdleConnection { stream, read: read.into() })
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::mpsc,
    };

    use super::*;

    /// More than the system's queue holds.
    const CLIENTS: usize = 50;

    #[tokio::test]
    async fn the_next_process_has_the_socket_and_what_was_open() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let socket = Socket::new(listener).unwrap();
        let [(parent, child), (other_parent, other_child)] =
            [(); 2].map(|()| UnixStream::pair().unwrap());
        socket.hand_over(&parent).unwrap();
        socket.hand_over(&other_parent).unwrap();
        let (listener, before) = Socket::inherit(&child).unwrap().open().unwrap();
        let (_, after) = Socket::inherit(&other_child).unwrap().open().unwrap();

        let (leave, left) = mpsc::unbounded_channel();
        let mut clients = Vec::new();
        for n in 0..CLIENTS {
            clients.push(TcpStream::connect(address).await.unwrap());
            let (stream, _) = listener.accept().await.unwrap();
            // As if a part of the next request had come already, or nothing.
            let read = Bytes::from(format!("{n} ").repeat(n));
            leave.send(IdleConnection { stream, read }).unwrap();
        }
        drop((leave, listener));
        let putting = before.put_all(left);
        let taking = async {
            for (n, client) in clients.iter_mut().enumerate() {
                let IdleConnection { mut stream, read } = after.clone().take().await;
                assert_eq!(read, format!("{n} ").repeat(n));
                stream.write_all(b"ok").await.unwrap();
                drop(stream);
                let mut said = String::new();
                client.read_to_string(&mut said).await.unwrap();
                assert_eq!(said, "ok");
            }
        };
        tokio::join!(putting, taking);
    }

    #[tokio::test(start_paused = true)]
    async fn what_nobody_takes_does_not_hold_up_the_end() {
        let socket = Socket::new(TcpListener::bind("127.0.0.1:0").unwrap()).unwrap();
        socket.listener.set_nonblocking(true).unwrap();
        let (listener, handoff) = socket.open().unwrap();
        let (leave, left) = mpsc::unbounded_channel();
        for _ in 0..CLIENTS {
            let client = TcpStream::connect(listener.local_addr().unwrap());
            let (stream, _) = tokio::join!(client, listener.accept());
            leave.send(IdleConnection::new(stream.unwrap())).unwrap();
        }
        let before = tokio::time::Instant::now();
        handoff.put_all(left).await;
        assert_eq!(before.elapsed(), PUT_TIME);
    }
}
