//! The files of an app as they are on disk while it is compiled.

use std::{fs, io, path::Path};

use proc_macro2::{Span, TokenStream};

use crate::diagnostics::Errors;

/// The files of an app.
pub(crate) struct Files {
    /// The folder of the app.
    pub root: String,
    /// Sorted by name.
    pub files: Vec<File>,
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

/// The one name with a dot before it that is served, at the top of `public`. (RFC 8615)
const WELL_KNOWN: &str = "public/.well-known";

/// Finds the files of the app at `root`.
pub(crate) fn find(args: TokenStream, root: &Path, errors: &mut Errors) -> Option<Files> {
    if !args.is_empty() {
        errors.under(args, "`files!()` takes no arguments: it reads `pages` and `public`");
        return None;
    }
    match collect(root) {
        Ok(files) => Some(Files { root: root.to_string_lossy().into_owned(), files }),
        Err(error) => {
            errors.at(Span::call_site(), error);
            None
        }
    }
}

/// Returns the files, sorted by name.
fn collect(root: &Path) -> io::Result<Vec<File>> {
    let mut files = Vec::new();
    for folder in FOLDERS {
        let path = root.join(folder);
        if path.is_dir() {
            read(&path.canonicalize()?, &path, folder, &mut files)?;
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// Reads a folder below `top`. A link that leads out of `top` is skipped: the target would not be
/// served from disk either.
fn read(top: &Path, folder: &Path, name: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let (Some(file), Some(text)) = (path.file_name().and_then(|n| n.to_str()), path.to_str())
        else {
            return Err(io::Error::other(format!("{} is not UTF-8", path.display())));
        };
        let name = format!("{name}/{file}");
        if file.starts_with('.') && name != WELL_KNOWN {
            continue;
        }
        // The target of a link may be gone.
        let Ok(target) = path.canonicalize() else { continue };
        // A link to a folder around it would be followed without end.
        let is_loop = path.is_symlink() && folder.canonicalize()?.starts_with(&target);
        if is_loop || !target.starts_with(top) {
            continue;
        }
        if path.is_dir() {
            read(top, &path, &name, files)?;
        } else {
            files.push(File { name, path: text.to_owned() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A temporary folder, removed on drop.
    struct Folder(std::path::PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn hidden_files_and_links_that_lead_out_are_skipped() {
        use std::os::unix::fs::symlink;

        let root = std::env::temp_dir().join(format!("kipo-files-{}", std::process::id()));
        let root = Folder(root);
        for path in ["public/.well-known/a.txt", "public/.git/b", "public/c.css", "d.txt"] {
            let path = root.0.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let public = root.0.join("public");
        symlink(root.0.join("d.txt"), public.join("out.txt")).unwrap();
        symlink(public.join("c.css"), public.join("in.css")).unwrap();
        symlink(&public, public.join("round")).unwrap();
        symlink(&root.0, public.join("up")).unwrap();
        symlink(root.0.join("gone"), public.join("gone")).unwrap();

        let names: Vec<_> = collect(&root.0).unwrap().into_iter().map(|file| file.name).collect();
        assert_eq!(names, ["public/.well-known/a.txt", "public/c.css", "public/in.css"]);
    }
}
