//! Runs an app, or one action of it, in a test: without a socket.
//!
//! - [`App`] is a whole app in the process of the test. Its requests pass the same layers, guards,
//!   limits and validation as those that come over a socket. See the [guide](crate::guide::testing).
//! - [`stream`] and [`stream_until`] run one stream without an app, and
//!   [`Action::call`](crate::Action::call) runs one call.
//!
//! This room knows the app that is put together. Nothing in the crate uses it. Start reading at
//! `app`, then `client`.

mod answer;
mod app;
mod client;
mod data_dir;
mod direct;
mod form;
mod jar;
#[cfg(test)]
pub(crate) mod logged;
mod message;
mod response;
mod stream;
mod topics;
mod unpaused;

pub use serde_json::{Value, json};

pub use self::{
    answer::Answer,
    app::App,
    client::Client,
    direct::{stream, stream_until},
    form::Form,
    message::{Gap, Message},
    response::{Problem, Response},
    stream::Stream,
    topics::open_topics,
};
