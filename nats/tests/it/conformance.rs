//! The suite for engines, against one server that may be killed, cut off and rolled back, and
//! against a cluster.

use std::{
    path::PathBuf,
    sync::{Arc, Weak},
};

use crate::common::{NatsServer, addresses, cluster, proxy::Proxy};
use async_trait::async_trait;
use kipo_nats::{NatsEngine, Options};
use kipo_topic::engine::{
    Engine, Link,
    conformance::{self, Subject},
};

/// One server; each case has a prefix of its own there.
struct Alone {
    server: NatsServer,
    proxy: Proxy,
    cases: usize,
    engines: Vec<Weak<NatsEngine>>,
    copy: Option<tempfile::TempDir>,
}

impl Alone {
    async fn start(binary: PathBuf) -> Self {
        let server = NatsServer::start(&binary, "");
        let proxy = Proxy::start(server.port).await;
        Self { server, proxy, cases: 0, engines: Vec::new(), copy: None }
    }

    async fn connect(&mut self) -> Arc<dyn Engine> {
        let options = Options::new().prefix(format!("case{}", self.cases));
        let address = format!("nats://127.0.0.1:{}", self.proxy.port);
        let engine = Arc::new(NatsEngine::connect(&address, options).await.unwrap());
        self.engines.push(Arc::downgrade(&engine));
        engine
    }
}

#[async_trait]
impl Subject for Alone {
    async fn fresh(&mut self) -> Arc<dyn Engine> {
        self.cases += 1;
        self.connect().await
    }

    async fn node(&mut self) -> Option<Arc<dyn Engine>> {
        Some(self.connect().await)
    }

    async fn restart(&mut self) -> Option<Arc<dyn Engine>> {
        self.server.kill();
        self.server.restart();
        Some(self.connect().await)
    }

    async fn cut(&mut self) -> bool {
        self.proxy.cut();
        true
    }

    async fn mend(&mut self) {
        self.proxy.mend();
    }

    async fn snapshot(&mut self) -> bool {
        self.server.kill();
        let copy = tempfile::tempdir().unwrap();
        crate::common::copy_folder(&self.server.store(), copy.path());
        self.copy = Some(copy);
        self.server.restart();
        for engine in self.engines.iter().filter_map(Weak::upgrade) {
            crate::common::wait_for_link(&*engine, Link::Up).await;
        }
        true
    }

    async fn roll_back(&mut self) -> Option<Arc<dyn Engine>> {
        let copy = self.copy.as_ref()?;
        self.server.kill();
        crate::common::copy_folder(copy.path(), &self.server.store());
        self.server.restart();
        Some(self.connect().await)
    }
}

/// A cluster of three.
struct Cluster {
    servers: Vec<NatsServer>,
    cases: usize,
}

impl Cluster {
    async fn connect(&self) -> Arc<dyn Engine> {
        let options = Options::new().prefix(format!("case{}", self.cases));
        Arc::new(NatsEngine::connect(&addresses(&self.servers), options).await.unwrap())
    }
}

#[async_trait]
impl Subject for Cluster {
    async fn fresh(&mut self) -> Arc<dyn Engine> {
        self.cases += 1;
        self.connect().await
    }

    async fn node(&mut self) -> Option<Arc<dyn Engine>> {
        Some(self.connect().await)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_server_passes_the_suite() {
    let subject = Alone::start(crate::need_server!()).await;
    conformance::check(subject).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_passes_the_suite() {
    let servers = cluster(&crate::need_server!());
    conformance::check(Cluster { servers, cases: 0 }).await;
}
