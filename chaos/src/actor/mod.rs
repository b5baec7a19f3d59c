//! Those who take part: the app, its listeners and publishers, and the proxy between them.

pub(crate) mod app;
mod backoff;
mod crowd;
mod listener;
mod proxy;
mod publisher;
#[cfg(test)]
mod stage;

pub(crate) use self::{
    app::App,
    crowd::{Crowd, Patience},
    listener::{Goal, Listener, Scene},
    proxy::Proxy,
    publisher::{Answer, publish, send, send_until_heard},
};
