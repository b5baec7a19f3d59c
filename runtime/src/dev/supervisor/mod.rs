//! The development server: it owns the listening socket and the only watch, and lets one process
//! after the other serve on that socket. Only in debug builds.
//!
//! A change of pages goes to the process that serves. A change of sources is [built](build) while
//! that goes on serving; then the new version is started, and once it has checked itself, the old
//! one lets go of everything and the new one accepts. The socket is open all the time: whoever
//! connects meanwhile waits in its queue. Where no version serves, a [stand-in](fallback) says why.

mod build;
mod cargo;
mod child;
mod fallback;
mod run;
mod terminal;
mod versions;

pub(crate) use self::{child::COLOUR, run::run, versions::Settings};
