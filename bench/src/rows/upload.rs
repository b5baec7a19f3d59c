//! Files to temporary files: one that is large, in one request and in parts that go on after a lost
//! connection, and a hundred side by side. How fast, and how much memory the server needs.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use load::http::{Connection, Request, Response, unexpected};
use tokio::task::JoinSet;

use crate::plan::Plan;
use crate::runs::pair::alternate;
use crate::serve::side::{Endpoint, Side};
use crate::server::{Cores, Server};
use crate::table::{Line, Target};

/// What is sent at once.
const CHUNK: &[u8] = &[0xa5; 256 << 10];

/// The bytes of a part, as many as the browser client sends at most in one.
const PART_BYTES: usize = 8 << 20;

/// How many files arrive side by side.
const FILES: usize = 100;

/// How often memory is read while the file arrives.
const SAMPLE: Duration = Duration::from_millis(5);

/// How long a server uses no processor that is at rest: several ticks of its clock.
const REST: Duration = Duration::from_millis(200);

/// What uploads came to.
#[derive(Clone, Copy, Debug)]
struct Uploaded {
    mib_per_second: f64,
    cpu_ms_per_mib: f64,
    peak_kib: f64,
}

/// Returns the size of the large file.
pub(super) fn size_mib(plan: &Plan) -> usize {
    if plan.quick { 64 } else { 1_024 }
}

pub(super) async fn measure(plan: &Plan, cores: Cores) -> io::Result<Vec<Line>> {
    let mib = size_mib(plan);
    let each = mib / 64;
    let mut lines = Vec::new();

    let once = alternate("uploads", plan, cores, async |server| {
        // Threads and buffers that remain are not those of the measured upload.
        whole(server.address(), server.side, 16).await?;
        watch(server, mib, whole(server.address(), server.side, mib)).await
    })
    .await?;
    let what = format!("upload of {mib} MiB to a temporary file, MiB per second");
    lines.extend([
        Line::compared(&what, 0, &once, |it| it.mib_per_second)
            .with_target(Target::RatioAtLeast(0.9)),
        Line::compared("– server CPU per MiB, ms", 2, &once, |it| it.cpu_ms_per_mib),
        Line::compared("– memory at its peak, KiB", 0, &once, |it| it.peak_kib)
            .with_target(Target::KipoAtMost(1_024.0)),
    ]);

    let parts = alternate("uploads in parts", plan, cores, async |server| {
        in_parts(server.address(), server.side, 16).await?;
        watch(server, mib, in_parts(server.address(), server.side, mib)).await
    })
    .await?;
    lines.extend([
        Line::compared("the same in parts of 8 MiB (tus), MiB per second", 0, &parts, |it| {
            it.mib_per_second
        })
        .with_target(Target::RatioAtLeast(0.9)),
        Line::compared("– server CPU per MiB, ms", 2, &parts, |it| it.cpu_ms_per_mib),
    ]);

    let many = alternate("uploads side by side", plan, cores, async |server| {
        whole(server.address(), server.side, 16).await?;
        watch(server, FILES * each, side_by_side(server.address(), server.side, each)).await
    })
    .await?;
    let what = format!("{FILES} uploads of {each} MiB side by side, MiB per second");
    lines.extend([
        Line::compared(&what, 0, &many, |it| it.mib_per_second)
            .with_target(Target::RatioAtLeast(0.9)),
        Line::compared("– memory at its peak for each, KiB", 0, &many, |it| {
            it.peak_kib / FILES as f64
        })
        .with_target(Target::KipoAtMost(1_024.0)),
    ]);
    Ok(lines)
}

/// Reads what the server needs while uploads of so many MiB arrive.
async fn watch(
    server: &Server,
    mib: usize,
    uploads: impl Future<Output = io::Result<()>>,
) -> io::Result<Uploaded> {
    let before = server.memory()?;
    let (start, cpu) = (Instant::now(), server.cpu_time()?);
    let mut uploads = std::pin::pin!(uploads);
    let mut peak = before;
    loop {
        tokio::select! {
            ended = &mut uploads => break ended?,
            () = tokio::time::sleep(SAMPLE) => peak = peak.max(server.memory()?),
        }
    }
    let wall = start.elapsed();
    let cpu = at_rest(|| server.cpu_time()).await? - cpu;
    Ok(Uploaded {
        mib_per_second: mib as f64 / wall.as_secs_f64(),
        cpu_ms_per_mib: cpu.as_secs_f64() * 1_000.0 / mib as f64,
        peak_kib: (peak - before) as f64 / 1_024.0,
    })
}

/// Returns the processor time of a server once it uses no more: it may remove files after the response.
pub(super) async fn at_rest(cpu_time: impl Fn() -> io::Result<Duration>) -> io::Result<Duration> {
    let mut cpu = cpu_time()?;
    loop {
        tokio::time::sleep(REST).await;
        let now = cpu_time()?;
        if now == cpu {
            return Ok(cpu);
        }
        cpu = now;
    }
}

/// Sends a file in one multipart request.
pub(super) async fn whole(address: SocketAddr, side: Side, mib: usize) -> io::Result<()> {
    const HEAD: &[u8] =
        b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\
        Content-Type: application/octet-stream\r\n\r\n";
    const END: &[u8] = b"\r\n--b--\r\n";
    let bytes = mib << 20;
    let head = Request::new("POST", side.path(Endpoint::Upload), address)
        .header("Accept", "application/json")
        .header("Origin", format_args!("http://{address}"))
        .header("Content-Type", "multipart/form-data; boundary=b")
        .header("Content-Length", HEAD.len() + bytes + END.len())
        .end();
    let mut connection = Connection::open(address).await?;
    connection.write(&[&head, HEAD].concat()).await?;
    write(&mut connection, bytes).await?;
    expect_size(connection.send(END).await?, bytes)
}

/// Sends so many files of so many MiB at once, each in one request.
async fn side_by_side(address: SocketAddr, side: Side, mib: usize) -> io::Result<()> {
    let mut files = JoinSet::new();
    for _ in 0..FILES {
        files.spawn(whole(address, side, mib));
    }
    while let Some(ended) = files.join_next().await {
        ended.map_err(io::Error::other)??;
    }
    Ok(())
}

/// Sends a file to Kipo in parts, and then the call that takes it; to axum, which has no such protocol,
/// in one request.
async fn in_parts(address: SocketAddr, side: Side, mib: usize) -> io::Result<()> {
    if side != Side::Kipo {
        return whole(address, side, mib).await;
    }
    let bytes = mib << 20;
    let tus = |method: &str, path: &str| {
        Request::new(method, path, address)
            .header("Origin", format_args!("http://{address}"))
            .header("Tus-Resumable", "1.0.0")
    };
    let mut connection = Connection::open(address).await?;
    // `bench.Upload`, `file` and `a.bin` in base64.
    let begin = tus("POST", "/_kipo/uploads")
        .header("Upload-Length", bytes)
        .header("Upload-Metadata", "action YmVuY2guVXBsb2Fk,field ZmlsZQ==,filename YS5iaW4=")
        .header("Content-Length", 0)
        .end();
    let response = connection.send(&begin).await?;
    let location = response.head.header("location").filter(|_| response.status == 201);
    let location = location.ok_or_else(|| unexpected("the upload has not begun"))?.to_owned();
    let path = location.find("/_kipo").map_or(&*location, |at| &location[at..]).to_owned();
    let mut offset = 0;
    while offset < bytes {
        let part = PART_BYTES.min(bytes - offset);
        let head = tus("PATCH", &path)
            .header("Upload-Offset", offset)
            .header("Content-Type", "application/offset+octet-stream")
            .header("Content-Length", part)
            .end();
        connection.write(&head).await?;
        write(&mut connection, part - CHUNK.len()).await?;
        let status = connection.send(CHUNK).await?.status;
        if status != 204 {
            return Err(unexpected(&format!("{status} for a part")));
        }
        offset += part;
    }
    let id = path.rsplit('/').next().unwrap_or_default();
    let call = Request::new("POST", side.path(Endpoint::Upload), address)
        .header("Accept", "application/json")
        .header("Origin", format_args!("http://{address}"))
        .json(format!("{{\"file\":\"upload:{id}\"}}").as_bytes());
    expect_size(connection.send(&call).await?, bytes)
}

/// Sends so many bytes, which are whole chunks.
pub(super) async fn write(connection: &mut Connection, bytes: usize) -> io::Result<()> {
    for _ in 0..bytes / CHUNK.len() {
        connection.write(CHUNK).await?;
    }
    Ok(())
}

/// The action returns the size of the file.
pub(super) fn expect_size(response: Response<'_>, bytes: usize) -> io::Result<()> {
    if response.body == bytes.to_string().as_bytes() {
        return Ok(());
    }
    let body = String::from_utf8_lossy(response.body);
    Err(unexpected(&format!("{}: {body}", response.status)))
}
