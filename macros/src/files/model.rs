//! The files of an app on disk while it is compiled. The server follows the same rules when it reads
//! them from disk.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use proc_macro2::{Span, TokenStream};

use crate::diagnostics::Errors;

/// The files of an app.
pub(crate) struct Files {
    /// The folder of the app.
    pub root: String,
    /// Sorted by name.
    pub files: Vec<File>,
    /// A sentence about each symbolic link that is not followed.
    pub refused: Vec<String>,
}

/// A file that a release holds.
pub(crate) struct File {
    /// Relative to the folder of the app, with `/`.
    pub name: String,
    /// The absolute path while the app is compiled.
    pub path: String,
}

/// The folders of an app whose files are served.
const FOLDERS: &[&str] = &["pages", "public"];

/// The one hidden folder that is served, at the top of `public`. (RFC 8615)
const WELL_KNOWN: &str = "public/.well-known";

/// Finds the files of the app at `root`.
pub(crate) fn find(args: TokenStream, root: &Path, errors: &mut Errors) -> Option<Files> {
    if !args.is_empty() {
        errors.under(args, "`files!()` takes no arguments: it reads `pages` and `public`");
        return None;
    }
    let mut files =
        Files { root: root.to_string_lossy().into_owned(), files: Vec::new(), refused: Vec::new() };
    if let Err(error) = files.collect(root) {
        errors.at(Span::call_site(), error);
        return None;
    }
    Some(files)
}

impl Files {
    /// Adds all files of the app at `root`.
    fn collect(&mut self, root: &Path) -> io::Result<()> {
        for folder in FOLDERS {
            let path = root.join(folder);
            if path.is_dir() {
                let links = Links { app: root.canonicalize()?, top: path.canonicalize()? };
                self.read(&links, &path, folder, &mut vec![links.top.clone()])?;
            }
        }
        self.files.sort_by(|a, b| a.name.cmp(&b.name));
        self.refused.sort();
        Ok(())
    }

    /// Reads a folder. `trail` ends with the same folder without links in its path; before it are the
    /// folders on the way to it.
    fn read(
        &mut self,
        links: &Links,
        folder: &Path,
        name: &str,
        trail: &mut Vec<PathBuf>,
    ) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let (Some(file), Some(text)) =
                (path.file_name().and_then(|n| n.to_str()), path.to_str())
            else {
                return Err(io::Error::other(format!("{} is not UTF-8", path.display())));
            };
            let name = format!("{name}/{file}");
            if (file.starts_with('.') && name != WELL_KNOWN) || is_leftover(file) {
                continue;
            }
            match links.target(&path, trail) {
                Ok(Some(target)) if target.is_dir() => {
                    trail.push(target);
                    self.read(links, &path, &name, trail)?;
                    trail.pop();
                }
                Ok(Some(target)) if target.is_file() => {
                    self.files.push(File { name, path: text.to_owned() });
                }
                Ok(_) => {}
                Err(refusal) => {
                    self.refused.push(format!("{name} is a symbolic link to {refusal}"));
                }
            }
        }
        Ok(())
    }
}

/// The rule for symbolic links: those to files and folders of the app are followed.
struct Links {
    /// The folder of the app, without links in its path.
    app: PathBuf,
    /// `pages` or `public`, which may be a link to any folder.
    top: PathBuf,
}

impl Links {
    /// Returns the path of a file or a folder without links; `None` if it was removed meanwhile.
    ///
    /// # Errors
    ///
    /// When a link is not followed: its target, and what to do.
    fn target(&self, path: &Path, trail: &[PathBuf]) -> Result<Option<PathBuf>, String> {
        let link = fs::read_link(path).ok();
        match (path.canonicalize(), link) {
            (Ok(target), None) => Ok(Some(target)),
            (Ok(target), Some(_))
                if !target.starts_with(&self.app) && !target.starts_with(&self.top) =>
            {
                Err(format!(
                    "{}, outside of the app's folder: move the file into the app's folder, or \
                     replace the link by a copy",
                    target.display()
                ))
            }
            (Ok(target), Some(_)) if trail.iter().any(|folder| folder.starts_with(&target)) => Err(
                format!("{}, a folder that the link lies in: remove the link", target.display()),
            ),
            (Ok(target), Some(_)) => Ok(Some(target)),
            (Err(_), Some(target)) => Err(format!(
                "{}, which leads to no file: remove the link, or create the file",
                target.display()
            )),
            (Err(_), None) => Ok(None),
        }
    }
}

/// Returns whether an editor left a file of this name behind.
fn is_leftover(file: &str) -> bool {
    file.ends_with('~')
        || file.ends_with(".swp")
        || file.ends_with(".tmp")
        || file.contains(".tmp.")
        || file.contains("___jb_")
        || (file.starts_with('#') && file.ends_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A temporary folder, removed on drop.
    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed_within_the_app_and_refused_elsewhere() {
        use std::os::unix::fs::symlink;

        let root = std::env::temp_dir().join(format!("kipo-files-{}", std::process::id()));
        fs::create_dir_all(&root).unwrap();
        let root = Folder(root.canonicalize().unwrap());
        let app = root.0.join("app");
        for path in [
            "public/.well-known/a.txt",
            "public/.git/b",
            "public/c.css",
            "public/c.css~",
            "public/fonts/d.woff2",
            "shared/e.txt",
            "../outside/f.txt",
        ] {
            let path = app.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        for (target, link) in [
            ("c.css", "public/in.css"),
            ("in.css", "public/link.css"),
            ("../shared", "public/shared"),
            ("../public/fonts", "shared/fonts"),
            (".", "public/fonts/itself"),
            ("..", "public/up"),
            ("../../outside", "public/outside"),
            ("../../outside/f.txt", "public/outside.txt"),
            ("gone", "public/gone"),
            ("gone", "public/.hidden"),
            ("turn", "public/round"),
            ("round", "public/turn"),
        ] {
            symlink(target, app.join(link)).unwrap();
        }

        let mut errors = Errors::default();
        let files = find(TokenStream::new(), &app, &mut errors).unwrap();
        assert!(errors.is_empty());
        let names: Vec<_> = files.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "public/.well-known/a.txt",
                "public/c.css",
                "public/fonts/d.woff2",
                "public/in.css",
                "public/link.css",
                "public/shared/e.txt",
                "public/shared/fonts/d.woff2",
            ]
        );
        let at = |text: &String| text.replace(root.0.to_str().unwrap(), "…");
        let refused: Vec<_> = files.refused.iter().map(at).collect();
        let outside = "outside of the app's folder: move the file into the app's folder, or \
                       replace the link by a copy";
        let dangling = "which leads to no file: remove the link, or create the file";
        let folder = "a folder that the link lies in: remove the link";
        assert_eq!(
            refused,
            [
                format!("public/fonts/itself is a symbolic link to …/app/public/fonts, {folder}"),
                format!("public/gone is a symbolic link to gone, {dangling}"),
                format!("public/outside is a symbolic link to …/outside, {outside}"),
                format!("public/outside.txt is a symbolic link to …/outside/f.txt, {outside}"),
                format!("public/round is a symbolic link to turn, {dangling}"),
                format!(
                    "public/shared/fonts/itself is a symbolic link to …/app/public/fonts, {folder}"
                ),
                format!("public/turn is a symbolic link to round, {dangling}"),
                format!("public/up is a symbolic link to …/app, {folder}"),
            ]
        );
    }
}
