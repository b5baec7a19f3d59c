//! Tests of Kipo over a real socket, one file for each subject.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod action;
mod actions;
mod around;
mod bad_input;
mod batch;
mod cache;
mod context;
mod download;
mod durable;
mod effects;
mod family;
mod file;
mod floors;
mod follow_with;
mod form;
mod guard;
mod host;
mod limits;
#[path = "../../src/testing/logged.rs"]
mod logged;
mod many_listeners;
mod methods;
mod operations;
mod page;
mod position;
mod prefix;
mod resumable;
mod run_limits;
mod schema;
mod session;
mod shutdown;
mod slow_reader;
mod stream;
mod support;
mod testing;
mod topic;
mod typed_error;
mod upload;
mod wire;
