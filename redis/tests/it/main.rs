//! The engine on real servers.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "helpers of tests, and their skips")]

mod conformance;
mod nodes;
mod refusals;
mod server;
