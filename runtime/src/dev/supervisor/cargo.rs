//! The cargo commands for the app: the build with the arguments of the first one, and which files
//! it depends on.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde::Deserialize;
use tokio::process::Command;

use crate::dev::watch::WatchedPaths;

/// The environment variable with more arguments for `cargo build`, such as `--features x`, separated
/// by spaces.
pub(super) const BUILD_ARGS: &str = "KIPO_BUILD_ARGS";

/// What cargo writes into a target folder. The first one is only there if cargo has made the folder, and
/// not, for example, where a volume is mounted.
const TARGET_FILES: [&str; 2] = ["CACHEDIR.TAG", ".rustc_info.json"];

/// The build of one binary.
#[derive(Clone, Debug)]
pub(super) struct Cargo {
    manifest: PathBuf,
    binary: String,
    /// The target folder, the target triple and the profile.
    arguments: Vec<String>,
}

impl Cargo {
    /// Returns the build of `binary` from the package in `folder`; `None` if the binary is not in a
    /// target folder of cargo, or the package does not exist.
    pub(super) fn of(folder: &Path, binary: &Path) -> Option<Self> {
        let manifest = folder.join("Cargo.toml");
        let name = binary.file_stem()?.to_str()?.to_owned();
        let profile_folder = binary.parent()?;
        let is_target = |folder: &&Path| TARGET_FILES.iter().any(|file| folder.join(file).exists());
        let mut arguments = Vec::new();
        let target = match profile_folder.parent().filter(is_target) {
            Some(target) => target,
            // Cargo adds a folder for the target triple, if there is one.
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

    /// Returns the folder of the workspace. The compiler's paths are relative to it.
    pub(super) fn root(&self) -> &Path {
        let package = self.package();
        let has_lock = |folder: &&Path| folder.join("Cargo.lock").exists();
        package.ancestors().find(has_lock).unwrap_or(package)
    }

    /// Returns the command that builds the binary.
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
        // `cargo run` sets these variables for the app. With them cargo would take its own settings
        // as changed, and build everything again.
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

    /// Returns the paths to watch: cargo names the packages of the app, and the last build the other
    /// files that go into the binary.
    pub(super) async fn watched_paths(&self, app: PathBuf, binary: &Path) -> WatchedPaths {
        let mut metadata = self.command("metadata");
        metadata.args(["--format-version", "1", "--offline"]).stderr(Stdio::null());
        let output = metadata.output().await.map(|output| output.stdout).unwrap_or_default();
        let folders = serde_json::from_slice::<Metadata>(&output).ok();
        let folders = folders.map(|metadata| metadata.folders(&self.manifest)).unwrap_or_default();
        let own = self.package().to_owned();
        let packages = folders.into_iter().chain([own]).collect();
        let mut paths = WatchedPaths { app, packages, files: self.workspace_files() };
        let other_files = other_files(binary, &paths);
        paths.files.extend(other_files);
        paths
    }

    /// Returns the files of the workspace that configure the build.
    fn workspace_files(&self) -> BTreeSet<PathBuf> {
        let files = ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", ".cargo/config.toml"];
        files.map(|file| self.root().join(file)).into_iter().filter(|path| path.exists()).collect()
    }
}

/// Returns the files that the compiler read besides sources, for example by `include_str!`.
fn other_files(binary: &Path, watched: &WatchedPaths) -> BTreeSet<PathBuf> {
    let dependencies = fs::read_to_string(binary.with_extension("d")).unwrap_or_default();
    // The format is `binary: file file`, with spaces in names escaped.
    let list = dependencies.split_once(": ").map_or("", |(_, list)| list).replace("\\ ", "\0");
    let paths = list.split_whitespace().map(|path| PathBuf::from(path.replace('\0', " ")));
    let own = ["pages", "public"].map(|folder| watched.app.join(folder));
    paths
        .filter(|path| path.extension().is_none_or(|suffix| suffix != "rs"))
        .filter(|path| path.is_file() && !own.iter().any(|folder| path.starts_with(folder)))
        .collect()
}

/// The part of the output of `cargo metadata` that matters here.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Option<Resolve>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    manifest_path: PathBuf,
    /// `None` for a package in a local folder.
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
    /// Returns the folders of the local packages that the package of this manifest depends on, and
    /// its own.
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
    fn only_local_dependencies_are_watched() {
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
    fn the_path_of_a_binary_gives_the_arguments_of_its_build() {
        let dir = crate::files::TestDir::new(&[
            ("Cargo.toml", ""),
            ("Cargo.lock", ""),
            ("out/CACHEDIR.TAG", ""),
            ("volume/.rustc_info.json", ""),
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
        let volume = root.join("volume");
        assert_eq!(
            arguments("volume/debug/app").unwrap(),
            format!("--target-dir {} --profile dev", volume.display())
        );
        assert_eq!(arguments("elsewhere/app"), None);
        assert_eq!(Cargo::of(root, &root.join("out/debug/app")).unwrap().root(), root);
    }
}
