//! Work beside the server: tasks that start again, tasks that run periodically, and functions that
//! run after the drain.
//!
//! This room may know the state of the app, streams' jitter and failures. It knows no socket and no
//! request: `server` cancels its futures and waits for them. Start reading at `schedule`, then `run`.

mod backoff;
mod hooks;
mod run;
mod schedule;
mod task_context;
mod ticks;
mod work;

pub use self::task_context::TaskContext;

pub(crate) use self::{hooks::Hooks, schedule::Tasks};
