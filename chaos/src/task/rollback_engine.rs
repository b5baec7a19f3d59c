//! An engine loses what it has acknowledged, and two nodes write on: its files are replaced by an
//! older copy, or the end of its file is cut off. Listeners that have read what is lost read a gap
//! because the histories diverged, connected or not, and no other listener does.

use std::{collections::HashSet, io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use fastrand::Rng;
use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use load::{Cursor, console::print};

use crate::{
    actor::{
        Crowd, Feed, Listener, Nodes, Patience, Scene, reach_in_turn, send_until_acknowledged,
    },
    engine::{Cluster, Sync},
    plan::{Plan, RollbackEngine},
    record::{Acknowledged, Entry, Reason, Rules},
    report,
};

const NODES: usize = 2;

/// How many listeners there are of each kind.
const LISTENERS: usize = 4;

/// The longest time until a connected listener reads that the log diverged.
const NOTICE: Duration = Duration::from_secs(5);

/// Redis has synced what it acknowledged so long ago, also if it postpones a write.
const SYNCED: Duration = Duration::from_secs(3);

/// Runs it, and returns whether every listener read the truth every time.
pub(crate) async fn run(plan: &Plan, task: &RollbackEngine) -> io::Result<bool> {
    let (home, mut rng) = (TempDir::new()?, Rng::with_seed(plan.seed));
    let sync = if task.cuts_tail { Sync::EverySecond } else { Sync::Always };
    let mut cluster = Cluster::start(&task.engine, home.path(), sync).await?;
    let urls = [(); NODES].map(|()| cluster.url(&cluster.addresses()));
    let nodes = Nodes::start(&plan.binary, home.path(), &urls, task.cuts_tail).await?;
    if task.cuts_tail {
        send_until_acknowledged(&Feed::Chat, &nodes.addresses(), "the first", &Scene::default())
            .await?;
        sleep(SYNCED).await;
    }
    let mut all = Verdicts::default();
    for number in 1..=task.trials {
        let mut trial = Trial {
            number,
            seed: rng.u64(..),
            addresses: nodes.addresses(),
            scene: Arc::default(),
            acknowledged: Vec::new(),
        };
        let verdicts = trial.run(&mut cluster, task.cuts_tail, home.path(), &mut rng).await?;
        all.add(&verdicts);
        if !verdicts.are_right {
            print(format!("in trial {number}"));
            report::keep(home);
            return Ok(false);
        }
    }
    print(format!("  trials               {}", task.trials));
    print(format!(
        "  `diverged`           {} of {} listeners that had read what is lost",
        all.diverged, all.had_read
    ));
    print(format!("  `diverged` by error  {} of {} others", all.wrongly, all.others));
    print(format!(
        "  while connected      {} of them, at most {:.2} s after the engine was ready",
        task.trials * LISTENERS,
        all.slowest.as_secs_f32()
    ));
    Ok(true)
}

/// What listeners read after the engine lost messages.
#[derive(Debug)]
struct Verdicts {
    are_right: bool,
    /// Listeners that had read what is lost, and how many of them read `diverged`.
    had_read: usize,
    diverged: usize,
    /// The others, and how many of them read a gap all the same.
    others: usize,
    wrongly: usize,
    /// When the last connected listener read it.
    slowest: Duration,
}

impl Default for Verdicts {
    fn default() -> Self {
        let slowest = Duration::ZERO;
        Self { are_right: true, had_read: 0, diverged: 0, others: 0, wrongly: 0, slowest }
    }
}

impl Verdicts {
    fn add(&mut self, other: &Self) {
        self.are_right &= other.are_right;
        self.had_read += other.had_read;
        self.diverged += other.diverged;
        self.others += other.others;
        self.wrongly += other.wrongly;
        self.slowest = self.slowest.max(other.slowest);
    }

    /// Takes in what a listener read since it had so many entries. `lost` are the numbers of the
    /// messages that are lost: a node that has not noticed the loss yet still sends them.
    fn judge(&mut self, listener: &Listener, before: usize, lost: &HashSet<u32>) {
        let entries = &listener.record().entries;
        let is_lost = |entry: &Entry| matches!(entry, Entry::Message(n) if lost.contains(n));
        let has_read = entries.iter().any(is_lost);
        let gaps = entries[before..].iter().filter_map(|entry| match entry {
            Entry::Gap(gap) => Some(gap.reason),
            _ => None,
        });
        let gaps: Vec<_> = gaps.collect();
        if has_read {
            self.had_read += 1;
            self.diverged += usize::from(gaps == [Reason::Diverged]);
        } else {
            self.others += 1;
            self.wrongly += usize::from(!gaps.is_empty());
        }
        self.are_right = self.had_read == self.diverged && self.wrongly == 0;
    }
}

struct Trial {
    number: usize,
    seed: u64,
    addresses: Arc<[SocketAddr]>,
    scene: Arc<Scene>,
    /// What is not lost.
    acknowledged: Vec<Acknowledged>,
}

impl Trial {
    async fn run(
        &mut self,
        cluster: &mut Cluster,
        cuts_tail: bool,
        home: &Path,
        rng: &mut Rng,
    ) -> io::Result<Verdicts> {
        let copy = home.join("copy");
        let mut retained = self.publish("retained", rng.usize(1..8)).await?;
        let mut away = self.listeners(0);
        reach_in_turn(&mut away, last(&retained)?).await?;
        if !cuts_tail {
            cluster.snapshot(&copy)?;
        }
        // Listeners hold the position before the loss, one within it, and the one after it.
        let mut lost = self.publish("lost", rng.usize(1..5)).await?;
        let mut within = self.listeners(1);
        reach_in_turn(&mut within, last(&lost)?).await?;
        lost.extend(self.publish("lost too", rng.usize(1..5)).await?);
        let (mut after, mut connected) = (self.listeners(2), self.listeners(3));
        reach_in_turn(&mut after, last(&lost)?).await?;
        reach_in_turn(&mut connected, last(&lost)?).await?;
        away.extend(within);
        away.extend(after);
        let [away_before, connected_before] = [&away, &connected].map(|group| before(group));
        let mut crowd = Crowd::new();
        connected.into_iter().for_each(|listener| crowd.add(listener));
        self.wait_until(|scene| scene.tally.open.value() == LISTENERS as u64).await;

        let last_left = if cuts_tail {
            cluster.cut_tail(rng.usize(1..=lost.len())).await?
        } else {
            cluster.restore(&copy).await?;
            last(&retained)?.seq
        };
        let ready = Instant::now();
        // The nodes notice it by themselves, or as they publish.
        if rng.bool() {
            self.wait_until(|scene| scene.tally.gaps.value() == LISTENERS as u64).await;
        }
        let others = self.publish("other", rng.usize(1..12)).await?;
        let end = last(&others)?;
        reach_in_turn(&mut away, end).await?;
        let mut connected = crowd.reach(end, Patience::CALM).await;
        connected.sort_by_key(|listener| listener.record().listener);

        let mut verdicts = Verdicts::default();
        // Redis may lose more than was cut: it acknowledges what it has not written yet.
        let is_lost = |cursor: &Cursor| {
            cursor.seq > last_left && others.iter().all(|other| other.cursor != *cursor)
        };
        retained.retain(|sent| sent.cursor.seq <= last_left);
        let messages = self.scene.messages.all();
        let lost = messages.iter().zip(0..).filter(|(message, _)| is_lost(&message.cursor));
        let lost: HashSet<u32> = lost.map(|(_, number)| number).collect();
        for (listener, before) in away.iter().zip(away_before) {
            verdicts.judge(listener, before, &lost);
        }
        for (listener, before) in connected.iter().zip(connected_before) {
            verdicts.judge(listener, before, &lost);
            let late = listener.gap_at().map(|at| at.saturating_duration_since(ready));
            verdicts.slowest = verdicts.slowest.max(late.unwrap_or(Duration::MAX));
            let connections = listener.record().entries[before..].iter();
            let connections = connections.filter(|entry| matches!(entry, Entry::Ready(_))).count();
            if connections != 1 {
                print(format!("VIOLATION a connected listener had {connections} connections"));
                verdicts.are_right = false;
            }
        }
        if verdicts.slowest > NOTICE {
            print(format!("VIOLATION `diverged` came after {:?}", verdicts.slowest));
            verdicts.are_right = false;
        }
        away.extend(connected);
        self.acknowledged.extend(retained.into_iter().chain(others));
        let rules = Rules { reasons: &[Reason::Diverged], is_shared: true };
        let findings = report::check(away, &self.scene, &self.acknowledged, rules, end);
        if !verdicts.are_right || !findings.violations.is_empty() {
            print(format!("{verdicts:?}, the last message that is left is {last_left}"));
            verdicts.are_right = report::conclude(&findings) && verdicts.are_right;
        }
        Ok(verdicts)
    }

    /// Publishes so many messages, one after the other.
    async fn publish(&self, word: &str, count: usize) -> io::Result<Vec<Acknowledged>> {
        let mut sent = Vec::with_capacity(count);
        for n in 0..count {
            let token = format!("{word} {n} of trial {}", self.number);
            let nodes = &self.addresses;
            sent.push(send_until_acknowledged(&Feed::Chat, nodes, &token, &self.scene).await?);
        }
        Ok(sent)
    }

    fn listeners(&self, group: usize) -> Vec<Listener> {
        let from = group * LISTENERS;
        let new = |number| {
            let listener = Listener::new(number, self.addresses[0], &self.scene, self.seed);
            listener.among(&self.addresses, number)
        };
        (from..from + LISTENERS).map(new).collect()
    }

    /// Waits until this holds, but not for longer than a node may take to notice a loss.
    async fn wait_until(&self, holds: impl Fn(&Scene) -> bool) {
        let until = Instant::now() + NOTICE;
        while !holds(&self.scene) && Instant::now() < until {
            sleep(Duration::from_millis(10)).await;
        }
    }
}

/// Returns how many entries each listener has.
fn before(listeners: &[Listener]) -> Vec<usize> {
    listeners.iter().map(|listener| listener.record().entries.len()).collect()
}

fn last(sent: &[Acknowledged]) -> io::Result<Cursor> {
    let last = sent.last().map(|sent| sent.cursor);
    last.ok_or_else(|| io::Error::other("nothing was published"))
}
