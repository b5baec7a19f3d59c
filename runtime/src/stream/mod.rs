//! Streams of events to one client: what an action writes its events to, the response body, the
//! writer that takes the socket over from hyper, and the drain at shutdown.
//!
//! This room may know actions, failures, the words of HTTP and `kipo-topic`. It accepts no
//! connection and decodes no request. Start reading at `event_stream`, then `pipe` and `body`.

mod alarm;
mod body;
mod decode_event;
pub(crate) mod detached_stream;
mod drain;
mod event_stream;
mod frames;
pub(crate) mod jitter;
mod pipe;
pub(crate) mod retry;
mod running;
mod socket;
mod stream_action;
pub(crate) mod topics;
mod translate;

pub use self::{
    decode_event::{Decodable, DecodeEvent},
    event_stream::EventStream,
    stream_action::StreamAction,
    topics::TopicRegistration,
    translate::Translated,
};

#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::body::Ending;
pub(crate) use self::{
    alarm::Alarm,
    body::StreamBody,
    detached_stream::{DetachedStream, DetachedWrite},
    drain::{Drain, Watch},
    event_stream::GAP_REASONS,
    pipe::{Pipe, Start},
    running::Running,
    socket::Socket,
};
