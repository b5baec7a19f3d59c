//! Calls on connections that stay open: each caller waits for the answer before it asks again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use load::http::{Connection, Request, Response, unexpected};
use tokio::task::JoinSet;

/// Callers at work; dropping them ends the load.
#[derive(Debug)]
pub(crate) struct Callers {
    answered: Arc<AtomicU64>,
    is_ending: Arc<AtomicBool>,
    tasks: JoinSet<io::Result<()>>,
}

impl Callers {
    /// Starts `connections` callers that send `body` and expect the same bytes back.
    pub(crate) fn start(
        address: SocketAddr,
        path: &str,
        connections: u32,
        body: &'static [u8],
    ) -> Self {
        Self::expecting(address, path, connections, body, body)
    }

    /// Starts `connections` callers that send `body` and expect `answer`.
    pub(crate) fn expecting(
        address: SocketAddr,
        path: &str,
        connections: u32,
        body: &[u8],
        answer: &'static [u8],
    ) -> Self {
        let requests = vec![call(address, path, body); connections as usize];
        Self::of(address, requests, move |bytes| bytes == answer)
    }

    /// Starts `connections` callers that send a form and expect `answer`.
    pub(crate) fn of_form(
        address: SocketAddr,
        path: &str,
        connections: u32,
        form: &[u8],
        answer: &'static [u8],
    ) -> Self {
        let head = head_of_call(address, path)
            .header("Content-Type", "application/x-www-form-urlencoded")
            .header("Content-Length", form.len());
        let request = [&head.end(), form].concat();
        Self::of(address, vec![request; connections as usize], move |bytes| bytes == answer)
    }

    /// Starts a caller for each cookie, which sends it with `body` and expects the same bytes back.
    pub(crate) fn with_cookies(
        address: SocketAddr,
        path: &str,
        cookies: &[String],
        body: &'static [u8],
    ) -> Self {
        let request = |cookie| head_of_call(address, path).header("Cookie", cookie).json(body);
        Self::of(address, cookies.iter().map(request), move |answer| answer == body)
    }

    /// Starts `connections` readers of a page, which has to end as pages do.
    pub(crate) fn of_page(address: SocketAddr, path: &str, connections: u32) -> Self {
        let request = Request::new("GET", path, address).header("Accept", "text/html").end();
        Self::of(address, vec![request; connections as usize], |answer| {
            answer.trim_ascii_end().ends_with(b"</html>")
        })
    }

    fn of(
        address: SocketAddr,
        requests: impl IntoIterator<Item = Vec<u8>>,
        is_right: impl Fn(&[u8]) -> bool + Copy + Send + 'static,
    ) -> Self {
        let (answered, is_ending) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let mut tasks = JoinSet::new();
        for request in requests {
            let (answered, is_ending) = (Arc::clone(&answered), Arc::clone(&is_ending));
            tasks.spawn(
                async move { run(address, &request, is_right, &answered, &is_ending).await },
            );
        }
        Self { answered, is_ending, tasks }
    }

    /// Returns how many answers came so far.
    ///
    /// # Errors
    ///
    /// Fails once any caller has: a row with failures is not a measurement.
    pub(crate) fn answered(&mut self) -> io::Result<u64> {
        match self.tasks.try_join_next() {
            None => Ok(self.answered.load(Ordering::Relaxed)),
            Some(ended) => ended?.map(|()| self.answered.load(Ordering::Relaxed)),
        }
    }

    /// Lets every caller wait for the answer that it has asked for, and returns how many came in all.
    ///
    /// # Errors
    ///
    /// As [`answered`](Self::answered).
    pub(crate) async fn end(mut self) -> io::Result<u64> {
        self.is_ending.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended??;
        }
        Ok(self.answered.load(Ordering::Relaxed))
    }
}

/// Returns the bytes of a call: POST, JSON in and out, with the headers that a browser's `fetch`
/// sends from the same origin.
pub(crate) fn call(address: SocketAddr, path: &str, body: &[u8]) -> Vec<u8> {
    head_of_call(address, path).json(body)
}

/// Returns the head of a call, to which a caller adds fields.
pub(super) fn head_of_call(address: SocketAddr, path: &str) -> Request {
    Request::new("POST", path, address)
        .header("User-Agent", "bench")
        .header("Accept", "application/json")
        .header("Origin", format_args!("http://{address}"))
        .header("Sec-Fetch-Site", "same-origin")
}

async fn run(
    address: SocketAddr,
    request: &[u8],
    is_right: impl Fn(&[u8]) -> bool,
    answered: &AtomicU64,
    is_ending: &AtomicBool,
) -> io::Result<()> {
    let mut connection = Connection::open(address).await?;
    while !is_ending.load(Ordering::Relaxed) {
        let Response { status, body, .. } = connection.send(request).await?;
        if status != 200 || !is_right(body) {
            return Err(unexpected(&format!("{status}: {}", String::from_utf8_lossy(body))));
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}
