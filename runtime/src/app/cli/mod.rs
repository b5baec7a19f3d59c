//! The command line of an app: it serves the app, lists what it serves, checks it, or writes the types of
//! its actions. Start reading at `run`.

#[cfg(all(feature = "dev", debug_assertions))]
mod develop;
mod log;
mod options;
mod process;
mod run;
mod serve;
