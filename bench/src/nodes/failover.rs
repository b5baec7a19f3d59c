//! A node is killed, and its listeners go on at the other one.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use load::Cursor;
use load::console::progress;
use load::http::{self, Decoder, Request, unexpected};
use load::sse::{Item, Reader};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use super::servers::Servers;
use crate::plan::Depth;
use crate::serve::room::Order;
use crate::serve::side::{Endpoint, Side};
use crate::server::{Cores, Server};
use crate::table::{Line, number};

const PACE: Order = Order::one(50);

/// Connections that are being opened at once: below any accept backlog.
const OPENING_MAX: usize = 64;

/// The pause before a listener tries a node again that refused it.
const PAUSE: Duration = Duration::from_millis(10);

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the listeners are looked at.
const LOOK: Duration = Duration::from_millis(1);

/// What is known of one listener from outside.
#[derive(Debug, Default)]
struct Progress {
    /// How many nodes it has been connected to.
    nodes: AtomicUsize,
    /// The number of the last message that it has read.
    last: AtomicU64,
}

/// What a round gave, in ms after the end of the node.
#[derive(Clone, Copy, Debug)]
struct Run {
    connected: f64,
    caught_up: f64,
}

/// Measures and returns the lines.
pub(super) async fn measure(
    servers: &Servers,
    cores: Cores,
    depth: Depth,
) -> io::Result<Vec<Line>> {
    let listeners = if depth.quick { 100 } else { 1_000 };
    let mut runs = Vec::new();
    for round in 1..=depth.rounds {
        progress(format!("a node is killed, round {round} of {}", depth.rounds));
        runs.push(kill(&servers.url(), listeners, cores).await?);
    }
    let count = number(listeners as f64, 0);
    let what = format!("a killed node's {count} listeners are all connected to the other, ms");
    Ok(vec![
        Line::alone(&what, 0, runs.iter().map(|run| run.connected)),
        Line::alone(
            "– and have all read what they missed, ms",
            0,
            runs.iter().map(|run| run.caught_up),
        ),
    ])
}

async fn kill(url: &str, count: usize, cores: Cores) -> io::Result<Run> {
    let (one, two) = (Server::start_node(url, cores).await?, Server::start_node(url, cores).await?);
    let addresses = [one.address(), two.address()];
    let (mut listeners, opening) = (JoinSet::new(), Arc::new(Semaphore::new(OPENING_MAX)));
    let mut listen = |nodes: &[SocketAddr]| {
        let progress = Arc::new(Progress::default());
        listeners.spawn(Listener::run(nodes.to_vec(), Arc::clone(&progress), opening.clone()));
        progress
    };
    let all: Vec<_> = (0..count).map(|_| listen(&addresses)).collect();
    // One that is on the second node all the time shows what there is to read.
    let witness = listen(&addresses[1..]);
    let last = |progress: &Arc<Progress>| progress.last.load(Ordering::Relaxed);
    let are_on =
        |nodes| move |progress: &Arc<Progress>| progress.nodes.load(Ordering::Relaxed) == nodes;
    let mut until = async |what: &str, holds: &dyn Fn() -> bool| {
        let begun = Instant::now();
        while !holds() {
            if let Some(ended) = listeners.try_join_next() {
                return Err(ended?);
            }
            if begun.elapsed() > PATIENCE {
                return Err(io::Error::other(format!("{what}: this does not happen")));
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    };
    until("all listen", &|| all.iter().chain([&witness]).all(are_on(1))).await?;
    two.publish(&PACE).await?;
    until("all read", &|| all.iter().chain([&witness]).all(|progress| last(progress) > 50)).await?;

    let killed = Instant::now();
    one.kill().await?;
    until("all connect again", &|| all.iter().all(are_on(2))).await?;
    let (connected, newest) = (killed.elapsed(), last(&witness));
    until("all catch up", &|| all.iter().all(|progress| last(progress) >= newest)).await?;
    let caught_up = killed.elapsed();
    let published = two.stop_publishing().await?;
    until("all read everything", &|| all.iter().all(|progress| last(progress) == published))
        .await?;
    two.kill().await?;
    let [connected, caught_up] = [connected, caught_up].map(|time| time.as_secs_f64() * 1e3);
    Ok(Run { connected, caught_up })
}

/// A listener that goes on at the next node when its connection ends.
struct Listener {
    progress: Arc<Progress>,
    /// The id of the last event.
    id: String,
}

impl Listener {
    /// Listens on one node after the other. Returns what went wrong: a message that is missing or
    /// came twice, a gap, or the end of the last node.
    async fn run(
        nodes: Vec<SocketAddr>,
        progress: Arc<Progress>,
        opening: Arc<Semaphore>,
    ) -> io::Error {
        let mut listener = Self { progress, id: String::new() };
        let mut end = io::Error::other("there is no node");
        for node in nodes {
            end = listener.listen(node, &opening).await;
            if end.kind() == io::ErrorKind::InvalidData {
                break;
            }
        }
        end
    }

    async fn listen(&mut self, node: SocketAddr, opening: &Semaphore) -> io::Error {
        let permit = opening.acquire().await;
        let mut socket = loop {
            match http::connect(node).await {
                Ok(socket) => break socket,
                Err(_) => tokio::time::sleep(PAUSE).await,
            }
        };
        let request = Request::new("GET", Side::Kipo.path(Endpoint::Listen), node)
            .header("Accept", "text/event-stream")
            .header("Sec-Fetch-Site", "same-origin");
        let request = match &*self.id {
            "" => request,
            id => request.header("Last-Event-ID", id),
        };
        if let Err(error) = socket.write_all(&request.end()).await {
            return error;
        }
        let (mut decoder, mut reader) = (Decoder::default(), Reader::after(&self.id));
        let (mut buffer, mut permit) = (vec![0; 16 * 1_024], Some(permit));
        loop {
            let count = match socket.read(&mut buffer).await {
                Ok(0) => return io::ErrorKind::UnexpectedEof.into(),
                Ok(count) => count,
                Err(error) => return error,
            };
            let mut wrong = None;
            let fed = decoder.feed(&buffer[..count], |part| {
                reader.feed(part, |item| {
                    if let Item::Event(event) = item
                        && let Err(error) = self.take(event)
                    {
                        wrong.get_or_insert(error);
                    }
                });
            });
            if let Some(error) = fed.err().or(wrong) {
                return error;
            }
            match decoder.head().map(http::Head::status) {
                None => {}
                Some(200) if permit.take().is_some() => {
                    self.progress.nodes.fetch_add(1, Ordering::Relaxed);
                }
                Some(200) => {}
                Some(status) => return unexpected(&status.to_string()),
            }
        }
    }

    fn take(&mut self, event: load::sse::Event<'_>) -> io::Result<()> {
        match event.name {
            b"note" => {}
            b"kipo:gap" => return Err(unexpected(&String::from_utf8_lossy(event.data))),
            // State of the stream.
            _ => return Ok(()),
        }
        let number = Cursor::seq_of(event.last_event_id).unwrap_or(0);
        if number != self.progress.last.load(Ordering::Relaxed) + 1 {
            return Err(unexpected(&format!("message {number} after {}", self.id)));
        }
        self.progress.last.store(number, Ordering::Relaxed);
        self.id.clear();
        self.id.push_str(&String::from_utf8_lossy(event.last_event_id));
        Ok(())
    }
}
