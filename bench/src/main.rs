//! Measures what Kipo costs, beside the same thing written by hand on axum.
//!
//! `cargo run --release -p bench` prints one table; `… -- build` prints how long `app` takes to
//! compile. `README.md` says how it is measured and shows the last tables.
//!
//! The runner is the load: it pins itself to one core and starts each server, this same program
//! under the hidden subcommand `serve`, on another. Kipo and axum take turns, so that what the
//! machine does besides hits both, and every ratio is that of two neighbouring runs.

mod clients;
mod developing;
mod engines;
mod log;
mod nodes;
mod plan;
mod plots;
mod readme;
mod rivals;
mod rows;
mod runs;
mod serve;
mod server;
mod soak;
mod table;

use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use developing::{building, edits};
use load::console::progress;
use plan::{Command, Plan};
use server::{Cores, open_files};

fn main() -> ExitCode {
    let outcome = match plan::from_command_line() {
        Command::Serve { side, engine, sessions: None } => serve::run(side, engine.as_deref()),
        Command::Serve { side, sessions: Some(store), .. } => {
            serve::run_with_sessions(side, &store)
        }
        Command::Grow { topics } => plots::grow(topics),
        Command::Probe { what, store, topics } => nodes::probe(what, &store, topics),
        Command::Nodes { depth, write } => nodes::measure(depth)
            .and_then(|text| publish(&text, write.then_some(readme::Part::Nodes))),
        Command::Build { write } => building::measure()
            .and_then(|text| publish(&text, write.then_some(readme::Part::Building))),
        Command::Edits { quick, write } => edits::measure(quick)
            .and_then(|text| publish(&text, write.then_some(readme::Part::Edits))),
        Command::Rivals { depth, write } => rivals::measure(depth)
            .and_then(|text| publish(&text, write.then_some(readme::Part::Rivals))),
        Command::Plots { growths, depth } => {
            plots::measure(&growths, depth).and_then(|text| publish(&text, None))
        }
        Command::Soak(soak) => soak::run(soak),
        Command::Engines { depth, write } => engines::measure(depth)
            .and_then(|text| publish(&text, write.then_some(readme::Part::Engines))),
        Command::Log { depth, write } => {
            log::measure(depth).and_then(|text| publish(&text, write.then_some(readme::Part::Log)))
        }
        Command::Run { plan, write } => {
            measure(&plan).and_then(|text| publish(&text, write.then_some(readme::Part::Speed)))
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress(format!("bench: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// Runs every row of the plan and returns the table.
fn measure(plan: &Plan) -> io::Result<String> {
    // Before any thread exists, so that every thread inherits both.
    let cores = Cores::claim();
    open_files::raise();
    let heading = table::heading(plan, cores);

    // One thread: the load has one core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let lines = runtime.block_on(rows::run(plan, cores))?;
    Ok(table::markdown(&heading, "axum", &lines))
}

/// Prints a table, and puts it into the README where asked to.
fn publish(text: &str, part: Option<readme::Part>) -> io::Result<()> {
    io::stdout().lock().write_all(text.as_bytes())?;
    part.map_or(Ok(()), |part| readme::write(part, text))
}
