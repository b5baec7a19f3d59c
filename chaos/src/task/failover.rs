//! How long listeners miss a node that is killed: until each holds, from another node, a message
//! that was published right after the kill.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::time::{Instant, sleep};

use load::console::print;

use crate::{
    actor::{Crowd, Feed, Listener, Nodes, Patience, Scene, send_until_acknowledged},
    record::Rules,
    report,
};

/// How many listeners come in one millisecond.
const ARRIVALS_PER_MS: usize = 4;

/// How long all listeners may take to connect.
const ARRIVAL: Duration = Duration::from_secs(60);

/// Runs it on nodes that are well, and returns whether the promise held.
pub(super) async fn run(
    nodes: &mut Nodes,
    trials: usize,
    listeners: usize,
    seed: u64,
) -> io::Result<bool> {
    let (mut times, mut held) = (Vec::new(), true);
    for trial in 0..trials {
        let node = trial % nodes.count();
        let scene = Arc::new(Scene::default());
        let addresses = nodes.addresses();
        let mut crowd = Crowd::new();
        for number in 0..listeners {
            let seed = seed ^ trial as u64;
            let listener = Listener::new(number, addresses[node], &scene, seed);
            crowd.add(listener.among(&addresses, node));
            if number % ARRIVALS_PER_MS == 0 {
                sleep(Duration::from_millis(1)).await;
            }
        }
        let began = Instant::now();
        while scene.tally.open.value() < listeners as u64 {
            if began.elapsed() > ARRIVAL {
                let open = &scene.tally.open;
                return Err(io::Error::other(format!("{open} of {listeners} streams are open")));
            }
            sleep(Duration::from_millis(10)).await;
        }
        nodes.kill(node).await?;
        let killed = Instant::now();
        let others: Vec<SocketAddr> =
            addresses.iter().copied().filter(|address| *address != addresses[node]).collect();
        let token = format!("failover-{trial}");
        let sent = send_until_acknowledged(&Feed::Chat, &others, &token, &scene).await?;
        let crowd = crowd.reach(sent.cursor, Patience::CALM).await;
        times.extend(crowd.iter().filter_map(Listener::reached).map(|at| at - killed));
        let rules = Rules { reasons: &[], is_shared: true };
        let end = sent.cursor;
        let findings = report::check(crowd, &scene, &[sent], rules, end);
        if !findings.violations.is_empty() {
            held = report::conclude(&findings);
        }
        nodes.start_one(node).await?;
    }
    times.sort_unstable();
    let seconds = |time: Option<&Duration>| time.map_or(f32::NAN, Duration::as_secs_f32);
    print(format!(
        "  failover             {trials} times {listeners} listeners, caught up elsewhere: p50 {:.2} s, \
         max {:.2} s",
        seconds(times.get(times.len() / 2)),
        seconds(times.last()),
    ));
    Ok(held)
}
