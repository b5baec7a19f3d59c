//! The data is restored from an older copy, and written on: listeners that read what is lost read a
//! gap because the histories diverged, and the others resume.

use std::{io, sync::Arc};

use fastrand::Rng;
use tempfile::TempDir;

use load::console::print;

use crate::{
    actor::{App, Feed, Listener, Scene, app, reach_in_turn, send_until_acknowledged},
    engine::copy,
    plan::Plan,
    record::{Entry, Reason, Record, Resume, Rules},
    report,
};
use load::Cursor;

/// How many listeners see what is lost, and how many do not.
const LISTENERS: usize = 4;

/// Runs it, and returns whether every listener read the truth every time.
pub(crate) async fn run(plan: &Plan, trials: usize) -> io::Result<bool> {
    let mut rng = Rng::with_seed(plan.seed);
    let (mut diverged, mut resumed) = (0, 0);
    for number in 1..=trials {
        let home = TempDir::new()?;
        let app = App::new(&plan.binary, home.path())?;
        let verdicts = Trial { app, seed: plan.seed }.run(&mut rng).await?;
        diverged += verdicts.diverged;
        resumed += verdicts.resumed;
        if !verdicts.is_right {
            print(format!("in trial {number}"));
            report::keep(home);
            return Ok(false);
        }
    }
    print(format!("  trials               {trials}"));
    print(format!(
        "  `diverged`           {diverged} of {}, which had read what is lost",
        trials * LISTENERS
    ));
    print(format!("  `resumed`            {resumed} of {}, which had not", trials * LISTENERS));
    Ok(true)
}

/// What the listeners of one trial read.
struct Verdicts {
    is_right: bool,
    diverged: usize,
    resumed: usize,
}

struct Trial {
    app: App,
    seed: u64,
}

impl Trial {
    async fn run(&self, rng: &mut Rng) -> io::Result<Verdicts> {
        let scene = Arc::new(Scene::default());
        let backup = self.app.home.join("backup");

        let server = self.app.start().await?;
        let retained = self.publish(&scene, "retained", rng.usize(1..8)).await?;
        app::stop(server).await?;
        copy(&self.app.data(), &backup)?;

        let server = self.app.start().await?;
        let mut unaware = self.listeners(&scene, 0);
        reach_in_turn(&mut unaware, retained).await?;
        let lost = self.publish(&scene, "lost", rng.usize(1..8)).await?;
        let mut aware = self.listeners(&scene, LISTENERS);
        reach_in_turn(&mut aware, lost).await?;
        server.kill().await?;
        copy(&backup, &self.app.data())?;

        // Fewer, as many, or more than were lost.
        let server = self.app.start().await?;
        let last = self.publish(&scene, "other", rng.usize(1..12)).await?;
        reach_in_turn(&mut unaware, last).await?;
        reach_in_turn(&mut aware, last).await?;
        server.kill().await?;

        let diverged =
            aware.iter().filter(|one| last_verdict(one.record()) == Some(Reason::Diverged));
        let resumed = unaware.iter().filter(|one| last_verdict(one.record()).is_none());
        let (diverged, resumed) = (diverged.count(), resumed.count());
        aware.extend(unaware);
        let rules = Rules { reasons: &[Reason::Diverged], is_shared: false };
        let findings = report::check(aware, &scene, &[], rules, last);
        let is_right =
            diverged == LISTENERS && resumed == LISTENERS && findings.violations.is_empty();
        if !is_right {
            print(format!(
                "{diverged} read `diverged` and {resumed} `resumed`, of {LISTENERS} each"
            ));
            report::conclude(&findings);
        }
        Ok(Verdicts { is_right, diverged, resumed })
    }

    /// Publishes so many messages, and returns the position after the last.
    async fn publish(&self, scene: &Scene, word: &str, count: usize) -> io::Result<Cursor> {
        let mut last = None;
        for n in 0..count {
            let token = format!("{word}-{n}");
            let nodes = [self.app.address];
            let sent = send_until_acknowledged(&Feed::Chat, &nodes, &token, scene).await?;
            last = Some(sent.cursor);
        }
        last.ok_or_else(|| io::Error::other("nothing was published"))
    }

    fn listeners(&self, scene: &Arc<Scene>, from: usize) -> Vec<Listener> {
        let new = |number| Listener::new(number, self.app.address, scene, self.seed);
        (from..from + LISTENERS).map(new).collect()
    }
}

/// Returns the gap that the last connection began with, or `None` if it began without one.
fn last_verdict(record: &Record) -> Option<Reason> {
    let mut entries = record.entries.iter().rev();
    let gap = entries.clone().find_map(|entry| match entry {
        Entry::Gap(gap) => Some(gap.reason),
        _ => None,
    });
    let resume = entries.find_map(|entry| match entry {
        Entry::Ready(ready) => Some(ready.resume),
        _ => None,
    });
    gap.filter(|_| resume == Some(Resume::Gap))
}
