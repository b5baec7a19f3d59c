//! The rule for symbolic links below `pages/` and `public/`: a link is followed if its target is in
//! the folder of the app.
//!
//! `files!()` applies the same rule when it embeds the files of a release.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use crate::files::folder::Folder;

/// The way from `pages/` or `public/` down to one folder below it.
#[derive(Clone, Debug)]
pub(super) struct Trail {
    /// The folder of the app. No path in this struct contains a link.
    app: PathBuf,
    /// Never empty. The first is `pages/` or `public/`, or the target of that folder if it is a link:
    /// it may be outside of the app. Each other folder is in the one before it, or is the target of a
    /// link there.
    folders: Vec<PathBuf>,
}

/// Why a name has no target.
#[derive(Debug)]
pub(super) enum NoTarget {
    /// There is no file of this name.
    Gone,
    Refused(Refusal),
}

/// Why a symbolic link is not followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The target does not exist.
    Dangling(PathBuf),
    /// The target is outside of the app's folder.
    Outside(PathBuf),
    /// The target is a folder that the link is in: following it would never end.
    Loop(PathBuf),
}

impl Trail {
    /// Returns the trail that starts at a folder of the app at `root`.
    ///
    /// # Errors
    ///
    /// When the folder does not exist or cannot be read.
    pub(super) fn start(root: &Path, folder: Folder) -> io::Result<Self> {
        let top = root.join(folder.as_str()).canonicalize()?;
        Ok(Self { app: root.canonicalize()?, folders: vec![top] })
    }

    /// Returns the folder that the trail ends at.
    pub(super) fn folder(&self) -> &Path {
        self.folders.last().map_or(&self.app, PathBuf::as_path)
    }

    /// Returns `pages/` or `public/`, where the trail starts.
    pub(super) fn top(&self) -> &Path {
        self.folders.first().map_or(&self.app, PathBuf::as_path)
    }

    /// Returns the trail extended by a folder.
    pub(super) fn then(&self, folder: PathBuf) -> Self {
        let mut next = self.clone();
        next.folders.push(folder);
        next
    }

    /// Returns the file or the folder of a name in the last folder: a path without links.
    pub(super) fn target(&self, name: &str) -> Result<PathBuf, NoTarget> {
        let path = self.folder().join(name);
        let link = fs::read_link(&path).ok();
        let refusal = match (path.canonicalize(), link) {
            (Ok(target), None) => return Ok(target),
            (Ok(target), Some(_)) if !self.is_inside(&target) => Refusal::Outside(target),
            (Ok(target), Some(_)) if self.is_loop(&target) => Refusal::Loop(target),
            (Ok(target), Some(_)) => return Ok(target),
            (Err(_), Some(target)) => Refusal::Dangling(target),
            (Err(_), None) => return Err(NoTarget::Gone),
        };
        Err(NoTarget::Refused(refusal))
    }

    fn is_inside(&self, target: &Path) -> bool {
        target.starts_with(&self.app) || target.starts_with(self.top())
    }

    /// Returns whether a walk that follows a link to `target` reaches a folder of the trail again.
    /// That is the case if the target is such a folder or contains one.
    fn is_loop(&self, target: &Path) -> bool {
        self.folders.iter().any(|folder| folder.starts_with(target))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dangling(target) => write!(
                f,
                "is a symbolic link to {}, which leads to no file: remove the link, or create the file",
                target.display()
            ),
            Self::Outside(target) => write!(
                f,
                "is a symbolic link to {}, outside of the app's folder: move the file into the \
                 app's folder, or replace the link by a copy",
                target.display()
            ),
            Self::Loop(target) => write!(
                f,
                "is a symbolic link to {}, a folder that the link lies in: remove the link",
                target.display()
            ),
        }
    }
}
