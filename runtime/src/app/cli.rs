//! The command line of an app: serve it, or write its types.

#[cfg(all(feature = "dev", debug_assertions))]
use std::path::Path;
use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    str::FromStr as _,
};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::ValueParser, value_parser};
use tokio::net::TcpListener;
#[cfg(all(feature = "dev", debug_assertions))]
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tracing_subscriber::{
    filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    app::builder::{App, open_topics},
    server::{listen, serve},
};
#[cfg(all(feature = "dev", debug_assertions))]
use crate::{
    app::{builder::Built, start_error::StartError},
    dev::{
        Command, DevLoop, ReloadOutcome, Report, SUPERVISED, Status, Supervised, SupervisorLink, ms, report_panics,
        supervisor,
    },
    server::{IdleConnection, Shutdown},
};

/// Why a command did not do what it was asked for, for the person who asked.
type Failure = String;

impl App {
    /// Runs the command line: serves unless told otherwise (`--help` lists what there is).
    ///
    /// Returns when a SIGINT or SIGTERM has come and everything admitted has ended; with a
    /// failure if the app does not start, after telling all its errors.
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
    let no_watch = Arg::new("no-watch")
        .long("no-watch")
        .action(ArgAction::SetTrue)
        // The same command line works for a release, which never watches.
        .hide(!cfg!(all(feature = "dev", debug_assertions)))
        .help("Serve plainly: edits are not followed, nothing is built anew");
    Command::new("app")
        .about("A Kipo app. Without a command it serves.")
        .after_help("RUST_LOG=debug (or info, warn, kipo=debug, …) sets what is logged.")
        .args([port, host, data_dir, no_watch])
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
    let filter = filter.unwrap_or_else(|| {
        let filter = Targets::new().with_default(tracing::Level::INFO);
        // One version goes after the other, and there is a line for that.
        if is_supervised() {
            filter.with_target("kipo::server", tracing::Level::WARN)
        } else {
            filter
        }
    });
    let lines = tracing_subscriber::fmt::layer();
    let lines = lines.with_ansi(is_coloured()).with_writer(io::stderr);
    // An app that set up a log of its own keeps it.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// Tells whether this process is one version of the app after others.
fn is_supervised() -> bool {
    #[cfg(all(feature = "dev", debug_assertions))]
    return std::env::var_os(SUPERVISED).is_some();
    #[cfg(not(all(feature = "dev", debug_assertions)))]
    return false;
}

/// Tells whether what is logged is read on a terminal in the end.
fn is_coloured() -> bool {
    #[cfg(all(feature = "dev", debug_assertions))]
    if let Some(coloured) = std::env::var_os(supervisor::COLOUR) {
        return coloured == "1";
    }
    io::stderr().is_terminal()
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
    #[cfg(all(feature = "dev", debug_assertions))]
    {
        let supervised = Supervised::find().map_err(|error| format!("no supervisor: {error}"))?;
        if let Some(supervised) = supervised {
            return serve_supervised(app, matches, supervised);
        }
        if !matches.get_flag("no-watch") {
            return supervise(app, matches);
        }
    }
    let data_dir = data_dir(&app, matches);
    let (address, limits) = (address(matches)?, app.serve_limits_set());
    let built = app.without_edits().build().map_err(|error| start_failure(&error))?;
    runtime()?.block_on(async {
        listen::raise_open_files(limits.connections_max);
        let listener = bind(address)?;
        let address = listener.local_addr().unwrap_or(address);
        // Who connects meanwhile waits a moment instead of being refused.
        let store = open_topics(&data_dir).map_err(|error| start_failure(&error))?;
        let stop = signal().map_err(|error| format!("no signals: {error}"))?;
        say(&format!("listening on http://{address}"));
        let served = serve::serve(listener, built.router, built.shared, limits, stop).await;
        if let Some(store) = store {
            store.close();
        }
        served.map_err(|error| error.to_string())
    })
}

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| format!("no threads: {error}"))
}

fn address(matches: &ArgMatches) -> Result<SocketAddr, Failure> {
    let host = *matches.get_one::<IpAddr>("host").ok_or("--host is missing")?;
    let port = *matches.get_one::<u16>("port").ok_or("--port is missing")?;
    Ok(SocketAddr::new(host, port))
}

fn data_dir(app: &App, matches: &ArgMatches) -> PathBuf {
    let data_dir = matches.get_one::<PathBuf>("data-dir").map(PathBuf::as_path);
    data_dir.unwrap_or(app.data_dir_set()).to_owned()
}

fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    listen::listen(address).map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("{address} is in use: stop what listens there, or choose another --port")
        }
        _ => format!("{address}: {error}"),
    })
}

/// Lets others serve, one version of the app after the other.
#[cfg(all(feature = "dev", debug_assertions))]
fn supervise(app: App, matches: &ArgMatches) -> Result<(), Failure> {
    let address = address(matches)?;
    let settings = supervisor::Settings {
        address,
        app: app.root().map(Path::to_owned),
        // What cargo set may be of another program, which has started this one.
        package: app
            .package()
            .or_else(|| std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)),
        base: app.base_set().to_owned(),
        drain: app.serve_limits_set().drain,
    };
    // For those who serve: they have the same limits.
    listen::raise_open_files(app.serve_limits_set().connections_max);
    // What the app has opened is theirs as well.
    drop(app);
    runtime()?.block_on(async {
        let listener = bind(address)?.into_std().map_err(|error| error.to_string())?;
        supervisor::run(settings, listener).await
    })
}

/// Serves as one version of the app, as the supervisor says.
#[cfg(all(feature = "dev", debug_assertions))]
fn serve_supervised(app: App, matches: &ArgMatches, supervised: Supervised) -> Result<(), Failure> {
    let Supervised { supervisor, sockets, mut commands } = supervised;
    let data_dir = data_dir(&app, matches);
    let (limits, base) = (app.serve_limits_set(), app.base_set().to_owned());
    let root = app.root().map(Path::to_owned);
    // The supervisor says it, here and in the browser.
    let fails = |error: &StartError| {
        let errors = error.errors().iter();
        let reports = errors
            .map(|start_error| Report::of_start_diagnostic(start_error, root.as_deref()))
            .collect();
        supervisor.report(&Status::Failed(reports));
        Ok(())
    };
    let built = match app.build() {
        Ok(built) => built,
        Err(error) => return fails(&error),
    };
    supervisor.report(&Status::Ready { base });
    runtime()?.block_on(async {
        if !matches!(commands.recv().await, Some(Command::Serve)) {
            return Ok(());
        }
        let store = match open_topics(&data_dir) {
            Ok(store) => store,
            Err(error) => return fails(&error),
        };
        let Built { router, shared, declarations, develop } = built;
        if let (Some(develop), Some(root)) = (&develop, &root) {
            write_types(root, &declarations);
            report_panics(develop.clone());
        }
        let interrupted = signal().map_err(|error| format!("no signals: {error}"))?;
        let (listener, handoff) = sockets.open().map_err(|error| error.to_string())?;
        supervisor.report(&Status::Serving);
        let (leave, left) = mpsc::unbounded_channel();
        let stop = async {
            let leave = tokio::select! {
                leave = obey(&mut commands, develop.as_ref(), &supervisor, leave) => leave,
                () = interrupted => Shutdown::Close,
            };
            if store.is_none() {
                // The next one has nothing to wait for.
                supervisor.report(&Status::Released);
            }
            leave
        };
        let inherited = || handoff.clone().take();
        let served = serve::serve_in_turn(listener, router, shared, limits, inherited, stop).await;
        if let Some(store) = store {
            store.close();
            supervisor.report(&Status::Released);
        }
        // The next one takes them as soon as it serves.
        handoff.put_all(left).await;
        served.map_err(|error| error.to_string())
    })
}

/// Does what the supervisor says, until it says to leave; `next` takes what is open then.
#[cfg(all(feature = "dev", debug_assertions))]
async fn obey(
    commands: &mut UnboundedReceiver<Command>,
    develop: Option<&DevLoop>,
    supervisor: &SupervisorLink,
    next: UnboundedSender<IdleConnection>,
) -> Shutdown {
    while let Some(command) = commands.recv().await {
        match (command, develop) {
            (Command::HandOff, _) => return Shutdown::HandOff(next),
            (Command::Stop, _) => return Shutdown::Close,
            (Command::PagesChanged(changes), Some(develop)) => {
                let ReloadOutcome { result, elapsed, errors } = develop.reload_pages(&changes);
                supervisor.report(&Status::PagesReloaded {
                    changes: changes.to_string(),
                    result,
                    ms: ms(elapsed),
                    errors,
                });
            }
            (Command::ShowErrors(errors), Some(develop)) => develop.set_build_errors(&errors),
            (Command::Built(build), Some(develop)) => develop.set_last_build(build),
            (
                Command::Serve
                | Command::Built(_)
                | Command::PagesChanged(_)
                | Command::ShowErrors(_),
                _,
            ) => {}
        }
    }
    Shutdown::Close
}

/// Writes `client.d.ts` beside the pages, unless it is there already: editors read it again
/// with each write.
#[cfg(all(feature = "dev", debug_assertions))]
fn write_types(root: &Path, declarations: &str) {
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
