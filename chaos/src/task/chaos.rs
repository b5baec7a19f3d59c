//! Listeners and publishers behind a proxy that cuts, over a server that is killed, again and
//! again. Then the faults end, all listeners catch up, and every record is checked.

use std::{io, sync::Arc, time::Duration};

use fastrand::Rng;
use tempfile::TempDir;
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, sleep},
};

use load::{Server, console::print};

use crate::{
    actor::{
        App, Crowd, Feed, Listener, Patience, Proxy, Scene, app, publish, send_until_acknowledged,
    },
    plan::{Chaos, Plan},
    record::{Acknowledged, Reason, Rules},
    report,
};

/// The pause of one publisher. Four of them publish some 10 messages a second: the room, which
/// retains 100, has those of 10 s, which is longer than any outage here and shorter than a nap.
pub(super) const PAUSE: Duration = Duration::from_millis(400);

/// How often the run prints its progress.
pub(super) const PROGRESS: Duration = Duration::from_secs(5);

/// Runs it, and returns whether the promise held.
pub(crate) async fn run(plan: &Plan, chaos: Chaos) -> io::Result<bool> {
    let Chaos { seconds, listeners, publishers, sleeper_every } = chaos;
    let home = TempDir::new()?;
    let app = App::new(&plan.binary, home.path())?;
    let scene = Arc::new(Scene::default());
    let mut rng = Rng::with_seed(plan.seed);
    let server = app.start().await?;
    let proxy = Proxy::start(app.address, rng.u64(..), &scene)?;
    let mut crowd = Crowd::new();
    for number in 0..listeners {
        let listener = Listener::new(number, proxy.address(), &scene, plan.seed);
        let is_sleeper = number % sleeper_every == sleeper_every - 1;
        crowd.add(if is_sleeper { listener.sleeper() } else { listener });
    }
    let (stop, stopped) = watch::channel(false);
    let mut publishing = JoinSet::new();
    for number in 0..publishers {
        let (scene, stopped) = (Arc::clone(&scene), stopped.clone());
        publishing.spawn(publish(
            number,
            [proxy.address()].into(),
            scene,
            PAUSE,
            stopped,
            rng.fork(),
        ));
    }

    let fire = Fire { app: &app, scene: &scene, until: Duration::from_secs(seconds) };
    let (server, restarts) = fire.rage(server, &mut rng).await?;
    stop.send_replace(true);
    proxy.calm_down();
    let mut acknowledged = Vec::new();
    while let Some(published) = publishing.join_next().await {
        acknowledged.extend(published.map_err(io::Error::other)??);
    }
    let calm = Instant::now();
    let last = send_until_acknowledged(&Feed::Chat, &[app.address], "the last", &scene).await?;
    let end = last.cursor;
    acknowledged.push(last);
    let crowd = crowd.reach(end, Patience::CALM).await;
    server.kill().await?;

    let slowest = crowd.iter().filter_map(Listener::reached).max().unwrap_or(calm);
    print_counts(&scene, restarts, &acknowledged, slowest - calm);
    let rules = Rules { reasons: &[Reason::Trimmed], is_shared: false };
    let findings = report::check(crowd, &scene, &acknowledged, rules, end);
    let held = report::conclude(&findings);
    if !held {
        report::keep(home);
    }
    Ok(held)
}

/// How often the server was ended, and how.
#[derive(Clone, Copy, Debug, Default)]
struct Restarts {
    kills: u32,
    drains: u32,
}

/// The time with faults.
struct Fire<'a> {
    app: &'a App,
    scene: &'a Scene,
    until: Duration,
}

impl Fire<'_> {
    /// Kills and restarts the server until the time is over; returns the one that runs then.
    async fn rage(&self, mut server: Server, rng: &mut Rng) -> io::Result<(Server, Restarts)> {
        let (began, mut printed, mut restarts) =
            (Instant::now(), Instant::now(), Restarts::default());
        loop {
            let left = self.until.saturating_sub(began.elapsed());
            if left.is_zero() {
                return Ok((server, restarts));
            }
            sleep(Duration::from_millis(rng.u64(2_000..6_000)).min(left)).await;
            // Now and then it is asked to end: then its clients read when to come back.
            if rng.u8(0..6) == 0 {
                app::stop(server).await?;
                restarts.drains += 1;
            } else {
                server.kill().await?;
                restarts.kills += 1;
            }
            server = self.app.start().await?;
            if printed.elapsed() >= PROGRESS {
                printed = Instant::now();
                self.progress(began.elapsed(), restarts);
            }
        }
    }

    fn progress(&self, elapsed: Duration, restarts: Restarts) {
        let tally = &self.scene.tally;
        print(format!(
            "{:4} s: {} kills, {} cuts, {} messages, {} deliveries, {} streams open",
            elapsed.as_secs(),
            restarts.kills,
            tally.cuts,
            tally.acknowledged,
            tally.deliveries,
            tally.open,
        ));
    }
}

fn print_counts(
    scene: &Scene,
    restarts: Restarts,
    acknowledged: &[Acknowledged],
    slowest: Duration,
) {
    let tally = &scene.tally;
    print(format!(
        "  kill -9, restarts    {}, and {} after SIGTERM",
        restarts.kills, restarts.drains
    ));
    print(format!("  connections cut      {}, {} half-closed", tally.cuts, tally.half_closes));
    print(format!("  slowed               {} delayed, {} dripped", tally.delays, tally.drips));
    print(format!("  502s, proxy away     {}, {} times", tally.bad_gateways, tally.absences));
    print(format!(
        "  acknowledged         {} ({} retries)",
        acknowledged.len(),
        tally.send_retries
    ));
    print(format!(
        "  connections          {}, {} without a stream",
        tally.connections, tally.failed
    ));
    print(format!("  all caught up after  {:.2} s", slowest.as_secs_f32()));
}
