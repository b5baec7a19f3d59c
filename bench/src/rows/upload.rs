//! A large file to a temporary file: how fast, and how much memory the server needs for it.

use std::io;
use std::time::{Duration, Instant};

use load::http::{Connection, Request, unexpected};

use crate::pair::alternate;
use crate::plan::Plan;
use crate::serve::side::Endpoint;
use crate::server::{Cores, Server};
use crate::table::{Line, Target};

/// What is sent at once.
const CHUNK: &[u8] = &[0xa5; 256 << 10];

/// How often memory is read while the file arrives.
const SAMPLE: Duration = Duration::from_millis(5);

/// What one upload came to.
#[derive(Clone, Copy, Debug)]
struct Uploaded {
    mib_per_second: f64,
    cpu_ms_per_mib: f64,
    peak_kib: f64,
}

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let mib: usize = if plan.quick { 64 } else { 1_024 };
    let pairs = alternate("uploads", plan, cores, async |server| {
        // Threads and buffers that remain are not those of the measured upload.
        send(server, 16).await?;
        send(server, mib).await
    })
    .await?;
    let what = format!("upload of {mib} MiB to a temporary file, MiB per second");
    Ok(vec![
        Line::compared(&what, 0, &pairs, |it| it.mib_per_second)
            .with_target(Target::RatioAtLeast(0.9)),
        Line::compared("– server CPU per MiB, ms", 2, &pairs, |it| it.cpu_ms_per_mib),
        Line::compared("– memory at its peak, KiB", 0, &pairs, |it| it.peak_kib)
            .with_target(Target::KipoAtMost(1_024.0)),
    ])
}

async fn send(server: &Server, mib: usize) -> io::Result<Uploaded> {
    const HEAD: &[u8] =
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n";
    const END: &[u8] = b"\r\n--b--\r\n";
    let (bytes, address) = (mib << 20, server.address());
    let length = HEAD.len() + bytes + END.len();
    let head = Request::new("POST", server.side.path(Endpoint::Upload), address)
        .header("Accept", "application/json")
        .header("Origin", format_args!("http://{address}"))
        .header("Content-Type", "multipart/form-data; boundary=b")
        .header("Content-Length", length)
        .end();
    let mut connection = Connection::open(address).await?;
    let before = server.anonymous_memory()?;
    let (start, cpu) = (Instant::now(), server.cpu_time()?);
    let upload = async {
        connection.write(&[&head, HEAD].concat()).await?;
        for _ in 0..bytes / CHUNK.len() {
            connection.write(CHUNK).await?;
        }
        let response = connection.send(END).await?;
        match response.body == bytes.to_string().as_bytes() {
            true => Ok(()),
            false => Err(unexpected(&format!("{}: another size", response.status))),
        }
    };
    let mut upload = std::pin::pin!(upload);
    let mut peak = before;
    loop {
        tokio::select! {
            ended = &mut upload => break ended?,
            () = tokio::time::sleep(SAMPLE) => peak = peak.max(server.anonymous_memory()?),
        }
    }
    let (wall, cpu) = (start.elapsed(), server.cpu_time()? - cpu);
    Ok(Uploaded {
        mib_per_second: mib as f64 / wall.as_secs_f64(),
        cpu_ms_per_mib: cpu.as_secs_f64() * 1_000.0 / mib as f64,
        peak_kib: (peak - before) as f64 / 1_024.0,
    })
}
