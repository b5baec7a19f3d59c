//! The servers under test that are part of this program, and what they share. Start reading at
//! [`room`].

mod axum_server;
pub(crate) mod engine;
mod floor_server;
mod kipo_server;
pub(crate) mod room;
pub(crate) mod side;
mod templates;

use std::io;

use self::side::Side;

/// Runs one of the servers until standard input closes. With the URL of an engine, the room of
/// Kipo's server is in that engine.
pub(crate) fn run(side: Side, engine: Option<&str>) -> io::Result<()> {
    match side {
        Side::Kipo => kipo_server::run(engine),
        Side::Axum => axum_server::run(),
        Side::Floor => floor_server::run(),
        Side::Nchan => Err(io::Error::other("nchan runs in nginx")),
    }
}
