//! The files of the app on disk.

use std::{
    collections::BTreeSet,
    fs,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use http::HeaderValue;

use crate::files::{
    folder::Folder,
    hash::Hash,
    kind::content_type,
    name::{is_entry, is_path},
    trail::{NoTarget, Refusal, Trail},
};

/// The files below one of the folders of an app.
#[derive(Debug, Default)]
pub(crate) struct Listing {
    /// Paths of the files that may be served.
    pub(crate) paths: Vec<String>,
    /// Symbolic links that are not followed.
    pub(crate) refused: Vec<(String, Refusal)>,
    /// Folders elsewhere in the app that symbolic links lead to.
    pub(crate) linked: BTreeSet<PathBuf>,
}

impl Listing {
    fn note_folder(&mut self, trail: &Trail, folder: &Path) {
        if !folder.starts_with(trail.top()) {
            self.linked.insert(folder.to_owned());
        }
    }
}

/// A file that is read while it is sent, and never as a whole.
#[derive(Debug)]
pub(crate) struct Large {
    file: fs::File,
    pub(crate) length: u64,
    /// Of the name, the length and the modification time: hashing the content would take too long.
    pub(crate) hash: Hash,
    pub(crate) content_type: HeaderValue,
}

impl Large {
    /// Returns the file at the offset `start`.
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

/// Lists the files below a folder, in no order. A folder that does not exist is empty.
pub(super) fn list(root: &Path, folder: Folder) -> io::Result<Listing> {
    let mut listing = Listing::default();
    match Trail::start(root, folder) {
        Ok(trail) => walk(folder, &trail, "", &mut listing)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    Ok(listing)
}

/// Opens a file, if it may be served and all links on its path may be followed.
pub(super) fn open(root: &Path, folder: Folder, path: &str) -> Option<(fs::File, fs::Metadata)> {
    if !is_path(folder, path) {
        return None;
    }
    let mut trail = Trail::start(root, folder).ok()?;
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    for segment in folders.split('/').filter(|segment| !segment.is_empty()) {
        let target = trail.target(segment).ok()?;
        trail = trail.then(target);
    }
    let target = trail.target(name).ok()?;
    // Opening a pipe may wait forever.
    if !target.is_file() {
        return None;
    }
    let file = fs::File::open(target).ok()?;
    let about = file.metadata().ok()?;
    Some((file, about))
}

/// Returns whether there is nothing at a path, not even a file that may not be read.
pub(super) fn is_gone(root: &Path, folder: Folder, path: &str) -> bool {
    let found = fs::symlink_metadata(root.join(folder.as_str()).join(path));
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Reads an open file.
pub(super) fn read(mut file: fs::File, about: &fs::Metadata) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(usize::try_from(about.len()).ok()?);
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

fn walk(folder: Folder, trail: &Trail, prefix: &str, listing: &mut Listing) -> io::Result<()> {
    let entries = match fs::read_dir(trail.folder()) {
        // A folder that was removed while the one above was read.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let name = entry?.file_name();
        let Some(name) = name.to_str().filter(|name| is_entry(folder, prefix, name)) else {
            continue;
        };
        let path = format!("{prefix}{name}");
        match trail.target(name) {
            Ok(target) if target.is_dir() => {
                let trail = trail.then(target);
                listing.note_folder(&trail, trail.folder());
                walk(folder, &trail, &format!("{path}/"), listing)?;
            }
            Ok(target) if target.is_file() && is_path(folder, &path) => {
                target.parent().into_iter().for_each(|parent| listing.note_folder(trail, parent));
                listing.paths.push(path);
            }
            // A pipe, a socket, or a file that was removed while its folder was read.
            Ok(_) | Err(NoTarget::Gone) => {}
            Err(NoTarget::Refused(refusal)) => listing.refused.push((path, refusal)),
        }
    }
    Ok(())
}
