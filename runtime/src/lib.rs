//! Typed server actions: structs on the server, calls and streams in the browser.

extern crate self as kipo;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;
mod accept;
mod action;
mod app;
mod cli;
mod client;
mod connection;
mod context;
mod decode;
#[cfg(all(feature = "dev", debug_assertions))]
mod dev;
mod dispatch;
mod encode;
mod error;
mod event;
mod event_stream;
mod exact;
mod field;
mod files;
mod frame;
mod guard;
mod limits;
mod mistake;
mod page;
mod returned;
mod route;
mod schema;
mod serve;
mod shared;
mod shield;
mod stream;
pub mod testing;
pub mod topic;
mod unwind;
mod validate;

pub use async_trait::async_trait;
/// Waiting, by the clock of the runtime: `tokio::time`.
pub use tokio::time;

/// Derives [`Event`](trait@Event).
pub use kipo_macros::Event;
/// Makes a struct or an `async fn` an action.
pub use kipo_macros::action;
/// Declares every file below `actions/` as a module.
pub use kipo_macros::actions;
/// Derives what a type needs to travel.
pub use kipo_macros::data;
/// Finds the app's pages and public files.
pub use kipo_macros::files;
/// Gives a page its data.
pub use kipo_macros::page;

pub use crate::{
    action::{Action, StreamAction},
    app::{App, StartError},
    context::{Context, RequestId, State},
    error::{Code, Error, FieldErrors, Result},
    event::Event,
    event_stream::EventStream,
    exact::Exact,
    files::Files,
    guard::Guard,
    limits::Limits,
    page::PageContext,
    serve::ServeLimits,
    topic::Topic,
    validate::Validate,
};
