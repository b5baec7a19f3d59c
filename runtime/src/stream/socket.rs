//! The socket of a stream, which its own task and the topic that it follows write to.

use std::{
    io, net,
    task::{Context as Task, Poll, ready},
};

use tokio::{io::ReadBuf, net::TcpStream};

/// A socket that several tasks can use, each while it holds the lock of the stream.
pub(crate) trait Socket: Send + Sync + 'static {
    /// Writes as many bytes as the socket takes now.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it takes none.
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Completes when the socket may take bytes again.
    fn poll_writable(&self, task: &mut Task<'_>) -> Poll<io::Result<()>>;

    /// Reads what the client sends; nothing once it has closed its side.
    fn poll_read(&self, task: &mut Task<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>>;

    /// Closes the server's side: the client reads the end of the stream.
    ///
    /// # Errors
    ///
    /// Fails if the connection is not open any more.
    fn close(&self) -> io::Result<()>;
}

impl Socket for TcpStream {
    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        Self::try_write(self, bytes)
    }

    fn poll_writable(&self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        self.poll_write_ready(task)
    }

    fn poll_read(&self, task: &mut Task<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        loop {
            ready!(self.poll_read_ready(task))?;
            match self.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    fn close(&self) -> io::Result<()> {
        socket2::SockRef::from(self).shutdown(net::Shutdown::Write)
    }
}
