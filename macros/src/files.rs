//! `files!()`: pages and public files, read from disk or compiled in.

use std::{fs, io, path::Path};

use proc_macro2::TokenStream;

use crate::{diagnose::Errors, expand};

/// The folders of an app whose files are served.
const FOLDERS: &[&str] = &["pages", "public"];

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
            read(&path, folder, &mut files)?;
        }
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

fn read(folder: &Path, name: &str, files: &mut Vec<File>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        let (Some(file), Some(text)) = (path.file_name().and_then(|n| n.to_str()), path.to_str())
        else {
            return Err(io::Error::other(format!("{} is not UTF-8", path.display())));
        };
        if file.starts_with('.') {
            continue;
        }
        let name = format!("{name}/{file}");
        if path.is_dir() {
            read(&path, &name, files)?;
        } else {
            files.push(File { name, path: text.to_owned() });
        }
    }
    Ok(())
}
