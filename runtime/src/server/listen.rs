//! The listening socket, and the limit of open files.

use std::{io, net::SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted; the system reduces it to `somaxconn` (4096 on
/// Linux). After a restart all clients connect at once.
const BACKLOG: u32 = 65_535;

/// The files that a process has open beside its connections: its log, its topics, its templates.
const OTHER_FILES: u64 = 100;

/// A socket that has its address and does not listen yet. The system refuses connections to it.
#[derive(Debug)]
pub(crate) struct BoundSocket(TcpSocket);

/// Binds a socket.
///
/// # Errors
///
/// Fails if the system does, for example because another process listens on the address.
pub(crate) fn bind(address: SocketAddr) -> io::Result<BoundSocket> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A new process can bind although the system still remembers connections of the old one.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(BoundSocket(socket))
}

impl BoundSocket {
    /// Listens with a backlog for a storm of connections. From here on the system accepts them.
    ///
    /// # Errors
    ///
    /// Fails if another process bound the same address and listened first.
    pub(crate) fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}

/// Raises the process's limit of open files to its hard limit. A release logs a warning if that is
/// too low for all connections; a debug build serves few and logs nothing.
pub(crate) fn raise_open_files(connections_max: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let open_files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    let needed = connections_max as u64 + OTHER_FILES;
    let too_few = open_files.filter(|open_files| *open_files < needed);
    if let Some(open_files) = too_few.filter(|_| !cfg!(debug_assertions)) {
        tracing::warn!(
            open_files,
            needed,
            "too few open files for `connections_max`: raise the hard limit, or lower that bound"
        );
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn an_address_is_free_again_at_once() {
        let listener = bind(([127, 0, 0, 1], 0).into()).unwrap().listen().unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(bind(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let client = TcpStream::connect(address).await.unwrap();
        // The system remembers the end that closes first.
        drop(listener.accept().await.unwrap());
        drop((client, listener));
        bind(address).unwrap().listen().unwrap();
    }

    #[tokio::test]
    async fn a_bound_socket_refuses_connections_until_it_listens() {
        let socket = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let address = socket.0.local_addr().unwrap();
        let refused = TcpStream::connect(address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        let _listener = socket.listen().unwrap();
        TcpStream::connect(address).await.unwrap();
    }

    /// Other systems refuse the second one already when it is bound.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn of_two_bound_sockets_one_listens() {
        let one = bind(([127, 0, 0, 1], 0).into()).unwrap();
        let two = bind(one.0.local_addr().unwrap()).unwrap();
        let _listener = one.listen().unwrap();
        assert_eq!(two.listen().unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn the_limit_of_open_files_is_the_hard_limit() {
        raise_open_files(1);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
