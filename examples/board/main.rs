//! Boards of cards that a few people share, live in every tab: a small product on Kipo.
//!
//! Start reading at [`app`], then `actions/cards.rs`. README.md is a tour of the files.

pub mod live;
mod password;
pub mod store;
#[cfg(test)]
mod strangers;
mod tidy;
pub mod user;
mod webhook;

use std::{env, path::PathBuf, process::ExitCode, time::Duration};

use kipo::{App, Sessions, topic::engine::Connector};

use crate::{store::Store, user::User, webhook::WebhookSecret};

kipo::actions!();

/// The engines that `--engine` may name.
const ENGINES: &[Connector] = &[
    #[cfg(feature = "nats")]
    kipo_nats::CONNECTOR,
    #[cfg(feature = "redis")]
    kipo_redis::CONNECTOR,
];

/// How often done cards are looked for.
const TIDY_PERIOD: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let database = env::var("DATABASE").unwrap_or_else(|_| "data/board.db".to_owned());
    app(database, env::var("WEBHOOK_SECRET").ok()).connectors(ENGINES.iter().copied()).run()
}

/// Returns the app. Tests start it too.
fn app(database: impl Into<PathBuf>, webhook: Option<String>) -> App {
    let database = database.into();
    App::new()
        .files(kipo::files!())
        .require::<User>()
        .sessions(Sessions::new())
        .state_async(async move || Store::open(database).await)
        .state(WebhookSecret::new(webhook))
        .routes_cross_site(webhook::routes())
        .every("tidy", TIDY_PERIOD, tidy::tidy)
}
