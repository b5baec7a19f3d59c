//! One room, 1,000 listeners: once at a steady pace, once with publishers as fast as they can, once
//! with messages that are posted.
//!
//! The publishers run inside the server, except for those that post: each of them waits for the
//! answer, which Kipo sends once the message is synced to disk, and axum once it is in memory. A delivery is one message that one listener has received
//! and read out of the stream; messages that never came are counted as lost, not as delivered.

use std::io;
use std::time::Duration;

use super::work::{Work, watch};
use crate::clients::calls::Callers;
use crate::clients::listeners::Listeners;
use crate::clients::stream::Seen;
use crate::plan::Plan;
use crate::runs::pair::{Pair, alternate, alternate_between};
use crate::serve::room::Order;
use crate::serve::side::{Endpoint, Side};
use crate::server::Cores;
use crate::server::Server;
use crate::table::{self, Line, Target};

const LISTENERS: usize = 1_000;

/// 50 messages a second to 1,000 listeners: 50,000 deliveries, each waking a sleeping listener.
const PACED: Order = Order::one(50);

const SATURATED: Order = Order { publishers: 4, ..Order::one(0) };

/// How many connections post messages.
const POSTING: u32 = 4;

/// Between the last listener's response head and the first message: a listener may subscribe a
/// moment after its head has left.
const SUBSCRIBING: Duration = Duration::from_millis(200);

#[derive(Clone, Copy, Debug)]
struct Run {
    work: Work,
    /// Messages published, times listeners.
    expected: u64,
    /// Of those, how many never came.
    lost: u64,
    /// How often a listener was told that messages are missing.
    gaps: u64,
}

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let paced =
        alternate("fan-out, paced", plan, cores, async |server| fan_out(plan, server, PACED).await)
            .await?;
    let saturated = alternate("fan-out, saturated", plan, cores, async |server| {
        fan_out(plan, server, SATURATED).await
    })
    .await?;
    let start = async |side| match side {
        Side::Kipo => Server::start_with_log(cores).await,
        side => Server::start(side, cores).await,
    };
    let measure = async |server: &Server| posted(plan, server).await;
    let posted = alternate_between("fan-out, posted", plan, start, measure).await?;

    let cpu = |run: &Run| run.work.cpu_us_per_unit();
    let user = |run: &Run| run.work.user_us_per_unit();
    let rate = |run: &Run| run.work.per_second();
    let load_busy = |run: &Run| run.work.load_busy_percent();
    let busy = |run: &Run| run.work.busy_percent();
    Ok(vec![
        Line::compared("paced fan-out: server CPU per delivery, µs", 2, &paced, cpu)
            .with_target(Target::RatioAtMost(0.5)),
        Line::compared("– of which outside the kernel, µs", 2, &paced, user).without_ratio(),
        Line::compared("– deliveries per second", 0, &paced, rate),
        Line::plain("– messages lost", lost(&paced)),
        Line::compared("saturated fan-out: server CPU per delivery, µs", 2, &saturated, cpu)
            .with_target(Target::RatioAtMost(0.4)),
        Line::compared("– of which outside the kernel, µs", 2, &saturated, user).without_ratio(),
        Line::compared("– deliveries per second", 0, &saturated, rate),
        Line::compared("– server's core in use, %", 0, &saturated, busy).without_ratio(),
        Line::compared("– load's core in use, %", 0, &saturated, load_busy).without_ratio(),
        Line::plain("– messages lost", lost(&saturated)),
        Line::compared(
            &format!("{POSTING} who post, at `Fsync`: server CPU per delivery, µs"),
            2,
            &posted,
            cpu,
        )
        .with_target(Target::RatioAtMost(0.35)),
        Line::compared("– of which outside the kernel, µs", 2, &posted, user).without_ratio(),
        Line::compared("– deliveries per second", 0, &posted, rate),
        Line::compared("– server's core in use, %", 0, &posted, busy).without_ratio(),
        Line::plain("– messages lost", lost(&posted)),
    ])
}

async fn fan_out(plan: &Plan, server: &Server, order: Order) -> io::Result<Run> {
    let mut listeners = listening(server).await?;
    server.publish(&order).await?;
    let work = watch(plan, server, || Ok(listeners.seen()?.received)).await?;
    let expected = server.stop_publishing().await? * LISTENERS as u64;
    told(server, work, expected, listeners.settle(expected).await?)
}

async fn posted(plan: &Plan, server: &Server) -> io::Result<Run> {
    let mut listeners = listening(server).await?;
    let path = server.side.path(Endpoint::Say);
    let callers = Callers::expecting(server.address(), path, POSTING, b"{}", b"true");
    let work = watch(plan, server, || Ok(listeners.seen()?.received)).await?;
    let expected = callers.end().await? * LISTENERS as u64;
    told(server, work, expected, listeners.settle(expected).await?)
}

async fn listening(server: &Server) -> io::Result<Listeners> {
    let mut listeners = Listeners::new(server.address(), server.side.path(Endpoint::Listen));
    listeners.grow_to(LISTENERS).await?;
    tokio::time::sleep(SUBSCRIBING).await;
    Ok(listeners)
}

fn told(server: &Server, work: Work, expected: u64, seen: Seen) -> io::Result<Run> {
    match seen.disordered {
        0 => Ok(Run { work, expected, lost: expected - seen.received, gaps: seen.gaps }),
        n => Err(io::Error::other(format!(
            "{n} messages of the {} server came twice or out of order",
            server.side.name()
        ))),
    }
}

/// Says how many messages each side lost over all rounds, and whether its listeners were told.
fn lost(pairs: &[Pair<Run>]) -> Pair<String> {
    let tell = |runs: Vec<&Run>| {
        let lost: u64 = runs.iter().map(|run| run.lost).sum();
        let expected: u64 = runs.iter().map(|run| run.expected).sum();
        let gaps: u64 = runs.iter().map(|run| run.gaps).sum();
        let told = match (lost, gaps) {
            (0, 0) => String::new(),
            (_, 0) => ", listeners not told".to_owned(),
            (_, gaps) => format!(", told by {} gaps", table::number(gaps as f64, 0)),
        };
        let share = lost as f64 * 100.0 / expected as f64;
        format!("{} ({share:.1} %{told})", table::number(lost as f64, 0))
    };
    Pair {
        kipo: tell(pairs.iter().map(|pair| &pair.kipo).collect()),
        other: tell(pairs.iter().map(|pair| &pair.other).collect()),
    }
}
