//! `kipo check`: builds the app in the current folder and runs its own checks.

use std::{
    env,
    process::{Command, ExitCode},
};

use clap::ArgMatches;

/// Runs `cargo run -- check`. Its exit status is that of the app, or of cargo if the app does not
/// compile.
pub(crate) fn check(matches: &ArgMatches) -> Result<ExitCode, String> {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["run", "--quiet"]);
    if matches.get_flag("release") {
        command.arg("--release");
    }
    if let Some(package) = matches.get_one::<String>("package") {
        command.args(["--package", package]);
    }
    let status = command.args(["--", "check"]).status();
    let status = status.map_err(|error| format!("cargo could not be started: {error}"))?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}
