//! The disk gets full under a running server: publishing fails with an error, listeners go on, and
//! after a restart everything is there that was acknowledged.

use std::{io, process::Stdio, sync::Arc, time::Duration};

use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    process::Command,
    time::{sleep, timeout},
};

use load::{console::print, machine::stable_address};

use crate::{
    actor::{
        Answer, App, Crowd, Feed, Listener, Patience, Scene, app, send, send_until_acknowledged,
    },
    plan::Plan,
    record::{Acknowledged, Reason, Rules},
    report,
};

const LISTENERS: usize = 50;

/// The longest that a file may become: some 90 of the messages below.
const FILE_BLOCKS_MAX: u64 = 128;

/// The longest text that Send takes.
const TEXT_CHARS: usize = 500;

/// So many failures in a row are a full disk, not an accident.
const FAILURES: usize = 20;

/// More would not fit, whatever the store does.
const SENDS_MAX: usize = 2_000;

/// Runs it, and returns whether the promise held.
pub(crate) async fn run(plan: &Plan) -> io::Result<bool> {
    let home = TempDir::new()?;
    let app = App::new(&plan.binary, home.path())?;
    let full = App { file_blocks_max: Some(FILE_BLOCKS_MAX), ..app.clone() };
    let mut held = in_use(&app).await?;

    let scene = Arc::new(Scene::default());
    let server = full.start().await?;
    let mut crowd = Crowd::new();
    for number in 0..LISTENERS {
        crowd.add(Listener::new(number, full.address, &scene, plan.seed));
    }
    while scene.tally.open.value() < LISTENERS as u64 {
        sleep(Duration::from_millis(10)).await;
    }
    let filled = fill(&full).await?;
    let (open, failures) = (scene.tally.open.value(), filled.failures.len());
    server.kill().await?;

    let server = app.start().await?;
    let mut acknowledged = filled.acknowledged;
    let before = acknowledged.len();
    // What failed is tried again, as a client would: it is there once.
    for token in &filled.failures {
        let sent = send_until_acknowledged(&Feed::Chat, &[app.address], token, &scene).await?;
        acknowledged.push(sent);
    }
    let last = send_until_acknowledged(&Feed::Chat, &[app.address], "the last", &scene).await?;
    let end = last.cursor;
    acknowledged.push(last);
    let crowd = crowd.reach(end, Patience::CALM).await;
    server.kill().await?;

    print(format!("  acknowledged         {before} until the disk was full"));
    print(format!("  failed               {failures} with a problem document, none with 200"));
    print(format!("  streams open then    {open} of {LISTENERS}"));
    print("  a second process     exits, and reports that the directory is in use");
    let rules = Rules { reasons: &[Reason::Trimmed], is_shared: false };
    let findings = report::check(crowd, &scene, &acknowledged, rules, end);
    held &= report::conclude(&findings);
    if open != LISTENERS as u64 {
        print("VIOLATION a full disk ended streams");
        held = false;
    }
    if !held {
        report::keep(home);
    }
    Ok(held)
}

/// The messages that were sent while the disk filled up.
struct Filled {
    acknowledged: Vec<Acknowledged>,
    /// The tokens of those that failed.
    failures: Vec<String>,
}

/// Sends until the disk is full.
async fn fill(app: &App) -> io::Result<Filled> {
    let mut filled = Filled { acknowledged: Vec::new(), failures: Vec::new() };
    for n in 0..SENDS_MAX {
        let token = format!("{n:-<TEXT_CHARS$}");
        match send(&Feed::Chat, app.address, &token).await? {
            Answer::Sent(sent) => filled.acknowledged.push(sent),
            Answer::Refused(status, body) => {
                let problem: Value = serde_json::from_str(&body)?;
                if !matches!(status, 500 | 503) || problem["status"] != status {
                    return Err(io::Error::other(format!("Send answered {status}: {body}")));
                }
                filled.failures.push(token);
            }
        }
        if filled.failures.len() == FAILURES {
            return Ok(filled);
        }
    }
    Err(io::Error::other(format!("the disk was not full after {SENDS_MAX} messages")))
}

/// Checks that a second process on the same directory exits, and reports why.
async fn in_use(app: &App) -> io::Result<bool> {
    let server = app.start().await?;
    let second = App { address: stable_address()?, ..app.clone() };
    let mut command = Command::from(second.command());
    command.kill_on_drop(true);
    let output = command.stdout(Stdio::null()).stderr(Stdio::piped()).output();
    let late = |_| io::Error::other("a second process on the same directory runs");
    let output = timeout(Duration::from_secs(20), output).await.map_err(late)??;
    let reported = String::from_utf8_lossy(&output.stderr);
    app::stop(server).await?;
    let is_clear =
        !output.status.success() && reported.contains("in use") && reported.contains("data");
    if !is_clear {
        print(format!("VIOLATION a second process ended with {}: {reported}", output.status));
    }
    Ok(is_clear)
}
