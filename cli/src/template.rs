//! The files of a new app, which this binary contains.

use crate::{name::Name, source::Source};

/// What a new app starts with.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Variant {
    /// A guestbook for everybody.
    #[default]
    Plain,
    /// A guestbook for users, with sessions and pages for signing up and in.
    Login,
}

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

/// The files of [`Variant::Login`]. A file with the path of one of [`FILES`] takes its place.
const LOGIN_FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("../template/login/manifest.toml")),
    ("README.md", include_str!("../template/login/README.md")),
    ("main.rs", include_str!("../template/login/main.rs")),
    ("password.rs", include_str!("../template/login/password.rs")),
    ("store.rs", include_str!("../template/login/store.rs")),
    ("user.rs", include_str!("../template/login/user.rs")),
    ("actions/account/pages.rs", include_str!("../template/login/actions/account/pages.rs")),
    ("actions/account/sign_in.rs", include_str!("../template/login/actions/account/sign_in.rs")),
    ("actions/account/sign_out.rs", include_str!("../template/login/actions/account/sign_out.rs")),
    (
        "actions/account/sign_out_everywhere.rs",
        include_str!("../template/login/actions/account/sign_out_everywhere.rs"),
    ),
    ("actions/account/sign_up.rs", include_str!("../template/login/actions/account/sign_up.rs")),
    ("actions/guestbook/follow.rs", include_str!("../template/login/actions/guestbook/follow.rs")),
    ("actions/guestbook/page.rs", include_str!("../template/login/actions/guestbook/page.rs")),
    ("actions/guestbook/sign.rs", include_str!("../template/login/actions/guestbook/sign.rs")),
    ("pages/_account.html", include_str!("../template/login/pages/_account.html")),
    ("pages/_account.js", include_str!("../template/login/pages/_account.js")),
    ("pages/_forms.js", include_str!("../template/login/pages/_forms.js")),
    ("pages/index.html", include_str!("../template/login/pages/index.html")),
    ("pages/index.js", include_str!("../template/login/pages/index.js")),
    ("pages/login.html", include_str!("../template/login/pages/login.html")),
    ("pages/login.js", include_str!("../template/login/pages/login.js")),
    ("pages/sign-up.html", include_str!("../template/login/pages/sign-up.html")),
    ("pages/sign-up.js", include_str!("../template/login/pages/sign-up.js")),
];

/// What [`Variant::Login`] adds at the end of files of [`FILES`].
const LOGIN_ADDITIONS: &[(&str, &str)] =
    &[("public/app.css", include_str!("../template/login/public/app.css"))];

/// Returns the path and the text of each file of an app.
pub(crate) fn files(name: &Name, source: &Source, variant: Variant) -> Vec<(String, String)> {
    let (own, additions): (&[_], &[_]) = match variant {
        Variant::Plain => (&[], &[]),
        Variant::Login => (LOGIN_FILES, LOGIN_ADDITIONS),
    };
    let is_replaced = |path: &str| own.iter().any(|(own, _)| *own == path);
    let shared = FILES.iter().filter(|(path, _)| !is_replaced(path));
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
    let whole = |path: &str, text: &str| {
        let added = additions.iter().filter(|(of, _)| *of == path);
        added.fold(fill(text), |text, (_, more)| text + "\n" + &fill(more))
    };
    shared.chain(own).map(|(path, text)| (fill(path), whole(path, text))).collect()
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use super::*;
    use crate::source::Version;

    #[test]
    fn every_template_is_a_file_of_an_app() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("template");
        assert_eq!(count(&folder), FILES.len() + LOGIN_FILES.len() + LOGIN_ADDITIONS.len());
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
        let starts = sources.iter().flat_map(|source| {
            [Variant::Plain, Variant::Login].map(|variant| files(&name, source, variant))
        });
        for (path, text) in starts.flatten() {
            assert!(!path.contains('@'), "{path}");
            let left = text.split(|c: char| c.is_whitespace() || "<>\"".contains(c));
            let left: Vec<_> = left.filter(|word| word.matches('@').count() > 1).collect();
            assert!(left.is_empty(), "{path}: {left:?}");
        }
    }

    #[test]
    fn a_path_is_written_once() {
        let name = Name::parse("guest-book").unwrap();
        let source = Source::Registry(Version::default());
        let login = files(&name, &source, Variant::Login);
        let paths: BTreeSet<_> = login.iter().map(|(path, _)| path).collect();
        assert_eq!(paths.len(), login.len());
        let plain = files(&name, &source, Variant::Plain);
        assert!(
            plain.iter().all(|(path, _)| paths.contains(path)),
            "nothing of the plain app is missing"
        );
    }

    #[test]
    fn the_manifest_and_the_style_of_the_login_are_those_of_the_plain_app_and_more() {
        let name = Name::parse("guest-book").unwrap();
        let source = Source::Registry(Version::default());
        let [plain, login] =
            [Variant::Plain, Variant::Login].map(|variant| files(&name, &source, variant));
        let text = |files: &[(String, String)], path| {
            files.iter().find(|(own, _)| *own == path).map(|(_, text)| text.clone()).unwrap()
        };
        for path in ["Cargo.toml", "public/app.css"] {
            let (plain, login) = (text(&plain, path), text(&login, path));
            assert!(login.len() > plain.len(), "{path}");
            let mut login = login.lines();
            for line in plain.lines() {
                assert!(login.any(|own| own == line), "{path} lacks {line}, or has it elsewhere");
            }
        }
    }

    #[test]
    fn the_build_script_is_that_of_the_demo() {
        let demo = Path::new(env!("CARGO_MANIFEST_DIR")).join("../app/build.rs");
        let (_, ours) = FILES.iter().find(|(path, _)| *path == "build.rs").unwrap();
        assert_eq!(*ours, fs::read_to_string(demo).unwrap());
    }
}
