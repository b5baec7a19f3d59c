//! Limits of an action: how much it reads and writes, how long and how often it runs.
//!
//! `settings` is what an author sets. `rate` says how often a caller may call, `caller` who counts as
//! one caller, `bucket` and `table` count on one node, `cluster` over all nodes of an engine, and
//! `limiter` puts these together. `request` enforces all of it. Start reading at `settings`.

mod bucket;
mod caller;
mod cluster;
mod limiter;
mod policy;
mod rate;
mod settings;
mod table;

pub use self::{
    caller::RateIdentity,
    rate::{Key, Rate},
    settings::Limits,
};

pub(crate) use self::{
    caller::{Caller, Identified, Identify, network},
    limiter::{Limiter, RATE_KEYS_MAX, RateLimit},
    settings::{Bounds, ResponseMax},
};
