//! The demo of Kipo: a chat at `/`, rooms at `/rooms`, a progress tracker at `/progress`, a rate limit at
//! `/limited`, a form at `/contact` and an upload at `/upload`.

use std::process::ExitCode;

use kipo::{App, topic::engine::Connector};

kipo::actions!();

/// The engines that `--engine` may name. An app that always runs on one has it without a feature.
const ENGINES: &[Connector] = &[
    #[cfg(feature = "nats")]
    kipo_nats::CONNECTOR,
    #[cfg(feature = "redis")]
    kipo_redis::CONNECTOR,
];

fn main() -> ExitCode {
    App::new().files(kipo::files!()).connectors(ENGINES.iter().copied()).run()
}
