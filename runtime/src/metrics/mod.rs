//! Counters that other rooms raise, and their text for Prometheus.
//!
//! This room knows nobody: who counts registers a series at start and gets a handle. A handle of an
//! app without an admin address is empty, and counts nothing. Start reading at `registry`, which has
//! the names of a series and its handle; `action`, `stream`, `cache`, `limit`, `session` and `task`
//! are the sets of handles that other rooms raise.
//!
//! Labels are bounded: the names of actions, topics and tasks, codes and reasons, which the source of
//! the app lists. A path, a user or a key is never one.

mod action;
mod cache;
mod cells;
mod family;
mod handle;
mod limit;
mod process;
mod registry;
mod session;
mod stream;
mod task;
mod text;

pub(crate) use self::{
    action::{ActionMeter, RunningCall},
    cache::CacheMeter,
    family::Kind,
    handle::Counter,
    limit::{rate_refusals, run_refusals},
    process::register as register_process,
    registry::{Desc, Metrics},
    session::SessionMeter,
    stream::StreamMeter,
    task::TaskMeter,
};
