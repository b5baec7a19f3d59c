//! Where an app takes kipo from.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Where an app takes kipo from.
#[derive(Debug)]
pub(crate) enum Source {
    /// crates.io.
    Registry(Version),
    /// The URL of a git repository.
    Git(String),
    /// A folder of this machine.
    Folder(Folder),
}

/// A version of kipo: one to three numbers, and perhaps a pre-release.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Version(String);

/// Kipo's crate in Kipo's repository.
#[derive(Debug)]
pub(crate) struct Folder {
    /// The absolute path of the crate `kipo`.
    runtime: String,
    /// The absolute path of the crate's workspace.
    workspace: String,
}

impl Source {
    /// Finds kipo in a folder, which is the crate's or the repository's.
    ///
    /// # Errors
    ///
    /// The folder is neither, or its path is not UTF-8.
    pub(crate) fn folder(path: &Path) -> Result<Self, String> {
        let missing = |error| format!("--path {}: {error}", path.display());
        let path = fs::canonicalize(path).map_err(missing)?;
        let crates = [path.clone(), path.join("runtime")];
        let runtime = crates.into_iter().find(|folder| names_kipo(&manifest(folder)));
        let workspace = path.ancestors().find(|folder| manifest(folder).contains("[workspace]"));
        let (Some(runtime), Some(workspace)) = (runtime, workspace) else {
            return Err(format!(
                "--path {}: there is no crate `kipo`; expected the folder `runtime` of Kipo's repository",
                path.display()
            ));
        };
        Ok(Self::Folder(Folder { runtime: text(runtime)?, workspace: text(workspace.to_owned())? }))
    }

    /// Returns the value of `kipo = ` in the app's manifest.
    pub(crate) fn dependency(&self) -> String {
        match self {
            Self::Registry(Version(version)) => quoted(version),
            Self::Git(url) => format!("{{ git = {} }}", quoted(url)),
            Self::Folder(folder) => format!("{{ path = {} }}", quoted(&folder.runtime)),
        }
    }

    /// Returns the option that `docker build` needs to find kipo in a folder, with a leading space.
    /// It is empty for other sources.
    pub(crate) fn docker_context(&self) -> String {
        match self {
            Self::Registry(_) | Self::Git(_) => String::new(),
            Self::Folder(folder) => {
                format!(" --build-context {}", quoted(&format!("kipo={}", folder.workspace)))
            }
        }
    }

    /// Returns the lines of a Dockerfile that copy kipo to the path that the manifest names. They are
    /// empty for other sources.
    pub(crate) fn docker_copies(&self) -> String {
        let Self::Folder(folder) = self else { return String::new() };
        let copy = |name: &str| {
            let to = format!("{}/{name}", folder.workspace);
            format!("COPY --from=kipo [{}, {}]\n", quoted(name), quoted(&to))
        };
        ["Cargo.toml", "README.md", "macros", "runtime", "topic"].map(copy).concat()
    }
}

impl Version {
    /// Parses a version, such as `0.1`, `1.2.3` or `1.0.0-rc.1`.
    ///
    /// # Errors
    ///
    /// The form that is expected.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (numbers, pre) = text.split_once('-').map_or((text, None), |(n, pre)| (n, Some(pre)));
        let parts: Vec<_> = numbers.split('.').collect();
        let is_number = |part: &&str| part.parse::<u32>().is_ok_and(|n| n.to_string() == **part);
        let is_word = |pre: &str| {
            pre.split('.').all(|part| {
                !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            })
        };
        let is_version = parts.len() <= 3
            && parts.iter().all(is_number)
            && pre.is_none_or(|pre| parts.len() == 3 && is_word(pre));
        if is_version {
            Ok(Self(text.to_owned()))
        } else {
            Err("expected a version, such as 0.1.0".to_owned())
        }
    }
}

impl Default for Version {
    /// Returns the version of this command: kipo is released with the same one.
    fn default() -> Self {
        Self(env!("CARGO_PKG_VERSION").to_owned())
    }
}

/// Returns the text of a folder's manifest, which is empty where there is none.
fn manifest(folder: &Path) -> String {
    fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default()
}

fn names_kipo(manifest: &str) -> bool {
    manifest.lines().any(|line| line.replace(' ', "") == "name=\"kipo\"")
}

fn text(path: PathBuf) -> Result<String, String> {
    let text = path.into_os_string().into_string();
    text.map_err(|path| format!("{} is not UTF-8", path.display()))
}

/// Returns a text as a string of TOML and of JSON.
fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read() {
        for version in ["0.1.0", "1", "0.12", "1.0.0-rc.1"] {
            assert_eq!(Version::parse(version).unwrap().0, version);
        }
        for wrong in ["", "latest", "v1", "1.2.3.4", "01.2", "1.", "1-rc", "1.0.0-", "^1", "+1"] {
            assert!(Version::parse(wrong).is_err(), "{wrong:?} is a version");
        }
    }

    #[test]
    fn the_crate_is_found_from_its_folder_and_from_the_repository() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let runtime = fs::canonicalize(repository.join("runtime")).unwrap();
        for path in [repository.to_owned(), repository.join("runtime")] {
            let source = Source::folder(&path).unwrap();
            assert_eq!(
                source.dependency(),
                format!("{{ path = {:?} }}", runtime.to_str().unwrap())
            );
        }
        for (wrong, why) in [("app", "no crate `kipo`"), ("nowhere", "No such file")] {
            let error = Source::folder(&repository.join(wrong)).unwrap_err();
            assert!(error.contains(why), "{error}");
        }
    }

    /// Every crate that kipo is made of has a path in the workspace's manifest. The engines for many
    /// nodes have one too, but are no part of it.
    #[test]
    fn an_image_is_built_with_all_crates_of_kipo() {
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let copies = Source::folder(repository).unwrap().docker_copies();
        let manifest = manifest(repository);
        let is_engine =
            |line: &&str| ["kipo-nats", "kipo-redis"].iter().any(|e| line.starts_with(e));
        let lines = manifest.lines().filter(|line| line.starts_with("kipo") && !is_engine(line));
        let paths = lines.filter_map(|line| line.split_once("{ path = \""));
        let crates: Vec<_> = paths.filter_map(|(_, rest)| rest.split('"').next()).collect();
        assert!(crates.contains(&"runtime"), "{crates:?}");
        for name in crates {
            assert!(copies.contains(&format!("[\"{name}\", ")), "{name}: {copies}");
        }
    }

    #[test]
    fn a_value_in_a_manifest_is_quoted() {
        assert_eq!(quoted("a\"b\\c\u{7}ü"), r#""a\"b\\c\u0007ü""#);
        let git = Source::Git("https://example.org/kipo".to_owned());
        assert_eq!(git.dependency(), r#"{ git = "https://example.org/kipo" }"#);
    }
}
