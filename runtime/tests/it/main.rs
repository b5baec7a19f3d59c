//! Kipo over a real socket, one file for each subject.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod action;
mod actions;
mod bad_input;
mod durable;
mod effects;
mod file;
mod floors;
mod guard;
mod host;
mod limits;
mod page;
mod schema;
mod shutdown;
mod slow_reader;
mod stream;
mod support;
mod topic;
mod wire;
