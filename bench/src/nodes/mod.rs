//! Topics in an engine that many nodes share, beside the engine's own client without Kipo, and
//! beside topics of one process. Start reading at [`measure`].

mod bare;
mod failover;
mod fan_out;
mod node;
mod passing;
mod probe;
mod publishing;
mod servers;
mod topics;

use std::io;

use load::machine;

use self::servers::{KINDS, Servers};
use crate::plan::{Depth, Probe};
use crate::server::Cores;
use crate::table;

/// Measures and returns the tables. An engine whose server is missing is named, and left out.
pub(crate) fn measure(depth: Depth) -> io::Result<String> {
    // Before any thread exists, so that every thread inherits both.
    let cores = Cores::claim();
    machine::raise_open_files();
    let mut text = format!(
        "{} × {} s per row and side on {}; {cores}: engines and nodes of their own are servers, \
         nodes in the bench's process and bare clients are load.\n",
        depth.rounds,
        depth.seconds,
        machine::describe()
    );
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut all = Vec::new();
        for kind in KINDS {
            let Some(servers) = Servers::start(kind, cores).await? else {
                text.push_str(&format!("\n{}.\n", kind.missing()));
                continue;
            };
            let mut lines = publishing::measure(&servers, depth).await?;
            lines.extend(passing::measure(&servers, depth).await?);
            let mut nodes = fan_out::measure(&servers, cores, depth).await?;
            nodes.extend(failover::measure(&servers, cores, depth).await?);
            let engine = servers::description(kind);
            text.push_str(&table::markdown(
                &format!("\nOver {engine}:\n\n"),
                "bare client",
                &lines,
            ));
            text.push_str(&table::markdown("\n", "in memory", &nodes));
            all.push(servers);
        }
        text.push('\n');
        text.push_str(&topics::measure(&all, depth).await?);
        Ok(text)
    })
}

/// Runs one measurement in this process, and prints it.
pub(crate) fn probe(what: Probe, store: &str, topics: u64) -> io::Result<()> {
    machine::raise_open_files();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(probe::run(what, store, topics))
}
