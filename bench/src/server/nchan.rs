//! nchan, the nginx module for what topics do: a server of its own, and a publisher
//! outside, as it is meant to be used.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use load::http::Request;
use load::{Server, machine};
use tempfile::TempDir;

use crate::serve::room::{self, KEPT, Order};
use crate::server::cores::Cores;

/// The sentence for a machine without it.
pub(super) const MISSING: &str = "nginx with nchan is not on this machine: `apt-get install \
    nginx-light libnginx-mod-nchan`";

const NGINX: &str = "/usr/sbin/nginx";

/// nginx starts well within this on a busy machine.
const START: Duration = Duration::from_secs(10);

/// Where Debian's `libnginx-mod-nchan` puts it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Returns whether nginx and the module are on this machine.
pub(super) fn is_there() -> bool {
    Path::new(MODULE).exists() && Path::new(NGINX).exists()
}

/// Starts nginx with one process, on a free port. Returns it with the folder of its files.
pub(super) async fn start(cores: Cores) -> io::Result<(Server, TempDir)> {
    let folder = TempDir::new()?;
    // Free now: nginx does not report a port that it chose itself.
    let address = machine::stable_address()?;
    let at = folder.path().display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("{name}_temp_path {at}/{name}; "))
        .concat();
    let config = format!(
        "load_module {MODULE};\n\
         daemon off; master_process off; pid {at}/pid; worker_rlimit_nofile 45000;\n\
         events {{ worker_connections 40000; }}\n\
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

/// Returns the request that publishes one message.
pub(super) fn publication(address: SocketAddr, order: Order, n: u64) -> Vec<u8> {
    Request::new("POST", "/publish", address)
        .header("X-EventSource-Event", "note")
        .json(room::note(n, order.text_bytes).as_bytes())
}
