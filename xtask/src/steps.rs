//! The steps of the test command in their order, quick ones first.

use std::{
    env, fs,
    path::PathBuf,
    process::{Command, ExitCode},
};

use crate::{
    grow, machine,
    report::Outcome,
    run::{Result, at, cargo, command, has, output, run, say, target},
};

/// One step of the test command.
pub(crate) struct Step {
    pub(crate) name: &'static str,
    pub(crate) what: &'static str,
    run: Run,
}

/// What a step runs.
enum Run {
    /// A step that passes or fails.
    Whole(fn() -> Result),
    /// A step that is skipped, or leaves a part out, where a program is missing.
    WhereInstalled(fn() -> Result<Outcome>),
}

impl Step {
    const fn whole(name: &'static str, what: &'static str, run: fn() -> Result) -> Self {
        Self { name, what, run: Run::Whole(run) }
    }

    const fn where_installed(
        name: &'static str,
        what: &'static str,
        run: fn() -> Result<Outcome>,
    ) -> Self {
        Self { name, what, run: Run::WhereInstalled(run) }
    }

    /// Runs the step to its end.
    pub(crate) fn run(&self) -> Result<Outcome> {
        match self.run {
            Run::Whole(run) => run().map(|()| Outcome::Passed),
            Run::WhereInstalled(run) => run(),
        }
    }
}

/// All steps.
pub(crate) const ALL: &[Step] = &[
    Step::whole("fmt", "everything is formatted", fmt),
    Step::whole("clippy", "no lint is broken", clippy),
    Step::whole("node", "the browser client: types and tests", node),
    Step::whole("test", "unit, integration, golden and misuse tests", test),
    Step::where_installed("servers", "topics in NATS and Redis, on real servers", servers),
    Step::whole("doctest", "the examples in the documentation", doctest),
    Step::whole("loom", "every order in which threads meet in a topic", loom),
    Step::whole("doc", "the documentation builds without warnings", doc),
    Step::whole("grow", "a new file is an action with the next build", grow::grow),
    Step::whole("pages", "the app's page scripts against its generated types", pages),
    Step::where_installed("browser", "the app in Chromium", browser),
    Step::where_installed("nodes", "the app over NATS: two nodes, and one under fire", nodes),
    Step::where_installed("engines", "the core set in Firefox and in WebKit", engines),
    Step::where_installed("board", "the example product in Chromium, and on two nodes", board),
    Step::whole("edits", "edits of a running app, with and without errors", edits),
    Step::whole("every-byte", "six readers of a stream cut at each of its bytes", every_byte),
    Step::whole("openapi", "generated requests against the app's openapi.json", openapi),
    Step::whole("package", "the packages contain the client and the templates", package),
    Step::whole("release", "the release binary runs from an empty folder", release),
    Step::where_installed("chaos", "the app under fire: every record is exact", chaos),
    Step::where_installed("bench", "the benchmarks still run (no numbers are judged)", bench),
    Step::where_installed("deny", "licences and sources of dependencies", deny),
];

/// Formats everything.
pub(crate) fn format() -> ExitCode {
    match run(&mut cargo(&["fmt", "--all"])).and_then(|()| actions_format(&[])) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            say(&failure);
            ExitCode::FAILURE
        }
    }
}

fn fmt() -> Result {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    actions_format(&["--check"])
}

/// Formats the files below `actions`. No `mod` names them, so `cargo fmt` does not find them.
fn actions_format(args: &[&str]) -> Result {
    let mut files = Vec::new();
    for folder in ["app/actions", "examples/board/actions"] {
        rust_files(&at(folder), &mut files)?;
    }
    run(command("rustfmt", &["--edition", "2024"]).args(args).args(files))
}

fn rust_files(folder: &PathBuf, files: &mut Vec<PathBuf>) -> Result {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            rust_files(&path, files)?;
        } else if path.extension().is_some_and(|suffix| suffix == "rs") {
            files.push(path);
        }
    }
    files.sort();
    Ok(())
}

fn clippy() -> Result {
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]))
}

fn node() -> Result {
    machine::node()?;
    for script in ["check", "test"] {
        run(command("npm", &["run", "--silent", script]).current_dir(at("runtime/client")))?;
    }
    Ok(())
}

fn test() -> Result {
    machine::node()?;
    // Without this variable, tests that need Node pass where it is missing.
    let mut test = cargo(&["test", "--workspace", "--all-targets", "--locked"]);
    // These need servers: they have a step of their own.
    test.args(SERVER_CRATES.iter().flat_map(|name| ["--exclude", name]));
    run(test.env("KIPO_REQUIRE_NODE", "1"))
}

/// The crates whose tests start servers.
const SERVER_CRATES: [&str; 2] = ["kipo-nats", "kipo-redis"];

/// Runs the tests of engines for many nodes against the servers that can be installed.
fn servers() -> Result<Outcome> {
    let mut missing = Vec::new();
    let mut all = cargo(&["test", "--all-targets", "--locked"]);
    let mut libraries = cargo(&["test", "--lib", "--locked"]);
    for (name, server, variable) in [
        (SERVER_CRATES[0], machine::nats_server(), "KIPO_NATS_SERVER"),
        (SERVER_CRATES[1], machine::redis_server(), "KIPO_REDIS_SERVER"),
    ] {
        match server {
            Ok(path) => drop(all.args(["-p", name]).env(variable, path)),
            Err(reason) => {
                missing.push(reason);
                libraries.args(["-p", name]);
            }
        }
    }
    // One build for both crates.
    if missing.len() < SERVER_CRATES.len() {
        run(&mut all)?;
    }
    if !missing.is_empty() {
        run(&mut libraries)?;
    }
    Ok(Outcome::without(missing))
}

fn doctest() -> Result {
    run(&mut cargo(&["test", "--workspace", "--doc", "--locked"]))
}

/// The topics' locks under loom, which tries every order in which threads can meet; beyond three
/// preemptions there is little to find and much to try.
fn loom() -> Result {
    let mut test = cargo(&["test", "-p", "kipo-topic", "--lib", "--locked", "loom_"]);
    test.env("RUSTFLAGS", "--cfg kipo_loom").env("LOOM_MAX_PREEMPTIONS", "3");
    // A build of its own: other flags for every crate.
    run(test.env("CARGO_TARGET_DIR", target().join("loom")))
}

fn doc() -> Result {
    run(cargo(&["doc", "--workspace", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Builds the app and the example product, with all engines: one build for every step that runs
/// them, since cargo builds anew for each other choice of features.
fn programs() -> Result {
    let mut build = cargo(&["build", "-p", "app", "-p", "board", "--locked"]);
    run(build.args(["--features", "app/nats,app/redis,board/nats,board/redis"]))
}

/// Builds a release of the app with all engines, and what puts it under fire and measures it, as
/// the profile `trial` says: link-time optimization takes minutes, and nothing that is tested needs it.
fn release_programs() -> Result {
    run(&mut release_build())
}

pub(crate) fn release_build() -> Command {
    let mut build = cargo(&["build", "--profile", "trial", "--locked"]);
    build.args(["-p", "app", "-p", "bench", "-p", "chaos"]);
    build.args(["--features", "app/nats,app/redis"]);
    build
}

fn pages() -> Result {
    machine::node()?;
    programs()?;
    run(&mut command(target().join("debug/app"), &["types", "--out", "app"]))?;
    run(command("npx", &["--no-install", "tsc", "--noEmit", "-p", "."]).current_dir(at("app")))
}

/// Runs the app in Chromium. The tests behind nginx are skipped where it cannot be installed.
fn browser() -> Result<Outcome> {
    machine::node()?;
    let chromium = machine::chromium()?;
    programs()?;
    let mut test = command("npm", &["run", "--silent", "test"]);
    test.current_dir(at("app")).env("CHROMIUM", chromium);
    test.env("KIPO_APP_BIN", target().join("debug/app"));
    let missing = match machine::nginx() {
        Ok(path) => {
            test.env("KIPO_NGINX", path);
            None
        }
        Err(reason) => Some(reason),
    };
    run(&mut test)?;
    Ok(Outcome::without(missing.into_iter().collect()))
}

/// Runs two nodes of the app over a real NATS server, one of them killed, in Chromium. Then it runs
/// the tests of many tabs, cut streams, outages and a new version with such a server behind the app.
fn nodes() -> Result<Outcome> {
    machine::node()?;
    let chromium = machine::chromium()?;
    let server = match machine::nats_server() {
        Ok(path) => path,
        Err(reason) => return Ok(Outcome::Skipped(reason)),
    };
    programs()?;
    let mut test = command("npm", &["run", "--silent", "test:nodes"]);
    test.current_dir(at("app")).env("CHROMIUM", chromium).env("KIPO_NATS_SERVER", server);
    test.env("CARGO_TARGET_DIR", target());
    run(test.env("KIPO_APP_BIN", target().join("debug/app")))?;
    Ok(Outcome::Passed)
}

/// Checks the scripts of `examples/board` against their types, sends requests that schemathesis
/// generates from its `openapi.json`, and runs its pages in Chromium: as one process, and as two nodes
/// over a real NATS server and over a real Redis server.
fn board() -> Result<Outcome> {
    machine::node()?;
    let chromium = machine::chromium()?;
    let python = machine::python("app/tests/openapi/requirements.txt")?;
    let folder = "examples/board";
    let binary = target().join("debug/board");
    programs()?;
    run(&mut command(&binary, &["types", "--out", folder]))?;
    let script = |name| {
        let mut npm = command("npm", &["run", "--silent", name]);
        npm.current_dir(at(folder)).env("CHROMIUM", &chromium).env("KIPO_BOARD_BIN", &binary);
        npm
    };
    run(&mut script("check"))?;
    run(script("test").env("KIPO_PYTHON", &python))?;
    run(script("test:openapi").env("KIPO_PYTHON", &python))?;
    let mut nodes = script("test:nodes");
    // The test over an engine without a server is skipped.
    let missing = name_servers(&mut nodes);
    run(&mut nodes)?;
    Ok(Outcome::without(missing))
}

/// Names the servers of engines to a command by variables. Returns which are missing, and why.
fn name_servers(command: &mut Command) -> Vec<String> {
    let mut missing = Vec::new();
    for (server, variable) in [
        (machine::nats_server(), "KIPO_NATS_SERVER"),
        (machine::redis_server(), "KIPO_REDIS_SERVER"),
    ] {
        match server {
            Ok(path) => drop(command.env(variable, path)),
            Err(reason) => missing.push(reason),
        }
    }
    missing
}

/// Runs the core set of browser tests in Firefox and in WebKit, where they can be installed.
fn engines() -> Result<Outcome> {
    machine::node()?;
    let mut test = command("npm", &["run", "--silent", "test:engines", "--"]);
    test.current_dir(at("app")).env("KIPO_APP_BIN", target().join("debug/app"));
    let mut missing = Vec::new();
    match machine::firefox() {
        Ok(path) => drop(test.arg("tests/engines/firefox.test.js").env("FIREFOX", path)),
        Err(reason) => missing.push(reason),
    }
    match machine::webkit() {
        Ok(path) => drop(test.arg("tests/engines/webkit.test.js").env("WEBKIT_BROWSER", path)),
        Err(reason) => missing.push(reason),
    }
    if missing.len() == 2 {
        return Ok(Outcome::Skipped(missing.join("; ")));
    }
    programs()?;
    run(&mut test)?;
    Ok(Outcome::without(missing))
}

/// Edits copies of the app while they run. One test file at a time, because cargo has one lock.
fn edits() -> Result {
    machine::node()?;
    let chromium = machine::chromium()?;
    programs()?;
    let mut test = command("npm", &["run", "--silent", "test:edits"]);
    test.current_dir(at("app")).env("CHROMIUM", chromium).env("CARGO_TARGET_DIR", target());
    // As for somebody who edits, also where the environment turns it off.
    test.env("CARGO_INCREMENTAL", "1");
    run(test.env("KIPO_APP_BIN", target().join("debug/app")))
}

/// Six readers of event streams read a stream that is cut at each of its bytes in turn.
fn every_byte() -> Result {
    machine::node()?;
    machine::curl()?;
    let chromium = machine::chromium()?;
    let python = machine::python("app/tests/every-byte/requirements.txt")?;
    programs()?;
    let mut test = command("npm", &["run", "--silent", "test:every-byte"]);
    test.current_dir(at("app")).env("CHROMIUM", chromium).env("KIPO_PYTHON", python);
    run(test.env("KIPO_APP_BIN", target().join("debug/app")))
}

/// Sends requests that schemathesis generates from the app's `openapi.json`.
fn openapi() -> Result {
    machine::node()?;
    let python = machine::python("app/tests/openapi/requirements.txt")?;
    programs()?;
    let mut test = command("npm", &["run", "--silent", "test:openapi"]);
    test.current_dir(at("app")).env("KIPO_PYTHON", python);
    run(test.env("KIPO_APP_BIN", target().join("debug/app")))
}

/// `cargo package` takes only what lies under the crate; the client and the templates have to.
fn package() -> Result {
    let files = packaged("kipo")?;
    let mut modules = vec!["client/types.d.ts".to_owned()];
    client_modules("client", &mut modules)?;
    for module in modules {
        if !files.lines().any(|line| line == module) {
            return Err(format!("the package lacks {module}"));
        }
    }
    if let Some(file) = files.lines().find(|line| line.contains("node_modules")) {
        return Err(format!("the package holds {file}"));
    }
    // The command that embeds them is whole if they are where it includes them from.
    let files = packaged("kipo-cli")?;
    let sources = fs::read_to_string(at("cli/src/template.rs")).map_err(|e| e.to_string())?;
    let included = sources.split("include_str!(\"../").skip(1);
    for file in included.filter_map(|text| Some(text.split_once('"')?.0)) {
        if !files.lines().any(|line| line == file) {
            return Err(format!("the package lacks {file}"));
        }
    }
    Ok(())
}

/// Collects the modules that browsers load, and not the client's own tools and tests.
fn client_modules(folder: &str, modules: &mut Vec<String>) -> Result {
    let entries = fs::read_dir(at("runtime").join(folder)).map_err(|error| error.to_string())?;
    for entry in entries.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{folder}/{name}");
        if name.ends_with(".js") {
            modules.push(path);
        } else if entry.path().is_dir() && !["node_modules", "test", "testing"].contains(&&*name) {
            client_modules(&path, modules)?;
        }
    }
    Ok(())
}

/// Returns the paths in a crate's package, one on each line.
fn packaged(name: &str) -> Result<String> {
    output(&mut cargo(&["package", "--list", "--allow-dirty", "-p", name, "--locked"]))
}

fn release() -> Result {
    machine::node()?;
    release_programs()?;
    let mut test = command("npm", &["run", "--silent", "test:release"]);
    run(test.current_dir(at("app")).env("KIPO_APP_BIN", target().join("trial/app")))
}

/// `KIPO_CHAOS_SECONDS` sets how long the runs with faults last: that of one node, and those of
/// several.
fn chaos() -> Result<Outcome> {
    release_programs()?;
    let run_tasks = |tasks: &[&str], server: Option<(&str, &PathBuf)>| -> Result {
        for task in tasks {
            let args: Vec<_> = task.split(' ').collect();
            let mut chaos = command(target().join("trial/chaos"), &args);
            chaos.envs(server).env("KIPO_APP_BIN", target().join("trial/app"));
            run(&mut chaos)?;
        }
        Ok(())
    };
    let seconds = env::var("KIPO_CHAOS_SECONDS");
    let seconds = |default: u32| seconds.clone().unwrap_or_else(|_| default.to_string());
    let faults = format!("--seconds {}", seconds(60));
    let load = "load --seconds 5 --connections 500";
    run_tasks(&[&faults, "storm", "rollback --trials 20", "disk", load], None)?;
    let nodes = |engine| {
        let seconds = seconds(25);
        format!("nodes --engine {engine} --seconds {seconds} --listeners 300 --failovers 2")
    };
    let (on_nats, on_redis) = (nodes("nats"), nodes("redis"));
    let on_nats: &[&str] = &[
        &on_nats,
        "rollback --engine nats --trials 2",
        "topics --engine nats --topics 500",
        "storm --engine nats --listeners 2000",
    ];
    let on_redis: &[&str] = &[
        &on_redis,
        "rollback --engine redis --trials 10",
        "rollback --engine redis --cut-tail --trials 10",
    ];
    let mut missing = Vec::new();
    for (tasks, server, variable) in [
        (on_nats, machine::nats_server(), "KIPO_NATS_SERVER"),
        (on_redis, machine::redis_server(), "KIPO_REDIS_SERVER"),
    ] {
        match server {
            Ok(path) => run_tasks(tasks, Some((variable, &path)))?,
            Err(reason) => missing.push(reason),
        }
    }
    Ok(Outcome::without(missing))
}

fn bench() -> Result<Outcome> {
    release_programs()?;
    let bench = |table: &[&str]| {
        let mut bench = command(target().join("trial/bench"), table);
        bench.arg("--quick");
        bench
    };
    for table in [&[][..], &["rivals"], &["soak"], &["log"], &["engines"]] {
        run(&mut bench(table))?;
    }
    let mut nodes = bench(&["nodes"]);
    // The bench leaves out an engine whose server it does not find.
    let missing = name_servers(&mut nodes);
    run(&mut nodes)?;
    machine::node()?;
    let chromium = machine::chromium()?;
    programs()?;
    let mut edits = bench(&["edits"]);
    edits.env("CHROMIUM", chromium).env("CARGO_TARGET_DIR", target());
    edits.env("CARGO_INCREMENTAL", "1");
    run(edits.env("KIPO_APP_BIN", target().join("debug/app")))?;
    Ok(Outcome::without(missing))
}

fn deny() -> Result<Outcome> {
    if !has("cargo-deny") {
        let reason = "cargo-deny is not installed (`cargo install cargo-deny` installs it)";
        return Ok(Outcome::Skipped(reason.to_owned()));
    }
    let checks = ["deny", "--all-features", "check", "bans", "licenses", "sources"];
    let online = env::var_os("KIPO_DENY_ADVISORIES").map(|_| "advisories");
    run(cargo(&checks).args(online)).map(|()| Outcome::Passed)
}
