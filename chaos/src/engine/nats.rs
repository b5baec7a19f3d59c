//! Three NATS servers that are one JetStream cluster.

use std::{fs, io, net::SocketAddr, path::Path, process::Command};

use serde_json::Value;

use load::{
    http::{Request, call},
    machine,
};

/// The stream of the topics that are no family: the chat is one.
const STREAM: &str = "kipo_topics";

/// Where one server listens.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) client: SocketAddr,
    /// Its state over HTTP.
    monitor: SocketAddr,
    /// For the other servers.
    route: SocketAddr,
}

impl Ports {
    pub(crate) fn free() -> io::Result<Self> {
        let [client, monitor, route] = [(); 3].map(|()| machine::stable_address());
        Ok(Self { client: client?, monitor: monitor?, route: route? })
    }

    /// Returns whether the server has caught up with its cluster, and all streams have a leader.
    pub(crate) async fn is_ready(&self) -> bool {
        self.get("/healthz").await.is_ok_and(|(status, _)| status == 200)
            && self
                .streams()
                .await
                .is_ok_and(|streams| streams.iter().all(|stream| leader(stream).is_some()))
    }

    /// Returns the number of the server that leads the stream of the chat, as this server knows it.
    pub(crate) async fn leader(&self) -> Option<usize> {
        let streams = self.streams().await.ok()?;
        streams.iter().find(|stream| stream["name"] == STREAM).and_then(leader)
    }

    /// Returns the streams that this server has, with their leaders.
    async fn streams(&self) -> io::Result<Vec<Value>> {
        let (_, body) = self.get("/jsz?accounts=1&streams=1").await?;
        let body: Value = serde_json::from_slice(&body)?;
        let accounts = body["account_details"].as_array().into_iter().flatten();
        let streams = accounts.filter_map(|account| account["stream_detail"].as_array()).flatten();
        Ok(streams.cloned().collect())
    }

    async fn get(&self, path: &str) -> io::Result<(u16, Vec<u8>)> {
        call(self.monitor, &Request::new("GET", path, self.monitor).end()).await
    }
}

/// Returns the number of the server that leads a stream, where one does.
fn leader(stream: &Value) -> Option<usize> {
    stream["cluster"]["leader"].as_str()?.strip_prefix('n')?.parse().ok()
}

/// Returns the command of server `number`, whose files are in `home`.
pub(crate) fn command(
    program: &Path,
    number: usize,
    all: &[Ports],
    home: &Path,
    store: &Path,
) -> io::Result<Command> {
    let Ports { client, monitor, route } = all[number];
    let routes: Vec<_> = all.iter().map(|ports| format!("nats://{}", ports.route)).collect();
    let (routes, store) = (routes.join(", "), store.display());
    // Without `no_advertise` a node learns of the servers themselves, and goes around the network
    // of this run.
    let text = format!(
        "server_name: n{number}\nlisten: \"{client}\"\nhttp: \"{monitor}\"\n\
         jetstream {{ store_dir: \"{store}\", sync_interval: always }}\n\
         cluster {{ name: chaos, listen: \"{route}\", routes: [{routes}], no_advertise: true }}\n"
    );
    let configuration = home.join("nats.conf");
    fs::write(&configuration, text)?;
    let mut command = Command::new(program);
    command.arg("-c").arg(configuration).arg("-l").arg(home.join("server.log"));
    Ok(command)
}
