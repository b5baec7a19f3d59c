//! Makes an app and adds actions to it, as a newcomer does in the first five minutes.

use std::{fs, path::Path, process::Stdio};

use crate::run::{Result, at, cargo, root, run, target};

const MAIN: &str = "\
//! An app for the tests.

kipo::actions!();

fn main() -> std::process::ExitCode {
    kipo::App::new().run()
}
";

const PING: &str = "\
/// Answers.
#[kipo::action]
pub async fn ping() -> kipo::Result<String> {
    Ok(\"pong\".to_owned())
}
";

const ADD: &str = "\
/// Adds.
#[kipo::action]
pub struct Add {
    a: i32,
    b: i32,
}

impl kipo::Action for Add {
    type Output = i32;

    async fn call(self, _cx: kipo::Context) -> kipo::Result<i32> {
        Ok(self.a + self.b)
    }
}
";

/// Checks that a new file is an action after the next build, and that an app with two actions of
/// one name reports all their locations and does not start.
pub(crate) fn grow() -> Result {
    let app = target().join("grow");
    if app.exists() {
        fs::remove_dir_all(&app).map_err(|error| format!("{}: {error}", app.display()))?;
    }
    let kipo = at("runtime");
    let manifest = format!(
        "[package]\nname = \"grow\"\nversion = \"0.0.0\"\nedition = \"2024\"\npublish = false\n\n\
         [[bin]]\nname = \"grow\"\npath = \"main.rs\"\n\n\
         [dependencies]\nkipo = {{ path = {kipo:?} }}\n\n[workspace]\n\n\
         [profile.dev]\ndebug = \"line-tables-only\"\n\n\
         [profile.dev.package.\"*\"]\ndebug = false\n"
    );
    let build = read(&at("app/build.rs"))?;
    let files = [("Cargo.toml", manifest.as_str()), ("build.rs", &build), ("main.rs", MAIN)];
    for (path, text) in files.into_iter().chain([("actions/ping.rs", PING)]) {
        write(&app.join(path), text)?;
    }
    // The same versions of dependencies as in this repository.
    write(&app.join("Cargo.lock"), &read(&root().join("Cargo.lock"))?)?;

    let types = types(&app)?;
    expect(types.contains("Ping("), "`ping.rs` is not an action")?;
    write(&app.join("actions/math/add.rs"), ADD)?;
    let types = self::types(&app)?;
    expect(types.contains("math: {") && types.contains("Add("), "a new file is not an action")?;

    // Three actions of one name: each location is reported.
    write(&app.join("actions/math/mod.rs"), &format!("mod add;\nmod more;\n\n{PING}"))?;
    write(&app.join("actions/math/more.rs"), &ADD.replace("action]", "action(name = \"Ping\")]"))?;
    write(&app.join("actions/math/add.rs"), &ADD.replace("action]", "action(name = \"Ping\")]"))?;
    build_app(&app)?;
    let output = std::process::Command::new(target().join("debug/grow"))
        .args(["--no-watch", "--port", "0"])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let printed = String::from_utf8_lossy(&output.stderr);
    expect(!output.status.success(), "an app with a doubled action name starts")?;
    let all = ["add.rs:", "more.rs:", "ping.rs:"].iter().all(|file| printed.contains(file));
    expect(all, &format!("not all locations of a doubled name are reported:\n{printed}"))
}

fn types(app: &Path) -> Result<String> {
    build_app(app)?;
    let mut write = crate::run::command(target().join("debug/grow"), &["types", "--out"]);
    run(write.arg(app))?;
    read(&app.join("client.d.ts"))
}

fn build_app(app: &Path) -> Result {
    // The same target folder, in which the dependencies are built already.
    let mut build = cargo(&["build", "--quiet"]);
    run(build.current_dir(app).env("CARGO_TARGET_DIR", target()))
}

fn expect(holds: bool, failure: &str) -> Result {
    if holds { Ok(()) } else { Err(failure.to_owned()) }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result {
    let folder = path.parent().unwrap_or(path);
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, text));
    written.map_err(|error| format!("{}: {error}", path.display()))
}
