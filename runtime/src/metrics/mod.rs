//! Counters that other rooms raise, and their text for Prometheus.
//!
//! This room knows nobody: who counts registers a series at start and gets a handle. A handle of an
//! app without an admin address is empty, and counts nothing. Start reading at `registry`, which has
//! the names of a series and its handle; `action`, `stream` and `task` are the sets of handles that
//! actions, streams and tasks raise.
//!
//! Labels are bounded: the names of actions, topics and tasks, codes and reasons, which the source of
//! the app lists. A path, a user or a key is never one.

mod action;
mod cells;
mod family;
mod handle;
mod process;
mod registry;
mod stream;
mod task;
mod text;

pub(crate) use self::{
    action::{ActionMeter, RunningCall},
    family::Kind,
    handle::Counter,
    process::register as register_process,
    registry::{Desc, Metrics},
    stream::StreamMeter,
    task::TaskMeter,
};
