//! Serves the app: in this process, or under a supervisor that starts one version after the other.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

use clap::ArgMatches;

#[cfg(all(feature = "dev", debug_assertions))]
use crate::{app::cli::develop, dev::Supervised};
use crate::{
    app::{
        build::Built,
        builder::App,
        cli::{
            options::{address, storage},
            process::{Failure, bind, listen, print, runtime, signal, start_failure},
        },
        operations::{self, Operations},
    },
    request::{HostCheck, Hosts},
    server::{listen as sockets, notify, serve as server},
};

pub(super) fn serve(app: App, matches: &ArgMatches) -> Result<(), Failure> {
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
            return develop::serve_supervised(app, matches, supervised);
        }
        if !matches.get_flag("no-watch") {
            return develop::supervise(app, matches);
        }
    }
    let mut storage = storage(&app, matches);
    let (address, limits) = (address(matches)?, app.serve_limits_set());
    let admin = app.admin;
    let app = app.with_storage(&storage);
    let built = app.without_edits().build().map_err(|error| start_failure(&error))?;
    let Built { router, actions, prefixes, shared, allowed_hosts, lifecycle, .. } = built;
    let app = HostCheck::new(Hosts::of_server(&allowed_hosts), actions, router);
    runtime()?.block_on(async {
        sockets::raise_open_files(limits.connections_max);
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
            let served = server::serve(listener, app, Arc::clone(&shared), limits, stop).await;
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
