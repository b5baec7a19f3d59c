//! Ten thousand topics with one listener each, and one topic with ten thousand listeners, on two
//! nodes over an engine: all listeners read everything.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use load::{console::print, http::call, machine::raise_open_files};

use crate::{
    actor::{Crowd, Feed, Listener, Nodes, Patience, Scene, create, send_until_acknowledged},
    engine::{Cluster, Sync},
    plan::{self, Plan},
    record::{Acknowledged, Messages, Rules, Tally},
    report,
};

const NODES: usize = 2;

/// How many messages each of the topics gets, and the one topic: fewer than a room retains.
const MESSAGES_EACH: usize = 2;
const MESSAGES: usize = 20;

/// How many requests wait for their answers at once.
const AT_ONCE: usize = 64;

/// Attempts to make a room.
const ATTEMPTS: usize = 20;

/// Files of this process that are not connections of listeners.
const FILES_SPARE: u64 = 500;

/// How long all listeners may take to connect, and to read everything.
const PHASE: Duration = Duration::from_secs(300);

/// Runs it, and returns whether the promise held.
pub(crate) async fn run(plan: &Plan, task: &plan::Topics) -> io::Result<bool> {
    let files = usize::try_from(raise_open_files().saturating_sub(FILES_SPARE));
    let topics = task.topics.min(files.unwrap_or(usize::MAX));
    if topics < task.topics {
        print(format!("{} topics were asked for, RLIMIT_NOFILE allows {topics}", task.topics));
    }
    let home = TempDir::new()?;
    let cluster = Cluster::start(&task.engine, home.path(), Sync::Always).await?;
    let urls = [(); NODES].map(|()| cluster.url(&cluster.addresses()));
    let nodes = Nodes::start(&plan.binary, home.path(), &urls, false).await?;
    let run = Run { seed: plan.seed, addresses: nodes.addresses(), nodes, cluster };
    run.print_memory("at the start");
    let held = run.many_topics(topics).await? & run.one_topic(topics).await?;
    if !held {
        report::keep(home);
    }
    Ok(held)
}

struct Run {
    seed: u64,
    addresses: Arc<[SocketAddr]>,
    nodes: Nodes,
    cluster: Cluster,
}

impl Run {
    /// Gives each of many topics one listener, and messages by way of the other node.
    async fn many_topics(&self, topics: usize) -> io::Result<bool> {
        let began = Instant::now();
        let addresses = Arc::clone(&self.addresses);
        let make = move |n| {
            let node = addresses[n % NODES];
            async move { open(node, &room(n)).await }
        };
        in_parallel(topics, make).await?;
        print_time("topics made", topics, began);

        let (tally, began) = (Arc::<Tally>::default(), Instant::now());
        let (mut scenes, mut crowds) = (Vec::new(), Vec::new());
        for n in 0..topics {
            let scene = Arc::new(scene(&tally));
            let mut crowd = Crowd::new();
            let listener = Listener::new(n, self.addresses[n % NODES], &scene, self.seed);
            crowd.add(listener.on(Feed::Room(room(n))));
            scenes.push(scene);
            crowds.push(crowd);
            if n % AT_ONCE == 0 {
                sleep(Duration::from_millis(10)).await;
            }
        }
        self.wait_for_streams(&tally, topics).await?;
        print_time("topics with a listener", topics, began);
        self.print_memory("with them");

        let began = Instant::now();
        let (addresses, tally_of_sends) = (Arc::clone(&self.addresses), Arc::clone(&tally));
        let publish = move |n: usize| {
            let (node, tally) = (addresses[(n + 1) % NODES], Arc::clone(&tally_of_sends));
            async move {
                let (feed, scene) = (Feed::Room(room(n)), scene(&tally));
                publish(&feed, node, &scene, MESSAGES_EACH).await
            }
        };
        let sent = in_parallel(topics, publish).await?;
        print_time("messages published", topics * MESSAGES_EACH, began);
        // With its beginning each room has one message more.
        let deliveries = (topics * (MESSAGES_EACH + 1)) as u64;
        let until = Instant::now() + PHASE;
        while tally.deliveries.value() < deliveries && Instant::now() < until {
            sleep(Duration::from_millis(10)).await;
        }
        print_time("of them received", topics * MESSAGES_EACH, began);

        let (mut findings, rules) = (None, Rules { reasons: &[], is_shared: true });
        for ((crowd, scene), sent) in crowds.into_iter().zip(&scenes).zip(&sent) {
            let Some(last) = sent.last().map(|sent| sent.cursor) else { continue };
            let listeners = crowd.reach(last, Patience::CALM).await;
            let found = report::check(listeners, scene, sent, rules, last);
            match &mut findings {
                None => findings = Some(found),
                Some(findings) => findings.add(found),
            }
        }
        Ok(report::conclude(&findings.unwrap_or_default()))
    }

    /// Gives one topic many listeners, half of them on each node.
    async fn one_topic(&self, listeners: usize) -> io::Result<bool> {
        let name: Arc<str> = "all".into();
        let (scene, feed) = (Arc::new(Scene::default()), Feed::Room(Arc::clone(&name)));
        open(self.addresses[0], &name).await?;
        let (mut crowd, began) = (Crowd::new(), Instant::now());
        for n in 0..listeners {
            let listener = Listener::new(n, self.addresses[n % NODES], &scene, self.seed);
            crowd.add(listener.on(feed.clone()));
            if n % AT_ONCE == 0 {
                sleep(Duration::from_millis(10)).await;
            }
        }
        self.wait_for_streams(&scene.tally, listeners).await?;
        print_time("listeners of one topic", listeners, began);
        self.print_memory("with them");
        let began = Instant::now();
        let sent = publish(&feed, self.addresses[0], &scene, MESSAGES).await?;
        let Some(last) = sent.last().map(|sent| sent.cursor) else { return Ok(true) };
        let patience = Patience { connection: PHASE, total: PHASE };
        let crowd = crowd.reach(last, patience).await;
        print_time("messages to each", MESSAGES, began);
        let rules = Rules { reasons: &[], is_shared: true };
        Ok(report::conclude(&report::check(crowd, &scene, &sent, rules, last)))
    }

    async fn wait_for_streams(&self, tally: &Tally, wanted: usize) -> io::Result<()> {
        let began = Instant::now();
        while tally.open.value() < wanted as u64 {
            if began.elapsed() > PHASE {
                let open = &tally.open;
                return Err(io::Error::other(format!("{open} of {wanted} streams are open")));
            }
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    fn print_memory(&self, when: &str) {
        let (nodes, engine) = (self.nodes.memory_kib() / 1_024, self.cluster.memory_kib() / 1_024);
        print(format!("  memory {when:<13} {nodes} MiB in both nodes, {engine} MiB in the engine"));
    }
}

/// Returns the name of a room.
fn room(number: usize) -> Arc<str> {
    format!("room-{number}").into()
}

/// Returns what the listeners of one topic share; the counts are those of all topics.
fn scene(tally: &Arc<Tally>) -> Scene {
    let (messages, is_listening) = (Messages::default(), AtomicBool::new(true));
    Scene { messages, tally: Arc::clone(tally), is_listening }
}

/// Makes a room.
async fn open(node: SocketAddr, room: &str) -> io::Result<()> {
    let mut last = String::new();
    for _ in 0..ATTEMPTS {
        match call(node, &create(node, room)).await {
            Ok((200, _)) => return Ok(()),
            Ok((status, body)) => last = format!("{status}: {}", String::from_utf8_lossy(&body)),
            Err(error) => last = error.to_string(),
        }
        sleep(Duration::from_millis(100)).await;
    }
    Err(io::Error::other(format!("the room {room} was not made: {last}")))
}

async fn publish(
    feed: &Feed,
    node: SocketAddr,
    scene: &Scene,
    count: usize,
) -> io::Result<Vec<Acknowledged>> {
    let mut sent = Vec::with_capacity(count);
    for n in 0..count {
        sent.push(send_until_acknowledged(feed, &[node], &format!("m{n}"), scene).await?);
    }
    Ok(sent)
}

/// Does so many pieces of work, some at once. Returns the results in their order.
async fn in_parallel<T, F>(count: usize, work: impl Fn(usize) -> F) -> io::Result<Vec<T>>
where
    T: Send + 'static,
    F: Future<Output = io::Result<T>> + Send + 'static,
{
    let (mut running, mut done) = (JoinSet::new(), Vec::with_capacity(count));
    for n in 0..count {
        if running.len() == AT_ONCE {
            done.extend(running.join_next().await);
        }
        let work = work(n);
        running.spawn(async move { (n, work.await) });
    }
    while let Some(next) = running.join_next().await {
        done.push(next);
    }
    let done = done.into_iter().map(|next| next.map_err(io::Error::other));
    let mut done = done.collect::<io::Result<Vec<_>>>()?;
    done.sort_by_key(|(n, _)| *n);
    done.into_iter().map(|(_, result)| result).collect()
}

fn print_time(what: &str, count: usize, began: Instant) {
    print(format!("  {what:<20} {count} in {:.2} s", began.elapsed().as_secs_f32()));
}
