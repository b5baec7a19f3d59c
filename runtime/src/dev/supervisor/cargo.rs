//! How the app is built: the same as it was built when it was started.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::process::Command;

use crate::dev::watch::Looked;

/// More arguments for `cargo build`, such as `--features x`, parted by blanks.
pub(super) const BUILD_ARGS: &str = "KIPO_BUILD_ARGS";

/// The build of one binary.
#[derive(Clone, Debug)]
pub(super) struct Cargo {
    manifest: PathBuf,
    binary: String,
    /// What says where the result lies, and which profile it has.
    arguments: Vec<String>,
}

impl Cargo {
    /// Returns how `binary` is built from the package in `folder`; `None` if it does not lie
    /// where cargo puts it, or the package is not there.
    pub(super) fn of(folder: &Path, binary: &Path) -> Option<Self> {
        let manifest = folder.join("Cargo.toml");
        let name = binary.file_stem()?.to_str()?.to_owned();
        let profile_folder = binary.parent()?;
        let is_target = |folder: &&Path| folder.join("CACHEDIR.TAG").exists();
        let mut arguments = Vec::new();
        let target = match profile_folder.parent().filter(is_target) {
            Some(target) => target,
            // Below the target's triple, if one was given.
            None => {
                let triple = profile_folder.parent()?;
                arguments.extend(["--target".to_owned(), triple.file_name()?.to_str()?.to_owned()]);
                triple.parent().filter(is_target)?
            }
        };
        arguments.extend(["--target-dir".to_owned(), target.to_str()?.to_owned()]);
        let profile = match profile_folder.file_name()?.to_str()? {
            "debug" => "dev",
            other => other,
        };
        arguments.extend(["--profile".to_owned(), profile.to_owned()]);
        let more = env::var(BUILD_ARGS).unwrap_or_default();
        arguments.extend(more.split_ascii_whitespace().map(str::to_owned));
        manifest.exists().then_some(Self { manifest, binary: name, arguments })
    }

    pub(super) fn binary(&self) -> &str {
        &self.binary
    }

    /// Returns the folder of the package.
    pub(super) fn package(&self) -> &Path {
        self.manifest.parent().unwrap_or(Path::new("/"))
    }

    /// Returns the folder of the workspace, which the compiler's paths lie below.
    pub(super) fn root(&self) -> &Path {
        let package = self.package();
        let has_lock = |folder: &&Path| folder.join("Cargo.lock").exists();
        package.ancestors().find(has_lock).unwrap_or(package)
    }

    /// Returns the command that builds.
    pub(super) fn build(&self) -> Command {
        let mut command = self.command("build");
        command
            .args(["--bin", &self.binary, "--color", "never"])
            .arg("--message-format=json-diagnostic-rendered-ansi")
            .args(&self.arguments);
        command
    }

    fn command(&self, subcommand: &str) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg(subcommand).arg("--manifest-path").arg(&self.manifest);
        // What `cargo run` set for the app would make cargo believe that its own settings had
        // changed, and build everything anew.
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            let of_run = ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|p| name.starts_with(p));
            let exact = ["CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO", "LD_LIBRARY_PATH"];
            if of_run || exact.contains(&name.as_ref()) {
                command.env_remove(name.as_ref());
            }
        }
        command.current_dir(self.root()).stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Asks cargo which folders the app is built from, and reads from its last build which other
    /// files go into it.
    pub(super) async fn looked(&self, app: PathBuf, binary: &Path) -> Looked {
        let mut metadata = self.command("metadata");
        metadata.args(["--format-version", "1", "--offline"]).stderr(Stdio::null());
        let output = metadata.output().await.map(|output| output.stdout).unwrap_or_default();
        let folders = serde_json::from_slice::<Metadata>(&output).ok();
        let folders = folders.map(|metadata| metadata.folders(&self.manifest)).unwrap_or_default();
        let own = self.package().to_owned();
        let packages = folders.into_iter().chain([own]).collect();
        let mut looked = Looked { app, packages, files: self.workspace_files() };
        looked.files.extend(other_files(binary, &looked));
        looked
    }

    /// Returns what decides over the build beside the packages.
    fn workspace_files(&self) -> BTreeSet<PathBuf> {
        let files = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"];
        files.map(|file| self.root().join(file)).into_iter().filter(|path| path.exists()).collect()
    }
}

/// Returns the files that the compiler read beside sources: `include_str!` and its like.
fn other_files(binary: &Path, looked: &Looked) -> BTreeSet<PathBuf> {
    let dependencies = fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    // `binary: file file`, with blanks in names escaped.
    let list = dependencies.split_once(": ").map_or("", |(_, list)| list).replace("\\ ", "\0");
    let paths = list.split_whitespace().map(|path| PathBuf::from(path.replace('\0', " ")));
    let own = ["pages", "public"].map(|folder| looked.app.join(folder));
    paths
        .filter(|path| path.extension().is_none_or(|suffix| suffix != "rs"))
        .filter(|path| path.is_file() && !own.iter().any(|folder| path.starts_with(folder)))
        .collect()
}

/// What `cargo metadata` prints, as far as it is asked for.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Option<Resolve>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
    /// None for a package that lies in a folder here.
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

impl Metadata {
    /// Returns the folders of the packages here that the one of this manifest is built from.
    fn folders(&self, manifest: &Path) -> BTreeSet<PathBuf> {
        let of_id = |id: &str| self.packages.iter().find(|package| package.id == id);
        let nodes = self.resolve.as_ref().map_or(&[][..], |resolve| &resolve.nodes);
        let own = self.packages.iter().find(|package| package.manifest_path == manifest);
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut next: Vec<&str> = own.map(|package| package.id.as_str()).into_iter().collect();
        while let Some(id) = next.pop() {
            let local = of_id(id).is_some_and(|package| package.source.is_none());
            if local && found.insert(id) {
                let node = nodes.iter().find(|node| node.id == id);
                next.extend(node.iter().flat_map(|node| &node.dependencies).map(String::as_str));
            }
        }
        let manifests = found.iter().filter_map(|id| of_id(id)).map(|p| &p.manifest_path);
        manifests.filter_map(|manifest| manifest.parent()).map(Path::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_packages_that_lie_here_and_are_used_are_looked_at() {
        let metadata: Metadata = serde_json::from_value(serde_json::json!({
            "packages": [
                { "id": "app", "manifest_path": "/w/app/Cargo.toml", "source": null },
                { "id": "lib", "manifest_path": "/w/lib/Cargo.toml", "source": null },
                { "id": "tool", "manifest_path": "/w/tool/Cargo.toml", "source": null },
                { "id": "serde", "manifest_path": "/r/serde/Cargo.toml", "source": "registry" },
            ],
            "resolve": { "nodes": [
                { "id": "app", "dependencies": ["lib", "serde"] },
                { "id": "lib", "dependencies": ["app"] },
                { "id": "tool", "dependencies": ["app"] },
                { "id": "serde", "dependencies": [] },
            ] },
        }))
        .unwrap();
        let folders = metadata.folders(Path::new("/w/app/Cargo.toml"));
        assert_eq!(folders, BTreeSet::from(["/w/app".into(), "/w/lib".into()]));
    }

    #[test]
    fn a_binary_says_how_it_was_built() {
        let dir = crate::files::TestDir::new(&[
            ("Cargo.toml", ""),
            ("Cargo.lock", ""),
            ("out/CACHEDIR.TAG", ""),
        ]);
        let root = dir.path();
        let arguments = |binary: &str| {
            Cargo::of(root, &root.join(binary)).map(|cargo| cargo.arguments.join(" "))
        };
        let target = root.join("out");
        let target = target.display();
        assert_eq!(
            arguments("out/debug/app").unwrap(),
            format!("--target-dir {target} --profile dev")
        );
        assert_eq!(
            arguments("out/wasm/quick/app").unwrap(),
            format!("--target wasm --target-dir {target} --profile quick")
        );
        assert_eq!(arguments("elsewhere/app"), None);
        assert_eq!(Cargo::of(root, &root.join("out/debug/app")).unwrap().root(), root);
    }
}
