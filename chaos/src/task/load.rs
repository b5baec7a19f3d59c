//! Many visitors of a server with sessions, a rate and a limit of calls at once: nothing leaks, the
//! limits hold, and each admitted call finishes.

use std::{io, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep},
};

use load::{
    console::print,
    http::{Request, call},
    machine,
};

use crate::{
    actor::{App, Visitor, Visits, app},
    plan::{self, Plan},
    report,
};

/// Calls of `load.Work` at once.
const WORK_MAX: u64 = 64;

/// Calls of `load.Work` that run when the server is asked to end: no more than it admits.
const LAST_CALLS: u64 = 48;
const LAST_CALL: &[u8] = br#"{"number":4711,"ms":600}"#;

/// How long the last calls take to arrive.
const ARRIVAL: Duration = Duration::from_millis(300);

/// How long the visitors come before the first measurement: this part of the whole time.
const WARM_UP_PART: u64 = 4;

/// How long connections that clients have closed may take to end.
const SETTLE: Duration = Duration::from_secs(10);

/// How much more the server may have at the end than after the warm-up. Files: those of the database.
const FILES_MORE_MAX: f64 = 16.0;
const TASKS_MORE_MAX: f64 = 4.0;

/// Memory beyond the growth of the database's own buffers, of its caches and of the allocator.
const MEMORY_MORE_MAX: f64 = 96.0 * 1024.0 * 1024.0;

/// What a server has while no visitor is connected.
#[derive(Clone, Copy, Debug)]
struct Usage {
    memory: f64,
    files: f64,
    connections: f64,
    tasks: f64,
    numbers: Numbers,
}

/// What the server counts itself.
#[derive(Clone, Copy, Debug)]
struct Numbers {
    admitted: u64,
    finished: u64,
    peak: u64,
    tasks: u64,
}

/// Runs it, and returns whether the promise held.
pub(crate) async fn run(plan: &Plan, load: plan::Load) -> io::Result<bool> {
    let home = TempDir::new()?;
    let mut app = App::new(&plan.binary, home.path())?;
    let admin = machine::stable_address()?;
    app.admin = Some(admin);
    let server = app.start().await?;
    let visits = Arc::<Visits>::default();
    let new = |number| Visitor::new(number, app.address, plan.seed, &visits);
    let mut visitors: Vec<_> = (0..load.connections).map(new).collect();

    let warm_up = (load.seconds / WARM_UP_PART).max(1);
    let began = Instant::now();
    visitors = visit(visitors, Duration::from_secs(warm_up)).await?;
    let before = usage(app.address, admin).await?;
    print_usage("after the warm-up", &before, signed_in(&visitors));
    visitors = visit(visitors, Duration::from_secs(load.seconds)).await?;
    let after = usage(app.address, admin).await?;
    let held = signed_in(&visitors);
    print_usage("at the end", &after, held);
    let elapsed = began.elapsed();

    let cookie = sign_in(app.address).await?;
    let last = last_calls(app.address, &cookie);
    let stop = async {
        sleep(ARRIVAL).await;
        app::stop(server).await
    };
    let (last, status) = tokio::join!(last, stop);
    let (last, status) = (last?, status?);
    // The one that signed in for the last calls is in the store too.
    let (stored, expected) = (sessions(&app.data())?, held + 1);

    print(format!(
        "  visitors             {} for {:.0} s",
        load.connections,
        elapsed.as_secs_f32()
    ));
    print(format!("  calls                {}, and {} broken ones", visits.calls, visits.broken));
    print(format!("  slow bodies          {}", visits.slow_bodies));
    print(format!("  ended in the middle  {}", visits.aborted));
    print(format!("  sign-ins, sign-outs  {}, {}", visits.sign_ins, visits.sign_outs));
    print(format!("  refused by the rate  {} (429)", visits.refused_rate));
    print(format!("  refused as too many  {} (503)", visits.refused_busy));
    let Numbers { admitted, finished, peak, .. } = after.numbers;
    print(format!("  calls with a permit  {admitted}, {finished} finished, {peak} at once"));
    print(format!("  at SIGTERM           {last} of {LAST_CALLS} running calls were answered"));
    print(format!("  sessions             {stored} in the store, {expected} signed in"));

    for violation in visits.violations.shown() {
        print(format!("VIOLATION {violation}"));
    }
    let broken = [
        (visits.violations.count() > 0, "responses that are not right"),
        (after.memory > before.memory + MEMORY_MORE_MAX, "memory leaks"),
        (after.files > before.files + FILES_MORE_MAX, "files leak"),
        (after.tasks > before.tasks + TASKS_MORE_MAX, "tasks leak"),
        (after.connections > 1.0, "connections leak"),
        (stored != expected, "sessions leak or are lost"),
        (finished != admitted, "admitted calls did not finish"),
        (peak > WORK_MAX, "more calls ran at once than the limit"),
        (last != LAST_CALLS, "calls were cut off by SIGTERM"),
        (!status.success(), "the server ended with a failure"),
    ];
    let mut is_held = true;
    for (_, what) in broken.into_iter().filter(|(is_broken, _)| *is_broken) {
        print(format!("BROKEN {what}"));
        is_held = false;
    }
    print(format!("  wrong responses      {}", visits.violations.count()));
    if !is_held {
        report::keep(home);
    }
    Ok(is_held)
}

/// Lets all visitors visit the server for a time, and closes their connections.
async fn visit(visitors: Vec<Visitor>, time: Duration) -> io::Result<Vec<Visitor>> {
    let until = Instant::now() + time;
    let mut tasks = JoinSet::new();
    for mut visitor in visitors {
        tasks.spawn(async move {
            visitor.visit(until).await;
            visitor.disconnect();
            visitor
        });
    }
    let mut visitors = Vec::with_capacity(tasks.len());
    while let Some(visitor) = tasks.join_next().await {
        visitors.push(visitor.map_err(io::Error::other)?);
    }
    Ok(visitors)
}

fn signed_in(visitors: &[Visitor]) -> usize {
    visitors.iter().filter(|visitor| visitor.is_signed_in()).count()
}

/// Returns what the server has when it has noticed that all visitors are gone.
async fn usage(address: SocketAddr, admin: SocketAddr) -> io::Result<Usage> {
    let until = Instant::now() + SETTLE;
    loop {
        let text = get(admin, "/metrics").await?;
        let metric = |name: &str| {
            let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
            let value = value.and_then(|value| value.parse::<f64>().ok());
            value.ok_or_else(|| io::Error::other(format!("/metrics has no {name}")))
        };
        let connections = metric("kipo_connections")?;
        let numbers = numbers(address).await?;
        let is_settled = connections <= 1.0 && numbers.admitted == numbers.finished;
        if is_settled || Instant::now() > until {
            let (memory, files) =
                (metric("process_resident_memory_bytes")?, metric("process_open_fds")?);
            return Ok(Usage { memory, files, connections, tasks: numbers.tasks as f64, numbers });
        }
        sleep(Duration::from_millis(100)).await;
    }
}

fn print_usage(when: &str, usage: &Usage, sessions: usize) {
    let Usage { memory, files, connections, tasks, .. } = usage;
    let memory = memory / 1024.0 / 1024.0;
    print(format!(
        "  {when:<20} {memory:.1} MiB, {files} files, {connections} connections, {tasks} tasks, \
         {sessions} visitors signed in"
    ));
}

async fn numbers(address: SocketAddr) -> io::Result<Numbers> {
    let request = Request::new("POST", "/_kipo/actions/load.Numbers", address).json(b"{}");
    let (_, body) = call(address, &request).await?;
    let numbers: serde_json::Value = serde_json::from_slice(&body)?;
    let of = |name: &str| {
        let missing = || io::Error::other(format!("load.Numbers has no {name}"));
        numbers[name].as_u64().ok_or_else(missing)
    };
    let (admitted, finished) = (of("admitted")?, of("finished")?);
    Ok(Numbers { admitted, finished, peak: of("peak")?, tasks: of("tasks")? })
}

async fn get(address: SocketAddr, path: &str) -> io::Result<String> {
    let (_, body) = call(address, &Request::new("GET", path, address).end()).await?;
    String::from_utf8(body).map_err(io::Error::other)
}

/// Signs one more user in, and returns the cookie.
async fn sign_in(address: SocketAddr) -> io::Result<String> {
    let request = Request::new("POST", "/_kipo/actions/load.SignIn", address);
    let mut connection = load::http::Connection::open(address).await?;
    let response = connection.send(&request.json(br#"{"name":"last"}"#)).await?;
    let cookie = response.head.header("set-cookie").and_then(|text| text.split(';').next());
    cookie.map(str::to_owned).ok_or_else(|| io::Error::other("the last user has no session"))
}

/// Sends the last calls at once, and returns how many were answered with their result.
async fn last_calls(address: SocketAddr, cookie: &str) -> io::Result<u64> {
    let head = Request::new("POST", "/_kipo/actions/load.Work", address);
    let request = head.header("Cookie", cookie).json(LAST_CALL);
    let mut tasks = JoinSet::new();
    for _ in 0..LAST_CALLS {
        let request = request.clone();
        tasks.spawn(async move { call(address, &request).await });
    }
    let answers = tasks.join_all().await;
    let is_right = |answer: &io::Result<(u16, Vec<u8>)>| {
        answer.as_ref().is_ok_and(|(status, body)| *status == 200 && body == b"4711")
    };
    Ok(answers.iter().filter(|answer| is_right(answer)).count() as u64)
}

/// Counts the sessions in a data directory that no process has open.
fn sessions(data: &Path) -> io::Result<usize> {
    let database = fjall::Database::builder(data).open().map_err(io::Error::other)?;
    let small = database.keyspace("small", fjall::KeyspaceCreateOptions::default);
    let small = small.map_err(io::Error::other)?;
    Ok(small.prefix("kipo-session/").count())
}
