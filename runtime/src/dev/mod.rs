//! Development only: edits show in every open tab, and a new version of the app takes over. Start
//! reading at [`develop`]; the process that builds and starts versions is the [`supervisor`].

mod control;
mod develop;
mod editor;
mod environment;
mod handoff;
mod outcome;
mod panel;
mod reload;
mod report;
mod supervised;
pub(crate) mod supervisor;
mod watch;

pub(crate) use self::{
    control::{Order, Word},
    develop::Develop,
    environment::SUPERVISED,
    outcome::{Acted, ms},
    report::Report,
    supervised::{Supervised, Supervisor, report_panics},
};
