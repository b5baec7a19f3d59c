//! The `kipo` command, which starts a project written with Kipo.

mod check;
mod name;
mod project;
mod source;
mod template;

use std::{
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use clap::{
    Arg, ArgAction, ArgGroup, ArgMatches, Command,
    builder::{PossibleValue, PossibleValuesParser, TypedValueParser as _, ValueParser},
    value_parser,
};

use crate::{
    project::Project,
    source::{Source, Version},
    template::Variant,
};

/// Why a command failed, as a sentence for the person at the terminal.
type Failure = String;

const AFTER_HELP: &str = "\
Without --path, --git and --kipo-version the app uses the version of kipo on crates.io that this
command has itself.

Examples:
  kipo new guestbook
  kipo new guestbook --with login
  kipo new guestbook --path ../kipo/runtime
  cargo run -p kipo-cli -- new ../guestbook --path runtime    (in the repository of Kipo)";

fn main() -> ExitCode {
    let matches = command().get_matches();
    let done = match matches.subcommand() {
        Some(("new", matches)) => new(matches).map(|()| ExitCode::SUCCESS),
        Some(("check", matches)) => check::check(matches),
        // clap has refused a missing or unknown command before this.
        _ => Err("there is no such command".to_owned()),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let name = Arg::new("name")
        .value_name("NAME")
        .required(true)
        .value_parser(ValueParser::new(Project::parse))
        .help("The name of the app and of its folder, perhaps with a path: `guestbook`, `apps/guestbook`");
    let path = Arg::new("path")
        .long("path")
        .value_name("PATH_TO_KIPO")
        .value_parser(value_parser!(PathBuf))
        .help("Uses kipo from a folder: the crate's, or Kipo's repository");
    let git = Arg::new("git")
        .long("git")
        .value_name("URL")
        .help("Uses kipo from the newest commit of a git repository");
    let version = Arg::new("kipo-version")
        .long("kipo-version")
        .value_name("VERSION")
        .value_parser(ValueParser::new(Version::parse))
        .help("Uses a version of kipo from crates.io, such as 0.1.0");
    let login = PossibleValue::new("login").help("Sessions, sign-up, sign-in and sign-out");
    // Login is the one feature.
    let feature = PossibleValuesParser::new([login]).map(|_| Variant::Login);
    let with = Arg::new("with")
        .long("with")
        .value_name("FEATURE")
        .value_parser(feature)
        .help("Adds a feature to the app");
    let release = Arg::new("release")
        .long("release")
        .action(ArgAction::SetTrue)
        .help("Checks a release build, which embeds the pages and the public files");
    let package = Arg::new("package")
        .long("package")
        .short('p')
        .value_name("NAME")
        .help("The package of the app, in a workspace with several");
    Command::new("kipo")
        .about("Starts a project written with Kipo, the web framework with typed server actions")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .after_help("Start with `kipo new NAME`, then run `cargo run` in the new folder.")
        .subcommand(
            Command::new("new")
                .about("Writes a small app with one action, one stream, one page and tests")
                .after_help(AFTER_HELP)
                .arg(name)
                .args([with, path, git, version])
                .group(ArgGroup::new("source").args(["path", "git", "kipo-version"])),
        )
        .subcommand(
            Command::new("check")
                .about("Builds the app in this folder and checks it as at start, without serving it")
                .long_about(
                    "Builds the app in this folder and checks it as at start, without serving it: names, \
                     pages, states that an action needs, routes that clash. The exit status is not 0 if \
                     there is an error. It is `cargo run -- check`, for a CI job.",
                )
                .args([release, package]),
        )
}

fn new(matches: &ArgMatches) -> Result<(), Failure> {
    let project = matches.get_one::<Project>("name").ok_or("NAME is missing")?;
    let source = if let Some(path) = matches.get_one::<PathBuf>("path") {
        Source::folder(path)?
    } else if let Some(url) = matches.get_one::<String>("git") {
        Source::Git(url.clone())
    } else {
        Source::Registry(matches.get_one("kipo-version").cloned().unwrap_or_default())
    };
    let variant = matches.get_one::<Variant>("with").copied().unwrap_or_default();
    let written = project.write(&source, variant)?;
    let folder = project.folder().display();
    say(&format!(
        "Wrote {written} files to {folder}. Next:\n\n  \
         cd {folder}\n  \
         cargo run\n\n\
         The app is then at http://127.0.0.1:8080. {folder}/README.md says what to edit first."
    ));
    Ok(())
}

/// Prints a text at once. A closed terminal is no failure.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
