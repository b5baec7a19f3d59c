//! The suite of `kipo-topic`, on each kind of server.

use std::sync::Arc;

use async_trait::async_trait;
use kipo_redis::{Options, RedisEngine};
use kipo_topic::engine::{
    Engine,
    conformance::{self, Subject},
};
use tempfile::TempDir;

use crate::server::{Cluster, Product, SYNCED, Server};

/// One or more servers; each case has a prefix of its own.
struct Servers {
    servers: Vec<Server>,
    cases: u32,
    copies: Vec<TempDir>,
}

impl Servers {
    fn new(servers: Vec<Server>) -> Self {
        Self { servers, cases: 0, copies: Vec::new() }
    }

    async fn connect(&self) -> Arc<dyn Engine> {
        let address = format!("{}?prefix=case-{}", self.servers[0].address(), self.cases);
        Arc::new(RedisEngine::connect(&address, Options::new()).await.unwrap())
    }
}

#[async_trait]
impl Subject for Servers {
    async fn fresh(&mut self) -> Arc<dyn Engine> {
        self.cases += 1;
        self.connect().await
    }

    async fn node(&mut self) -> Option<Arc<dyn Engine>> {
        Some(self.connect().await)
    }

    async fn restart(&mut self) -> Option<Arc<dyn Engine>> {
        self.servers.iter_mut().for_each(Server::kill);
        self.servers.iter_mut().for_each(Server::run);
        wait_for_cluster(&self.servers);
        Some(self.connect().await)
    }

    async fn cut(&mut self) -> bool {
        self.servers.iter_mut().for_each(Server::kill);
        true
    }

    async fn mend(&mut self) {
        self.servers.iter_mut().for_each(Server::run);
        wait_for_cluster(&self.servers);
    }

    async fn snapshot(&mut self) -> bool {
        self.copies = self.servers.iter().map(Server::snapshot).collect();
        true
    }

    async fn roll_back(&mut self) -> Option<Arc<dyn Engine>> {
        for (server, copy) in self.servers.iter_mut().zip(&self.copies) {
            server.roll_back(copy);
        }
        wait_for_cluster(&self.servers);
        Some(self.connect().await)
    }
}

/// Waits until all servers of a cluster have found each other again.
fn wait_for_cluster(servers: &[Server]) {
    let is_ok = |server: &Server| {
        let info: String = redis::from_redis_value(server.query(&["CLUSTER", "INFO"])).unwrap();
        info.contains("cluster_state:ok")
    };
    while servers.len() > 1 && !servers.iter().all(is_ok) {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_passes() {
    let Some(server) = Server::start(Product::Redis, SYNCED) else { return };
    conformance::check(Servers::new(vec![server])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn valkey_passes() {
    let Some(server) = Server::start(Product::Valkey, SYNCED) else { return };
    conformance::check(Servers::new(vec![server])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_passes() {
    let Some(cluster) = Cluster::start(Product::Redis) else { return };
    conformance::check(Servers::new(cluster.0)).await;
}
