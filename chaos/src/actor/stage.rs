//! A server for tests: each test writes what one connection is sent.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

use load::Cursor;

/// Returns the position right after message `seq`.
pub(crate) fn position(seq: u64) -> Cursor {
    Cursor { generation: 7, seq, fingerprint: 1 }
}

/// A server of one room.
pub(crate) struct Stage(TcpListener);

impl Stage {
    pub(crate) async fn start() -> Self {
        Self(TcpListener::bind(("127.0.0.1", 0)).await.unwrap())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    /// Waits for the next connection and its request.
    pub(crate) async fn accept(&self) -> Guest {
        let (mut stream, _) = self.0.accept().await.unwrap();
        let count = stream.read(&mut [0; 1024]).await.unwrap();
        assert!(count > 0, "a connection without a request");
        Guest(stream)
    }
}

/// One connection of a listener. Dropping it ends the connection.
pub(crate) struct Guest(TcpStream);

impl Guest {
    /// Refuses the request.
    pub(crate) async fn refuse(mut self, retry_after: u64) {
        let text = format!(
            "HTTP/1.1 503 Service Unavailable\r\nRetry-After: {retry_after}\r\n\
             Content-Length: 0\r\n\r\n"
        );
        self.0.write_all(text.as_bytes()).await.unwrap();
    }

    /// Begins a stream for a listener that showed `showed`.
    pub(crate) async fn ready(&mut self, showed: Option<u64>) {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        self.0.write_all(head.as_bytes()).await.unwrap();
        let resume = if showed.is_some() { "resumed" } else { "fresh" };
        let id = position(showed.unwrap_or(0));
        let data = format!(r#"{{"resume":"{resume}"}}"#);
        self.chunk(&format!("event: kipo:ready\ndata: {data}\nid: {id}\n\n")).await;
    }

    /// Sends message `seq`.
    pub(crate) async fn message(&mut self, seq: u64) {
        let id = position(seq);
        let data = format!(r#"{{"message":"t{seq}"}}"#);
        self.chunk(&format!("event: chat\ndata: {data}\nid: {id}\n\n")).await;
    }

    /// Sends a heartbeat. Returns whether the listener is still there.
    pub(crate) async fn heartbeat(&mut self) -> bool {
        self.0.write_all(b"3\r\n:\n\n\r\n").await.is_ok()
    }

    async fn chunk(&mut self, text: &str) {
        let chunk = format!("{:x}\r\n{text}\r\n", text.len());
        self.0.write_all(chunk.as_bytes()).await.unwrap();
    }
}
