//! Runs actions in tests, without a socket.

mod direct;

pub use self::direct::{open_topics, stream, stream_until};
