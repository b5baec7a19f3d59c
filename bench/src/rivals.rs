//! Fan-out to 100, 1,000 and 10,000 listeners, beside four other servers: axum by hand, nchan,
//! Centrifugo, and one `write(2)` for each delivery. And what an idle listener costs in memory.
//!
//! One publisher everywhere: inside the server where the server is a library, outside where it
//! is a program (nchan, Centrifugo). Paced is 50,000 deliveries a second in all; unpaced is as fast as the
//! one publisher can.

use std::io;
use std::time::{Duration, Instant};

use crate::clients::listeners::Listeners;
use crate::plan::Depth;
use crate::runs::fan_out::fan_out;
use crate::runs::idle::kib_per_listener;
use crate::serve::room::Order;
use crate::serve::side::{Endpoint, Side};
use crate::server::Cores;
use crate::server::Server;
use crate::server::open_files;
use crate::table::{median, number, sorted};
use load::console::progress;
use load::http;
use load::machine;

const LISTENERS: [usize; 3] = [100, 1_000, 10_000];

const DELIVERIES_PER_SECOND: usize = 50_000;

const SIDES: [Side; 5] = [Side::Kipo, Side::Axum, Side::Nchan, Side::Centrifugo, Side::Floor];

/// What each side gave, in the order of [`SIDES`]; nothing where its program is missing.
type Runs<T> = [Vec<T>; SIDES.len()];

/// What is missed by each listener that comes back at once.
const MISSED: u32 = 100;

/// Measures and returns the tables.
pub(crate) fn measure(depth: Depth) -> io::Result<String> {
    let cores = Cores::claim();
    open_files::raise();
    let machine = machine::describe();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut lines = Vec::new();
    for &listeners in if depth.quick { &LISTENERS[..1] } else { &LISTENERS[..] } {
        for is_paced in [true, false] {
            lines.extend(runtime.block_on(row(cores, listeners, is_paced, depth))?);
        }
    }
    lines.push(runtime.block_on(memory(cores, depth))?);
    let names = SIDES.map(heading).join(" | ");
    let ratios = SIDES.map(|side| format!("to {}", heading(side)))[1..].join(" | ");
    let mut text = format!(
        "{} × {} s per cell on {machine}; {cores}.\n\n\
         | median of all rounds | {names} | kipo {ratios} |\n|---|{}\n{}\n",
        depth.rounds,
        depth.seconds,
        "--:|".repeat(2 * SIDES.len() - 1),
        lines.join("\n")
    );
    for missing in SIDES.into_iter().filter_map(Server::missing) {
        text.push_str(&format!("\n{missing}.\n"));
    }
    text.push_str(&runtime.block_on(returns(cores, depth.rounds))?);
    Ok(text)
}

/// Returns the head of a side's column.
fn heading(side: Side) -> &'static str {
    match side {
        Side::Floor => "write(2)",
        side => side.name(),
    }
}

/// Measures these of the sides in turns, as far as they are there, each time with a server of its
/// own.
async fn alternate<T>(
    what: &str,
    sides: &[Side],
    cores: Cores,
    rounds: usize,
    measure: impl AsyncFn(&Server) -> io::Result<T>,
) -> io::Result<Runs<T>> {
    let mut runs = SIDES.map(|_| Vec::new());
    for round in 1..=rounds {
        for (side, runs) in SIDES.into_iter().zip(&mut runs) {
            if !sides.contains(&side) || Server::missing(side).is_some() {
                continue;
            }
            progress(format!("{what}, {}, {round} of {rounds}", side.name()));
            let server = Server::start(side, cores).await?;
            runs.push(measure(&server).await?);
            server.kill().await?;
        }
    }
    Ok(runs)
}

/// Measures the memory of an idle listener, and returns the line.
async fn memory(cores: Cores, depth: Depth) -> io::Result<String> {
    let counts = if depth.quick { [100, 300] } else { [1_000, 10_000] };
    // The floor has only the sockets.
    let [servers @ .., _] = &SIDES;
    let runs = alternate("memory", servers, cores, depth.rounds, async |server| {
        let slopes = kib_per_listener(server, &counts).await?;
        Ok(slopes[0])
    })
    .await?;
    let count = number(counts[1] as f64, 0);
    Ok(line(&format!("user memory per idle listener, {count} of them, KiB"), &runs, 1, |kib| *kib))
}

async fn row(
    cores: Cores,
    listeners: usize,
    is_paced: bool,
    Depth { rounds, seconds, .. }: Depth,
) -> io::Result<Vec<String>> {
    let per_second = if is_paced { DELIVERIES_PER_SECOND / listeners } else { 0 };
    let per_second = u32::try_from(per_second).map_err(io::Error::other)?;
    let order = Order::one(per_second);
    let pace = if is_paced { "paced" } else { "unpaced" };
    let runs = alternate(
        &format!("{listeners} listeners, {pace}"),
        &SIDES,
        cores,
        rounds,
        async |server| fan_out(server, order, listeners, Duration::from_secs(seconds)).await,
    )
    .await?;
    let count = number(listeners as f64, 0);
    let mut lines = vec![
        line(&format!("{count} listeners, {pace}: server CPU per delivery, µs"), &runs, 2, |run| {
            run.cpu_us
        }),
        line("– p50 of publish → received, µs", &runs, 0, |run| run.p50_us),
        line("– p99", &runs, 0, |run| run.p99_us),
    ];
    if !is_paced {
        lines.push(line("– deliveries per second", &runs, 0, |run| run.per_second));
    }
    if runs.iter().flatten().any(|run| run.lost > 0) {
        let missing = runs.each_ref().map(|runs| {
            if runs.is_empty() {
                return "–".to_owned();
            }
            let lost: u64 = runs.iter().map(|run| run.lost).sum();
            let gaps: u64 = runs.iter().map(|run| run.gaps).sum();
            let told = match (lost, gaps) {
                (0, _) => String::new(),
                (_, 0) => ", not told".to_owned(),
                (_, gaps) => format!(", told by {} gaps", number(gaps as f64, 0)),
            };
            format!("{}{told}", number(lost as f64, 0))
        });
        let empty = " |".repeat(SIDES.len() - 1);
        lines.push(format!("| – messages left out | {} |{empty}", missing.join(" | ")));
    }
    Ok(lines)
}

/// One line: medians, then the medians of Kipo's ratios to each of the others.
fn line<T>(what: &str, runs: &Runs<T>, decimals: usize, value: fn(&T) -> f64) -> String {
    let cells = runs.each_ref().map(|runs| match runs.len() {
        0 => "–".to_owned(),
        _ => number(median(&sorted(runs.iter().map(value))), decimals),
    });
    let [kipo, others @ ..] = runs;
    let ratios = others.each_ref().map(|other| match other.len() {
        0 => "–".to_owned(),
        _ => {
            let ratios =
                kipo.iter().zip(other.iter()).map(|(kipo, other)| value(kipo) / value(other));
            format!("{:.2}", median(&sorted(ratios)))
        }
    });
    format!("| {what} | {} | {} |", cells.join(" | "), ratios.join(" | "))
}

/// A thousand listeners that come at once, each to be given a hundred messages that are there
/// already; beside a server that writes the same bytes to each as they stand.
async fn returns(cores: Cores, rounds: usize) -> io::Result<String> {
    let count = 1_000;
    let mut times = [Vec::new(), Vec::new()];
    let mut processor = [Vec::new(), Vec::new()];
    for round in 1..=rounds {
        for (index, side) in [Side::Kipo, Side::Floor].into_iter().enumerate() {
            let name = side.name();
            progress(format!("{count} come back at once, {name}, {round} of {rounds}"));
            let server = Server::start(side, cores).await?;
            let expected = u64::from(MISSED) * count as u64;
            let order = Order { messages: MISSED, ..Order::one(0) };
            if side == Side::Kipo {
                server.publish(&order).await?;
                server.stop_publishing().await?;
            }
            let cpu = server.cpu_time()?;
            let start = Instant::now();
            let mut listeners = Listeners::new(server.address(), side.path(Endpoint::Listen));
            listeners.grow_to(count).await?;
            // The floor remembers nothing: it sends the same messages once all are there.
            if side == Side::Floor {
                server.publish(&order).await?;
            }
            while listeners.seen()?.received < expected {
                if start.elapsed() > Duration::from_secs(30) {
                    return Err(http::unexpected("not all came"));
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            times[index].push(start.elapsed().as_secs_f64() * 1e3);
            let used = server.cpu_time()? - cpu;
            processor[index].push(used.as_secs_f64() * 1e3);
            drop(listeners);
            server.kill().await?;
        }
    }
    let [kipo, floor] = times.map(|times| median(&sorted(times.into_iter())));
    let [kipo_cpu, floor_cpu] = processor.map(|times| median(&sorted(times.into_iter())));
    Ok(format!(
        "\n| 1,000 listeners come back at once, {MISSED} missed messages each | kipo | write(2) | ratio |\n\
         |---|--:|--:|--:|\n\
         | all have all of them after, ms | {kipo:.0} | {floor:.0} | {:.2} |\n\
         | server CPU, ms | {kipo_cpu:.0} | {floor_cpu:.0} | {:.2} |\n\
         | messages lost | 0 | 0 | |\n",
        kipo / floor,
        kipo_cpu / floor_cpu
    ))
}
