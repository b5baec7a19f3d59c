//! Hands the listening socket and the open connections from one version of the app to the next.
//!
//! A client may send its next request on an open connection at the moment in which the server
//! closes it; that request would be reset. So a version that stops closes no idle connection. It
//! puts each one, with the bytes that it has read of the next request, into a queue of the system
//! (a pair of Unix sockets), and the next version takes it from there. The supervisor holds both
//! ends of the queue, so the connections wait there while no version serves.

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
    dev::fd_passing::{exactly, receive, send},
    server::IdleConnection,
};

/// How long a version waits for the next one to take the connections, if the queue is full.
const PUT_TIME: Duration = Duration::from_secs(2);

/// The pause after a connection could not be taken, most likely because too many files are open:
/// time for some to close.
const TAKE_PAUSE: Duration = Duration::from_millis(50);

/// The most bytes that come with a connection: more than a server reads before it has a whole
/// request head.
const READ_BYTES_MAX: usize = 64 << 10;

/// The sockets that a version of the app serves on. The supervisor holds them as long as it runs.
#[derive(Debug)]
pub(crate) struct ServeSockets {
    pub(crate) listener: TcpListener,
    /// The admin address, if it was asked for when the supervisor started.
    pub(crate) admin: Option<TcpListener>,
    put: UnixDatagram,
    take: UnixDatagram,
}

impl ServeSockets {
    pub(crate) fn new(listener: TcpListener, admin: Option<TcpListener>) -> io::Result<Self> {
        let (put, take) = UnixDatagram::pair()?;
        put.set_nonblocking(true)?;
        take.set_nonblocking(true)?;
        Ok(Self { listener, admin, put, take })
    }

    /// Returns the same sockets again without the admin address, for a server in this process.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        let listener = self.listener.try_clone()?;
        let (put, take) = (self.put.try_clone()?, self.take.try_clone()?);
        Ok(Self { listener, admin: None, put, take })
    }

    /// Sends the sockets to the process at the other end. This process keeps them too.
    pub(crate) fn send_to(&self, to: &UnixStream) -> io::Result<()> {
        let mut sockets = vec![self.listener.as_fd(), self.put.as_fd(), self.take.as_fd()];
        sockets.extend(self.admin.as_ref().map(AsFd::as_fd));
        // Sockets are sent with at least one byte.
        send(to, &sockets, &[IoSlice::new(b"\n")])
    }

    /// Receives the sockets that [`send_to`](Self::send_to) sent.
    pub(super) fn receive_from(from: &UnixStream) -> io::Result<Self> {
        let (mut sockets, _) = receive(from, &mut [0])?;
        let admin = sockets.get(3).is_some().then(|| sockets.remove(3).into());
        let [listener, put, take] = exactly(sockets)?;
        Ok(Self { listener: listener.into(), admin, put: put.into(), take: take.into() })
    }

    /// Registers the sockets with the async runtime of this process.
    pub(crate) fn open(self) -> io::Result<(tokio_net::TcpListener, HandoffQueue)> {
        let listener = tokio_net::TcpListener::from_std(self.listener)?;
        let put = tokio_net::UnixDatagram::from_std(self.put)?;
        let take = tokio_net::UnixDatagram::from_std(self.take)?;
        Ok((listener, HandoffQueue(Arc::new(Ends { put, take }))))
    }
}

/// The queue of open connections between versions. Clones share one queue.
#[derive(Clone, Debug)]
pub(crate) struct HandoffQueue(Arc<Ends>);

#[derive(Debug)]
struct Ends {
    put: tokio_net::UnixDatagram,
    take: tokio_net::UnixDatagram,
}

impl HandoffQueue {
    /// Waits for a connection that the version before has put into the queue.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a cancelled call takes no connection.
    pub(crate) async fn take(self) -> IdleConnection {
        let take = &self.0.take;
        loop {
            match take.async_io(Interest::READABLE, || receive_idle(take)).await {
                Ok(idle) => return idle,
                Err(error) => {
                    tracing::debug!(%error, "cannot take over a connection of the version before");
                    tokio::time::sleep(TAKE_PAUSE).await;
                }
            }
        }
    }

    /// Puts connections into the queue, until there are no more. Closes the rest if the next version
    /// does not take them in time.
    pub(crate) async fn put_all(self, mut idle: UnboundedReceiver<IdleConnection>) {
        let put_end = &self.0.put;
        let all = async {
            while let Some(IdleConnection { stream, read }) = idle.recv().await {
                let bytes = [IoSlice::new(&read)];
                let put = || send(put_end, &[stream.as_fd()], &bytes);
                if let Err(error) = put_end.async_io(Interest::WRITABLE, put).await {
                    tracing::debug!(%error, "cannot hand off a connection to the next version");
                }
            }
        };
        _ = tokio::time::timeout(PUT_TIME, all).await;
    }
}

fn receive_idle(from: impl AsFd) -> io::Result<IdleConnection> {
    let mut read = vec![0; READ_BYTES_MAX];
    let (sockets, length) = receive(from, &mut read)?;
    let [socket] = exactly(sockets)?;
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
    async fn the_next_process_gets_the_listener_and_the_open_connections() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let sockets = ServeSockets::new(listener, None).unwrap();
        let [(parent, child), (other_parent, other_child)] =
            [(); 2].map(|()| UnixStream::pair().unwrap());
        sockets.send_to(&parent).unwrap();
        sockets.send_to(&other_parent).unwrap();
        let (listener, before) = ServeSockets::receive_from(&child).unwrap().open().unwrap();
        let (_, after) = ServeSockets::receive_from(&other_child).unwrap().open().unwrap();

        let (put, idle) = mpsc::unbounded_channel();
        let mut clients = Vec::new();
        for n in 0..CLIENTS {
            clients.push(TcpStream::connect(address).await.unwrap());
            let (stream, _) = listener.accept().await.unwrap();
            // The bytes of the next request that the first process has read; none for the first.
            let read = Bytes::from(format!("{n} ").repeat(n));
            put.send(IdleConnection { stream, read }).unwrap();
        }
        drop((put, listener));
        let putting = before.put_all(idle);
        let taking = async {
            for (n, client) in clients.iter_mut().enumerate() {
                let IdleConnection { mut stream, read } = after.clone().take().await;
                assert_eq!(read, format!("{n} ").repeat(n));
                stream.write_all(b"ok").await.unwrap();
                drop(stream);
                let mut received = String::new();
                client.read_to_string(&mut received).await.unwrap();
                assert_eq!(received, "ok");
            }
        };
        tokio::join!(putting, taking);
    }

    #[test]
    fn each_process_gets_the_admin_address_if_there_is_one() {
        for has_admin in [true, false] {
            let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
            let admin = has_admin.then(bind);
            let address = admin.as_ref().map(|admin| admin.local_addr().unwrap());
            let sockets = ServeSockets::new(bind(), admin).unwrap();
            for _ in 0..2 {
                let (parent, child) = UnixStream::pair().unwrap();
                sockets.send_to(&parent).unwrap();
                let received = ServeSockets::receive_from(&child).unwrap();
                assert_eq!(received.admin.map(|admin| admin.local_addr().unwrap()), address);
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn putting_ends_although_nothing_takes_the_connections() {
        let sockets = ServeSockets::new(TcpListener::bind("127.0.0.1:0").unwrap(), None).unwrap();
        sockets.listener.set_nonblocking(true).unwrap();
        let (listener, queue) = sockets.open().unwrap();
        let (put, idle) = mpsc::unbounded_channel();
        for _ in 0..CLIENTS {
            let client = TcpStream::connect(listener.local_addr().unwrap());
            let (stream, _) = tokio::join!(client, listener.accept());
            put.send(IdleConnection::new(stream.unwrap())).unwrap();
        }
        let before = tokio::time::Instant::now();
        queue.put_all(idle).await;
        assert_eq!(before.elapsed(), PUT_TIME);
    }
}
