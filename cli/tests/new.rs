//! Runs `kipo new` as a user does.

#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread::{self, JoinHandle},
    time::Duration,
};

use tempfile::TempDir;

/// How long an answer may take: a debug binary on a busy machine needs much less.
const ANSWER: Duration = Duration::from_secs(20);

#[test]
fn a_new_app_is_formatted_without_warnings_passes_its_tests_and_serves() {
    let folder = TempDir::new().unwrap();
    let output = kipo(&folder, &["new", "apps/guest-book", "--path", &workspace("runtime")]);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(printed.contains("\n  cd apps/guest-book\n  cargo run\n"), "{printed}");

    let app = folder.path().join("apps/guest-book");
    is_clean_and_tested(&app, 5);
    run(cargo(&app, &["build", "--offline"]));
    lists_and_checks(&app);
    scripts_fit_the_types(&app);
    serves(&app);
}

/// The login is an app of another name: both tests build into one folder.
#[test]
fn a_new_app_with_a_login_is_formatted_without_warnings_passes_its_tests_and_signs_in() {
    let folder = TempDir::new().unwrap();
    let output =
        kipo(&folder, &["new", "club", "--with", "login", "--path", &workspace("runtime")]);
    assert!(output.status.success(), "{output:?}");
    let app = folder.path().join("club");
    is_clean_and_tested(&app, 17);
    run(cargo(&app, &["build", "--offline"]));

    let listed = run(Command::new(binary(&app)).arg("routes").current_dir(&app));
    let column = listed.find("NEEDS").unwrap();
    for (row, needs) in [
        ("call    account.SignIn ", "-"),
        ("call    account.SignOut ", "-"),
        ("call    account.SignOutEverywhere ", "User"),
        ("call    account.SignUp ", "-"),
        ("call    guestbook.Sign ", "User"),
        ("stream  guestbook.Follow ", "User"),
        ("page    / ", "User"),
        ("page    /login ", "-"),
        ("page    /sign-up ", "-"),
    ] {
        let line = listed.lines().find(|line| line.starts_with(row));
        let line = line.unwrap_or_else(|| panic!("{row} is missing: {listed}"));
        assert_eq!(line[column..].split_whitespace().next(), Some(needs), "{row}: {listed}");
    }
    let routes = listed.lines().filter(|line| !line.starts_with("KIND")).count();
    assert_eq!(routes, 9, "{listed}");
    scripts_fit_the_types(&app);
    signs_in(&app);
}

/// Signs up and restarts the app: the visitor is still signed in, and a stranger is not.
fn signs_in(app: &Path) {
    let server = Server::start(app);
    let page = server.ask("GET /", "");
    assert!(page.starts_with("HTTP/1.1 303") && page.contains("\nlocation: /login\r"), "{page}");
    let account = r#"{"name":"ann","password":"correct horse"}"#;
    let answer = server.ask("POST /_kipo/actions/account.SignUp", account);
    let (_, cookie) = answer.split_once("\nset-cookie: ").expect(&answer);
    let (cookie, _) = cookie.split_once(';').unwrap();
    assert!(cookie.starts_with("kipo-session="), "{answer}");
    let log = server.stop();
    let (_, token) = cookie.split_once('=').unwrap();
    assert!(!log.contains(token) && !log.contains("correct horse"), "{log}");
    assert!(app.join("data/users.db").exists());

    let server = Server::start(app);
    let page = server.ask_with_cookie("GET /", cookie);
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<strong>ann</strong>"), "{page}");
    server.stop();
}

/// Checks the form of the app's sources, lints them, and runs the app's tests.
fn is_clean_and_tested(app: &Path, tests: usize) {
    // The same versions of dependencies as in the repository: they are on this machine.
    fs::copy(workspace("Cargo.lock"), app.join("Cargo.lock")).unwrap();
    run(cargo(app, &["fmt", "--check"]));
    let folders = fs::read_dir(app.join("actions")).unwrap();
    let actions = folders.flat_map(|folder| fs::read_dir(folder.unwrap().path()).unwrap());
    run(Command::new("rustfmt")
        .args(["--edition", "2024", "--check"])
        .args(actions.map(|file| file.unwrap().path())));
    // `cargo clippy` would check every dependency again. As a wrapper it lints the app alone.
    let linted = ["test", "--offline", "--no-run"];
    let lints = run(cargo(app, &linted).env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"));
    assert!(!lints.contains("warning"), "{lints}");

    let tested = run(cargo(app, &["test", "--offline"]));
    assert!(tested.contains(&format!(" {tests} passed")), "{tested}");
}

/// Lists the routes of the app, and checks it before and after an error in a page.
fn lists_and_checks(app: &Path) {
    let listed = run(Command::new(binary(app)).arg("routes").current_dir(app));
    for row in ["call    guestbook.Sign", "stream  guestbook.Follow", "page    /  "] {
        assert!(listed.contains(row), "{listed}");
    }
    let json = run(Command::new(binary(app)).args(["routes", "--json"]).current_dir(app));
    assert!(json.contains("\"name\": \"guestbook.Sign\""), "{json}");

    let check = || {
        let mut kipo = Command::new(env!("CARGO_BIN_EXE_kipo"));
        kipo.arg("check").current_dir(app).env("CARGO_TARGET_DIR", target());
        kipo.env("CARGO_NET_OFFLINE", "true").output().unwrap()
    };
    let good = check();
    assert!(good.status.success(), "{good:?}");
    assert_eq!(String::from_utf8_lossy(&good.stdout), "ok: 2 actions, 1 page\n");

    let page = app.join("pages/index.html");
    let text = fs::read_to_string(&page).unwrap();
    fs::write(&page, format!("{text}{{% if %}}")).unwrap();
    let bad = check();
    fs::write(&page, text).unwrap();
    let printed = String::from_utf8_lossy(&bad.stderr);
    assert_eq!(bad.status.code(), Some(1), "{printed}");
    assert!(printed.contains("the app does not start") && printed.contains("pages/index.html:"));
    assert!(!app.join("data").exists(), "nothing was opened");
}

/// Starts the app, requests its pages, calls its action, reads its stream, and stops it.
fn serves(app: &Path) {
    refuses_wrong_options(app);
    let server = Server::start(app);
    let page = server.ask("GET /", "");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<h1>The guestbook</h1>"), "{page}");
    assert!(page.contains("<title>Guest book</title>"), "{page}");
    let page = server.ask("GET /nowhere", "");
    assert!(page.starts_with("HTTP/1.1 404") && page.contains("nothing at this address"), "{page}");

    let sign = "POST /_kipo/actions/guestbook.Sign";
    let answer = server.ask(sign, r#"{"name":"Ann","message":"I was here."}"#);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"number":1}"#), "{answer}");
    let answer = server.ask(sign, r#"{"name":"","message":"I was here."}"#);
    assert!(answer.starts_with("HTTP/1.1 422"), "{answer}");

    let mut stream = server.open("GET /_kipo/actions/guestbook.Follow", "");
    let (mut read, mut piece) = (Vec::new(), [0; 4096]);
    while !String::from_utf8_lossy(&read).contains("I was here.") {
        let length = stream.read(&mut piece).unwrap();
        assert!(length > 0, "{}", String::from_utf8_lossy(&read));
        read.extend_from_slice(&piece[..length]);
    }
    let metrics = ask(&server.admin, "GET /metrics");
    let calls = r#"kipo_calls_total{action="guestbook.Sign",code="ok"} 1"#;
    assert!(metrics.contains(&format!("\n{calls}\n")), "{metrics}");
    assert!(ask(&server.admin, "GET /ready").ends_with("\r\n\r\nready\n"));
    let log = server.stop();
    let lines: Vec<_> = log.lines().collect();
    assert!(lines.iter().all(|line| line.starts_with('{') && line.ends_with('}')), "{log}");
    let refused = lines.iter().find(|line| line.contains("validation_failed")).unwrap();
    for part in [r#""level":"DEBUG""#, r#""action":"guestbook.Sign""#, r#""request_id":""#] {
        assert!(refused.contains(part), "{refused}");
    }
}

/// An option that is wrong stops the start with a sentence.
fn refuses_wrong_options(app: &Path) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = listener.local_addr().unwrap().to_string();
    for (options, why) in [
        (["--log", "xml"], "[possible values: text, json]"),
        (["--admin", "9000"], "such as 127.0.0.1:9000"),
        (["--admin", "127.0.0.1:8080"], "choose another port"),
        (["--admin", &taken], "is in use: stop the process that listens there"),
    ] {
        let output =
            Command::new(binary(app)).args(["--no-watch"]).args(options).current_dir(app).output();
        let output = output.unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && printed.contains(why), "{options:?}: {printed}");
    }
}

/// Checks the page's script as an editor does, with the `tsc` that `npm ci` installs in
/// `runtime/client`. Without it the check passes, unless `KIPO_REQUIRE_NODE` is set.
fn scripts_fit_the_types(app: &Path) {
    let tsc = workspace("runtime/client/node_modules/typescript/bin/tsc");
    if !Path::new(&tsc).exists() {
        assert!(std::env::var_os("KIPO_REQUIRE_NODE").is_none(), "{tsc} is missing");
        return;
    }
    run(Command::new(binary(app)).args(["types", "--out", "."]).current_dir(app));
    run(Command::new("node").args([&tsc, "--noEmit", "-p", "."]).current_dir(app));
}

/// Returns a file of a new app named `guest-book`.
fn new_file(path: &str) -> String {
    let folder = TempDir::new().unwrap();
    assert!(kipo(&folder, &["new", "guest-book"]).status.success());
    fs::read_to_string(folder.path().join("guest-book").join(path)).unwrap()
}

/// Returns the values of a setting in a systemd unit.
fn settings<'u>(unit: &'u str, name: &str) -> Vec<&'u str> {
    unit.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix('=')).collect()
}

#[test]
fn a_new_app_has_a_systemd_unit_that_waits_for_it_and_drains_it() {
    let unit = new_file("deploy/guest-book.service");
    for (name, value) in [
        ("Description", "Guest book"),
        // The app reports by `sd_notify` when it serves.
        ("Type", "notify"),
        ("ExecStart", "/usr/local/bin/guest-book"),
        ("KillSignal", "SIGTERM"),
        ("Restart", "on-failure"),
        ("DynamicUser", "yes"),
        ("StateDirectory", "guest-book"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateDevices", "yes"),
        ("CapabilityBoundingSet", ""),
        ("RestrictAddressFamilies", "AF_INET AF_INET6 AF_UNIX"),
        ("MemoryDenyWriteExecute", "yes"),
        ("SystemCallArchitectures", "native"),
        ("WantedBy", "multi-user.target"),
    ] {
        assert_eq!(settings(&unit, name), [value], "{name}");
    }
    let environment = settings(&unit, "Environment").join(" ");
    let environment: Vec<_> = environment.split(' ').collect();
    for variable in [
        "HOST=127.0.0.1",
        "KIPO_ADMIN=127.0.0.1:9000",
        "KIPO_LOG_FORMAT=json",
        "DATA_DIR=%S/guest-book",
    ] {
        assert!(environment.contains(&variable), "{variable}: {environment:?}");
    }
    // The drain takes 10 seconds at most, and the functions after it 5.
    let timeout: u32 = settings(&unit, "TimeoutStopSec")[0].parse().unwrap();
    assert!(timeout > 15, "{timeout}");
}

#[test]
fn the_image_of_a_new_app_runs_without_rights_and_has_a_health_check() {
    let dockerfile = new_file("Dockerfile");
    let stages = dockerfile.lines().filter(|line| line.starts_with("FROM ")).count();
    assert_eq!(stages, 2);
    let (_, last) = dockerfile.rsplit_once("\nFROM ").unwrap();
    let at = |text: &str| last.find(text).unwrap_or_else(|| panic!("{text} is missing: {last}"));
    assert!(at("\nUSER app\n") < at("\nCMD [\"guest-book\"]"), "{last}");
    at("KIPO_ADMIN=127.0.0.1:9000");
    at("KIPO_LOG_FORMAT=json");
    assert!(at("\nHEALTHCHECK ") < at("GET /ready HTTP/1.0"), "{last}");
    assert!(!last.contains("EXPOSE 9000"), "the admin address is not published");
}

#[test]
fn existing_files_are_never_overwritten() {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    assert!(kipo(&folder, &["new", "empty"]).status.success());

    for name in ["full", "empty"] {
        let own = folder.path().join(name).join("main.rs");
        fs::create_dir_all(own.parent().unwrap()).unwrap();
        fs::write(&own, "fn main() {}").unwrap();
        refused(&folder, &["new", name], &format!("error: {name} is not empty"));
        assert_eq!(fs::read_to_string(own).unwrap(), "fn main() {}");
    }
    assert_eq!(fs::read_dir(folder.path().join("full")).unwrap().count(), 1);

    fs::write(folder.path().join("file"), "").unwrap();
    refused(&folder, &["new", "file"], "error: file is a file");
}

#[test]
fn a_wrong_command_is_refused_with_the_reason_and_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let cases: &[(&[&str], &str)] = &[
        (&["new"], "<NAME>"),
        (&["new", "9lives"], "a name starts with a letter"),
        (&["new", "apps/.."], "expected a name"),
        (&["new", "kipo"], "`kipo` is a crate that the app uses"),
        (&["new", "app", "--path", "nowhere"], "--path nowhere: No such file"),
        (&["new", "app", "--path", "."], "there is no crate `kipo`"),
        (&["new", "app", "--with", "log-in"], "[possible values: login]"),
        (&["new", "app", "--kipo-version", "latest"], "expected a version, such as 0.1.0"),
        (&["new", "app", "--kipo-version", "1.0", "--path", "."], "cannot be used with"),
        (&["now", "app"], "a similar subcommand exists: 'new'"),
    ];
    for (args, why) in cases {
        refused(&folder, args, why);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn the_options_choose_the_source_of_kipo() {
    let folder = TempDir::new().unwrap();
    let own = concat!("\nkipo = \"", env!("CARGO_PKG_VERSION"), "\"\n");
    let git = "https://example.org/kipo";
    let cases: &[(&str, &[&str], &str)] = &[
        ("own", &[], own),
        ("named", &["--kipo-version", "0.2"], "\nkipo = \"0.2\"\n"),
        ("git", &["--git", git], "\nkipo = { git = \"https://example.org/kipo\" }\n"),
    ];
    for (name, args, line) in cases {
        assert!(kipo(&folder, &[&["new", name], *args].concat()).status.success());
        let manifest = fs::read_to_string(folder.path().join(name).join("Cargo.toml")).unwrap();
        assert!(manifest.contains(line), "{manifest}");
    }
}

fn kipo(folder: &TempDir, args: &[&str]) -> Output {
    let mut kipo = Command::new(env!("CARGO_BIN_EXE_kipo"));
    kipo.args(args).current_dir(folder.path()).output().unwrap()
}

#[track_caller]
fn refused(folder: &TempDir, args: &[&str], why: &str) {
    let output = kipo(folder, args);
    let printed = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "{args:?} is accepted");
    assert!(printed.starts_with("error: ") && printed.contains(why), "{args:?}: {printed}");
}

/// Returns a path in Kipo's repository.
fn workspace(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join(path).to_str().unwrap().to_owned()
}

/// Returns the target folder of this test. The app is built into it too, because most of its
/// dependencies are built there already.
fn target() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kipo")).parent().and_then(Path::parent).unwrap()
}

/// Returns the path of an app's binary, which has the name of the app's folder.
fn binary(app: &Path) -> PathBuf {
    target().join("debug").join(app.file_name().unwrap())
}

fn cargo(app: &Path, args: &[&str]) -> Command {
    let mut cargo = Command::new("cargo");
    // These are set for this test. Build scripts would see a change and run again.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        let is_own =
            ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_EXE_"].iter().any(|p| name.starts_with(p));
        if is_own || ["CARGO", "CARGO_CRATE_NAME", "LD_LIBRARY_PATH"].contains(&&*name) {
            cargo.env_remove(&*name);
        }
    }
    cargo.args(args).current_dir(app).env("CARGO_TARGET_DIR", target());
    cargo
}

/// Runs a command to its end and returns what it prints.
#[track_caller]
fn run(mut command: impl std::borrow::BorrowMut<Command>) -> String {
    let command = command.borrow_mut();
    let output = command.stdin(Stdio::null()).output().unwrap();
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed).into_owned();
    assert!(output.status.success(), "{command:?}\n{printed}");
    printed
}

/// Sends a request without a body to an address, and returns the whole answer.
fn ask(address: &str, request: &str) -> String {
    let mut answer = String::new();
    open(address, request, "", "").read_to_string(&mut answer).unwrap();
    answer
}

/// Sends a request with further header fields, each a whole line, and returns the connection.
fn open(address: &str, request: &str, fields: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(ANSWER)).unwrap();
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: */*\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n{fields}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// A running app.
struct Server {
    child: Child,
    /// Host and port.
    address: String,
    admin: String,
    /// Reads the log to its end.
    log: Option<JoinHandle<String>>,
}

impl Server {
    fn start(app: &Path) -> Self {
        let mut server = Command::new(binary(app));
        for name in ["HOST", "PORT", "DATA_DIR", "KIPO_ROOT", "KIPO_ADMIN", "KIPO_LOG_FORMAT"] {
            server.env_remove(name);
        }
        let admin = load::machine::stable_address().unwrap().to_string();
        server.args(["--no-watch", "--port", "0", "--admin", &admin, "--log", "json"]);
        server.env("RUST_LOG", "debug").current_dir(app).stdin(Stdio::null());
        let mut child = server.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = thread::spawn(move || {
            let mut log = String::new();
            stderr.read_to_string(&mut log).unwrap();
            log
        });
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines
            .filter_map(|line| Some(line.split_once("listening on http://")?.1.to_owned()))
            .next()
            .expect("the app does not start");
        Self { child, address, admin, log: Some(log) }
    }

    /// Sends a request, such as `GET /`, and returns the whole answer.
    fn ask(&self, request: &str, body: &str) -> String {
        let mut answer = String::new();
        self.open(request, body).read_to_string(&mut answer).unwrap();
        answer
    }

    fn open(&self, request: &str, body: &str) -> TcpStream {
        open(&self.address, request, "", body)
    }

    fn ask_with_cookie(&self, request: &str, cookie: &str) -> String {
        let mut answer = String::new();
        let fields = format!("Cookie: {cookie}\r\n");
        open(&self.address, request, &fields, "").read_to_string(&mut answer).unwrap();
        answer
    }

    /// Stops the app by Ctrl-C, waits for its end, and returns its log.
    fn stop(mut self) -> String {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
        self.log.take().unwrap().join().unwrap()
    }
}

impl Drop for Server {
    /// Kills the app, so that a failed test leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
