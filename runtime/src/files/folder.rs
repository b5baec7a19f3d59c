//! The two folders of an app.

use std::fmt;

/// One of the two folders that are looked into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// Templates, with their scripts and styles.
    Pages,
    /// Files that are served as they stand.
    Public,
}

impl Folder {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Public => "public",
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
