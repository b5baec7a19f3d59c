//! `files!()`: pages and public files, read from disk or compiled in.

use std::{fs, io, path::Path};

use proc_macro2::TokenStream;

use crate::{diagnostics::Errors, expand};

/// The folders of an app whose files are served.
const FOLDERS: &[&str] = &["pages", "public"];

/// The one name with a dot before it that is served, at the top of `public`. (RFC 8615)
const WELL_KNOWN: &str = "public/.well-known";

/// A file that goes into a release.
pub(crate) struct File {
    /// Relative to the crate, with `/`.
    pub name: String,
    /// Where it is while the crate is compiled.
    pub path: String,
}

/// Expands the macro in the crate at `root`.
pub(crate) fn files(nothing: TokenStream, root: &Path) -> TokenStream {
    let mut errors = Errors::default();
    if !nothing.is_empty() {
        errors.under(nothing, "`files!()` takes no arguments: it reads `pages` and `public`");
        return expand::expression(errors);
    }
    match collect(root) {
        Ok(files) => expand::files(&root.to_string_lossy(), &files),
        Err(error) => {
            errors.at(proc_macro2::Span::call_site(), error);
            expand::expression(errors)
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

/// Reads a folder below `top`. What a link leads to from there is not of the app's: it would not
/// be served from disk either.
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
        // What a link leads to may be gone.
        let Ok(target) = path.canonicalize() else { continue };
        // A link to a folder around it would go round for ever.
        let goes_round = path.is_symlink() && folder.canonicalize()?.starts_with(&target);
        if goes_round || !target.starts_with(top) {
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

    /// A folder in the place for builds, gone when dropped.
    struct Folder(std::path::PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[cfg(unix)]
    #[test]
    fn hidden_files_and_those_outside_stay_out() {
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
