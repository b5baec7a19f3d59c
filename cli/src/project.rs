//! Writes a new app to the disk.

use std::{
    fs, io,
    io::Write as _,
    path::{Path, PathBuf},
};

use crate::{
    name::Name,
    source::Source,
    template::{self, Variant},
};

/// A folder and the name of the app that is written into it.
#[derive(Clone, Debug)]
pub(crate) struct Project {
    folder: PathBuf,
    /// The last part of the folder.
    name: Name,
}

impl Project {
    /// Parses a name, or a path that ends with a name.
    ///
    /// # Errors
    ///
    /// The rule that the name breaks, as a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let folder = PathBuf::from(text);
        let Some(name) = folder.file_name().filter(|_| !text.ends_with("/.")) else {
            return Err("expected a name, or a path with a name at its end".to_owned());
        };
        let name = Name::parse(&name.to_string_lossy())?;
        Ok(Self { folder, name })
    }

    /// Returns the folder as it was given.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Writes the app into its folder and returns the number of files.
    ///
    /// # Errors
    ///
    /// The folder is not empty, or the disk fails. Existing files stay as they are.
    pub(crate) fn write(&self, source: &Source, variant: Variant) -> Result<usize, String> {
        self.claim()?;
        let files = template::files(&self.name, source, variant);
        for (path, text) in &files {
            let path = self.folder.join(path);
            write_new(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(files.len())
    }

    /// Makes the folder. An existing folder has to be empty.
    fn claim(&self) -> Result<(), String> {
        let shown = self.folder.display();
        let failed = |error: io::Error| format!("{shown}: {error}");
        if self.folder.exists() && !self.folder.is_dir() {
            return Err(format!("{shown} is a file: choose another name"));
        }
        fs::create_dir_all(&self.folder).map_err(failed)?;
        if fs::read_dir(&self.folder).map_err(failed)?.next().is_some() {
            return Err(format!("{shown} is not empty: choose another name, or empty it first"));
        }
        Ok(())
    }
}

/// Writes a new file. An existing one is an error.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::File::create_new(path)?.write_all(text.as_bytes())
}
