//! The command line, parsed into what is to be done.

use std::time::Duration;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, value_parser};

use crate::serve::side::{SessionStore, Side};

/// What this process was started for.
#[derive(Debug)]
pub(crate) enum Command {
    Run {
        plan: Plan,
        write: bool,
    },
    Build {
        write: bool,
    },
    /// From saving a file to seeing it.
    Edits {
        quick: bool,
        write: bool,
    },
    /// Fan-out beside other servers.
    Rivals {
        depth: Depth,
        write: bool,
    },
    /// How the cost grows.
    Plots {
        /// In the order of [`Growth::ALL`], each at most once.
        growths: Vec<Growth>,
        depth: Depth,
    },
    /// Many listeners for many minutes.
    Soak(Soak),
    /// Stores for the durable log.
    Engines {
        depth: Depth,
        write: bool,
    },
    /// The durable log itself.
    Log {
        depth: Depth,
        write: bool,
    },
    /// Topics in engines that many nodes share.
    Nodes {
        depth: Depth,
        write: bool,
    },
    Serve {
        side: Side,
        /// The URL of the engine that the room is in.
        engine: Option<String>,
        /// Where the sessions are, of a server that has them.
        sessions: Option<SessionStore>,
    },
    /// What so many topics cost, in a process of their own.
    Grow {
        topics: u64,
    },
    /// One measurement in a process of its own.
    Probe {
        what: Probe,
        /// `memory`, `disk`, or the URL of an engine; the folder of a store that is filled or opened.
        store: String,
        topics: u64,
    },
}

/// What a process of its own measures of a family of topics.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Probe {
    /// Memory for each topic that is loaded.
    Idle,
    /// Topics that are published to in turn.
    Turns,
    /// Fills a store on disk, and closes it once standard input closes.
    Fill,
    /// How long a store on disk with that many topics takes to open.
    Open,
}

impl Probe {
    const ALL: [Self; 4] = [Self::Idle, Self::Turns, Self::Fill, Self::Open];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Turns => "turns",
            Self::Fill => "fill",
            Self::Open => "open",
        }
    }
}

/// What grows in a plot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Growth {
    Listeners,
    Topics,
    /// Of messages.
    Size,
    /// Threads of a server.
    Workers,
}

impl Growth {
    const ALL: [Self; 4] = [Self::Listeners, Self::Topics, Self::Size, Self::Workers];

    fn name(self) -> &'static str {
        match self {
            Self::Listeners => "listeners",
            Self::Topics => "topics",
            Self::Size => "size",
            Self::Workers => "workers",
        }
    }
}

/// How long a table of its own is measured.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Depth {
    pub(crate) rounds: usize,
    pub(crate) seconds: u64,
    /// Only what is small: shows that the bench works, no more.
    pub(crate) quick: bool,
}

/// How many listeners a soak has, and how long it goes on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Soak {
    pub(crate) listeners: usize,
    pub(crate) time: Duration,
}

/// Which rows to measure, and for how long.
#[derive(Debug)]
pub(crate) struct Plan {
    /// In the order of the table, each at most once.
    pub(crate) rows: Vec<Row>,
    /// Pairs of runs per row.
    pub(crate) rounds: u32,
    /// How long each run is watched, after its warm-up.
    pub(crate) window: Duration,
    pub(crate) warm_up: Duration,
    /// Numbers of idle listeners between which memory is compared.
    pub(crate) idle: &'static [usize],
    /// Sessions whose memory is compared.
    pub(crate) sessions: usize,
    pub(crate) quick: bool,
}

/// A family of lines in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    Calls,
    Pages,
    FanOut,
    Memory,
    Session,
    Cached,
    SessionsMemory,
    Form,
    Upload,
}

impl Row {
    const ALL: [Self; 9] = [
        Self::Calls,
        Self::Session,
        Self::Cached,
        Self::Form,
        Self::Upload,
        Self::Pages,
        Self::FanOut,
        Self::Memory,
        Self::SessionsMemory,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Form => "form",
            Self::Upload => "upload",
            Self::Pages => "pages",
            Self::FanOut => "fanout",
            Self::Memory => "memory",
            Self::Session => "session",
            Self::Cached => "cached",
            Self::SessionsMemory => "sessions-memory",
        }
    }
}

/// Reads the command line; clap answers mistakes and `--help` by itself.
pub(crate) fn from_command_line() -> Command {
    let matches = command_line().get_matches();
    match matches.subcommand() {
        Some(("serve", serve)) => {
            let name = serve.get_one::<String>("side").map(String::as_str);
            let side = match name {
                Some("kipo") => Side::Kipo,
                Some("floor") => Side::Floor,
                _ => Side::Axum,
            };
            let store = serve.get_one::<String>("sessions").map(|text| match text.as_str() {
                "memory" => SessionStore::Memory,
                path => SessionStore::Directory(path.into()),
            });
            Command::Serve { side, engine: serve.get_one("engine").cloned(), sessions: store }
        }
        Some(("grow", grow)) => {
            Command::Grow { topics: grow.get_one("topics").copied().unwrap_or_default() }
        }
        Some(("probe", probe)) => {
            let name = probe.get_one::<String>("what").map_or("", String::as_str);
            Command::Probe {
                what: Probe::ALL.into_iter().find(|p| p.name() == name).unwrap_or(Probe::Idle),
                store: probe.get_one("store").cloned().unwrap_or_default(),
                topics: probe.get_one("topics").copied().unwrap_or_default(),
            }
        }
        Some((name @ ("engines" | "log" | "nodes" | "rivals"), matches)) => {
            let (write, depth) = (matches.get_flag("write"), depth(matches));
            match name {
                "log" => Command::Log { depth, write },
                "nodes" => Command::Nodes { depth, write },
                "rivals" => Command::Rivals { depth, write },
                _ => Command::Engines { depth, write },
            }
        }
        Some(("plots", plots)) => Command::Plots {
            growths: chosen(&Growth::ALL, Growth::name, plots, "only"),
            depth: depth(plots),
        },
        Some(("soak", soak)) => {
            let quick = soak.get_flag("quick");
            let listeners = soak.get_one("listeners").copied();
            let minutes: Option<u64> = soak.get_one("minutes").copied();
            let seconds = minutes.map_or(if quick { 5 } else { 600 }, |minutes| minutes * 60);
            Command::Soak(Soak {
                listeners: listeners.unwrap_or(if quick { 200 } else { 10_000 }),
                time: Duration::from_secs(seconds),
            })
        }
        Some(("edits", edits)) => {
            Command::Edits { quick: edits.get_flag("quick"), write: edits.get_flag("write") }
        }
        Some(("build", build)) => Command::Build { write: build.get_flag("write") },
        _ => Command::Run { plan: plan(&matches), write: matches.get_flag("write") },
    }
}

/// Returns what an argument names of these, in their order; all where it is not there.
fn chosen<T: Copy>(
    all: &[T],
    name: fn(T) -> &'static str,
    matches: &clap::ArgMatches,
    argument: &str,
) -> Vec<T> {
    let wanted: Vec<&String> = matches.get_many(argument).unwrap_or_default().collect();
    let is_wanted = |one: &T| wanted.is_empty() || wanted.iter().any(|w| *w == name(*one));
    all.iter().copied().filter(is_wanted).collect()
}

fn depth(matches: &clap::ArgMatches) -> Depth {
    let quick = matches.get_flag("quick");
    let seconds = matches.get_one("seconds").copied().unwrap_or(if quick { 1 } else { 3 });
    Depth { rounds: if quick { 1 } else { 3 }, seconds, quick }
}

fn plan(matches: &clap::ArgMatches) -> Plan {
    let rows = chosen(&Row::ALL, Row::name, matches, "rows");
    let quick = matches.get_flag("quick");
    let rounds = matches.get_one("rounds").copied();
    let seconds = matches.get_one("seconds").copied();
    Plan {
        rows,
        rounds: rounds.unwrap_or(if quick { 1 } else { 5 }),
        window: Duration::from_secs(seconds.unwrap_or(if quick { 1 } else { 5 })),
        warm_up: Duration::from_millis(if quick { 200 } else { 1_000 }),
        idle: if quick { &[200, 700] } else { &[1_000, 5_000, 10_000, 30_000] },
        sessions: if quick { 2_000 } else { 100_000 },
        quick,
    }
}

fn command_line() -> clap::Command {
    let write = Arg::new("write")
        .long("write")
        .action(ArgAction::SetTrue)
        .help("Also put the table into bench/README.md");
    let quick = Arg::new("quick")
        .long("quick")
        .action(ArgAction::SetTrue)
        .help("A smoke run: one round of one second; shows that the bench works, no more");
    let seconds = Arg::new("seconds")
        .long("seconds")
        .value_parser(value_parser!(u64).range(1..=600))
        .help("How long each run is watched [default: 5; for logs and engines 3]");
    clap::Command::new("bench")
        .about("Measures what Kipo costs, beside axum by hand, and prints one table")
        .args_conflicts_with_subcommands(true)
        .arg(
            Arg::new("rows")
                .long("rows")
                .value_delimiter(',')
                .value_parser(PossibleValuesParser::new(Row::ALL.map(Row::name)))
                .help("Only these rows, with commas between"),
        )
        .arg(
            Arg::new("rounds")
                .long("rounds")
                .value_parser(value_parser!(u32).range(1..=100))
                .help("Pairs of runs per row [default: 5]"),
        )
        .arg(seconds.clone())
        .arg(quick.clone())
        // A table in the README is whole and earnest, or it is not replaced.
        .arg(write.clone().conflicts_with_all(["quick", "rows"]))
        .subcommand(
            clap::Command::new("build")
                .about("Measures a cold debug build of `app` and a rebuild after a small change")
                .arg(write.clone()),
        )
        .subcommand(
            clap::Command::new("edits")
                .about(
                    "Measures from saving a file to seeing it in Chromium; `app` has to be built",
                )
                .args([write.clone().conflicts_with("quick"), quick.clone()]),
        )
        .subcommand(
            clap::Command::new("rivals")
                .about("Measures fan-out beside axum, nchan, Centrifugo and bare writes")
                .args([write.clone().conflicts_with("quick"), seconds.clone(), quick.clone()]),
        )
        .subcommand(
            clap::Command::new("plots")
                .about("Measures how the cost grows, and writes plots into bench/plots")
                .arg(
                    Arg::new("only")
                        .long("only")
                        .value_delimiter(',')
                        .value_parser(PossibleValuesParser::new(Growth::ALL.map(Growth::name)))
                        .help("Only these plots, with commas between"),
                )
                .args([seconds.clone(), quick.clone()]),
        )
        .subcommand(
            clap::Command::new("soak")
                .about("Serves many listeners for many minutes; fails where memory grows")
                .arg(
                    Arg::new("listeners")
                        .long("listeners")
                        .value_parser(value_parser!(usize))
                        .help("How many [default: 10000]"),
                )
                .arg(
                    Arg::new("minutes")
                        .long("minutes")
                        .value_parser(value_parser!(u64).range(1..))
                        .help("How long [default: 10]"),
                )
                .arg(quick.clone()),
        )
        .subcommand(
            clap::Command::new("engines")
                .about("Measures two embedded stores under the same group commit")
                .args([write.clone().conflicts_with("quick"), seconds.clone(), quick.clone()]),
        )
        .subcommand(
            clap::Command::new("log")
                .about("Measures durable publishes, and how long it takes to find a place again")
                .args([write.clone().conflicts_with("quick"), seconds.clone(), quick.clone()]),
        )
        .subcommand(
            clap::Command::new("nodes")
                .about("Measures topics in NATS and in Redis, beside their own clients")
                .args([write.conflicts_with("quick"), seconds, quick]),
        )
        .subcommand(
            clap::Command::new("serve")
                .hide(true)
                .arg(
                    Arg::new("side")
                        .required(true)
                        .value_parser(PossibleValuesParser::new(["kipo", "axum", "floor"])),
                )
                .arg(Arg::new("engine").long("engine"))
                .arg(Arg::new("sessions").long("sessions")),
        )
        .subcommand(
            clap::Command::new("grow")
                .hide(true)
                .arg(Arg::new("topics").required(true).value_parser(value_parser!(u64).range(1..))),
        )
        .subcommand(
            clap::Command::new("probe").hide(true).args([
                Arg::new("what")
                    .required(true)
                    .value_parser(PossibleValuesParser::new(Probe::ALL.map(Probe::name))),
                Arg::new("store").required(true),
                Arg::new("topics").required(true).value_parser(value_parser!(u64)),
            ]),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        command_line().debug_assert();
    }

    #[test]
    fn rows_come_in_the_order_of_the_table_and_once() {
        let matches = command_line().get_matches_from(["bench", "--rows", "memory,calls,memory"]);
        assert_eq!(plan(&matches).rows, [Row::Calls, Row::Memory]);
    }
}
