//! A file to Kipo, and to nginx, which writes the body of a request to a file before it asks an application.
//!
//! nginx gets the bytes of the file as the body. Kipo gets a form, in which it has to find the end of the file.

use std::io;
use std::time::{Duration, Instant};

use load::console::progress;
use load::http::{Connection, Request};

use super::upload::{at_rest, expect_size, size_mib, whole, write};
use crate::plan::Plan;
use crate::runs::pair::Pair;
use crate::serve::side::Side;
use crate::server::{Cores, Nginx, Server};
use crate::table::{Line, Target};

/// What one upload came to.
#[derive(Clone, Copy, Debug)]
struct Uploaded {
    mib_per_second: f64,
    cpu_ms_per_mib: f64,
}

/// Measures both in turns. Without nginx there are no lines.
pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    if !Nginx::is_there() {
        progress("left out: uploads to nginx, which is not on this machine");
        return Ok(Vec::new());
    }
    let mib = size_mib(plan);
    let mut pairs = Vec::new();
    for round in 1..=plan.rounds {
        progress(format!("uploads beside nginx, round {round} of {}", plan.rounds));
        let server = Server::start(Side::Kipo, cores).await?;
        let address = server.address();
        // Threads and buffers that remain are not those of the measured upload.
        whole(address, Side::Kipo, 16).await?;
        let uploading = whole(address, Side::Kipo, mib);
        let kipo = watch(|| server.cpu_time(), mib, uploading).await?;
        server.kill().await?;

        let nginx = Nginx::start(cores).await?;
        plain(&nginx, 16).await?;
        let other = watch(|| nginx.cpu_time(), mib, plain(&nginx, mib)).await?;
        nginx.kill().await?;
        pairs.push(Pair { kipo, other });
    }
    let what = format!("{mib} MiB beside `client_body` of nginx, MiB per second");
    Ok(vec![
        Line::compared(&what, 0, &pairs, |it| it.mib_per_second)
            .with_target(Target::RatioAtLeast(0.9)),
        Line::compared("– server CPU per MiB, ms", 2, &pairs, |it| it.cpu_ms_per_mib),
    ])
}

/// Measures the time and the CPU of an upload.
async fn watch(
    cpu_time: impl Fn() -> io::Result<Duration>,
    mib: usize,
    upload: impl Future<Output = io::Result<()>>,
) -> io::Result<Uploaded> {
    let (start, before) = (Instant::now(), cpu_time()?);
    upload.await?;
    let wall = start.elapsed();
    let cpu = at_rest(cpu_time).await? - before;
    Ok(Uploaded {
        mib_per_second: mib as f64 / wall.as_secs_f64(),
        cpu_ms_per_mib: cpu.as_secs_f64() * 1_000.0 / mib as f64,
    })
}

/// Sends a file as the body of a request.
async fn plain(nginx: &Nginx, mib: usize) -> io::Result<()> {
    let (address, bytes) = (nginx.address(), mib << 20);
    let head = Request::new("POST", "/upload", address).header("Content-Length", bytes).end();
    let mut connection = Connection::open(address).await?;
    connection.write(&head).await?;
    write(&mut connection, bytes).await?;
    expect_size(connection.send(b"").await?, bytes)
}
