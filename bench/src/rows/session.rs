//! Calls of signed-in users: a session, a required user, rules, a rate and errors of the action's own
//! type. 32 connections that stay open, each of a user of its own.
//!
//! Before each run both sides have to refuse the same calls, and to name the rate in their
//! other responses.

use std::io;

use super::work::{Work, watch};
use crate::clients::calls::Callers;
use crate::clients::sign_ins::{Answer, ask, sign_in};
use crate::plan::Plan;
use crate::runs::pair::alternate_between;
use crate::serve::side::{Endpoint, Side};
use crate::server::{Cores, Server};
use crate::table::{Line, Target};

const USERS: usize = 32;

const BODY: &[u8] = br#"{"id":4711,"text":"The quick brown fox jumps over the lazy dog."}"#;

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let in_memory = async |side| Server::start_with_sessions(side, cores).await;
    let run = async |server: &Server| run(plan, server).await;
    let pairs = alternate_between("calls of users", plan, in_memory, run).await?;
    let on_disk = async |side| match side {
        Side::Kipo => Server::start_with_session_data(cores).await,
        side => Server::start_with_sessions(side, cores).await,
    };
    let data = alternate_between("calls of users, data directory", plan, on_disk, run).await?;

    let per_second = |work: &Work| work.per_second();
    let cpu = |work: &Work| work.cpu_us_per_unit();
    let busy = |work: &Work| work.busy_percent();
    let load_busy = |work: &Work| work.load_busy_percent();
    Ok(vec![
        Line::compared("calls of users (session, rules, rate) per second", 0, &pairs, per_second)
            .with_target(Target::RatioAtLeast(0.95)),
        Line::compared("– server CPU per call, µs", 1, &pairs, cpu),
        Line::compared("– server's core in use, %", 0, &pairs, busy).without_ratio(),
        Line::compared("– load's core in use, %", 0, &pairs, load_busy).without_ratio(),
        Line::compared("– with Kipo's sessions in the data directory", 0, &data, per_second)
            .with_target(Target::RatioAtLeast(0.95)),
        Line::compared("– server CPU per call, µs", 1, &data, cpu),
    ])
}

async fn run(plan: &Plan, server: &Server) -> io::Result<Work> {
    let cookies = sign_in(server, USERS).await?;
    check(server, &cookies[0]).await?;
    let path = server.side.path(Endpoint::Note);
    let mut callers = Callers::with_cookies(server.address(), path, &cookies, BODY);
    watch(plan, server, || callers.answered()).await
}

/// Checks that a server does the whole work: otherwise the comparison means nothing.
async fn check(server: &Server, cookie: &str) -> io::Result<()> {
    let (name, forged) = (server.side.name(), cookie.replace('=', "=A"));
    for (cookie, body, expected, code) in [
        (None, r#"{"id":1,"text":"a"}"#, 401, "unauthorized"),
        (Some(&*forged), r#"{"id":1,"text":"a"}"#, 401, "unauthorized"),
        (Some(cookie), r#"{"id":1,"text":""}"#, 422, "validation_failed"),
        (Some(cookie), r#"{"id":0,"text":"a"}"#, 409, "locked"),
        (Some(cookie), r#"{"id":1,"text":"a"}"#, 200, r#"{"id":1,"text":"a"}"#),
    ] {
        let Answer { status, body: answer, names_rate } = ask(server, cookie, body).await?;
        let answer = String::from_utf8_lossy(&answer);
        if status != expected || !answer.contains(code) || !(names_rate || status == 401) {
            let what = format!("{name}, {body}: {status}, {answer}, rate named: {names_rate}");
            return Err(io::Error::other(what));
        }
    }
    Ok(())
}
