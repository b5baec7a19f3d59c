//! The commands of an app.

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::ArgMatches;

use crate::app::{
    builder::App,
    cli::{
        log::log,
        options::command,
        process::{Failure, print, start_failure},
        serve::serve,
    },
    overview::Overview,
};

impl App {
    /// Runs the command line: serves the app, or runs another command (`--help` lists them).
    ///
    /// Returns when a SIGINT or SIGTERM has come, all admitted requests and tasks have ended, and the
    /// functions of [`on_shutdown`](Self::on_shutdown) have run. If the app does
    /// not start, it writes all errors to standard error and returns a failure.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let matches = command().get_matches();
        log(&matches);
        let done = match matches.subcommand() {
            Some(("types", matches)) => types(self, matches),
            Some(("routes", matches)) => routes(self, matches),
            Some(("check", _)) => check(self),
            _ => serve(self, &matches),
        };
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(failure) => {
                let _ = writeln!(io::stderr(), "error: {failure}");
                ExitCode::FAILURE
            }
        }
    }
}

fn types(app: App, matches: &ArgMatches) -> Result<(), Failure> {
    let built = app.build().map_err(|error| start_failure(&error))?;
    let folder = matches.get_one::<PathBuf>("out").ok_or("--out is missing")?;
    let file = folder.join("client.d.ts");
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, &built.declarations));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    print(&format!("wrote {}", file.display()));
    Ok(())
}

fn routes(app: App, matches: &ArgMatches) -> Result<(), Failure> {
    let built = app.without_edits().build().map_err(|error| start_failure(&error))?;
    let overview = Overview::new(&built);
    if matches.get_flag("json") {
        print(&format!("{:#}", overview.json()));
    } else {
        print(overview.table().trim_end());
    }
    Ok(())
}

fn check(app: App) -> Result<(), Failure> {
    let built = app.without_edits().build().map_err(|error| start_failure(&error))?;
    print(&format!("ok: {}", Overview::new(&built).counts()));
    Ok(())
}
