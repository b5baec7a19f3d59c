//! Nodes of the app over a real engine: nodes and servers of the engine are killed and started
//! again, and the network between them is cut, held and slowed, while listeners and publishers move
//! from node to node. Then the faults end, all listeners catch up, and every record is checked.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use fastrand::Rng;
use tempfile::TempDir;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use load::console::print;

use super::{
    chaos::{PAUSE, PROGRESS},
    failover,
};
use crate::{
    actor::{
        Crowd, Feed, Listener, Nodes, Patience, Proxy, Scene, publish, send_until_acknowledged,
    },
    engine::{Cluster, Fault, Network, Sync},
    plan::{self, Chaos, Plan},
    record::{Acknowledged, Count, Reason, Rules},
    report,
};

/// Runs it, and returns whether the promise held.
pub(crate) async fn run(plan: &Plan, task: &plan::Nodes) -> io::Result<bool> {
    let Chaos { seconds, listeners, publishers, sleeper_every } = task.clients;
    let (home, mut rng) = (TempDir::new()?, Rng::with_seed(plan.seed));
    let mut cluster = Cluster::start(&task.engine, home.path(), Sync::Always).await?;
    let network = Network::start(task.nodes, &cluster.addresses()).await?;
    let urls: Vec<_> = (0..task.nodes).map(|node| cluster.url(&network.addresses(node))).collect();
    let mut nodes = Nodes::start(&plan.binary, home.path(), &urls, false).await?;
    print(format!(
        "{} nodes over {} servers of {:?}",
        task.nodes,
        cluster.size(),
        task.engine.kind
    ));

    let scene = Arc::new(Scene::default());
    let proxies = nodes.addresses();
    let proxies = proxies.iter().map(|node| Proxy::start(*node, rng.u64(..), &scene));
    let proxies = proxies.collect::<io::Result<Vec<_>>>()?;
    let fronts: Arc<[SocketAddr]> = proxies.iter().map(Proxy::address).collect();
    let mut crowd = Crowd::new();
    for number in 0..listeners {
        let listener = Listener::new(number, fronts[0], &scene, plan.seed).among(&fronts, number);
        let is_sleeper = number % sleeper_every == sleeper_every - 1;
        crowd.add(if is_sleeper { listener.sleeper() } else { listener });
    }
    let (stop, stopped) = watch::channel(false);
    let mut publishing = JoinSet::new();
    for number in 0..publishers {
        let (scene, stopped) = (Arc::clone(&scene), stopped.clone());
        publishing.spawn(publish(number, Arc::clone(&fronts), scene, PAUSE, stopped, rng.fork()));
    }

    let faults = Faults::default();
    let fire = Fire {
        faults: &faults,
        network: &network,
        until: Instant::now() + Duration::from_secs(seconds),
    };
    let (mut for_nodes, mut for_engine) = (rng.fork(), rng.fork());
    tokio::try_join!(
        fire.kill_nodes(&mut nodes, &mut for_nodes),
        fire.break_engine(&mut cluster, task.nodes, &mut for_engine),
        fire.print_progress(&scene),
    )?;
    stop.send_replace(true);
    proxies.iter().for_each(Proxy::calm_down);
    let mut acknowledged = Vec::new();
    while let Some(published) = publishing.join_next().await {
        acknowledged.extend(published.map_err(io::Error::other)??);
    }
    let calm = Instant::now();
    let addresses = nodes.addresses();
    let last = send_until_acknowledged(&Feed::Chat, &addresses, "the last", &scene).await?;
    let end = last.cursor;
    acknowledged.push(last);
    let crowd = crowd.reach(end, Patience::CALM).await;

    let slowest = crowd.iter().filter_map(Listener::reached).max().unwrap_or(calm);
    faults.print();
    print_counts(&scene, &acknowledged, slowest - calm);
    let rules = Rules { reasons: &[Reason::Trimmed], is_shared: true };
    let findings = report::check(crowd, &scene, &acknowledged, rules, end);
    let mut held = report::conclude(&findings);
    held &= failover::run(&mut nodes, task.failovers, listeners, plan.seed).await?;
    if !held {
        report::keep(home);
    }
    Ok(held)
}

/// What was done to nodes, engine and network.
#[derive(Debug, Default)]
struct Faults {
    node_kills: Count,
    node_drains: Count,
    leader_kills: Count,
    server_kills: Count,
    /// The engine was away as a whole.
    outages: Count,
    cuts: Count,
    holds: Count,
    /// Answers were held, and lost with their connections.
    answers_lost: Count,
    slows: Count,
}

impl Faults {
    fn print(&self) {
        let Self { node_kills, node_drains, leader_kills, server_kills, outages, .. } = self;
        let Self { cuts, holds, answers_lost, slows, .. } = self;
        print(format!("  nodes                {node_kills} kill -9, {node_drains} SIGTERM"));
        print(format!(
            "  engine, kill -9      {leader_kills} leaders, {server_kills} other servers, \
             {outages} times all"
        ));
        print(format!(
            "  network to engine    {cuts} cut, {holds} held, {answers_lost} answers lost, \
             {slows} slowed"
        ));
    }
}

/// The time with faults.
struct Fire<'a> {
    faults: &'a Faults,
    network: &'a Network,
    until: Instant,
}

impl Fire<'_> {
    /// Waits for a random time in milliseconds. Returns whether the faults go on.
    async fn pause(&self, rng: &mut Rng, range: std::ops::Range<u64>) -> bool {
        let left = self.until.saturating_duration_since(Instant::now());
        sleep(Duration::from_millis(rng.u64(range)).min(left)).await;
        Instant::now() < self.until
    }

    /// Ends one node after the other, and starts it again.
    async fn kill_nodes(&self, nodes: &mut Nodes, rng: &mut Rng) -> io::Result<()> {
        while self.pause(rng, 2_000..6_000).await {
            let node = rng.usize(..nodes.count());
            // Now and then it is asked to end: then its clients read when to come back.
            if rng.u8(0..6) == 0 {
                nodes.stop(node).await?;
                self.faults.node_drains.add();
            } else {
                nodes.kill(node).await?;
                self.faults.node_kills.add();
            }
            self.pause(rng, 0..1_500).await;
            nodes.start_one(node).await?;
        }
        Ok(())
    }

    /// Kills servers of the engine, and breaks the network between it and the nodes.
    async fn break_engine(
        &self,
        cluster: &mut Cluster,
        nodes: usize,
        rng: &mut Rng,
    ) -> io::Result<()> {
        while self.pause(rng, 1_000..4_000).await {
            match rng.u8(0..100) {
                0..25 => self.kill_server(cluster, true, rng).await?,
                25..40 => self.kill_server(cluster, false, rng).await?,
                40..50 => {
                    self.faults.outages.add();
                    cluster.kill_all().await?;
                    self.pause(rng, 1_000..4_000).await;
                    cluster.start_all().await?;
                }
                _ => self.break_network(nodes, rng).await,
            }
        }
        Ok(())
    }

    /// Kills one server, and starts it again. The next fault comes once it is up to date, so the
    /// engine has its majority all the time, if it has more than one server.
    async fn kill_server(
        &self,
        cluster: &mut Cluster,
        is_leader: bool,
        rng: &mut Rng,
    ) -> io::Result<()> {
        let Some(leader) = cluster.leader().await else { return Ok(()) };
        if !cluster.bears_a_loss() {
            self.faults.outages.add();
            cluster.kill(leader).await?;
        } else if is_leader {
            self.faults.leader_kills.add();
            cluster.kill(leader).await?;
        } else {
            self.faults.server_kills.add();
            let other = (leader + rng.usize(1..cluster.size())) % cluster.size();
            cluster.kill(other).await?;
        }
        self.pause(rng, 100..2_500).await;
        cluster.start_all().await
    }

    /// Breaks the network of one node, or of all, for a while.
    async fn break_network(&self, nodes: usize, rng: &mut Rng) {
        let broken = match rng.u8(0..4) {
            0 => 0..nodes,
            _ => {
                let node = rng.usize(..nodes);
                node..node + 1
            }
        };
        let set = |fault| broken.clone().for_each(|node| self.network.set(node, fault));
        match rng.u8(0..4) {
            0 => {
                self.faults.cuts.add();
                set(Fault::Cut);
                self.pause(rng, 100..4_000).await;
            }
            1 => {
                self.faults.holds.add();
                set(Fault::Held);
                self.pause(rng, 200..6_000).await;
            }
            2 => {
                self.faults.answers_lost.add();
                set(Fault::AnswersHeld);
                self.pause(rng, 200..2_000).await;
                set(Fault::Cut);
                self.pause(rng, 50..500).await;
            }
            _ => {
                self.faults.slows.add();
                set(Fault::Slow(Duration::from_millis(rng.u64(2..60))));
                self.pause(rng, 1_000..5_000).await;
            }
        }
        set(Fault::None);
    }

    async fn print_progress(&self, scene: &Scene) -> io::Result<()> {
        let began = Instant::now();
        while Instant::now() < self.until {
            sleep(PROGRESS.min(self.until.saturating_duration_since(Instant::now()))).await;
            let (faults, tally) = (self.faults, &scene.tally);
            print(format!(
                "{:4} s: {} node kills, {} server kills, {} outages, {} messages, {} deliveries, \
                 {} gaps, {} streams open",
                began.elapsed().as_secs(),
                faults.node_kills,
                faults.leader_kills.value() + faults.server_kills.value(),
                faults.outages,
                tally.acknowledged,
                tally.deliveries,
                tally.gaps,
                tally.open,
            ));
        }
        Ok(())
    }
}

fn print_counts(scene: &Scene, acknowledged: &[Acknowledged], slowest: Duration) {
    let tally = &scene.tally;
    print(format!("  connections cut      {}, {} half-closed", tally.cuts, tally.half_closes));
    print(format!(
        "  acknowledged         {} ({} retries, each on another node)",
        acknowledged.len(),
        tally.send_retries
    ));
    print(format!(
        "  connections          {}, {} without a stream",
        tally.connections, tally.failed
    ));
    print(format!(
        "  kipo:engine          {} out of reach, {} in reach again",
        tally.engine_lost, tally.engine_back
    ));
    print(format!("  all caught up after  {:.2} s", slowest.as_secs_f32()));
}
