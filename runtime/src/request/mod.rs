//! One request of an action, from its head to its response: the table of actions, the order of the
//! steps, the input and the output.
//!
//! This room may know actions, streams, schemas, the server's shared state and failures. It knows
//! no page. Only `encode` chooses the status of a response. Start reading at `dispatch`, which
//! shows the whole path, then `decode` and `encode`.

mod actions;
mod batch;
mod cached;
pub(crate) mod decode;
pub(crate) mod dispatch;
pub(crate) mod encode;
mod hosts;
mod limits;
pub(crate) mod meter;
mod prefixes;
pub(crate) mod query;
pub(crate) mod route;
mod shield;
mod uploads;
mod within;

pub use self::{dispatch::endpoint, route::Registration};

#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) use self::prefixes::PrefixSettings;
pub(crate) use self::{
    actions::Actions,
    batch::Batch,
    hosts::{AllowedHost, HostCheck, Hosts},
    limits::AppLimits,
    prefixes::Prefixes,
    route::{Mounted, Route},
    uploads::ResumableUploads,
    within::within,
};
