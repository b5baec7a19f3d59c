//! The way to one client: what an action writes its events to, the response body, and the writer that goes on with the socket. Start reading at [`event_stream`].

mod alarm;
mod body;
pub(crate) mod detached_stream;
mod drain;
mod event_stream;
pub(crate) mod jitter;
mod pipe;
pub(crate) mod retry;
mod stream_action;
pub(crate) mod topics;

pub use self::{event_stream::EventStream, stream_action::StreamAction, topics::TopicRegistration};

#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::body::Ending;
pub(crate) use self::{
    alarm::Alarm,
    body::StreamBody,
    detached_stream::DetachedStream,
    drain::{Drain, Watch},
    pipe::Pipe,
};
