//! Tests against real NATS servers. They are skipped where there is no `nats-server`:
//! `go install github.com/nats-io/nats-server/v2@latest`, or `KIPO_NATS_SERVER` with its path.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![expect(clippy::print_stderr, reason = "a test that is skipped says so")]

mod alone;
mod cluster;
mod common;
mod conformance;
mod refused;
