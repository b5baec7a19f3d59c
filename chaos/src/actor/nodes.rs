//! Nodes: processes of the app that share one engine.

use std::{fs, io, net::SocketAddr, path::Path, sync::Arc};

use load::{Server, machine};

use super::app::{App, start_with_engine, stop};

/// All nodes of a run; they end when it is dropped.
#[derive(Debug)]
pub(crate) struct Nodes {
    apps: Vec<App>,
    /// The process of each node, if it runs.
    running: Vec<Option<Server>>,
}

impl Nodes {
    /// Starts one node for each of these URLs of the engine, with everything it writes below `home`.
    pub(crate) async fn start(
        binary: &Path,
        home: &Path,
        urls: &[String],
        allows_weaker: bool,
    ) -> io::Result<Self> {
        let mut nodes = Self { apps: Vec::new(), running: Vec::new() };
        for (number, url) in urls.iter().enumerate() {
            let home = home.join(format!("node-{number}"));
            fs::create_dir_all(&home)?;
            let app = App::new(binary, &home)?;
            nodes.apps.push(App { engine: Some(url.clone()), allows_weaker, ..app });
            nodes.running.push(None);
            nodes.start_one(number).await?;
        }
        Ok(nodes)
    }

    /// Returns how many nodes there are.
    pub(crate) fn count(&self) -> usize {
        self.apps.len()
    }

    /// Returns where the nodes listen.
    pub(crate) fn addresses(&self) -> Arc<[SocketAddr]> {
        self.apps.iter().map(|app| app.address).collect()
    }

    /// Starts a node that was ended.
    pub(crate) async fn start_one(&mut self, number: usize) -> io::Result<()> {
        self.running[number] = Some(start_with_engine(&self.apps[number]).await?);
        Ok(())
    }

    /// Ends a node as `kill -9` does.
    pub(crate) async fn kill(&mut self, number: usize) -> io::Result<()> {
        match self.running[number].take() {
            Some(server) => server.kill().await,
            None => Ok(()),
        }
    }

    /// Asks a node to end, and waits until it has served everything that it had admitted.
    pub(crate) async fn stop(&mut self, number: usize) -> io::Result<()> {
        match self.running[number].take() {
            Some(server) => stop(server).await.map(drop),
            None => Ok(()),
        }
    }

    /// Returns the memory of all nodes, in KiB.
    pub(crate) fn memory_kib(&self) -> u64 {
        let running = self.running.iter().flatten();
        running.filter_map(|server| server.id().ok()).map(machine::memory_kib).sum()
    }
}
