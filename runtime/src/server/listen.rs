//! The listening socket, and the files that its connections need.

use std::{io, net::SocketAddr};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket};

/// How many connections may wait to be accepted; the system takes fewer where `somaxconn`
/// (4096 on Linux) says so. After a restart all clients come at once.
const BACKLOG: u32 = 65_535;

/// What a process has open beside its connections: its log, its topics, its templates.
const OTHER_FILES: u64 = 100;

/// Returns a socket that takes a storm of connections.
///
/// # Errors
///
/// What the system says, such as that the address is in use.
pub(crate) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // A restart does not wait until the last connections of its predecessor are forgotten.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Raises the number of files that the process may open as far as it may be, and says so in the
/// log where that is too little for all connections.
pub(crate) fn raise_open_files(connections_max: usize) {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: maximum, maximum };
    let open_files = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => maximum,
        Err(_) => current,
    };
    let needed = connections_max as u64 + OTHER_FILES;
    if let Some(open_files) = open_files.filter(|open_files| *open_files < needed) {
        tracing::warn!(
            open_files,
            connections_max,
            "this process may open fewer files than {connections_max} connections need: \
             raise its hard limit to {needed} (`ulimit -Hn`, `LimitNOFILE=` of systemd), \
             or lower `ServeLimits::connections_max`"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_address_is_free_again_at_once() {
        let listener = listen(([127, 0, 0, 1], 0).into()).unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(listen(address).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        let client = tokio::net::TcpStream::connect(address).await.unwrap();
        // The end that closes first is the one that the system remembers.
        drop(listener.accept().await.unwrap());
        drop((client, listener));
        listen(address).unwrap();
    }

    #[test]
    fn the_limit_of_files_is_as_high_as_it_may_be() {
        raise_open_files(1);
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        assert_eq!(current, maximum);
    }
}
