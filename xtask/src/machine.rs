//! What the tests need besides Rust. It is installed where that is allowed, and reported as missing
//! elsewhere.

use std::{
    env, fs,
    path::{Path, PathBuf},
};

use crate::run::{Result, at, command, has, run, target};

/// The folders with npm packages of their own.
const NPM: [&str; 3] = ["runtime/client", "app", "examples/board"];

/// The oldest Node that runs the tests.
const NODE_MIN: u32 = 20;

/// Checks that Node is installed, and installs the packages of the lock files.
pub(crate) fn node() -> Result {
    let missing = format!(
        "Node {NODE_MIN} or later is missing: install it (Debian: `apt-get install nodejs npm`, or from nodejs.org) and run this again"
    );
    if !has("node") || !has("npm") {
        return Err(missing);
    }
    let version = crate::run::output(&mut command("node", &["--version"]))?;
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.trim().parse::<u32>().is_ok_and(|major| major < NODE_MIN) {
        return Err(missing);
    }
    for folder in NPM {
        packages(folder)?;
    }
    Ok(())
}

/// Installs the packages of one lock file, unless they are installed.
fn packages(folder: &str) -> Result {
    let lock = fs::read_to_string(at(folder).join("package-lock.json"))
        .map_err(|error| format!("{folder}/package-lock.json: {error}"))?;
    // A copy of the lock file lies beside the packages that it installed.
    let done = at(folder).join("node_modules/.installed-by");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == lock) {
        return Ok(());
    }
    let mut install = command("npm", &["ci", "--no-audit", "--no-fund"]);
    run(install.current_dir(at(folder)))?;
    fs::write(&done, lock).map_err(|error| format!("{}: {error}", done.display()))
}

/// Returns the path of Chromium, which it installs if it is missing.
pub(crate) fn chromium() -> Result<PathBuf> {
    let known = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let missing = "Chromium is missing: install it (Debian: `apt-get install chromium`) or name one by CHROMIUM=/path/to/chromium";
    program("CHROMIUM", &known, "chromium", missing)
}

/// Returns the path of Firefox, which it installs if it is missing.
pub(crate) fn firefox() -> Result<PathBuf> {
    let missing = "Firefox is missing (Debian: `apt-get install firefox-esr`, or name one by FIREFOX=/path/to/firefox)";
    program("FIREFOX", &["/usr/bin/firefox-esr", "/usr/bin/firefox"], "firefox-esr", missing)
}

/// Returns the path of a program: the one that a variable names, or the first of the known ones that
/// exists. It installs Debian's package if none does.
fn program(variable: &str, known: &[&str], package: &str, missing: &str) -> Result<PathBuf> {
    if let Some(path) = env::var_os(variable) {
        return Ok(path.into());
    }
    let find = || known.iter().map(PathBuf::from).find(|path| path.exists());
    if let Some(path) = find() {
        return Ok(path);
    }
    debian(&[package], missing)?;
    find().ok_or_else(|| missing.to_owned())
}

/// Returns the path of WebKit's browser. It installs the browser, its driver and a virtual display
/// if one of them is missing.
pub(crate) fn webkit() -> Result<PathBuf> {
    let find = || minibrowser().filter(|_| is_in_path("WebKitWebDriver") && is_in_path("Xvfb"));
    if let Some(path) = find() {
        return Ok(path);
    }
    let missing = "WebKit is missing (Debian: `apt-get install webkit2gtk-driver xvfb`)";
    debian(&["webkit2gtk-driver", "xvfb"], missing)?;
    find().ok_or_else(|| missing.to_owned())
}

/// Returns whether `PATH` has a program, for programs that [`has`] cannot ask for their version.
fn is_in_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Returns the browser that WebKitGTK comes with, which lies in no folder of `PATH`.
fn minibrowser() -> Option<PathBuf> {
    let below = |folder: PathBuf| fs::read_dir(folder).ok();
    let libraries = below("/usr/lib".into())?.flatten().filter_map(|entry| below(entry.path()));
    let versions = libraries.flat_map(Iterator::flatten);
    let is_webkit = |name: &str| name.starts_with("webkit2gtk-");
    let browsers = versions
        .filter(|entry| entry.file_name().to_str().is_some_and(is_webkit))
        .map(|entry| entry.path().join("MiniBrowser"));
    browsers.filter(|path| path.exists()).max()
}

/// Returns the path of a NATS server that has atomic batches, which it builds if it is missing.
pub(crate) fn nats_server() -> Result<PathBuf> {
    if let Some(path) = env::var_os("KIPO_NATS_SERVER") {
        return Ok(path.into());
    }
    let folder = target().join("tools");
    let server = folder.join("nats-server");
    if server.exists() {
        return Ok(server);
    }
    // Debian's is too old.
    let missing = "nats-server 2.12 or later is missing: install Go, which builds it, or name one by KIPO_NATS_SERVER=/path/to/nats-server";
    if !has("go") {
        debian(&["golang-go"], missing)?;
    }
    let module = format!("github.com/nats-io/nats-server/v2@{NATS_SERVER}");
    run(command("go", &["install", &module]).env("GOBIN", folder))
        .map_err(|failure| format!("{missing}: {failure}"))?;
    Ok(server)
}

/// The NATS server that the tests are written for.
const NATS_SERVER: &str = "v2.15.3";

/// Returns the path of Redis, which it installs if it is missing.
pub(crate) fn redis_server() -> Result<PathBuf> {
    if let Some(path) = env::var_os("KIPO_REDIS_SERVER") {
        return Ok(path.into());
    }
    let missing = "Redis is missing (Debian: `apt-get install redis-server`, or name one by KIPO_REDIS_SERVER=/path/to/redis-server)";
    if !is_in_path("redis-server") {
        debian(&["redis-server"], missing)?;
    }
    Ok("redis-server".into())
}

/// Returns the path of nginx, which it installs if it is missing.
pub(crate) fn nginx() -> Result<PathBuf> {
    let missing = "nginx is missing (Debian: `apt-get install nginx-light`, or name one by KIPO_NGINX=/path/to/nginx)";
    program("KIPO_NGINX", &["/usr/sbin/nginx", "/usr/bin/nginx"], "nginx-light", missing)
}

/// Installs curl if it is missing.
pub(crate) fn curl() -> Result {
    let missing = "curl is missing: install it (Debian: `apt-get install curl`)";
    if has("curl") { Ok(()) } else { debian(&["curl"], missing) }
}

/// Returns the path of a Python that has the packages of `requirements`, which it installs.
///
/// Each file of requirements has an environment of its own, named after the file's folder.
pub(crate) fn python(requirements: &str) -> Result<PathBuf> {
    let wanted =
        fs::read_to_string(at(requirements)).map_err(|error| format!("{requirements}: {error}"))?;
    let name = Path::new(requirements).parent().and_then(Path::file_name).unwrap_or_default();
    let folder = target().join("python").join(name);
    let python = folder.join("bin/python");
    let done = folder.join("installed-by");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    let missing =
        "Python 3 with venv is missing: install it (Debian: `apt-get install python3-venv`)";
    let path = folder.display().to_string();
    let make = || run(&mut command("python3", &["-m", "venv", "--clear", &path]));
    if !has("python3") || make().is_err() {
        debian(&["python3-venv"], missing)?;
        make()?;
    }
    let requirements = at(requirements).display().to_string();
    run(&mut command(&python, &["-m", "pip", "install", "--quiet", "-r", &requirements]))?;
    fs::write(&done, wanted).map_err(|error| format!("{}: {error}", done.display()))?;
    Ok(python)
}

/// Installs packages of Debian's where that is allowed. The error begins with `missing`.
fn debian(packages: &[&str], missing: &str) -> Result {
    if !has("apt-get") || !is_root() {
        return Err(missing.to_owned());
    }
    let mut install = command("apt-get", &["install", "-y", "-qq", "--no-install-recommends"]);
    install.args(packages).env("DEBIAN_FRONTEND", "noninteractive");
    run(&mut command("apt-get", &["update", "-qq"]))
        .and_then(|()| run(&mut install))
        .map_err(|failure| format!("{missing}: {failure}"))
}

fn is_root() -> bool {
    crate::run::output(&mut command("id", &["-u"])).is_ok_and(|id| id.trim() == "0")
}
