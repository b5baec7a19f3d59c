//! Real NATS servers on free ports, in temporary directories.

pub(crate) mod proxy;

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use kipo_nats::{ConnectError, NatsEngine, Options};
use kipo_topic::{
    Durability,
    engine::{Append, AppendError, Engine, Entry, Follower, Head, Link, Outcome},
};
use tokio::sync::oneshot;

/// Returns the path of the server, or nothing: then the test is skipped, and says so.
pub(crate) fn server_binary() -> Option<PathBuf> {
    let named = std::env::var_os("KIPO_NATS_SERVER").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(|home| Path::new(&home).join("go/bin/nats-server"));
    let on_path = std::env::var_os("PATH").into_iter().flat_map(|path| {
        std::env::split_paths(&path).map(|folder| folder.join("nats-server")).collect::<Vec<_>>()
    });
    let found = named.into_iter().chain(home).chain(on_path).find(|path| path.is_file());
    if found.is_none() {
        let test = thread::current().name().unwrap_or("a test").to_owned();
        eprintln!(
            "skipped {test}: no nats-server; `go install github.com/nats-io/nats-server/v2@latest`, \
             or set KIPO_NATS_SERVER to its path"
        );
    }
    found
}

/// Returns the server's path, or returns from the test.
#[macro_export]
macro_rules! need_server {
    () => {
        match $crate::common::server_binary() {
            Some(binary) => binary,
            None => return,
        }
    };
}

pub(crate) fn free_port() -> u16 {
    load::machine::stable_address().unwrap().port()
}

/// One server; killed when it is dropped.
pub(crate) struct NatsServer {
    binary: PathBuf,
    folder: tempfile::TempDir,
    pub(crate) port: u16,
    child: Option<Child>,
}

impl NatsServer {
    /// Starts a server alone, with more lines in its configuration.
    pub(crate) fn start(binary: &Path, more: &str) -> Self {
        let port = free_port();
        let mut server = Self::new(binary, port, &format!("server_name: alone\n{more}"), JETSTREAM);
        server.run();
        server.wait();
        server
    }

    pub(crate) fn new(binary: &Path, port: u16, more: &str, jetstream: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store");
        let jetstream = jetstream.replace("STORE", store.to_str().unwrap());
        let text = format!("listen: \"127.0.0.1:{port}\"\n{jetstream}\n{more}\n");
        fs::write(folder.path().join("conf"), text).unwrap();
        Self { binary: binary.to_owned(), folder, port, child: None }
    }

    pub(crate) fn address(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    pub(crate) fn run(&mut self) {
        let log = fs::File::create(self.folder.path().join("log")).unwrap();
        let mut command = Command::new(&self.binary);
        command.arg("-c").arg(self.folder.path().join("conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap());
    }

    /// Waits until it listens.
    pub(crate) fn wait(&self) {
        let until = Instant::now() + Duration::from_secs(20);
        while !self.log().contains("Server is ready") {
            assert!(Instant::now() < until, "the server did not start: {}", self.log());
            thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn log(&self) -> String {
        let Ok(file) = fs::File::open(self.folder.path().join("log")) else { return String::new() };
        BufReader::new(file).lines().map_while(Result::ok).collect::<Vec<_>>().join("\n")
    }

    /// Ends it at once, as by a crash.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    pub(crate) fn restart(&mut self) {
        self.run();
        self.wait();
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        self.kill();
    }
}

pub(crate) const JETSTREAM: &str = "jetstream { store_dir: \"STORE\" }";

/// Starts three servers that are one cluster.
pub(crate) fn cluster(binary: &Path) -> Vec<NatsServer> {
    cluster_and_more(binary).0
}

/// Starts three servers that are one cluster, and returns two more that join it once they run.
pub(crate) fn cluster_and_more(binary: &Path) -> (Vec<NatsServer>, Vec<NatsServer>) {
    let routes: Vec<u16> = (0..5).map(|_| free_port()).collect();
    let list: Vec<String> =
        routes[..3].iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    let list = list.join(", ");
    let mut servers: Vec<NatsServer> = routes
        .iter()
        .enumerate()
        .map(|(i, route)| {
            let more = format!(
                "server_name: n{i}\ncluster {{ name: c, listen: \"127.0.0.1:{route}\", \
                 routes: [{list}] }}"
            );
            NatsServer::new(binary, free_port(), &more, JETSTREAM)
        })
        .collect();
    let more = servers.split_off(3);
    servers.iter_mut().for_each(NatsServer::run);
    servers.iter().for_each(NatsServer::wait);
    (servers, more)
}

pub(crate) fn addresses(servers: &[NatsServer]) -> String {
    servers.iter().map(NatsServer::address).collect::<Vec<_>>().join(",")
}

pub(crate) async fn connect(address: &str) -> NatsEngine {
    NatsEngine::connect(address, Options::new()).await.unwrap()
}

/// Connects, which has to fail; returns the sentence.
pub(crate) async fn refused(address: &str, options: Options) -> String {
    let started = Instant::now();
    let result: Result<NatsEngine, ConnectError> = NatsEngine::connect(address, options).await;
    let sentence = result.unwrap_err().to_string();
    assert!(started.elapsed() < Duration::from_secs(11), "{:?}", started.elapsed());
    sentence
}

/// Appends entries and waits for the outcome.
pub(crate) async fn append(
    engine: &dyn Engine,
    topic: &str,
    after: Head,
    entries: Vec<Entry>,
) -> Outcome {
    let (sender, outcome) = oneshot::channel();
    engine.append(Append::new(topic, after, entries, Durability::Memory, |outcome| {
        let _ = sender.send(outcome);
    }));
    outcome.await.unwrap()
}

/// Returns entries that follow a head.
pub(crate) fn entries(after: &Head, texts: &[String]) -> Vec<Entry> {
    let mut head = *after;
    texts
        .iter()
        .map(|text| {
            let data = serde_json::to_vec(text).unwrap();
            let entry = Entry::next(&head, None, "said", &data, 1_000).unwrap();
            head = entry.head();
            entry
        })
        .collect()
}

/// Appends texts, after whatever others have appended; tries again after each failure.
pub(crate) async fn publish(engine: &dyn Engine, topic: &str, texts: &[String]) -> Head {
    let until = Instant::now() + Duration::from_secs(40);
    loop {
        assert!(Instant::now() < until, "{topic:?} was not appended to");
        let Ok(heads) = engine.heads(&[topic.into()]).await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let mut after = heads[0];
        loop {
            let new = entries(&after, texts);
            match append(engine, topic, after, new.clone()).await {
                Ok(()) => return new.last().unwrap().head(),
                Err(AppendError::Moved(moved)) => match moved.last() {
                    Some(last) => after = last.head(),
                    None => break,
                },
                Err(AppendError::Failed(_)) => break,
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn texts(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|i| format!("m{i}")).collect()
}

/// Keeps what it is passed.
#[derive(Default)]
pub(crate) struct Kept {
    entries: Mutex<Vec<Entry>>,
    uncertain: Mutex<usize>,
}

impl Follower for Kept {
    fn entries(&self, entries: Vec<Entry>) {
        assert!(!entries.is_empty());
        self.entries.lock().unwrap().extend(entries);
    }

    fn uncertain(&self) {
        *self.uncertain.lock().unwrap() += 1;
    }
}

impl Kept {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }

    pub(crate) fn numbers(&self) -> Vec<u64> {
        self.entries.lock().unwrap().iter().map(Entry::seq).collect()
    }

    pub(crate) fn all(&self) -> Vec<Entry> {
        self.entries.lock().unwrap().clone()
    }

    pub(crate) fn uncertain_count(&self) -> usize {
        *self.uncertain.lock().unwrap()
    }

    /// Waits until the entry with this number is the last.
    pub(crate) async fn wait_for(&self, number: u64) {
        let what = format!("entry {number}");
        until(&what, Duration::from_secs(20), || self.numbers().last() == Some(&number)).await;
    }
}

pub(crate) async fn until(what: &str, time: Duration, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + time;
    while !holds() {
        assert!(Instant::now() < until, "{what} did not come in {time:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

pub(crate) async fn wait_for_link(engine: &dyn Engine, wanted: Link) {
    let mut link = engine.link();
    let waiting = link.wait_for(|link| *link == wanted);
    tokio::time::timeout(Duration::from_secs(20), waiting).await.unwrap().unwrap();
}

/// Replaces a folder by a copy of another one.
pub(crate) fn copy_folder(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        let target = to.join(file.file_name());
        if file.file_type().unwrap().is_dir() {
            copy_folder(&file.path(), &target);
        } else {
            fs::copy(file.path(), target).unwrap();
        }
    }
}
