//! The command line of an app: it serves the app, or writes the types of its actions.

#[cfg(all(feature = "dev", debug_assertions))]
use std::path::Path;
use std::{
    fs,
    io::{self, IsTerminal as _, Write as _},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    str::FromStr as _,
    sync::Arc,
};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::ValueParser, value_parser};
use tokio::net::TcpListener;
#[cfg(all(feature = "dev", debug_assertions))]
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tracing_subscriber::{
    Layer, filter::Targets, fmt::MakeWriter, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

#[cfg(all(feature = "dev", debug_assertions))]
use crate::{
    app::start_error::StartError,
    dev::{
        Command as SupervisorCommand, DevLoop, ReloadOutcome, Report, SUPERVISED, Status,
        Supervised, SupervisorLink, ms, report_panics, supervisor,
    },
    server::{IdleConnection, Shutdown},
};
use crate::{
    app::{
        builder::{App, Built},
        operations::{self, Operations},
        overview::Overview,
        storage::Storage,
    },
    header::Prefix,
    request::{AllowedHost, HostCheck, Hosts},
    server::{
        listen::{self, BoundSocket},
        notify, serve,
    },
};

/// Why a command failed, for the person who ran it.
type Failure = String;

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
        .help("The address to listen on; 0.0.0.0 listens on all addresses of the machine");
    let allow_host = Arg::new("allow-host")
        .long("allow-host")
        .env("ALLOW_HOST")
        .value_name("NAME")
        .action(ArgAction::Append)
        .value_delimiter(',')
        .value_parser(ValueParser::new(allowed_host))
        .help(
            "A host name to serve, such as app.example.org or *.example.org; several by repeating it, \
             or with commas. IP addresses and localhost are always served",
        );
    let prefix = Arg::new("prefix")
        .long("prefix")
        .env("KIPO_PREFIX")
        .value_name("PATH")
        .value_parser(ValueParser::new(prefix))
        .help(
            "The path before every path of the app, such as /app, for an app that shares its host with \
             others",
        );
    let trusted_proxy = Arg::new("trusted-proxy")
        .long("trusted-proxy")
        .env("KIPO_TRUSTED_PROXY")
        .value_name("IP")
        .action(ArgAction::Append)
        .value_delimiter(',')
        .value_parser(value_parser!(IpAddr))
        .help(
            "The address of a proxy whose X-Forwarded-For and X-Forwarded-Prefix count; several by \
             repeating it, or with commas",
        );
    let data_dir = Arg::new("data-dir")
        .long("data-dir")
        .env("DATA_DIR")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .help("The directory of durable topics, for one process at a time [default: data]");
    let engine = Arg::new("engine")
        .long("engine")
        .env("ENGINE")
        .value_name("URL")
        .hide_env_values(true)
        .help(
            "Where durable topics are kept, instead of the data directory: an engine that many nodes \
             share, such as nats://a,b,c or redis://host",
        );
    let allow_weaker = Arg::new("allow-weaker")
        .long("allow-weaker")
        .action(ArgAction::SetTrue)
        .help("Start even if the engine reaches a lower durability than a topic asks for");
    let admin = Arg::new("admin")
        .long("admin")
        .env("KIPO_ADMIN")
        .value_name("ADDRESS")
        .value_parser(ValueParser::new(operations::parse_address))
        .help(
            "An address and a port of their own for /live, /ready and /metrics, such as \
             127.0.0.1:9000 [default: none]",
        );
    let log = Arg::new("log")
        .long("log")
        .env("KIPO_LOG_FORMAT")
        .value_name("FORMAT")
        .value_parser(["text", "json"])
        .default_value("text")
        .help("How the log is written; json is one object on each line");
    let out = Arg::new("out")
        .long("out")
        .value_name("DIR")
        .value_parser(value_parser!(PathBuf))
        .required(true)
        .help("The folder to write client.d.ts to");
    let no_watch = Arg::new("no-watch")
        .long("no-watch")
        .action(ArgAction::SetTrue)
        // A release accepts it too, and never watches.
        .hide(!cfg!(all(feature = "dev", debug_assertions)))
        .help("Serve without the development loop: edits have no effect until the next start");
    let json = Arg::new("json")
        .long("json")
        .action(ArgAction::SetTrue)
        .help("Print JSON instead of a table");
    Command::new("app")
        .about("A Kipo app. Without a command it serves.")
        .after_help("RUST_LOG=debug (or info, warn, kipo=debug, …) sets what is logged.")
        .args([
            port,
            host,
            allow_host,
            prefix,
            trusted_proxy,
            data_dir,
            engine,
            allow_weaker,
            admin,
            log,
            no_watch,
        ])
        .subcommand(
            Command::new("types")
                .about("Writes the TypeScript declarations of the app's actions")
                .arg(out),
        )
        .subcommand(
            Command::new("routes")
                .about("Lists the actions and the pages, who may use them, and their limits")
                .long_about(
                    "Lists the actions and the pages, what a request needs to use them, and their \
                     limits. It opens no port, no data directory and no state.",
                )
                .arg(json),
        )
        .subcommand(
            Command::new("check")
                .about("Checks the app as at start, without serving it; fails with all errors")
                .long_about(
                    "Checks the app as at start: names, pages, states that an action needs, routes \
                     that clash. It opens no port, no data directory and no state. The exit status \
                     is 1 if there is an error, and standard error has all of them.",
                ),
        )
}

fn host(text: &str) -> Result<IpAddr, String> {
    match text {
        "localhost" => Ok(IpAddr::from([127, 0, 0, 1])),
        _ => text.parse().map_err(|_| "expected an IP address, such as 0.0.0.0".to_owned()),
    }
}

fn allowed_host(text: &str) -> Result<String, &'static str> {
    AllowedHost::parse(text).ok_or(AllowedHost::EXPECTED)?;
    Ok(text.to_owned())
}

fn prefix(text: &str) -> Result<String, &'static str> {
    Prefix::parse(text).ok_or(Prefix::EXPECTED)?;
    Ok(text.to_owned())
}

/// Logs to standard error, by the filter in `RUST_LOG`.
fn log(matches: &ArgMatches) {
    let filter = std::env::var("RUST_LOG").ok().and_then(|text| Targets::from_str(&text).ok());
    let filter = filter.unwrap_or_else(|| {
        let filter = Targets::new().with_default(tracing::Level::INFO);
        // The supervisor reports that one version replaces another.
        if is_supervised() {
            filter.with_target("kipo::server", tracing::Level::WARN)
        } else {
            filter
        }
    });
    let is_json = matches.get_one::<String>("log").is_some_and(|format| format == "json");
    let lines = lines(is_json, is_coloured(), io::stderr);
    // This fails if the app has set up a log of its own, which stays.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

/// Returns what writes the lines of the log: as text, or each as an object of JSON that has the fields
/// of the line and of its spans.
fn lines<S, W>(is_json: bool, is_coloured: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: tracing::Subscriber + for<'s> LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt::layer().with_writer(writer);
    if is_json {
        lines.json().flatten_event(true).with_current_span(false).boxed()
    } else {
        lines.with_ansi(is_coloured).boxed()
    }
}

/// Returns whether the development server started this process.
fn is_supervised() -> bool {
    #[cfg(all(feature = "dev", debug_assertions))]
    return std::env::var_os(SUPERVISED).is_some();
    #[cfg(not(all(feature = "dev", debug_assertions)))]
    return false;
}

/// Returns whether the log ends up on a terminal.
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

fn start_failure(error: &impl std::fmt::Display) -> Failure {
    format!("the app does not start:\n\n{error}\n")
}

fn serve(app: App, matches: &ArgMatches) -> Result<(), Failure> {
    let hosts = matches.get_many::<String>("allow-host").into_iter().flatten();
    let app = hosts.fold(app, App::allow_host);
    let app = match matches.get_one::<String>("prefix") {
        Some(prefix) => app.prefix(prefix),
        None => app,
    };
    let proxies = matches.get_many::<IpAddr>("trusted-proxy").into_iter().flatten();
    let app = proxies.fold(app, |app, proxy| app.trusted_proxy(*proxy));
    let app = match matches.get_one::<SocketAddr>("admin") {
        Some(admin) => app.admin(*admin),
        None => app,
    };
    if let Some(admin) = app.admin {
        let clash = operations::clash(admin, address(matches)?);
        clash.map_or(Ok(()), |error| Err(start_failure(&error)))?;
    }
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
    let mut storage = storage(&app, matches);
    let (address, limits) = (address(matches)?, app.serve_limits_set());
    let admin = app.admin;
    let app = app.with_storage(&storage);
    let built = app.without_edits().build().map_err(|error| start_failure(&error))?;
    let Built { router, prefixes, shared, allowed_hosts, lifecycle, .. } = built;
    let app = HostCheck::new(Hosts::of_server(&allowed_hosts), router);
    runtime()?.block_on(async {
        listen::raise_open_files(limits.connections_max);
        let socket = bind(address)?;
        let operations = Operations::start(admin, &shared.metrics);
        let operations = operations.map_err(|error| start_failure(&error))?;
        if let Some(admin) = operations.address() {
            tracing::info!(target: "kipo::server", "the admin address is http://{admin}");
        }
        // Before the socket listens: a second process on the data directory accepts no connection.
        let store = storage.open_and_load().await.map_err(|error| start_failure(&error))?;
        shared.use_store(store.as_ref());
        operations.set_store(store.as_ref());
        let served = async {
            let opened = lifecycle.open(&shared.states).await;
            let opened = opened.map_err(|error| start_failure(&error))?;
            let listener = listen(socket, address)?;
            let stop = signal().map_err(|error| format!("no signals: {error}"))?;
            let address = listener.local_addr().unwrap_or(address);
            print(&format!("listening on http://{address}{}", prefixes.root()));
            let hooks = opened.start_tasks(&shared);
            operations.set_serving();
            notify::ready();
            let stop = async {
                stop.await;
                notify::stopping();
            };
            let stop = operations.stop(stop, limits.drain_delay);
            let served = serve::serve(listener, app, Arc::clone(&shared), limits, stop).await;
            hooks.run(&shared.states, limits.on_shutdown).await;
            served.map_err(|error| error.to_string())
        };
        let served = served.await;
        if let Some(store) = store {
            store.shut_down().await;
        }
        served
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

fn storage(app: &App, matches: &ArgMatches) -> Storage {
    let mut storage = app.storage_set();
    if let Some(data_dir) = matches.get_one::<PathBuf>("data-dir") {
        storage.data_dir.clone_from(data_dir);
    }
    storage.engine_url = matches.get_one::<String>("engine").cloned();
    storage.allows_weaker |= matches.get_flag("allow-weaker");
    storage
}

fn bind(address: SocketAddr) -> Result<BoundSocket, Failure> {
    listen::bind(address).map_err(|error| socket_failure(address, &error))
}

fn listen(socket: BoundSocket, address: SocketAddr) -> Result<TcpListener, Failure> {
    socket.listen().map_err(|error| socket_failure(address, &error))
}

fn socket_failure(address: SocketAddr, error: &io::Error) -> Failure {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!(
                "{address} is in use: stop the process that listens there, or choose another --port"
            )
        }
        _ => format!("{address}: {error}"),
    }
}

/// Runs the development server, whose child processes serve one version of the app after another.
#[cfg(all(feature = "dev", debug_assertions))]
fn supervise(mut app: App, matches: &ArgMatches) -> Result<(), Failure> {
    let address = address(matches)?;
    let settings = supervisor::Settings {
        address,
        app: app.root().map(Path::to_owned),
        // Cargo may have set it for another program, which has started this one.
        package: app
            .package()
            .or_else(|| std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)),
        base: app.base_set().to_owned(),
        prefix: app.prefix_set(),
        allowed_hosts: app.allowed_hosts_set(),
        shutdown: app.serve_limits_set().drain + app.serve_limits_set().on_shutdown,
    };
    // The child processes inherit the limit.
    listen::raise_open_files(app.serve_limits_set().connections_max);
    let admin = app.admin;
    // The child processes open again what the app has opened.
    drop(app);
    runtime()?.block_on(async {
        // It listens at once: a client that connects before a version serves waits.
        let listener = listen(bind(address)?, address)?;
        let listener = listener.into_std().map_err(|error| error.to_string())?;
        let admin = admin.map(|admin| operations::listen(admin).and_then(operations::into_std));
        let admin = admin.transpose().map_err(|error| start_failure(&error))?;
        supervisor::run(settings, listener, admin).await
    })
}

/// Serves as one version of the app, as the supervisor orders.
#[cfg(all(feature = "dev", debug_assertions))]
fn serve_supervised(app: App, matches: &ArgMatches, supervised: Supervised) -> Result<(), Failure> {
    let Supervised { supervisor, mut sockets, mut commands } = supervised;
    let admin = app.admin;
    let mut storage = storage(&app, matches);
    let (limits, base) = (app.serve_limits_set(), app.base_set().to_owned());
    let prefix = app.prefix_set();
    let root = app.root().map(Path::to_owned);
    // The supervisor shows the errors in the terminal and in the browser.
    let fails = |error: &StartError| {
        let errors = error.errors().iter();
        let reports = errors
            .map(|start_error| Report::of_start_diagnostic(start_error, root.as_deref()))
            .collect();
        supervisor.report(&Status::Failed(reports));
        Ok(())
    };
    let built = match app.with_storage(&storage).build() {
        Ok(built) => built,
        Err(error) => return fails(&error),
    };
    let allowed_hosts = built.allowed_hosts.clone();
    let hosts = Hosts::of_server(&allowed_hosts);
    supervisor.report(&Status::Ready { base, prefix, allowed_hosts });
    runtime()?.block_on(async {
        if !matches!(commands.recv().await, Some(SupervisorCommand::Serve)) {
            return Ok(());
        }
        let inherited = sockets.admin.take();
        let mut operations = match Operations::inherit(admin, inherited, &built.shared.metrics) {
            Ok(operations) => operations,
            Err(error) => return fails(&error),
        };
        let store = match storage.open_and_load().await {
            Ok(store) => store,
            Err(error) => return fails(&error),
        };
        operations.set_store(store.as_ref());
        let Built { router, shared, declarations, develop, lifecycle, .. } = built;
        shared.use_store(store.as_ref());
        // The next version waits until this one has released what only one of them may use.
        let is_exclusive = !lifecycle.is_empty()
            || store.as_ref().is_some_and(|store| !store.engine().profile().shared);
        let opened = match lifecycle.open(&shared.states).await {
            Ok(opened) => opened,
            Err(error) => return fails(&error),
        };
        if let (Some(develop), Some(root)) = (&develop, &root) {
            write_types(root, &declarations);
            report_panics(develop.clone());
        }
        let interrupted = signal().map_err(|error| format!("no signals: {error}"))?;
        let (listener, handoff) = sockets.open().map_err(|error| error.to_string())?;
        supervisor.report(&Status::Serving);
        let hooks = opened.start_tasks(&shared);
        operations.set_serving();
        let (successor, handed_off) = mpsc::unbounded_channel();
        let stop = async {
            let shutdown = tokio::select! {
                shutdown = follow(&mut commands, develop.as_ref(), &supervisor, successor) => shutdown,
                () = interrupted => Shutdown::Close,
            };
            // The next version answers on this address.
            operations.close();
            if !is_exclusive {
                supervisor.report(&Status::Released);
            }
            shutdown
        };
        let inherited = || handoff.clone().take();
        let app = HostCheck::new(hosts, router);
        let serving = Arc::clone(&shared);
        let served = serve::serve_in_turn(listener, app, serving, limits, inherited, stop).await;
        hooks.run(&shared.states, limits.on_shutdown).await;
        // A state may hold the lock of a database, which the next version needs.
        drop(shared);
        if let Some(store) = store {
            store.shut_down().await;
        }
        supervisor.report(&Status::Released);
        // The successor takes these connections when it serves.
        handoff.put_all(handed_off).await;
        served.map_err(|error| error.to_string())
    })
}

/// Follows the supervisor's orders until one is to shut down. `successor` receives the connections
/// that are handed off then.
#[cfg(all(feature = "dev", debug_assertions))]
async fn follow(
    commands: &mut UnboundedReceiver<SupervisorCommand>,
    develop: Option<&DevLoop>,
    supervisor: &SupervisorLink,
    successor: UnboundedSender<IdleConnection>,
) -> Shutdown {
    while let Some(command) = commands.recv().await {
        match (command, develop) {
            (SupervisorCommand::HandOff, _) => return Shutdown::HandOff(successor),
            (SupervisorCommand::Stop, _) => return Shutdown::Close,
            (SupervisorCommand::PagesChanged(changes), Some(develop)) => {
                let ReloadOutcome { result, elapsed, errors } = develop.reload_pages(&changes);
                supervisor.report(&Status::PagesReloaded {
                    changes: changes.to_string(),
                    result,
                    ms: ms(elapsed),
                    errors,
                });
            }
            (SupervisorCommand::ShowErrors(errors), Some(develop)) => {
                develop.set_build_errors(&errors);
            }
            (SupervisorCommand::Built(build), Some(develop)) => develop.set_last_build(build),
            (
                SupervisorCommand::Serve
                | SupervisorCommand::Built(_)
                | SupervisorCommand::PagesChanged(_)
                | SupervisorCommand::ShowErrors(_),
                _,
            ) => {}
        }
    }
    Shutdown::Close
}

/// Writes `client.d.ts` beside the pages if its text has changed: editors read the file again after
/// each write.
#[cfg(all(feature = "dev", debug_assertions))]
fn write_types(root: &Path, declarations: &str) {
    let file = root.join("client.d.ts");
    if fs::read_to_string(&file).is_ok_and(|text| text == declarations) {
        return;
    }
    if let Err(error) = fs::write(&file, declarations) {
        tracing::warn!(file = %file.display(), %error, "the file of types could not be written");
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

/// Writes a line to standard output. A closed standard output is no error.
fn print(line: &str) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use serde_json::Value;

    use super::*;

    /// Collects what is written.
    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns what is logged by a line in a span of the app inside the span of a call.
    fn logged(is_json: bool) -> String {
        let written = Written::default();
        let writer = written.clone();
        let lines = lines(is_json, false, move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(lines), || {
            let call = tracing::info_span!("call", action = "chat.Send", request_id = "a-1");
            call.in_scope(|| {
                tracing::info_span!("store").in_scope(|| tracing::info!(rows = 3, "say \"hi\"\n"));
            });
        });
        String::from_utf8(written.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn a_line_of_json_has_its_fields_and_the_request_id_of_its_call() {
        let log = logged(true);
        assert_eq!(log.trim_end().lines().count(), 1, "{log}");
        let line: Value = serde_json::from_str(&log).unwrap();
        assert_eq!((&line["level"], &line["rows"]), (&"INFO".into(), &3.into()), "{log}");
        assert_eq!(line["message"], "say \"hi\"\n");
        assert_eq!(line["target"], module_path!());
        assert!(line["timestamp"].as_str().unwrap().ends_with('Z'), "{log}");
        let call = &line["spans"][0];
        assert_eq!(
            (&call["name"], &call["action"]),
            (&"call".into(), &"chat.Send".into()),
            "{log}"
        );
        assert_eq!(call["request_id"], "a-1");
    }

    #[test]
    fn a_line_of_text_has_them_too() {
        let log = logged(false);
        assert!(log.contains(r#"call{action="chat.Send" request_id="a-1"}"#), "{log}");
        assert!(log.contains("rows=3"), "{log}");
    }

    #[test]
    fn an_unknown_format_of_the_log_names_those_that_there_are() {
        let error = command().try_get_matches_from(["app", "--log", "xml"]).unwrap_err();
        assert!(error.to_string().contains("[possible values: text, json]"), "{error}");
        let matches = command().try_get_matches_from(["app", "--admin", "localhost:9000"]).unwrap();
        let admin = SocketAddr::from(([127, 0, 0, 1], 9000));
        assert_eq!(matches.get_one::<SocketAddr>("admin"), Some(&admin));
    }
}
