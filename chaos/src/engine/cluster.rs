//! The servers of an engine, each of which can be killed, started again and put back in time.

use std::{
    fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::{Instant, sleep};

use load::{Server, engine::Kind, machine};

use super::{
    aof, files,
    nats::{self, Ports},
    redis::{self, Sync},
};

/// The servers of one JetStream cluster: it goes on while one of them is away.
const NATS_SERVERS: usize = 3;

/// How long a server may take to listen.
const START: Duration = Duration::from_secs(20);

/// How long a cluster may take to elect its leaders and to bring its servers up to date.
const READY: Duration = Duration::from_secs(60);

/// How many lines of a server's log an error shows.
const LOG_LINES: usize = 12;

/// The program of an engine's server.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) kind: Kind,
    pub(crate) path: PathBuf,
}

/// All servers of one engine; they end when it is dropped. NATS are three that are one JetStream
/// cluster, with three replicas of each stream; Redis is one with an append-only file.
#[derive(Debug)]
pub(crate) struct Cluster {
    program: Program,
    sync: Sync,
    members: Vec<Member>,
}

/// One server, running or not.
#[derive(Debug)]
struct Member {
    ports: Ports,
    /// Its configuration and its log, and in `store` what it stores.
    home: PathBuf,
    running: Option<Server>,
}

impl Member {
    fn store(&self) -> PathBuf {
        self.home.join("store")
    }
}

impl Cluster {
    /// Starts all servers on files below `home`, and returns when they are ready.
    pub(crate) async fn start(program: &Program, home: &Path, sync: Sync) -> io::Result<Self> {
        let count = match program.kind {
            Kind::Nats => NATS_SERVERS,
            Kind::Redis => 1,
        };
        let mut members = Vec::with_capacity(count);
        for number in 0..count {
            let home = home.join(format!("engine-{number}"));
            fs::create_dir_all(home.join("store"))?;
            members.push(Member { ports: Ports::free()?, home, running: None });
        }
        let mut cluster = Self { program: program.clone(), sync, members };
        cluster.start_all().await?;
        Ok(cluster)
    }

    /// Returns how many servers there are.
    pub(crate) fn size(&self) -> usize {
        self.members.len()
    }

    /// Returns where the servers listen.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.members.iter().map(|member| member.ports.client).collect()
    }

    /// Returns the URL of the engine for a node that finds the servers at these addresses.
    pub(crate) fn url(&self, addresses: &[SocketAddr]) -> String {
        let addresses: Vec<_> = addresses.iter().map(SocketAddr::to_string).collect();
        match self.program.kind {
            Kind::Nats => format!("nats://{}?assume_synced", addresses.join(",")),
            Kind::Redis => format!("redis://{}", addresses.join(",")),
        }
    }

    /// Returns whether the engine goes on without one of its servers.
    pub(crate) fn bears_a_loss(&self) -> bool {
        self.size() > 2
    }

    /// Returns the number of the server that leads, where one does.
    pub(crate) async fn leader(&self) -> Option<usize> {
        match self.program.kind {
            Kind::Nats => {
                for member in self.members.iter().filter(|member| member.running.is_some()) {
                    if let Some(leader) = member.ports.leader().await {
                        return Some(leader);
                    }
                }
                None
            }
            Kind::Redis => Some(0),
        }
    }

    /// Ends a server as `kill -9` does.
    pub(crate) async fn kill(&mut self, number: usize) -> io::Result<()> {
        match self.members[number].running.take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }

    /// Ends all servers as `kill -9` does.
    pub(crate) async fn kill_all(&mut self) -> io::Result<()> {
        for number in 0..self.size() {
            self.kill(number).await?;
        }
        Ok(())
    }

    /// Starts all servers that do not run, and returns when the engine is ready.
    pub(crate) async fn start_all(&mut self) -> io::Result<()> {
        for number in 0..self.size() {
            if self.members[number].running.is_none() {
                let mut command = self.command(number)?;
                command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                let server = Server::start_at(self.members[number].ports.client, command, START);
                self.members[number].running = Some(server.await?);
            }
        }
        self.ready().await
    }

    /// Copies the files of all servers as they are at one moment: meanwhile the servers pause.
    pub(crate) fn snapshot(&self, to: &Path) -> io::Result<()> {
        let running = || self.members.iter().filter_map(|member| member.running.as_ref());
        running().try_for_each(Server::pause)?;
        fs::create_dir_all(to)?;
        let copied = (self.members.iter().enumerate())
            .try_for_each(|(number, member)| files::copy(&member.store(), &copy_of(to, number)));
        running().try_for_each(Server::unpause)?;
        copied
    }

    /// Replaces the files of all servers, which are killed for that, by a snapshot.
    pub(crate) async fn restore(&mut self, from: &Path) -> io::Result<()> {
        self.kill_all().await?;
        for (number, member) in self.members.iter().enumerate() {
            files::copy(&copy_of(from, number), &member.store())?;
        }
        self.start_all().await
    }

    /// Kills the server, and cuts so many messages of the chat off the end of its append-only file,
    /// as if they had not been synced when the power failed. Returns the number of the last message
    /// that is left.
    pub(crate) async fn cut_tail(&mut self, messages: usize) -> io::Result<u64> {
        self.kill_all().await?;
        let last = aof::cut(&self.members[0].store().join("appendonlydir"), messages)?;
        self.start_all().await?;
        Ok(last)
    }

    /// Returns the memory of all servers, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let running = self.members.iter().filter_map(|member| member.running.as_ref());
        running.filter_map(|server| server.id().ok()).map(machine::memory_kib).sum()
    }

    fn command(&self, number: usize) -> io::Result<Command> {
        let member = &self.members[number];
        let (program, home, store) = (&self.program.path, &member.home, member.store());
        match self.program.kind {
            Kind::Nats => {
                let ports: Vec<_> = self.members.iter().map(|member| member.ports).collect();
                nats::command(program, number, &ports, home, &store)
            }
            Kind::Redis => {
                Ok(redis::command(program, member.ports.client, home, &store, self.sync))
            }
        }
    }

    /// Waits until all servers are up to date.
    async fn ready(&self) -> io::Result<()> {
        let began = Instant::now();
        for member in &self.members {
            while !self.is_ready(member).await {
                if began.elapsed() > READY {
                    let log = fs::read_to_string(member.home.join("server.log"));
                    let log = log.unwrap_or_default();
                    // It has a line for each question whether it is ready.
                    let lines = log.lines().filter(|line| !line.contains("Healthcheck failed"));
                    let what = format!("a server of the engine is not ready: {}", last(lines));
                    return Err(io::Error::other(what));
                }
                sleep(Duration::from_millis(20)).await;
            }
        }
        Ok(())
    }

    async fn is_ready(&self, member: &Member) -> bool {
        match self.program.kind {
            Kind::Nats => member.ports.is_ready().await,
            Kind::Redis => redis::is_ready(member.ports.client).await,
        }
    }
}

/// Returns the last lines of a log, for an error.
fn last<'a>(lines: impl DoubleEndedIterator<Item = &'a str>) -> String {
    let mut lines: Vec<_> = lines.rev().take(LOG_LINES).collect();
    lines.reverse();
    lines.join("\n  ")
}

fn copy_of(snapshot: &Path, number: usize) -> PathBuf {
    snapshot.join(number.to_string())
}
