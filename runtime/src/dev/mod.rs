//! Development only: edits show in every open tab, and a new version of the app takes over. Start
//! reading at [`dev_loop`]; the process that builds and starts versions is the [`supervisor`].

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
mod watch;

pub(crate) use self::{
    dev_loop::Develop,
    environment::SUPERVISED,
    outcome::{Acted, ms},
    protocol::{Order, Word},
    report::Report,
    supervised::{Supervised, Supervisor, report_panics},
};
