//! Ten thousand listeners, one restart, and all come back: no listener is refused once the server
//! listens again, and each reads exactly what it missed.

use std::{
    io,
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use load::{console::print, machine::raise_open_files};

use crate::{
    actor::{App, Crowd, Feed, Listener, Patience, Scene, app, send_until_acknowledged},
    engine::{Cluster, Program, Sync},
    plan::Plan,
    record::{Acknowledged, Count, Rules},
    report,
};

/// Messages before the restart, and during it: together fewer than the room retains, so that
/// nothing may be missing.
const BEFORE: usize = 20;
const DURING: usize = 60;

/// From when the server is asked to end: the old one answers, none does, the new one does.
const DURING_PAUSE: Duration = Duration::from_millis(50);

/// How many listeners come in one millisecond while the storm is set up.
const ARRIVALS_PER_MS: usize = 4;

/// Addresses to come from: one has some 28,000 ports.
const SOURCES: usize = 8;

/// Files of this process that are not connections of listeners.
const FILES_SPARE: u64 = 500;

/// How long any phase may take.
const PHASE: Duration = Duration::from_secs(120);

/// Runs it, and returns whether the promise held.
pub(crate) async fn run(plan: &Plan, wanted: usize, engine: Option<&Program>) -> io::Result<bool> {
    let files = raise_open_files().saturating_sub(FILES_SPARE);
    let listeners = wanted.min(usize::try_from(files).unwrap_or(usize::MAX));
    if listeners < wanted {
        print(format!("{wanted} listeners were asked for, RLIMIT_NOFILE allows {listeners}"));
    }
    let home = TempDir::new()?;
    let mut app = App::new(&plan.binary, home.path())?;
    let cluster = match engine {
        Some(program) => Some(Cluster::start(program, home.path(), Sync::Always).await?),
        None => None,
    };
    app.engine = cluster.as_ref().map(|cluster| cluster.url(&cluster.addresses()));
    let scene = Arc::new(Scene::default());
    let server = app.start().await?;
    scene.is_listening.store(true, Ordering::Release);
    let mut crowd = Crowd::new();
    for number in 0..listeners {
        let source = u8::try_from(2 + number % SOURCES).unwrap_or(2);
        let source = IpAddr::V4(Ipv4Addr::new(127, 0, 0, source));
        crowd.add(Listener::new(number, app.address, &scene, plan.seed).from(source));
        if number % ARRIVALS_PER_MS == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    }
    wait_until("open streams", &scene.tally.open, listeners as u64).await?;
    print(format!("{listeners} listeners are connected"));
    let mut acknowledged = publish(&app, &scene, "before", BEFORE, Duration::ZERO).await?;
    let (connections, failed) = (scene.tally.connections.value(), scene.tally.failed.value());

    let restarting = Instant::now();
    let restart = async {
        scene.is_listening.store(false, Ordering::Release);
        app::stop(server).await?;
        let ended = restarting.elapsed();
        let server = app.start().await?;
        scene.is_listening.store(true, Ordering::Release);
        let listening = restarting.elapsed();
        // A stream that has not noticed its end yet counts as open: each listener comes anew.
        let came = connections + listeners as u64;
        wait_until("connections", &scene.tally.connections, came).await?;
        wait_until("open streams", &scene.tally.open, listeners as u64).await?;
        io::Result::Ok((server, [ended, listening, restarting.elapsed()]))
    };
    let publishing = publish(&app, &scene, "during", DURING, DURING_PAUSE);
    let ((server, [ended, listening, back]), during) = tokio::try_join!(restart, publishing)?;
    acknowledged.extend(during);
    let last = send_until_acknowledged(&Feed::Chat, &[app.address], "the last", &scene).await?;
    let end = last.cursor;
    acknowledged.push(last);
    let patience = Patience { connection: PHASE, total: PHASE };
    let crowd = crowd.reach(end, patience).await;
    server.kill().await?;

    let tally = &scene.tally;
    print(format!("  listeners            {listeners}"));
    print(format!("  old server ended     {:.2} s after SIGTERM", ended.as_secs_f32()));
    print(format!("  new server listened  {:.2} s after SIGTERM", listening.as_secs_f32()));
    print(format!("  all were back        {:.2} s after SIGTERM", back.as_secs_f32()));
    print(format!("  connections          {}", tally.connections.value() - connections));
    print(format!(
        "  ended before ready   {} (refused ones included)",
        tally.failed.value() - failed
    ));
    print(format!("  refused              {} while no server listened", tally.refused));
    print(format!("  refused wrongly      {} begun after it listened", tally.refused_wrongly));
    print(format!(
        "  acknowledged         {} ({} retries)",
        acknowledged.len(),
        tally.send_retries
    ));
    let rules = Rules { reasons: &[], is_shared: cluster.is_some() };
    let findings = report::check(crowd, &scene, &acknowledged, rules, end);
    let held = report::conclude(&findings) && tally.refused_wrongly.value() == 0;
    if !held {
        report::keep(home);
    }
    Ok(held)
}

/// Waits until there are so many.
async fn wait_until(what: &str, count: &Count, wanted: u64) -> io::Result<()> {
    let began = Instant::now();
    while count.value() < wanted {
        if began.elapsed() > PHASE {
            return Err(io::Error::other(format!("{count} of {wanted} {what}")));
        }
        sleep(Duration::from_millis(10)).await;
    }
    Ok(())
}

async fn publish(
    app: &App,
    scene: &Scene,
    phase: &str,
    count: usize,
    pause: Duration,
) -> io::Result<Vec<Acknowledged>> {
    let mut acknowledged = Vec::with_capacity(count);
    for n in 0..count {
        let token = format!("{phase}-{n}");
        let sent = send_until_acknowledged(&Feed::Chat, &[app.address], &token, scene).await?;
        acknowledged.push(sent);
        sleep(pause).await;
    }
    Ok(acknowledged)
}
