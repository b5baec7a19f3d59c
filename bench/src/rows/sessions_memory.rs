//! What a session costs a server: memory, and in Kipo's data directory also disk.
//!
//! Each session has a user of its own. What the server keeps once is not in the slope between a first
//! hundredth of the sessions and all of them.

use std::{io, iter};

use crate::clients::sign_ins::sign_in;
use crate::plan::Plan;
use crate::runs::pair::alternate_between;
use crate::server::{Cores, Server};
use crate::table::{Line, number};
use load::console::progress;

/// Bytes per session.
#[derive(Clone, Copy, Debug)]
struct Cost {
    memory: f64,
    disk: f64,
}

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let in_memory = async |side| Server::start_with_sessions(side, cores).await;
    let run = async |server: &Server| cost(server, plan.sessions).await;
    let pairs = alternate_between("sessions in memory", plan, in_memory, run).await?;
    // Once: each sign-in waits for the disk.
    progress("sessions in the data directory");
    let server = Server::start_with_session_data(cores).await?;
    let data = cost(&server, plan.sessions).await?;
    server.kill().await?;
    let sessions = number(plan.sessions as f64, 0);
    let memory = |cost: &Cost| cost.memory;
    Ok(vec![
        Line::compared(
            &format!("memory per session, {sessions} of them, bytes"),
            0,
            &pairs,
            memory,
        ),
        Line::alone("– in the data directory: memory", 0, iter::once(data.memory)),
        Line::alone("– in the data directory: disk", 0, iter::once(data.disk)),
    ])
}

/// Signs users in, and returns what each adds.
async fn cost(server: &Server, sessions: usize) -> io::Result<Cost> {
    let first = sessions / 100;
    sign_in(server, first).await?;
    let (memory, disk) = (server.memory()?, server.disk_bytes()?);
    sign_in(server, sessions).await?;
    let per_session =
        |before: u64, after: u64| after.saturating_sub(before) as f64 / sessions as f64;
    Ok(Cost {
        memory: per_session(memory, server.memory()?),
        disk: per_session(disk, server.disk_bytes()?),
    })
}
