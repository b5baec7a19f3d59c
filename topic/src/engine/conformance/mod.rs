//! A suite of cases that every [`Engine`](super::Engine) has to pass.
//!
//! A test of an engine implements [`Subject`] and runs [`check`]. Each case is a public function as
//! well, which panics with the expectation that the engine does not meet; the modules are groups of
//! cases.
//!
//! ```
//! use std::sync::Arc;
//!
//! use async_trait::async_trait;
//! use kipo_topic::engine::{Engine, conformance::{self, Model, Options, Subject}};
//!
//! /// A subject of many nodes. It cannot be restarted, cut off or rolled back, so those cases are
//! /// skipped.
//! struct InMemory(Model);
//!
//! #[async_trait]
//! impl Subject for InMemory {
//!     async fn fresh(&mut self) -> Arc<dyn Engine> {
//!         self.0 = Model::new();
//!         Arc::new(self.0.node())
//!     }
//!
//!     async fn node(&mut self) -> Option<Arc<dyn Engine>> {
//!         Some(Arc::new(self.0.node()))
//!     }
//! }
//!
//! // In a test: `conformance::check(InMemory(Model::new())).await`.
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let options = Options::default().only("append::r");
//! let report = conformance::run(&mut InMemory(Model::new()), &options).await;
//! assert!(report.failed.is_empty() && report.skipped.is_empty());
//! assert_eq!(report.passed, ["append::round_trip", "append::reading", "append::refused", "append::race"]);
//! # });
//! ```

pub mod append;
mod collector;
pub mod follow;
pub mod messages;
mod model;
#[cfg(test)]
mod mutants;
pub mod outage;
mod probe;
pub mod records;
mod run;
mod subject;
pub mod topics;
pub mod trim;

pub use self::{
    model::{Deliveries, Fault, Messages, Model, ModelEngine, Reads, Snapshot},
    run::{Options, Report, check, run},
    subject::{Skipped, Subject},
};
