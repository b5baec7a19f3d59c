//! An app on a free port, and a client that writes and reads bytes.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use kipo::{App, ServeLimits, Sessions, Topic};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
    sync::oneshot,
    task::JoinHandle,
};

use crate::actions::{Gate, Room};

/// A running app. Dropping the value stops it.
pub(crate) struct TestApp {
    pub(crate) address: SocketAddr,
    pub(crate) room: Room,
    pub(crate) gate: Arc<Gate>,
    stop: Option<oneshot::Sender<()>>,
    serving: JoinHandle<()>,
}

impl TestApp {
    /// Starts an app.
    pub(crate) async fn start() -> Self {
        Self::with(|app| app).await
    }

    /// Starts an app with other settings.
    pub(crate) async fn with(settings: impl FnOnce(App) -> App) -> Self {
        let (room, gate) = (Room::new(Topic::new("room").keep(3)), Arc::new(Gate::default()));
        let limits = ServeLimits { drain: Duration::from_secs(5), ..ServeLimits::default() };
        let app = App::new().state(Arc::clone(&room)).state(Arc::clone(&gate)).serve_limits(limits);
        // The actions of all tests are actions of this app, and some take a session.
        let app = app.sessions(Sessions::in_memory());
        let app = settings(app.allow_host("test"));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(async move {
            app.serve(listener, async { _ = stopped.await }).await.unwrap();
        });
        Self { address, room, gate, stop: Some(stop), serving }
    }

    /// Asks the app to drain and stop.
    pub(crate) fn stop(&mut self) {
        _ = self.stop.take().unwrap().send(());
    }

    /// Waits until the app has stopped.
    pub(crate) async fn stopped(self) {
        self.serving.await.unwrap();
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Client {
        Client::new(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends a request on a new connection and reads the response.
    pub(crate) async fn send(&self, request: impl AsRef<[u8]>) -> Answer {
        let mut client = self.connect().await;
        client.write(request).await;
        client.answer().await
    }

    /// Calls an action with a JSON body.
    pub(crate) async fn call(&self, name: &str, body: &str) -> Answer {
        self.send(post(name, "", body)).await
    }
}

/// Returns a POST of a JSON body; `headers` are whole lines.
pub(crate) fn post(name: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /_kipo/actions/{name} HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n{headers}\r\n{body}"
    )
}

/// Returns a GET; `headers` are whole lines.
pub(crate) fn get(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n")
}

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    read: Vec<u8>,
}

/// The longest wait for bytes; after it the test fails.
const READ_TIMEOUT: Duration = Duration::from_secs(60);

impl Client {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// Opens a connection from another address of this machine.
    pub(crate) async fn from_address(app: &TestApp, ip: [u8; 4]) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((ip, 0).into()).unwrap();
        Self::new(socket.connect(app.address).await.unwrap())
    }

    /// Opens a connection with a small receive buffer.
    pub(crate) async fn with_small_buffer(app: &TestApp) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4096).unwrap();
        Self::new(socket.connect(app.address).await.unwrap())
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Writes as much as the server accepts: it may close the connection before the end.
    pub(crate) async fn try_write(&mut self, bytes: impl AsRef<[u8]>) {
        _ = self.stream.write_all(bytes.as_ref()).await;
    }

    /// Closes the sending side of the connection.
    pub(crate) async fn finish_writing(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads more bytes; returns `false` at the end of the connection.
    async fn more(&mut self) -> bool {
        let read = self.stream.read_buf(&mut self.read);
        let read =
            tokio::time::timeout(READ_TIMEOUT, read).await.expect("the server writes something");
        read.is_ok_and(|n| n > 0)
    }

    /// Reads until `text` arrives, and returns everything up to the end of it.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        let mut searched = 0;
        loop {
            let mut parts = self.read[searched..].windows(text.len());
            if let Some(at) = parts.position(|part| part == text.as_bytes()) {
                let at = searched + at;
                let rest = self.read.split_off(at + text.len());
                let read = std::mem::replace(&mut self.read, rest);
                return String::from_utf8(read).unwrap();
            }
            searched = (self.read.len() + 1).saturating_sub(text.len());
            let more = self.more().await;
            assert!(
                more,
                "{text:?} did not arrive, only {:?}",
                String::from_utf8_lossy(&self.read)
            );
        }
    }

    /// Reads to the end of the connection, also if it ends with a reset.
    pub(crate) async fn read_to_end(&mut self) -> String {
        while self.more().await {}
        String::from_utf8(std::mem::take(&mut self.read)).unwrap()
    }

    /// Reads the head of a response.
    pub(crate) async fn head(&mut self) -> Answer {
        let text = self.until("\r\n\r\n").await;
        let mut lines = text.trim_end().split("\r\n");
        let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(": ").unwrap();
            (name.to_owned(), value.to_owned())
        });
        Answer { status, headers: headers.collect(), body: String::new() }
    }

    /// Reads a response with a `Content-Length`.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut answer = self.head().await;
        let length = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            assert!(self.more().await, "the body is shorter than its length field");
        }
        let rest = self.read.split_off(length);
        answer.body = String::from_utf8(std::mem::replace(&mut self.read, rest)).unwrap();
        answer
    }

    /// Reads a chunked stream to its end and returns its frames, without the chunk lengths.
    pub(crate) async fn stream_to_end(&mut self) -> String {
        unchunked(&self.until("\r\n0\r\n\r\n").await)
    }
}

/// Removes the chunk lengths from a chunked body.
pub(crate) fn unchunked(body: &str) -> String {
    let (mut text, mut rest) = (String::new(), body.trim_start_matches("\r\n"));
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap();
        if length == 0 {
            break;
        }
        text.push_str(&after[..length]);
        rest = &after[length + 2..];
    }
    text
}

/// The response of the server.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    /// Asserts that this is a problem document with this status and code, and returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        let document = self.json();
        assert_eq!(document["status"], status);
        assert_eq!(document["code"], code, "{document}");
        assert!(document["title"].is_string() && document["detail"].is_string());
        assert_eq!(document["request_id"].as_str(), self.header("x-request-id"));
        document
    }
}

/// An empty folder for one test. Dropping the value removes it.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("kipo-it-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}
