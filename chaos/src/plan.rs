//! The command line.

use std::{env, path::PathBuf};

use clap::{
    Arg, ArgAction, ArgMatches, Command,
    builder::{PossibleValuesParser, TypedValueParser as _},
    error::ErrorKind,
    value_parser,
};

use load::{engine::Kind, machine};

use crate::engine::Program;

/// What to do, and with how much.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) task: Task,
    pub(crate) binary: PathBuf,
    pub(crate) seed: u64,
}

/// The ways to put the app under fire.
#[derive(Clone, Debug)]
pub(crate) enum Task {
    Chaos(Chaos),
    Nodes(Nodes),
    Topics(Topics),
    Storm {
        listeners: usize,
        /// Where the topics are, if not in the data of the app.
        engine: Option<Program>,
    },
    Rollback {
        trials: usize,
    },
    RollbackEngine(RollbackEngine),
    Load(Load),
    Disk,
}

/// Nodes and servers of their engine, killed and cut off from each other.
#[derive(Clone, Debug)]
pub(crate) struct Nodes {
    pub(crate) engine: Program,
    pub(crate) nodes: usize,
    pub(crate) clients: Chaos,
    /// How often a node is killed under all listeners, at the end.
    pub(crate) failovers: usize,
}

/// Many topics, and many listeners of one.
#[derive(Clone, Debug)]
pub(crate) struct Topics {
    pub(crate) engine: Program,
    pub(crate) topics: usize,
}

/// An engine that is put back in time.
#[derive(Clone, Debug)]
pub(crate) struct RollbackEngine {
    pub(crate) engine: Program,
    pub(crate) trials: usize,
    /// Whether the server does not sync what it acknowledges, and its file loses its tail.
    pub(crate) cuts_tail: bool,
}

/// Visitors of a server with sessions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) seconds: u64,
    pub(crate) connections: usize,
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

/// Reads the command line; explains it and ends where it is wrong.
pub(crate) fn from_command_line() -> Plan {
    let matches = command().get_matches();
    let number = |matches: &ArgMatches, name| matches.get_one::<usize>(name).copied().unwrap_or(1);
    let clients = |matches: &ArgMatches| Chaos {
        seconds: number(matches, "seconds") as u64,
        listeners: number(matches, "listeners"),
        publishers: number(matches, "publishers"),
        sleeper_every: number(matches, "sleeper-every"),
    };
    let task = match matches.subcommand() {
        Some(("nodes", matches)) => Task::Nodes(Nodes {
            engine: engine(matches).unwrap_or_else(|| program(Kind::Nats)),
            nodes: number(matches, "nodes").max(2),
            clients: clients(matches),
            failovers: number(matches, "failovers"),
        }),
        Some(("topics", matches)) => Task::Topics(Topics {
            engine: engine(matches).unwrap_or_else(|| program(Kind::Nats)),
            topics: number(matches, "topics"),
        }),
        Some(("storm", matches)) => {
            Task::Storm { listeners: number(matches, "listeners"), engine: engine(matches) }
        }
        Some(("rollback", matches)) => {
            let (trials, cuts_tail) = (number(matches, "trials"), matches.get_flag("cut-tail"));
            match engine(matches) {
                Some(Program { kind: Kind::Nats, .. }) if cuts_tail => {
                    let what = "--cut-tail cuts the file of Redis: name --engine redis";
                    command().error(ErrorKind::ArgumentConflict, what).exit()
                }
                Some(engine) => Task::RollbackEngine(RollbackEngine { engine, trials, cuts_tail }),
                None => Task::Rollback { trials },
            }
        }
        Some(("load", matches)) => Task::Load(Load {
            seconds: number(matches, "seconds") as u64,
            connections: number(matches, "connections"),
        }),
        Some(("disk", _)) => Task::Disk,
        _ => Task::Chaos(clients(&matches)),
    };
    let binary = match task {
        // It has sessions, which the app has not.
        Task::Load(_) => env::current_exe().unwrap_or_default().with_file_name("load-server"),
        _ => matches.get_one::<PathBuf>("bin").cloned().unwrap_or_else(built),
    };
    let seed = matches.get_one::<u64>("seed").copied().unwrap_or_else(|| fastrand::u64(..));
    Plan { task, binary, seed }
}

/// Returns the engine that the command line names.
fn engine(matches: &ArgMatches) -> Option<Program> {
    let kind = match matches.get_one::<String>("engine")?.as_str() {
        "redis" => Kind::Redis,
        _ => Kind::Nats,
    };
    Some(program(kind))
}

/// Returns the program of an engine's server. Starting it fails where it is not installed.
fn program(kind: Kind) -> Program {
    Program { kind, path: kind.program().unwrap_or_else(|| kind.file_name().into()) }
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
        .help("Draws the faults of an earlier run again [default: random, and printed]");
    let engine = |help: &'static str| {
        let names = PossibleValuesParser::new(["nats", "redis"]);
        Arg::new("engine").long("engine").value_parser(names).help(help)
    };
    let clients = || {
        [
            number("seconds", "60", "For how long there are faults"),
            number("listeners", "1000", "How many listen"),
            number("publishers", "4", "How many publish"),
            number("sleeper-every", "50", "One listener in so many naps now and then"),
        ]
    };
    let cut_tail = Arg::new("cut-tail")
        .long("cut-tail")
        .action(ArgAction::SetTrue)
        .requires("engine")
        .help("Cut the end off Redis's file instead, which Redis then syncs every second");
    Command::new("chaos")
        .about(
            "Puts the app under fire, and checks every record. Without a command: cuts and kills.",
        )
        .args([bin, seed])
        .args(clients())
        .subcommand(
            Command::new("nodes")
                .about("Kills nodes and servers of their engine, and cuts the network between them")
                .arg(engine("The engine of the nodes [default: nats]"))
                .arg(number("nodes", "3", "How many nodes there are, at least 2"))
                .arg(number("failovers", "5", "How often a node dies under all listeners"))
                .args(clients()),
        )
        .subcommand(
            Command::new("topics")
                .about("Follows many topics with a listener each, and one with as many listeners")
                .arg(engine("The engine of the two nodes [default: nats]"))
                .arg(number("topics", "10000", "How many topics and listeners")),
        )
        .subcommand(
            Command::new("storm")
                .about("Restarts the server under many listeners: all come back")
                .arg(number("listeners", "10000", "How many listen"))
                .arg(engine("The engine of the app [default: none, its own data]")),
        )
        .subcommand(
            Command::new("rollback")
                .about("Restores an older copy of the data: listeners who read what is lost read a gap")
                .arg(number("trials", "20", "How many times"))
                .arg(engine("The engine of two nodes that is put back [default: the app's data]"))
                .arg(cut_tail),
        )
        .subcommand(
            Command::new("load")
                .about("Visits a server with sessions and limits: it leaks nothing")
                .arg(number("seconds", "60", "How long the visitors come"))
                .arg(number("connections", "2000", "How many visitors there are")),
        )
        .subcommand(
            Command::new("disk").about("Lets the disk fill up: nothing acknowledged is lost"),
        )
}

/// Returns the app that cargo built with the same profile, or else with the other one.
fn built() -> PathBuf {
    let beside = env::current_exe().unwrap_or_default().with_file_name("app");
    let target = machine::target();
    let paths = [beside.clone(), target.join("release/app"), target.join("debug/app")];
    paths.into_iter().find(|path| path.exists()).unwrap_or(beside)
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_holds_together() {
        super::command().debug_assert();
    }
}
