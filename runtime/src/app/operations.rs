//! What an app shows to those who run it: its admin address.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use kipo_topic::{Store, engine::Link};
use tokio::net::TcpListener;

use crate::{
    app::start_error::StartError,
    error::StartDiagnostic,
    metrics::{Desc, Kind, Metrics, register_process},
    server::{
        admin::{Admin, Readiness},
        listen,
    },
    stream::topics,
};

const BACKLOG_WAITING: Desc = Desc {
    name: "kipo_store_waiting_messages",
    help: "Messages that wait for the engine to append them.",
};
const ENGINE: Desc = Desc {
    name: "kipo_engine_reachable",
    help: "Whether the connection to the engine of the topics is open: 1 or 0.",
};

/// The admin address of an app, if it has one, and what it answers.
#[derive(Debug)]
pub(super) struct Operations {
    readiness: Readiness,
    metrics: Metrics,
    admin: Option<Admin>,
}

impl Operations {
    /// Listens on the admin address. `/ready` says that the app starts.
    ///
    /// # Errors
    ///
    /// The address is in use, or the system does not give it.
    pub(super) fn start(admin: Option<SocketAddr>, metrics: &Metrics) -> Result<Self, StartError> {
        Ok(Self::with(admin.map(listen).transpose()?, metrics))
    }

    /// Serves the admin address on the socket of the development server, if it is the same address:
    /// versions that follow each other accept from one queue. Otherwise listens like
    /// [`start`](Self::start).
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(super) fn inherit(
        admin: Option<SocketAddr>,
        inherited: Option<std::net::TcpListener>,
        metrics: &Metrics,
    ) -> Result<Self, StartError> {
        let inherited = inherited.filter(|listener| {
            admin.zip(listener.local_addr().ok()).is_some_and(|(admin, address)| {
                admin.ip() == address.ip() && [0, address.port()].contains(&admin.port())
            })
        });
        match inherited.map(TcpListener::from_std) {
            Some(Ok(listener)) => Ok(Self::with(Some(listener), metrics)),
            _ => Self::start(admin, metrics),
        }
    }

    /// Serves the admin address on a socket that listens already.
    fn with(listener: Option<TcpListener>, metrics: &Metrics) -> Self {
        let (readiness, metrics) = (Readiness::default(), metrics.clone());
        let admin = listener.map(|listener| {
            register_process(&metrics);
            topics::register(&metrics);
            Admin::start(listener, readiness.clone(), metrics.clone())
        });
        Self { readiness, metrics, admin }
    }

    /// Returns the address that it listens on, if there is one.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.admin.as_ref()?.address()
    }

    /// Notes the store of the durable topics.
    pub(super) fn set_store(&self, store: Option<&Store>) {
        let Some(store) = store.filter(|_| self.admin.is_some()) else { return };
        self.readiness.set_engine(store.engine());
        let waiting = store.clone();
        self.metrics.read(BACKLOG_WAITING, Kind::Gauge, &[], move || waiting.waiting() as f64);
        let link = store.engine().link();
        let is_reachable = move || f64::from(u8::from(*link.borrow() == Link::Up));
        self.metrics.read(ENGINE, Kind::Gauge, &[], is_reachable);
    }

    /// Notes that the app serves.
    pub(super) fn set_serving(&self) {
        self.readiness.set_serving();
    }

    /// Notes that the drain begins. Returns whether that is news.
    pub(super) fn set_draining(&self) -> bool {
        self.readiness.set_draining()
    }

    /// Closes the admin address.
    #[cfg(all(feature = "dev", debug_assertions))]
    pub(super) fn close(&mut self) {
        self.admin = None;
    }

    /// Waits for `stop`. `/ready` says no from then on, and after `delay` the drain may begin; at once
    /// if `/ready` has said so before.
    pub(super) async fn stop(&self, stop: impl Future<Output = ()>, delay: Duration) {
        stop.await;
        if self.set_draining() && !delay.is_zero() {
            tokio::time::sleep(delay).await;
        }
    }
}

/// Returns the error of an admin address that is also the app's own address.
pub(super) fn clash(admin: SocketAddr, app: SocketAddr) -> Option<StartError> {
    let is_any = |address: SocketAddr| address.ip().to_canonical().is_unspecified();
    let same_ip = admin.ip().to_canonical() == app.ip().to_canonical();
    // Each of two sockets with port 0 gets a port of its own.
    let is_same = admin.port() == app.port() && admin.port() != 0;
    (is_same && (same_ip || is_any(admin) || is_any(app))).then(|| {
        diagnostic(format!(
            "the admin address {admin} is that of the app itself ({app}): choose another port for one \
             of them"
        ))
    })
}

/// Listens on an admin address.
pub(super) fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    let listener = listen::bind(address).and_then(listen::BoundSocket::listen);
    listener.map_err(|error| diagnostic(bind_failure(address, &error)))
}

/// Takes a socket out of the async runtime, for another process.
#[cfg(all(feature = "dev", debug_assertions))]
pub(super) fn into_std(listener: TcpListener) -> Result<std::net::TcpListener, StartError> {
    listener.into_std().map_err(|error| diagnostic(error.to_string()))
}

fn bind_failure(address: SocketAddr, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "the admin address {address} is in use: stop the process that listens there, or choose \
             another one"
        ),
        _ => format!("the admin address {address}: {error}"),
    }
}

fn diagnostic(message: String) -> StartError {
    StartError(vec![StartDiagnostic::new("App::admin", message)])
}

/// Parses an admin address: an IP address or `localhost`, and a port.
pub(super) fn parse_address(text: &str) -> Result<SocketAddr, String> {
    let local = text.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    match local {
        Some(port) => Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
        None => text
            .parse()
            .map_err(|_| "expected an address and a port, such as 127.0.0.1:9000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> SocketAddr {
        parse_address(text).unwrap()
    }

    #[test]
    fn an_admin_address_has_an_ip_and_a_port() {
        assert_eq!(at("localhost:9000"), at("127.0.0.1:9000"));
        assert!(at("[::1]:9000").is_ipv6());
        for text in ["9000", "localhost", "example.org:9000", "127.0.0.1:99999", ""] {
            let error = parse_address(text).unwrap_err();
            assert!(error.contains("such as 127.0.0.1:9000"), "{text}: {error}");
        }
    }

    #[test]
    fn the_admin_address_is_not_that_of_the_app() {
        for (admin, app, clashes) in [
            ("127.0.0.1:8080", "127.0.0.1:8080", true),
            ("127.0.0.1:8080", "0.0.0.0:8080", true),
            ("[::]:8080", "127.0.0.1:8080", true),
            ("[::ffff:127.0.0.1]:8080", "127.0.0.1:8080", true),
            ("127.0.0.1:9000", "127.0.0.1:8080", false),
            ("127.0.0.2:8080", "127.0.0.1:8080", false),
            ("127.0.0.1:0", "127.0.0.1:0", false),
        ] {
            let error = clash(at(admin), at(app)).map(|error| error.to_string());
            assert_eq!(error.is_some(), clashes, "{admin} {app}");
            assert!(error.is_none_or(|error| error.contains("choose another port")));
        }
    }

    #[cfg(all(feature = "dev", debug_assertions))]
    #[tokio::test]
    async fn a_version_accepts_from_the_socket_of_the_development_server() {
        let supervisor = into_std(listen(at("127.0.0.1:0")).unwrap()).unwrap();
        let address = supervisor.local_addr().unwrap();
        let mut versions = Vec::new();
        for admin in [address, at("127.0.0.1:0")] {
            let inherited = supervisor.try_clone().unwrap();
            let metrics = Metrics::counting();
            let version = Operations::inherit(Some(admin), Some(inherited), &metrics).unwrap();
            assert_eq!(version.address(), Some(address));
            versions.push(version);
        }
        versions.iter_mut().for_each(Operations::close);
        // The socket still listens: a client waits for the next version.
        tokio::net::TcpStream::connect(address).await.unwrap();
        let other = at("127.0.0.2:0");
        let moved = Operations::inherit(Some(other), Some(supervisor), &Metrics::counting());
        assert_eq!(moved.unwrap().address().unwrap().ip(), other.ip());
    }
}
