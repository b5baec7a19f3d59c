//! The development server, in debug builds only: edits show in every open tab, and each new version
//! of the app replaces the one before without a refused connection.
//!
//! There are two processes. The [`supervisor`] owns the listening socket, watches the files and
//! builds. A supervised process serves one version of the app. [`protocol`] has the messages
//! between them; [`handoff`] moves sockets from one version to the next. Start reading at
//! [`dev_loop`], which applies an edit of pages.
//!
//! This room knows the pages, the schema and the server, but not the app that is put together from
//! them. Only `app` uses it.

mod dev_loop;
mod editor;
mod environment;
mod fd_passing;
mod handoff;
mod outcome;
mod panel;
mod protocol;
mod reload;
mod report;
mod supervised;
pub(crate) mod supervisor;
mod topic_counts;
pub(crate) mod unknown_action;
mod watch;

pub(crate) use self::{
    dev_loop::DevLoop,
    environment::SUPERVISED,
    outcome::{ReloadOutcome, ms},
    protocol::{Command, Status},
    report::Report,
    supervised::{Supervised, SupervisorLink, report_panics},
};
