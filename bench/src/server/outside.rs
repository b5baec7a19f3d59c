//! Servers that are programs of others, and the publisher that publishes to them from outside.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use load::http::Connection;
use tempfile::TempDir;
use tokio::time::MissedTickBehavior;

use super::{centrifugo, nchan};
use crate::serve::room::Order;
use crate::serve::side::Side;
use crate::server::cores::Cores;

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    Nchan,
    Centrifugo,
}

impl Program {
    /// Returns the program of a side; none for the servers that are this program.
    pub(super) fn of(side: Side) -> Option<Self> {
        match side {
            Side::Nchan => Some(Self::Nchan),
            Side::Centrifugo => Some(Self::Centrifugo),
            Side::Kipo | Side::Axum | Side::Floor => None,
        }
    }

    /// Returns the sentence for a machine without the program, where it is missing.
    pub(super) fn missing(self) -> Option<&'static str> {
        match self {
            Self::Nchan => (!nchan::is_there()).then_some(nchan::MISSING),
            Self::Centrifugo => centrifugo::program().is_none().then_some(centrifugo::MISSING),
        }
    }

    /// Starts the program, and returns it with the folder of its files.
    pub(super) async fn start(self, cores: Cores) -> io::Result<(load::Server, TempDir)> {
        match self {
            Self::Nchan => nchan::start(cores).await,
            Self::Centrifugo => {
                let program = centrifugo::program();
                let program = program.ok_or_else(|| io::Error::other(centrifugo::MISSING))?;
                centrifugo::start(&program, cores).await
            }
        }
    }

    /// Publishes on one connection, each message after the answer to the one before, and counts.
    pub(super) async fn publish(
        self,
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
        let mut left = order.messages;
        loop {
            if let Some(pace) = &mut pace {
                pace.tick().await;
            }
            let n = published.load(Ordering::Relaxed) + 1;
            let request = match self {
                Self::Nchan => nchan::publication(address, order, n),
                Self::Centrifugo => centrifugo::publication(address, order, n),
            };
            connection.send(&request).await?;
            published.store(n, Ordering::Relaxed);
            if order.messages > 0 {
                left -= 1;
                if left == 0 {
                    return Ok(());
                }
            }
        }
    }
}
