//! The app as a whole: its settings, its checks at start, its routes, its command line. Start reading
//! at [`builder`].

mod builder;
mod cli;
mod mount;
mod start_error;
mod storage;

pub use self::{builder::App, start_error::StartError};
