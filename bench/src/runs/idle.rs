//! Memory per idle listener: what each further open stream adds to the server's own memory.
//!
//! Each listener has received some messages before memory is read, so that buffers that come with
//! the first write are counted. The slope between two numbers of listeners leaves out whatever the
//! server keeps once.

use std::io;
use std::time::Duration;

use crate::clients::listeners::Listeners;
use crate::serve::room::Order;
use crate::serve::side::Endpoint;
use crate::server::Server;

/// A few messages to each listener, then silence.
const GREETING: Order = Order { messages: 10, ..Order::one(50) };

/// Longer than the greeting takes.
const GREETED: Duration = Duration::from_millis(500);

/// Returns the server's memory per listener in KiB at each of these numbers of listeners but the
/// first, which is where the slope begins.
pub(crate) async fn kib_per_listener(server: &Server, counts: &[usize]) -> io::Result<Vec<f64>> {
    let mut listeners = Listeners::new(server.address(), server.side.path(Endpoint::Listen));
    let (mut before, mut slopes) = (None, Vec::new());
    for &count in counts {
        let memory = memory_with(server, &mut listeners, count).await?;
        let &mut (few, at_few) = before.get_or_insert((count, memory));
        if count > few {
            let growth = memory.saturating_sub(at_few) as f64 / 1_024.0;
            slopes.push(growth / (count - few) as f64);
        }
    }
    Ok(slopes)
}

/// Returns the server's memory once it has `count` listeners that have all been written to.
async fn memory_with(server: &Server, listeners: &mut Listeners, count: usize) -> io::Result<u64> {
    listeners.grow_to(count).await?;
    server.publish(&GREETING).await?;
    tokio::time::sleep(GREETED).await;
    // Who joins later may also get what was said before: wait for silence, not for a number.
    listeners.settle(u64::MAX).await?;
    server.memory()
}
