//! The command line.

use std::{env, path::PathBuf};

use clap::{Arg, ArgMatches, Command, builder::TypedValueParser as _, value_parser};

/// What to do, and with how much.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) task: Task,
    pub(crate) binary: PathBuf,
    pub(crate) seed: u64,
}

/// The four ways to put the app under fire.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Task {
    Chaos(Chaos),
    Storm { listeners: usize },
    Rollback { trials: usize },
    Disk,
}

/// Cuts and kills: for how long, and of how many clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Chaos {
    pub(crate) seconds: u64,
    pub(crate) listeners: usize,
    pub(crate) publishers: usize,
    /// One listener in this many is a sleeper.
    pub(crate) sleeper_every: usize,
}

/// Reads the command line; explains itself and ends where it is wrong.
pub(crate) fn from_command_line() -> Plan {
    let matches = command().get_matches();
    let number = |matches: &ArgMatches, name| matches.get_one::<usize>(name).copied().unwrap_or(1);
    let task = match matches.subcommand() {
        Some(("storm", matches)) => Task::Storm { listeners: number(matches, "listeners") },
        Some(("rollback", matches)) => Task::Rollback { trials: number(matches, "trials") },
        Some(("disk", _)) => Task::Disk,
        _ => Task::Chaos(Chaos {
            seconds: number(&matches, "seconds") as u64,
            listeners: number(&matches, "listeners"),
            publishers: number(&matches, "publishers"),
            sleeper_every: number(&matches, "sleeper-every"),
        }),
    };
    let binary = matches.get_one::<PathBuf>("bin").cloned().unwrap_or_else(built);
    let seed = matches.get_one::<u64>("seed").copied().unwrap_or_else(|| fastrand::u64(..));
    Plan { task, binary, seed }
}

fn command() -> Command {
    let number = |name: &'static str, default: &'static str, help: &'static str| {
        let parser =
            value_parser!(u64).range(1..).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        Arg::new(name)
            .long(name)
            .value_name("N")
            .default_value(default)
            .value_parser(parser)
            .help(help)
    };
    let bin = Arg::new("bin")
        .long("bin")
        .env("KIPO_APP_BIN")
        .value_name("PATH")
        .value_parser(value_parser!(PathBuf))
        .global(true)
        .help("The app's binary [default: the one built beside this program]");
    let seed = Arg::new("seed")
        .long("seed")
        .value_name("N")
        .value_parser(value_parser!(u64))
        .global(true)
        .help("Draws the faults of an earlier run again [default: random, and told]");
    Command::new("chaos")
        .about(
            "Puts the app under fire, and checks every record. Without a command: cuts and kills.",
        )
        .args([bin, seed])
        .args([
            number("seconds", "60", "For how long there are faults"),
            number("listeners", "1000", "How many listen"),
            number("publishers", "4", "How many publish"),
            number("sleeper-every", "50", "One listener in so many naps now and then"),
        ])
        .subcommand(
            Command::new("storm")
                .about("Restarts the server under many listeners: all come back")
                .arg(number("listeners", "10000", "How many listen")),
        )
        .subcommand(
            Command::new("rollback")
                .about("Restores an older copy of the data: who saw what is lost is told")
                .arg(number("trials", "20", "How many times")),
        )
        .subcommand(
            Command::new("disk").about("Lets the disk fill up: nothing acknowledged is lost"),
        )
}

/// Returns the app that cargo built with the same profile, or else with the other one.
fn built() -> PathBuf {
    let beside = env::current_exe().unwrap_or_default().with_file_name("app");
    let target = beside.ancestors().nth(2).map(PathBuf::from).unwrap_or_default();
    let places = [beside.clone(), target.join("release/app"), target.join("debug/app")];
    places.into_iter().find(|place| place.exists()).unwrap_or(beside)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_holds_together() {
        super::command().debug_assert();
    }
}
