//! What is stored of an upload beside its bytes.
//!
//! The file `<id>` has the bytes, and its length is the offset. `<id>.json` is the record, which never
//! changes. `<id>.from` is there while bytes arrive whose checksum is not known yet: it has the offset to
//! go back to. `<id>.used` is what stays of an upload that an action has used.

use std::{
    fmt, fs, io,
    io::Write as _,
    path::{Path, PathBuf},
    str::FromStr,
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::action::input::uploads::{hex::hex, temporary::private};

/// How many random bytes an id has: it cannot be guessed.
const ID_BYTES: usize = 16;

/// The name of an upload: 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Id(String);

impl Id {
    pub(super) fn random() -> io::Result<Self> {
        let mut bytes = [0; ID_BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(hex(&bytes)))
    }
}

/// What is no id.
#[derive(Debug)]
pub(crate) struct NoId;

impl FromStr for Id {
    type Err = NoId;

    fn from_str(text: &str) -> Result<Self, NoId> {
        let is_digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        match text.len() == 2 * ID_BYTES && text.bytes().all(is_digit) {
            true => Ok(Self(text.to_owned())),
            false => Err(NoId),
        }
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What its sender says of an upload, and for whom it is.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub(crate) struct Record {
    /// The action that may take it.
    pub(crate) action: String,
    /// The field of the action.
    pub(crate) field: String,
    /// The name of the file, as its sender says.
    pub(crate) name: String,
    /// The type of the file, as its sender says.
    pub(crate) content_type: Option<String>,
    pub(crate) length: u64,
    /// The text of `Upload-Metadata`.
    pub(crate) metadata: String,
    /// The digest of the session that began it. Without one, who knows the id has the upload.
    pub(crate) owner: Option<String>,
    /// The digest of the caller for whom it is counted.
    pub(crate) caller: String,
}

/// What stays of an upload that an action has used.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct UsedRecord {
    pub(super) owner: Option<String>,
    pub(super) action: String,
    /// The idempotency key of the call that has used it.
    pub(super) key: Option<String>,
    /// The output of the call as JSON. `None` if the call has none, or if it is not retained.
    pub(super) output: Option<String>,
    /// Whether the output is that of the call.
    pub(super) has_outcome: bool,
}

/// The paths of one upload.
#[derive(Clone, Debug)]
pub(super) struct Paths {
    pub(super) data: PathBuf,
    pub(super) record: PathBuf,
    pub(super) from: PathBuf,
    pub(super) used: PathBuf,
}

/// The ends of the names of files.
pub(super) const SUFFIXES: [&str; 4] = [".json", ".from", ".used", ".new"];

impl Paths {
    pub(super) fn of(folder: &Path, id: &Id) -> Self {
        let path = |suffix: &str| folder.join(format!("{id}{suffix}"));
        let [record, from, used, _] = SUFFIXES;
        Self { data: path(""), record: path(record), from: path(from), used: path(used) }
    }

    /// Removes the bytes, and then the record: without its bytes an upload is none.
    pub(super) fn remove(&self) {
        for path in [&self.data, &self.from, &self.record] {
            // It may not exist.
            let _ = fs::remove_file(path);
        }
    }
}

/// Reads a file of JSON; `None` if there is none.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match fs::read(path) {
        Ok(json) => Ok(Some(serde_json::from_slice(&json)?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Reads a file of JSON as [`read`] does; one that a loss of power has cut is none.
pub(super) fn read_whole<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    match read(path) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidData | io::ErrorKind::UnexpectedEof
            ) =>
        {
            Ok(None)
        }
        read => read,
    }
}

/// Writes a file of JSON, which is there whole or not at all.
pub(super) fn write<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    let new = path.with_extension("new");
    // A process that was killed may have left it.
    let _ = fs::remove_file(&new);
    let written = private().open(&new).and_then(|mut file| {
        file.write_all(&serde_json::to_vec(value)?)?;
        fs::rename(&new, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_no_path() {
        let id = Id::random().unwrap();
        assert_eq!(id.to_string().parse::<Id>().unwrap(), id);
        for text in
            ["", "..", "../../../../../../../etc/passwd..", &"A".repeat(32), &"0".repeat(33)]
        {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
    }
}
