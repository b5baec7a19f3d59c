//! nchan, the nginx module for what topics do: a server of its own, and a publisher
//! outside, as it is meant to be used.

use std::io;
use std::net::SocketAddr;
use std::path::{self, Path};

use load::Server;
use load::http::Request;
use tempfile::TempDir;

use super::nginx::{self, Nginx};
use crate::serve::room::{self, KEPT, Order};
use crate::server::cores::Cores;

/// The sentence for a machine without it.
pub(super) const MISSING: &str = "nginx with nchan is not on this machine: `apt-get install \
    nginx-light libnginx-mod-nchan`";

/// Where Debian's `libnginx-mod-nchan` puts it.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Returns whether nginx and the module are on this machine.
pub(super) fn is_there() -> bool {
    Path::new(MODULE).exists() && Nginx::is_there()
}

/// Starts nginx with the module. Returns it with the folder of its files.
pub(super) async fn start(cores: Cores) -> io::Result<(Server, TempDir)> {
    let main = format!("load_module {MODULE};\nworker_rlimit_nofile 45000;\n");
    let http = |address, _: path::Display<'_>| {
        format!(
            "keepalive_requests 1000000000; tcp_nodelay on; nchan_shared_memory_size 256M;\n\
             server {{ listen {address} backlog=65535;\n\
             location = /listen {{ nchan_subscriber eventsource; nchan_channel_id room;\n\
             nchan_subscriber_first_message newest; }}\n\
             location = /publish {{ nchan_publisher; nchan_channel_id room;\n\
             nchan_message_buffer_length {KEPT}; nchan_message_timeout 60s; }} }}"
        )
    };
    nginx::run(cores, &main, 40_000, http).await
}

/// Returns the request that publishes one message.
pub(super) fn publication(address: SocketAddr, order: Order, n: u64) -> Vec<u8> {
    Request::new("POST", "/publish", address)
        .header("X-EventSource-Event", "note")
        .json(room::note(n, order.text_bytes).as_bytes())
}
