//! Which server runs, and the paths of its endpoints.

use std::path::PathBuf;

/// The channel of Centrifugo that listeners follow; [`Side::path`] subscribes to it.
pub(crate) const CENTRIFUGO_CHANNEL: &str = "room";

/// Which of the servers runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Kipo,
    Axum,
    /// nginx with nchan.
    Nchan,
    /// Centrifugo with its one-way event streams.
    Centrifugo,
    /// One `write(2)` for each delivery.
    Floor,
}

impl Side {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kipo => "kipo",
            Self::Axum => "axum",
            Self::Nchan => "nchan",
            Self::Centrifugo => "centrifugo",
            Self::Floor => "floor",
        }
    }

    /// Returns the path of one of the bench's endpoints.
    ///
    /// Both sides have the same ones, at the paths that are natural there.
    pub(crate) fn path(self, endpoint: Endpoint) -> &'static str {
        match (self, endpoint) {
            (Self::Kipo, Endpoint::Echo) => "/_kipo/actions/bench.Echo",
            (Self::Kipo, Endpoint::Listen) => "/_kipo/actions/bench.Listen",
            (Self::Kipo, Endpoint::Publish) => "/_kipo/actions/bench.Publish",
            (Self::Kipo, Endpoint::Stop) => "/_kipo/actions/bench.Stop",
            (Self::Kipo, Endpoint::Say) => "/_kipo/actions/bench.Say",
            (Self::Kipo, Endpoint::SignIn) => "/_kipo/actions/bench.SignIn",
            (Self::Kipo, Endpoint::Note) => "/_kipo/actions/bench.Note",
            (Self::Kipo, Endpoint::Cached) => "/_kipo/actions/bench.Cached",
            (Self::Kipo, Endpoint::Form) => "/_kipo/actions/bench.Form",
            (Self::Kipo, Endpoint::Upload) => "/_kipo/actions/bench.Upload",
            (Self::Centrifugo, Endpoint::Listen) => {
                // `{"subs":{"room":{}}}`
                "/connection/uni_sse?cf_connect=%7B%22subs%22%3A%7B%22room%22%3A%7B%7D%7D%7D"
            }
            (_, Endpoint::Form) => "/form",
            (_, Endpoint::Upload) => "/upload",
            (_, Endpoint::Echo) => "/echo",
            (_, Endpoint::Listen) => "/listen",
            (_, Endpoint::Publish) => "/publish",
            (_, Endpoint::Stop) => "/stop",
            (_, Endpoint::Say) => "/say",
            (_, Endpoint::Cached) => "/cached",
            (_, Endpoint::SignIn) => "/sign-in",
            (_, Endpoint::Note) => "/note",
        }
    }
}

/// What can be asked of either server.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Endpoint {
    /// Answers its input.
    Echo,
    /// Streams the room.
    Listen,
    /// Starts publishers inside the server.
    Publish,
    /// Waits until the publishers are done or stops them, and answers how much was published.
    Stop,
    /// Publishes one message, and answers `true` once it is published.
    Say,
    /// Answers a list that is the same for everybody, from a cache.
    Cached,
    /// Answers a form of ten fields.
    Form,
    /// Takes a file, and answers its size.
    Upload,
    /// Begins a session. A server has it that was started with sessions.
    SignIn,
    /// Answers its input to a user, unless a rule or the id refuses it. A server has it that was
    /// started with sessions.
    Note,
}

/// Where a server with sessions has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionStore {
    Memory,
    /// Kipo's data directory.
    Directory(PathBuf),
}
