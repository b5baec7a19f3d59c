//! Memory per idle listener: what each further open stream adds to the server's own memory.
//!
//! Each listener has received some messages before memory is read, so that buffers that come with
//! the first write are counted. The slope between two numbers of listeners leaves out whatever the
//! server keeps once.

use std::io;
use std::time::Duration;

use crate::clients::listeners::Listeners;
use crate::pair::alternate;
use crate::plan::Plan;
use crate::serve::room::Order;
use crate::serve::side::Endpoint;
use crate::server::Cores;
use crate::server::Server;
use crate::table::{Line, Target};

/// A few messages to each listener, then silence.
const GREETING: Order = Order { publishers: 1, per_second: 50, messages: 10 };

/// Longer than the greeting takes.
const GREETED: Duration = Duration::from_millis(500);

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let (few, many) = plan.idle;
    let pairs = alternate("memory", plan, cores, async |server| {
        let mut listeners = Listeners::new(server.address(), server.side.path(Endpoint::Listen));
        let before = memory_with(server, &mut listeners, few).await?;
        let after = memory_with(server, &mut listeners, many).await?;
        Ok(after.saturating_sub(before) as f64 / 1_024.0 / (many - few) as f64)
    })
    .await?;
    Ok(vec![
        Line::compared("user memory per idle listener, KiB", 1, &pairs, |kib| *kib)
            .with_target(Target::KipoAtMost(12.0)),
    ])
}

/// Returns the server's memory once it has `count` listeners that have all been written to.
async fn memory_with(server: &Server, listeners: &mut Listeners, count: usize) -> io::Result<u64> {
    listeners.grow_to(count).await?;
    server.publish(&GREETING).await?;
    tokio::time::sleep(GREETED).await;
    // Who joins later may also get what was said before: wait for silence, not for a number.
    listeners.settle(u64::MAX).await?;
    server.anonymous_memory()
}
