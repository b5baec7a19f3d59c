//! The development server: it owns the listening socket, watches all files, builds, and starts one
//! version of the app after the other on that socket.
//!
//! A change of pages goes to the process that serves. A change of sources is [built](build) while
//! that process goes on serving. Then the supervisor starts the new version; when the new version
//! has passed its checks, the old one releases the topics and its connections, and the new one
//! accepts. The socket stays open all the time, so a client that connects in between waits in its
//! queue. If no version serves, a [fallback] server shows the errors. Start reading at [`versions`].
//!
//! This room is above the rest of `dev`: it starts processes, and knows nothing of the app but its
//! [`Settings`].

mod build;
mod cargo;
mod child;
mod fallback;
mod run;
mod terminal;
mod versions;

pub(crate) use self::{child::COLOUR, run::run, versions::Settings};
