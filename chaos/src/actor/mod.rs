//! The parts of a run: the app, its listeners, publishers and visitors, and the proxy between them.

pub(crate) mod app;
mod backoff;
mod crowd;
mod feed;
mod listener;
mod nodes;
mod proxy;
mod publisher;
#[cfg(test)]
mod stage;
mod visitor;

pub(crate) use self::{
    app::App,
    crowd::{Crowd, Patience, reach_in_turn},
    feed::{Feed, create},
    listener::{Listener, Scene},
    nodes::Nodes,
    proxy::Proxy,
    publisher::{Answer, publish, send, send_until_acknowledged},
    visitor::{Visitor, Visits},
};
