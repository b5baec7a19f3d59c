//! The development server and the versions of the app that it starts. Debug builds only.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use clap::ArgMatches;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::{
    app::{
        build::Built,
        builder::App,
        cli::{
            options::{address, storage},
            process::{Failure, bind, listen, runtime, signal, start_failure},
        },
        operations::{self, Operations},
        start_error::StartError,
    },
    dev::{
        Command as SupervisorCommand, DevLoop, ReloadOutcome, Report, Status, Supervised,
        SupervisorLink, ms, report_panics, supervisor,
    },
    request::{HostCheck, Hosts},
    server::{IdleConnection, Shutdown, listen as sockets, serve as server},
};

/// Runs the development server, whose child processes serve one version of the app after another.
pub(super) fn supervise(mut app: App, matches: &ArgMatches) -> Result<(), Failure> {
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
    sockets::raise_open_files(app.serve_limits_set().connections_max);
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
pub(super) fn serve_supervised(
    app: App,
    matches: &ArgMatches,
    supervised: Supervised,
) -> Result<(), Failure> {
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
        let Built { router, actions, shared, declarations, develop, lifecycle, .. } = built;
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
        let app = HostCheck::new(hosts, actions, router);
        let serving = Arc::clone(&shared);
        let served = server::serve_in_turn(listener, app, serving, limits, inherited, stop).await;
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
fn write_types(root: &Path, declarations: &str) {
    let file = root.join("client.d.ts");
    if fs::read_to_string(&file).is_ok_and(|text| text == declarations) {
        return;
    }
    if let Err(error) = fs::write(&file, declarations) {
        tracing::warn!(file = %file.display(), %error, "the file of types could not be written");
    }
}
