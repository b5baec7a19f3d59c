//! nchan, the nginx module for what topics do: a server of its own, and a publisher from outside,
//! as it is meant to be used.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::MissedTickBehavior;

use crate::clients::http;
use crate::engines::Folder;
use crate::serve::{self, KEPT, Order};
use load::machine::Cores;

/// Where Debian's `libnginx-mod-nchan` puts it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Returns whether nginx and the module are on this machine.
pub(crate) fn is_there() -> bool {
    Path::new(MODULE).exists() && Path::new("/usr/sbin/nginx").exists()
}

/// Starts nginx with one process, on a free port.
pub(crate) fn start(cores: Cores) -> io::Result<(Child, SocketAddr, Folder)> {
    let folder = Folder::new()?;
    // Free now; nginx has no way to tell which one it took.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let at = folder.0.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {at}/{name}; "))
        .concat();
    let config = format!(
        "load_module {MODULE};\n\
         daemon off; master_process off; pid {at}/pid; worker_rlimit_nofile 30000;\n\
         events {{ worker_connections 25000; }}\n\
         http {{ access_log off; keepalive_requests 1000000000; tcp_nodelay on; {temporary}\n\
         nchan_shared_memory_size 256M;\n\
         server {{ listen {address} backlog=65535;\n\
         location = /listen {{ nchan_subscriber eventsource; nchan_channel_id room;\n\
         nchan_subscriber_first_message newest; }}\n\
         location = /publish {{ nchan_publisher; nchan_channel_id room;\n\
         nchan_message_buffer_length {KEPT}; nchan_message_timeout 60s; }} }} }}\n"
    );
    let path = folder.0.join("nginx.conf");
    fs::write(&path, config)?;
    let child = cores
        .command_for_server(Path::new("/usr/sbin/nginx"))
        .arg("-e")
        .arg(folder.0.join("error.log"))
        .arg("-c")
        .arg(path)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    for _ in 0..200 {
        if std::net::TcpStream::connect(address).is_ok() {
            return Ok((child, address, folder));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    Err(io::Error::other("nginx did not start"))
}

/// Publishes on one connection, each message after the answer to the one before, and counts.
pub(crate) async fn publish(
    address: SocketAddr,
    order: Order,
    published: &std::sync::atomic::AtomicU64,
) -> io::Result<()> {
    let mut socket = http::connect(address).await?;
    let mut pace = (order.per_second > 0).then(|| {
        let mut pace = tokio::time::interval(Duration::from_secs(1) / order.per_second);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        pace
    });
    let mut answer = Vec::new();
    loop {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let n = published.load(std::sync::atomic::Ordering::Relaxed) + 1;
        let body = serve::note(n);
        let request = format!(
            "POST /publish HTTP/1.1\r\nHost: {address}\r\nX-EventSource-Event: note\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        socket.write_all(request.as_bytes()).await?;
        answer.clear();
        let head = http::read_head(&mut socket, &mut answer).await?;
        if let http::Body::Bytes(length) = head.body {
            while answer.len() < head.bytes + length {
                if tokio::io::AsyncReadExt::read_buf(&mut socket, &mut answer).await? == 0 {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        published.store(n, std::sync::atomic::Ordering::Relaxed);
        if order.messages > 0 && n >= u64::from(order.messages) {
            return Ok(());
        }
    }
}
