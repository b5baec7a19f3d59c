//! The app as a whole: its settings, its checks at start, its routes, its command line. Start reading
//! at [`builder`], then [`build`] and `serve`.

mod around;
mod build;
mod builder;
mod cli;
mod layers;
mod lifecycle;
mod mount;
mod operations;
mod overview;
mod own_routes;
mod running;
mod serve;
mod start_error;
mod storage;
mod uploads;

pub use self::{builder::App, running::RunningApp, start_error::StartError};
