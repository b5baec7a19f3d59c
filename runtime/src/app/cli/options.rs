//! The options of the command line, and what they say.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::{Arg, ArgAction, ArgMatches, Command, builder::ValueParser, value_parser};

use crate::{
    app::{builder::App, cli::process::Failure, operations, storage::Storage},
    header::Prefix,
    request::AllowedHost,
};

pub(super) fn command() -> Command {
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

pub(super) fn address(matches: &ArgMatches) -> Result<SocketAddr, Failure> {
    let host = *matches.get_one::<IpAddr>("host").ok_or("--host is missing")?;
    let port = *matches.get_one::<u16>("port").ok_or("--port is missing")?;
    Ok(SocketAddr::new(host, port))
}

pub(super) fn storage(app: &App, matches: &ArgMatches) -> Storage {
    let mut storage = app.storage_set();
    if let Some(data_dir) = matches.get_one::<PathBuf>("data-dir") {
        storage.data_dir.clone_from(data_dir);
    }
    storage.engine_url = matches.get_one::<String>("engine").cloned();
    storage.allows_weaker |= matches.get_flag("allow-weaker");
    storage
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_format_of_the_log_names_those_that_there_are() {
        let error = command().try_get_matches_from(["app", "--log", "xml"]).unwrap_err();
        assert!(error.to_string().contains("[possible values: text, json]"), "{error}");
        let matches = command().try_get_matches_from(["app", "--admin", "localhost:9000"]).unwrap();
        let admin = SocketAddr::from(([127, 0, 0, 1], 9000));
        assert_eq!(matches.get_one::<SocketAddr>("admin"), Some(&admin));
    }
}
