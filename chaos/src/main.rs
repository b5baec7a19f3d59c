//! Puts the real app under fire, and holds it to its promise: each message once and in order at
//! every listener, or one gap that reports what is missing.
//!
//! `README.md` says how to run it and what it checks. From the top: the tasks of the command line
//! ([`task`]), their parts ([`actor`]), the engines that nodes share ([`engine`]), and the records
//! that are checked ([`record`]). The wire is in the crate `load`.

mod actor;
mod engine;
mod plan;
mod record;
mod report;
mod task;

use std::{io, process::ExitCode};

use load::{console::print, machine};
use plan::{Plan, Task};

fn main() -> ExitCode {
    let plan = plan::from_command_line();
    machine::raise_open_files();
    print(format!("on {}", machine::describe()));
    print(format!("{} --seed {}", plan.binary.display(), plan.seed));
    match run(&plan) {
        Ok(true) => {
            print("the promise held");
            ExitCode::SUCCESS
        }
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            print(format!("chaos: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(plan: &Plan) -> io::Result<bool> {
    // One thread: the server has the others.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        match &plan.task {
            Task::Chaos(chaos) => task::chaos::run(plan, *chaos).await,
            Task::Nodes(nodes) => task::nodes::run(plan, nodes).await,
            Task::Topics(topics) => task::topics::run(plan, topics).await,
            Task::Storm { listeners, engine } => {
                task::storm::run(plan, *listeners, engine.as_ref()).await
            }
            Task::Rollback { trials } => task::rollback::run(plan, *trials).await,
            Task::RollbackEngine(rollback) => task::rollback_engine::run(plan, rollback).await,
            Task::Load(load) => task::load::run(plan, *load).await,
            Task::Disk => task::disk::run(plan).await,
        }
    })
}
