//! The servers under test that are part of this program, and what they share. Start reading at
//! [`room`].

mod axum_server;
pub(crate) mod engine;
mod files;
mod floor_server;
mod kipo_server;
pub(crate) mod room;
mod sessions;
pub(crate) mod side;
pub(crate) mod templates;

use std::io;

use self::side::{SessionStore, Side};

/// Runs one of the servers until standard input closes. With the URL of an engine, the room of
/// Kipo's server is in that engine.
pub(crate) fn run(side: Side, engine: Option<&str>) -> io::Result<()> {
    match side {
        Side::Kipo => kipo_server::run(engine),
        Side::Axum => axum_server::run(),
        Side::Floor => floor_server::run(),
        Side::Nchan | Side::Centrifugo => {
            Err(io::Error::other(format!("{} is a program of its own", side.name())))
        }
    }
}

/// Runs one of the servers with sessions until standard input closes.
pub(crate) fn run_with_sessions(side: Side, store: &SessionStore) -> io::Result<()> {
    match (side, store) {
        (Side::Kipo, SessionStore::Memory) => sessions::kipo_server::run(None),
        (Side::Kipo, SessionStore::Directory(path)) => sessions::kipo_server::run(Some(path)),
        (Side::Axum, SessionStore::Memory) => sessions::axum_server::run(),
        _ => Err(io::Error::other(format!("{} has no sessions in {store:?}", side.name()))),
    }
}
