//! Calls on connections that stay open, each waiting for its answer before it asks again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::task::JoinSet;

use super::http::{self, Body};

/// Callers at work; dropping them ends the load.
#[derive(Debug)]
pub(crate) struct Callers {
    answered: Arc<AtomicU64>,
    tasks: JoinSet<io::Error>,
}

impl Callers {
    /// Starts `connections` callers that send `body` and expect the same bytes back.
    pub(crate) fn start(
        address: SocketAddr,
        path: &'static str,
        connections: u32,
        body: &'static [u8],
    ) -> Self {
        let request = http::call(address, path, body);
        Self::of(address, connections, &request, move |answer| answer == body)
    }

    /// Starts `connections` readers of a page, which has to end as pages do.
    pub(crate) fn of_page(address: SocketAddr, path: &str, connections: u32) -> Self {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: {address}\r\naccept: text/html\r\n\r\n");
        Self::of(address, connections, request.as_bytes(), |answer| {
            answer.trim_ascii_end().ends_with(b"</html>")
        })
    }

    fn of(
        address: SocketAddr,
        connections: u32,
        request: &[u8],
        is_right: impl Fn(&[u8]) -> bool + Copy + Send + 'static,
    ) -> Self {
        let answered = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let (request, answered) = (request.to_vec(), Arc::clone(&answered));
            tasks.spawn(async move {
                match call(address, &request, is_right, &answered).await {
                    Ok(never) => match never {},
                    Err(error) => error,
                }
            });
        }
        Self { answered, tasks }
    }

    /// Returns how many answers came so far.
    ///
    /// # Errors
    ///
    /// Fails once any caller has: a row with failures is not a measurement.
    pub(crate) fn answered(&mut self) -> io::Result<u64> {
        match self.tasks.try_join_next() {
            None => Ok(self.answered.load(Ordering::Relaxed)),
            Some(Ok(error)) => Err(error),
            Some(Err(panicked)) => Err(panicked.into()),
        }
    }
}

async fn call(
    address: SocketAddr,
    request: &[u8],
    is_right: impl Fn(&[u8]) -> bool,
    answered: &AtomicU64,
) -> io::Result<std::convert::Infallible> {
    let mut socket = http::connect(address).await?;
    let mut answer = Vec::with_capacity(4 * 1_024);
    loop {
        socket.write_all(request).await?;
        answer.clear();
        let head = http::read_head(&mut socket, &mut answer).await?;
        let Body::Bytes(length) = head.body else {
            return Err(http::unexpected("a body in chunks"));
        };
        while answer.len() < head.bytes + length {
            if socket.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        if head.status != 200 || !is_right(&answer[head.bytes..]) {
            return Err(http::unexpected(&String::from_utf8_lossy(&answer)));
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
