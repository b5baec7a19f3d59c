//! The command line of an app: serve it, or write its types.

use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    str::FromStr as _,
};

use clap::{Arg, ArgMatches, Command, builder::ValueParser, value_parser};
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    app::{App, Built, open_topics},
    listen, serve,
};

/// Why a command did not do what it was asked for, for the person who asked.
type Failure = String;

impl App {
    /// Runs the command line: serves unless told otherwise (`--help` lists what there is).
    ///
    /// Returns when a SIGINT or SIGTERM has come and everything admitted has ended; with a
    /// failure if the app does not start, after telling all its mistakes.
    #[must_use]
    pub fn run(self) -> ExitCode {
        let matches = command().get_matches();
        log();
        let done = match matches.subcommand() {
            Some(("types", matches)) => types(self, matches),
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

fn command() -> Command {
    let port = Arg::new("port")
        .long("port")
        .env("PORT")
        .value_parser(value_parser!(u16))
        .default_value("8080")
        .help("The port to listen on; 0 takes a free one");
    let host = Arg::new("host")
        .long("host")
        .env("HOST")
        .value_parser(ValueParser::new(host))
        .default_value("127.0.0.1")
        .help("The address to listen on; 0.0.0.0 for every one that the machine has");
    let data_dir = Arg::new("data-dir")
        .long("data-dir")
        .env("DATA_DIR")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .help("The directory of durable topics, held by one process at a time [default: data]");
    let out = Arg::new("out")
        .long("out")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .required(true)
        .help("The folder to write client.d.ts to");
    Command::new("app")
        .about("A Kipo app. Without a command it serves.")
        .after_help("RUST_LOG=debug (or info, warn, kipo=debug, …) sets what is logged.")
        .args([port, host, data_dir])
        .subcommand(
            Command::new("types")
                .about("Writes the TypeScript declarations of the app's actions")
                .arg(out),
        )
}

fn host(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
        _ => text.parse().map_err(|_| "expected an IP address, such as 0.0.0.0".to_owned()),
    }
}

/// Logs to standard error, by the filter in `RUST_LOG`.
fn log() {
    let filter = std::env::var("RUST_LOG").ok().and_then(|text| Targets::from_str(&text).ok());
    let filter = filter.unwrap_or_else(|| Targets::new().with_default(tracing::Level::INFO));
    let lines = tracing_subscriber::fmt::layer();
    let lines = lines.with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
    // An app that set up a log of its own keeps it.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

fn types(app: App, matches: &ArgMatches) -> Result<(), Failure> {
    let built = app.build().map_err(|error| start_failure(&error))?;
    let folder = matches.get_one::<PathBuf>("out").ok_or("--out is missing")?;
    let file = folder.join("client.d.ts");
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(&file, &built.declarations));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    say(&format!("wrote {}", file.display()));
    Ok(())
}

fn start_failure(error: &impl std::fmt::Display) -> Failure {
    format!("the app does not start:\n\n{error}\n")
}

fn serve(app: App, matches: &ArgMatches) -> Result<(), Failure> {
    let host = *matches.get_one::<IpAddr>("host").ok_or("--host is missing")?;
    let port = *matches.get_one::<u16>("port").ok_or("--port is missing")?;
    let limits = app.serve_limits_set();
    let data_dir = matches.get_one::<PathBuf>("data-dir").map(PathBuf::as_path);
    let data_dir = data_dir.unwrap_or(app.data_dir_set()).to_owned();
    let built = app.build().map_err(|error| start_failure(&error))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| format!("no threads: {error}"))?;
    runtime.block_on(async {
        let address = SocketAddr::new(host, port);
        listen::raise_open_files(limits.connections_max);
        let listener = listen::listen(address).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => {
                format!("{address} is in use: stop what listens there, or choose another --port")
            }
            _ => format!("{address}: {error}"),
        })?;
        let address = listener.local_addr().unwrap_or(address);
        // Who connects meanwhile waits a moment instead of being refused.
        let store = open_topics(&data_dir).map_err(|error| start_failure(&error))?;
        let stop = signal().map_err(|error| format!("no signals: {error}"))?;
        say(&format!("listening on http://{address}"));
        develop(&built);
        let Built { router, shared, .. } = built;
        let served = serve::serve(listener, router, shared, limits, stop).await;
        if let Some(store) = store {
            store.close();
        }
        served.map_err(|error| error.to_string())
    })
}

/// Keeps the types fresh for the editor and follows edits, in development.
#[cfg(all(feature = "dev", debug_assertions))]
fn develop(built: &Built) {
    let Some(pages) = &built.pages else { return };
    if let Some(root) = pages.root() {
        write_types(root, &built.declarations);
    }
}

#[cfg(not(all(feature = "dev", debug_assertions)))]
fn develop(_: &Built) {}

/// Writes `client.d.ts` beside the pages, unless it is there already: editors read it again
/// with each write.
#[cfg(all(feature = "dev", debug_assertions))]
fn write_types(root: &std::path::Path, declarations: &str) {
    let file = root.join("client.d.ts");
    if fs::read_to_string(&file).is_ok_and(|text| text == declarations) {
        return;
    }
    if let Err(error) = fs::write(&file, declarations) {
        tracing::warn!(file = %file.display(), %error, "the types could not be written");
    }
}

/// Returns a future that completes with the first SIGINT or SIGTERM.
fn signal() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};

    let (mut interrupt, mut terminate) =
        (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Says something to the person at the terminal; if nobody listens that is fine.
fn say(text: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}
