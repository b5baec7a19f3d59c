//! nchan, the nginx module for what topics do: a server of its own, and a publisher from outside,
//! as it is meant to be used.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use load::http::{Connection, Request};
use load::{Server, machine};
use tempfile::TempDir;
use tokio::time::MissedTickBehavior;

use crate::serve::room::{self, KEPT, Order};
use crate::server::cores::Cores;

const NGINX: &str = "/usr/sbin/nginx";

/// nginx starts well within this on a busy machine.
const START: Duration = Duration::from_secs(10);

/// Where Debian's `libnginx-mod-nchan` puts it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Returns whether nginx and the module are on this machine.
pub(crate) fn is_there() -> bool {
    Path::new(MODULE).exists() && Path::new(NGINX).exists()
}

/// Starts nginx with one process, on a free port. Returns it with the folder of its files.
pub(crate) async fn start(cores: Cores) -> io::Result<(Server, TempDir)> {
    let folder = TempDir::new()?;
    // Free now: nginx does not report a port that it chose itself.
    let address = machine::stable_address()?;
    let at = folder.path().display();
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
    let path = folder.path().join("nginx.conf");
    fs::write(&path, config)?;
    let mut command = cores.command_for_server(Path::new(NGINX));
    command.arg("-e").arg(folder.path().join("error.log")).arg("-c").arg(path);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Ok((Server::start_at(address, command, START).await?, folder))
}

/// Publishes on one connection, each message after the answer to the one before, and counts.
pub(crate) async fn publish(
    address: SocketAddr,
    order: Order,
    published: &AtomicU64,
) -> io::Result<()> {
    let mut connection = Connection::open(address).await?;
    let mut pace = (order.per_second > 0).then(|| {
        let mut pace = tokio::time::interval(Duration::from_secs(1) / order.per_second);
        pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
        pace
    });
    loop {
        if let Some(pace) = &mut pace {
            pace.tick().await;
        }
        let n = published.load(Ordering::Relaxed) + 1;
        let request = Request::new("POST", "/publish", address)
            .header("X-EventSource-Event", "note")
            .json(room::note(n).as_bytes());
        connection.send(&request).await?;
        published.store(n, Ordering::Relaxed);
        if order.messages > 0 && n >= u64::from(order.messages) {
            return Ok(());
        }
    }
}
