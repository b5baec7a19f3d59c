//! Servers for tests: real ones on free ports, each in a folder of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

/// Which program a test runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Product {
    Redis,
    Valkey,
}

impl Product {
    /// Returns the program: what the variable names, or else what is found in the `PATH`. A test
    /// that needs one that is missing is skipped, and says so.
    pub(crate) fn program(self) -> Option<PathBuf> {
        let (variable, name) = match self {
            Self::Redis => ("KIPO_REDIS_SERVER", "redis-server"),
            Self::Valkey => ("KIPO_VALKEY_SERVER", "valkey-server"),
        };
        let program = std::env::var_os(variable).map_or_else(|| name.into(), PathBuf::from);
        let runs = Command::new(&program).arg("--version").stdout(Stdio::null()).status();
        if runs.is_ok_and(|status| status.success()) {
            return Some(program);
        }
        println!("skipped: `{}` does not run; install it, or set {variable}", program.display());
        None
    }
}

/// A server that ends with its value.
pub(crate) struct Server {
    program: PathBuf,
    settings: Vec<String>,
    pub(crate) port: u16,
    folder: TempDir,
    process: Option<Child>,
}

/// The settings with which an acknowledged message survives a power loss.
pub(crate) const SYNCED: &[&str] = &["--appendonly", "yes", "--appendfsync", "always"];

impl Server {
    /// Starts a server with settings, or returns nothing if the program is missing.
    pub(crate) fn start(product: Product, settings: &[&str]) -> Option<Self> {
        let program = product.program()?;
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let folder = TempDir::new().unwrap();
        let mut server = Self { program, settings, port: free_port(), folder, process: None };
        server.run();
        Some(server)
    }

    pub(crate) fn address(&self) -> String {
        format!("redis://127.0.0.1:{}/0", self.port)
    }

    /// Starts the program, and waits until it answers.
    pub(crate) fn run(&mut self) {
        let port = self.port.to_string();
        let mut command = Command::new(&self.program);
        command.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--daemonize", "no"]);
        command.arg("--dir").arg(self.folder.path()).arg("--logfile").arg(self.log());
        command.args(&self.settings).stdout(Stdio::null()).stderr(Stdio::null());
        self.process = Some(command.spawn().unwrap());
        let begun = Instant::now();
        while !self.answers() {
            let log = || fs::read_to_string(self.log()).unwrap_or_default();
            assert!(begun.elapsed() < Duration::from_secs(10), "no server: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn answers(&self) -> bool {
        let client = redis::Client::open(self.address()).unwrap();
        let ping = |mut connection| redis::cmd("PING").query::<String>(&mut connection);
        match client.get_connection().and_then(ping) {
            Ok(pong) => pong == "PONG",
            // It answers, and wants a password.
            Err(error) => error.code() == Some("NOAUTH"),
        }
    }

    /// Ends the server as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }

    /// Sets what it starts with from now on.
    pub(crate) fn set(&mut self, settings: &[&str]) {
        self.settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
    }

    /// Stops the server, or lets it go on: it neither answers nor closes its connections meanwhile.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.process.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// Copies its files.
    pub(crate) fn snapshot(&self) -> TempDir {
        let copy = TempDir::new().unwrap();
        copy_files(self.folder.path(), copy.path());
        copy
    }

    /// Kills it, replaces its files by the copy, and starts it again.
    pub(crate) fn roll_back(&mut self, copy: &TempDir) {
        self.kill();
        for entry in fs::read_dir(self.folder.path()).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        }
        copy_files(copy.path(), self.folder.path());
        self.run();
    }

    /// Sends a command.
    pub(crate) fn query(&self, parts: &[&str]) -> redis::Value {
        let client = redis::Client::open(self.address()).unwrap();
        let mut command = redis::cmd(parts[0]);
        command.arg(&parts[1..]).query(&mut client.get_connection().unwrap()).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn copy_files(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy_files(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

pub(crate) fn free_port() -> u16 {
    load::machine::stable_address().unwrap().port()
}

/// Three primaries that share the slots.
pub(crate) struct Cluster(pub(crate) Vec<Server>);

impl Cluster {
    pub(crate) fn start(product: Product) -> Option<Self> {
        let settings =
            [SYNCED, &["--cluster-enabled", "yes", "--cluster-node-timeout", "2000"]].concat();
        let buses = [(); 3].map(|()| free_port().to_string());
        let start = |bus: &String| {
            Server::start(product, &[&settings, &["--cluster-port", &**bus][..]].concat())
        };
        let servers: Vec<_> = buses.iter().map(start).collect::<Option<_>>()?;
        let first = ["127.0.0.1", &servers[0].port.to_string(), &buses[0]];
        for (server, range) in
            servers.iter().zip([("0", "5000"), ("5001", "11000"), ("11001", "16383")])
        {
            server.query(&["CLUSTER", "ADDSLOTSRANGE", range.0, range.1]);
            server.query(&[&["CLUSTER", "MEET"], &first[..]].concat());
        }
        let begun = Instant::now();
        let is_ok = |server: &Server| {
            let info: String = redis::from_redis_value(server.query(&["CLUSTER", "INFO"])).unwrap();
            info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
        };
        while !servers.iter().all(is_ok) {
            assert!(begun.elapsed() < Duration::from_secs(30), "the cluster does not form");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(Self(servers))
    }

    /// Moves the slot of some keys, and the keys, from its server to the next one.
    pub(crate) fn move_slot(&self, keys: &[&str]) {
        let slot: u16 = number(self.0[0].query(&["CLUSTER", "KEYSLOT", keys[0]]));
        let from = usize::from(slot > 5000) + usize::from(slot > 11_000);
        let (from, to) = (&self.0[from], &self.0[(from + 1) % 3]);
        let id = |server: &Server| -> String {
            redis::from_redis_value(server.query(&["CLUSTER", "MYID"])).unwrap()
        };
        let (slot, port) = (slot.to_string(), to.port.to_string());
        to.query(&["CLUSTER", "SETSLOT", &slot, "IMPORTING", &id(from)]);
        from.query(&["CLUSTER", "SETSLOT", &slot, "MIGRATING", &id(to)]);
        let migrate = ["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        from.query(&[&migrate[..], keys].concat());
        let id = id(to);
        for server in [to, from].into_iter().chain(&self.0) {
            server.query(&["CLUSTER", "SETSLOT", &slot, "NODE", &id]);
        }
    }
}

fn number(value: redis::Value) -> u16 {
    redis::from_redis_value(value).unwrap()
}
