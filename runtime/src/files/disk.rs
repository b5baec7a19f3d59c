//! Files as they are on disk.

use std::{
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
    time::UNIX_EPOCH,
};

use http::HeaderValue;

use crate::files::{
    folder::Folder,
    hash::Hash,
    kind::content_type,
    name::{WELL_KNOWN, is_listed, is_path},
};

/// Folders below folders: more than any app has, and a bound for links that go round.
const DEPTH_MAX: usize = 32;

/// A file that is read as it is sent, and never as a whole.
#[derive(Debug)]
pub(crate) struct Large {
    file: fs::File,
    pub(crate) length: u64,
    /// Of its name, its length and the time when it was last written: reading all of it for a
    /// name would take too long.
    pub(crate) hash: Hash,
    pub(crate) content_type: HeaderValue,
}

impl Large {
    /// Returns the file, about to be read from a byte on.
    pub(crate) fn from(mut self, start: u64) -> io::Result<fs::File> {
        self.file.seek(SeekFrom::Start(start))?;
        Ok(self.file)
    }

    pub(super) fn of(path: &str, file: fs::File, about: &fs::Metadata) -> Self {
        let written = about.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let written = written.unwrap_or_default().as_nanos().to_le_bytes();
        let length = about.len();
        let hash = Hash::of_all([(path, length.to_le_bytes().as_slice()), ("", &written)]);
        Self { file, length, hash, content_type: content_type(path) }
    }
}

/// Returns the paths below a folder, in no order.
pub(super) fn list(root: &Path, folder: Folder) -> io::Result<Vec<String>> {
    let mut paths = Vec::new();
    match root.join(folder.as_str()).canonicalize() {
        Ok(top) => walk(&top, &top, "", DEPTH_MAX, &mut paths)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    paths.retain(|path| is_path(folder, path));
    Ok(paths)
}

/// Opens a file, if a stranger may ask for it and what its path leads to lies below the folder.
pub(super) fn open(root: &Path, folder: Folder, path: &str) -> Option<(fs::File, fs::Metadata)> {
    if !is_path(folder, path) {
        return None;
    }
    let top = root.join(folder.as_str()).canonicalize().ok()?;
    let target = top.join(path).canonicalize().ok()?;
    // To open what is no file, such as a pipe, may wait for ever.
    if !target.starts_with(&top) || !target.is_file() {
        return None;
    }
    let file = fs::File::open(target).ok()?;
    let about = file.metadata().ok()?;
    Some((file, about))
}

/// Reads a file that was opened.
pub(super) fn read(mut file: fs::File, about: &fs::Metadata) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).ok()?);
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn walk(
    top: &Path,
    folder: &Path,
    prefix: &str,
    depth: usize,
    paths: &mut Vec<String>,
) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| is_listed(name) || *name == WELL_KNOWN) else {
            continue;
        };
        // A file may go away between being listed and being looked at.
        let Ok(target) = entry.path().canonicalize() else { continue };
        if !target.starts_with(top) {
            continue;
        }
        let path = format!("{prefix}{name}");
        if target.is_file() {
            paths.push(path);
        } else if depth > 0 && target.is_dir() {
            walk(top, &entry.path(), &format!("{path}/"), depth - 1, paths)?;
        }
    }
    Ok(())
}
