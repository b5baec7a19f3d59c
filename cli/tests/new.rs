//! Runs `kipo new` as a user does.

#![expect(clippy::unwrap_used, reason = "a failure here fails the test")]

use std::{
    fs,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
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
    // The same versions of dependencies as in the repository: they are on this machine.
    fs::copy(workspace("Cargo.lock"), app.join("Cargo.lock")).unwrap();
    run(cargo(&app, &["fmt", "--check"]));
    let actions = ["book", "follow", "sign"].map(|name| format!("actions/guestbook/{name}.rs"));
    run(Command::new("rustfmt")
        .args(["--edition", "2024", "--check"])
        .args(actions)
        .current_dir(&app));
    // `cargo clippy` would check every dependency again. As a wrapper it lints the app alone.
    let linted = ["test", "--offline", "--no-run"];
    let lints = run(cargo(&app, &linted).env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver"));
    assert!(!lints.contains("warning"), "{lints}");

    let tested = run(cargo(&app, &["test", "--offline"]));
    assert!(tested.contains("5 passed"), "{tested}");
    run(cargo(&app, &["build", "--offline"]));
    lists_and_checks(&app);
    scripts_fit_the_types(&app);
    serves(&app);
}

/// Lists the routes of the app, and checks it before and after an error in a page.
fn lists_and_checks(app: &Path) {
    let listed = run(Command::new(binary()).arg("routes").current_dir(app));
    for row in ["call    guestbook.Sign", "stream  guestbook.Follow", "page    /  "] {
        assert!(listed.contains(row), "{listed}");
    }
    let json = run(Command::new(binary()).args(["routes", "--json"]).current_dir(app));
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
    server.stop();
}

/// Checks the page's script as an editor does, with the `tsc` that `npm ci` installs in
/// `runtime/client`. Without it the check passes, unless `KIPO_REQUIRE_NODE` is set.
fn scripts_fit_the_types(app: &Path) {
    let tsc = workspace("runtime/client/node_modules/typescript/bin/tsc");
    if !Path::new(&tsc).exists() {
        assert!(std::env::var_os("KIPO_REQUIRE_NODE").is_none(), "{tsc} is missing");
        return;
    }
    run(Command::new(binary()).args(["types", "--out", "."]).current_dir(app));
    run(Command::new("node").args([&tsc, "--noEmit", "-p", "."]).current_dir(app));
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

/// Returns the path of the app's binary.
fn binary() -> PathBuf {
    target().join("debug/guest-book")
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

/// A running app.
struct Server {
    child: Child,
    /// Host and port.
    address: String,
}

impl Server {
    fn start(app: &Path) -> Self {
        let mut server = Command::new(binary());
        for name in ["HOST", "PORT", "DATA_DIR", "KIPO_ROOT"] {
            server.env_remove(name);
        }
        server.args(["--no-watch", "--port", "0"]).current_dir(app);
        let mut child = server.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let address = lines
            .filter_map(|line| Some(line.split_once("listening on http://")?.1.to_owned()))
            .next()
            .expect("the app does not start");
        Self { child, address }
    }

    /// Sends a request, such as `GET /`, and returns the whole answer.
    fn ask(&self, request: &str, body: &str) -> String {
        let mut answer = String::new();
        self.open(request, body).read_to_string(&mut answer).unwrap();
        answer
    }

    fn open(&self, request: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(ANSWER)).unwrap();
        let (address, length) = (&self.address, body.len());
        let request = format!(
            "{request} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nAccept: */*\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
        );
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Stops the app by Ctrl-C and waits for its end.
    fn stop(mut self) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    /// Kills the app, so that a failed test leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
