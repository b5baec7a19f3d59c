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
        body: &Arc<[u8]>,
    ) -> Self {
        let answered = Arc::new(AtomicU64::new(0));
        let mut tasks = JoinSet::new();
        for _ in 0..connections {
            let (body, answered) = (Arc::clone(body), Arc::clone(&answered));
            tasks.spawn(async move {
                match call(address, path, &body, &answered).await {
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
    path: &str,
    body: &[u8],
    answered: &AtomicU64,
) -> io::Result<std::convert::Infallible> {
    let request = http::call(address, path, body);
    let mut socket = http::connect(address).await?;
    let mut answer = Vec::with_capacity(4 * 1_024);
    loop {
        socket.write_all(&request).await?;
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
        if head.status != 200 || &answer[head.bytes..] != body {
            return Err(http::unexpected(&String::from_utf8_lossy(&answer)));
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
}
