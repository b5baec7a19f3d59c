//! The socket of a stream, which its own task and the topic that it follows write to.

use std::{
    io, net,
    task::{Context as Task, Poll, ready},
};

use tokio::{io::ReadBuf, net::TcpStream};

/// A socket that several tasks use, each while it holds the lock of the stream.
pub(crate) enum Socket {
    Tcp(TcpStream),
    #[cfg(test)]
    Memory(memory::Memory),
}

impl Socket {
    /// Writes as many bytes as the socket takes now.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::WouldBlock`] if it takes none.
    pub(crate) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.try_write(bytes),
            #[cfg(test)]
            Self::Memory(memory) => memory.try_write(bytes),
        }
    }

    /// Completes when the socket may take bytes again.
    pub(crate) fn poll_writable(&mut self, task: &mut Task<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Tcp(stream) => stream.poll_write_ready(task),
            #[cfg(test)]
            Self::Memory(memory) => memory.poll_writable(task),
        }
    }

    /// Reads what the client sends; nothing once it has closed its side.
    pub(crate) fn poll_read(
        &mut self,
        task: &mut Task<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let stream = match self {
            Self::Tcp(stream) => stream,
            #[cfg(test)]
            Self::Memory(memory) => return memory.poll_read(task, buffer),
        };
        loop {
            ready!(stream.poll_read_ready(task))?;
            match stream.try_read(buffer.initialize_unfilled()) {
                Ok(read) => {
                    buffer.advance(read);
                    return Poll::Ready(Ok(()));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Poll::Ready(Err(error)),
            }
        }
    }

    /// Closes the server's side: the client reads the end of the stream.
    ///
    /// # Errors
    ///
    /// Fails if the connection is not open any more.
    pub(crate) fn close(&mut self) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => socket2::SockRef::from(&*stream).shutdown(net::Shutdown::Write),
            #[cfg(test)]
            Self::Memory(_) => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod memory {
    use std::{pin::Pin, task::Waker};

    use tokio::io::{AsyncRead as _, AsyncWrite as _, DuplexStream};

    use super::*;

    /// The server's side of a connection in memory.
    pub(crate) struct Memory {
        stream: DuplexStream,
        /// Wakes the task that waits until the client reads.
        writer: Option<Waker>,
    }

    impl Memory {
        pub(crate) fn new(stream: DuplexStream) -> Self {
            Self { stream, writer: None }
        }

        pub(super) fn try_write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            // A write that is pending wakes the task that asked for it last.
            let mut task = Task::from_waker(self.writer.as_ref().unwrap_or(Waker::noop()));
            match Pin::new(&mut self.stream).poll_write(&mut task, bytes) {
                Poll::Ready(written) => written,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            }
        }

        pub(super) fn poll_writable(&mut self, task: &Task<'_>) -> Poll<io::Result<()>> {
            let is_new = self.writer.as_ref().is_none_or(|writer| !writer.will_wake(task.waker()));
            self.writer = Some(task.waker().clone());
            // The next write registers this task.
            if is_new { Poll::Ready(Ok(())) } else { Poll::Pending }
        }

        pub(super) fn poll_read(
            &mut self,
            task: &mut Task<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            Pin::new(&mut self.stream).poll_read(task, buffer)
        }
    }
}
