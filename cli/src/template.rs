//! The files of a new app, which this binary contains.

use crate::{name::Name, source::Source};

/// The path of each file in the app, and its text, both with placeholders.
///
/// Some files have other names below `template`: a `Cargo.toml` would make the folder a package,
/// which `cargo package` leaves out, and git would apply a `.gitignore`.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/manifest.toml")),
    ("Dockerfile", include_str!("../template/Dockerfile")),
    (".dockerignore", include_str!("../template/dockerignore")),
    (".gitignore", include_str!("../template/gitignore")),
    ("README.md", include_str!("../template/README.md")),
    ("build.rs", include_str!("../template/build.rs")),
    ("main.rs", include_str!("../template/main.rs")),
    ("tsconfig.json", include_str!("../template/tsconfig.json")),
    ("actions/guestbook/book.rs", include_str!("../template/actions/guestbook/book.rs")),
    ("actions/guestbook/follow.rs", include_str!("../template/actions/guestbook/follow.rs")),
    ("actions/guestbook/sign.rs", include_str!("../template/actions/guestbook/sign.rs")),
    ("pages/404.html", include_str!("../template/pages/404.html")),
    ("pages/_layout.html", include_str!("../template/pages/_layout.html")),
    ("pages/index.css", include_str!("../template/pages/index.css")),
    ("pages/index.html", include_str!("../template/pages/index.html")),
    ("pages/index.js", include_str!("../template/pages/index.js")),
    ("deploy/@NAME@.service", include_str!("../template/service")),
    ("public/app.css", include_str!("../template/public/app.css")),
    ("public/favicon.svg", include_str!("../template/public/favicon.svg")),
];

/// Returns the path and the text of each file of an app.
pub(crate) fn files(name: &Name, source: &Source) -> Vec<(String, String)> {
    let values = [
        ("@NAME@", name.as_str().to_owned()),
        ("@TITLE@", name.title()),
        ("@KIPO@", source.dependency()),
        ("@DOCKER_CONTEXT@", source.docker_context()),
        ("@DOCKER_KIPO@", source.docker_copies()),
    ];
    let fill = |text: &str| {
        values.iter().fold(text.to_owned(), |text, (mark, value)| text.replace(mark, value))
    };
    FILES.iter().map(|(path, text)| (fill(path), fill(text))).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;
    use crate::source::Version;

    #[test]
    fn every_template_is_a_file_of_an_app() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("template");
        assert_eq!(count(&folder), FILES.len());
    }

    fn count(folder: &Path) -> usize {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| if path.is_dir() { count(&path) } else { 1 }).sum()
    }

    #[test]
    fn no_placeholder_is_left() {
        let name = Name::parse("guest-book").unwrap();
        let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let sources = [
            Source::Registry(Version::default()),
            Source::Git("https://example.org/kipo".to_owned()),
            Source::folder(repository).unwrap(),
        ];
        for (path, text) in sources.iter().flat_map(|source| files(&name, source)) {
            assert!(!path.contains('@'), "{path}");
            let left = text.split(|c: char| c.is_whitespace() || "<>\"".contains(c));
            let left: Vec<_> = left.filter(|word| word.matches('@').count() > 1).collect();
            assert!(left.is_empty(), "{path}: {left:?}");
        }
    }

    #[test]
    fn the_build_script_is_that_of_the_demo() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/build.rs");
        let (_, ours) = FILES.iter().find(|(path, _)| *path == "build.rs").unwrap();
        assert_eq!(*ours, fs::read_to_string(demo).unwrap());
    }
}
