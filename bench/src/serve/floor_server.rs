//! The floor: one `write(2)` for each delivery, and nothing else.
//!
//! One thread makes each message once, as one chunk, and writes it to one socket after the other.
//! There is nothing to wait for, so there is no event loop to pay for; a socket that is full
//! stops the room. No server that wakes a task for each listener can be below this.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::serve::room::{self, Order};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\
                    transfer-encoding: chunked\r\n\r\n";

#[derive(Default)]
struct Room {
    listeners: Mutex<Vec<TcpStream>>,
    published: AtomicU64,
    stopping: AtomicBool,
    publisher: Mutex<Option<JoinHandle<()>>>,
}

/// Serves until standard input closes.
pub(crate) fn run() -> io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    room::announce(listener.local_addr()?)?;
    let room = Arc::new(Room::default());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            // A client that leaves half-way is none.
            let _ = socket.and_then(|socket| room.answer(socket));
        }
    });
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(())
}

impl Room {
    /// Answers the one request of a connection.
    fn answer(self: &Arc<Self>, mut socket: TcpStream) -> io::Result<()> {
        socket.set_nodelay(true)?;
        let mut reader = BufReader::new(socket.try_clone()?);
        let (mut request, mut line, mut length) = (String::new(), String::new(), 0);
        reader.read_line(&mut request)?;
        while reader.read_line(&mut line)? > 2 {
            if let Some(value) = line.strip_prefix("Content-Length: ") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
            line.clear();
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        match request.split(' ').nth(1) {
            Some("/listen") => {
                socket.write_all(HEAD.as_bytes())?;
                self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push(socket);
            }
            Some("/publish") => {
                let order = serde_json::from_slice(&body)?;
                let room = Arc::clone(self);
                self.stopping.store(false, Ordering::Relaxed);
                // Joined by `/stop`.
                let publisher = std::thread::spawn(move || room.publish(order));
                *self.publisher.lock().unwrap_or_else(PoisonError::into_inner) = Some(publisher);
                socket.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
            }
            _ => {
                self.stopping.store(true, Ordering::Relaxed);
                let publisher =
                    self.publisher.lock().unwrap_or_else(PoisonError::into_inner).take();
                let _ = publisher.map(JoinHandle::join);
                let text = self.published.load(Ordering::Relaxed).to_string();
                let length = text.len();
                write!(socket, "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{text}")?;
            }
        }
        Ok(())
    }

    fn publish(&self, order: Order) {
        let pace = (order.per_second > 0).then(|| Duration::from_secs(1) / order.per_second);
        let start = Instant::now();
        let mut sent = 0;
        while !self.stopping.load(Ordering::Relaxed) {
            if let Some(pace) = pace {
                let due = start + pace * sent;
                std::thread::sleep(due.saturating_duration_since(Instant::now()));
            }
            sent += 1;
            let n = self.published.fetch_add(1, Ordering::Relaxed) + 1;
            let event =
                format!("event: note\ndata: {}\nid: {n}\n\n", room::note(n, order.text_bytes));
            let chunk = format!("{:x}\r\n{event}\r\n", event.len());
            let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner);
            for mut listener in &*listeners {
                // One that has left costs nothing more.
                let _ = listener.write_all(chunk.as_bytes());
            }
            if order.messages > 0 && sent == order.messages {
                break;
            }
        }
    }
}
