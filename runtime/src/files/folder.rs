//! The two folders of an app.

use std::fmt;

use bytes::Bytes;

/// A mark that some editors put before a text in UTF-8.
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// One of the two folders that hold an app's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Folder {
    /// Templates, with their scripts and styles.
    Pages,
    /// Files that are served byte for byte.
    Public,
}

impl Folder {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Pages => "pages",
            Self::Public => "public",
        }
    }

    /// Returns the content of a file in this folder. Files of pages lose their byte order mark: in a
    /// page of several templates, each mark would be a character in the middle of the text.
    pub(super) fn content(self, bytes: Bytes) -> Bytes {
        match self {
            Self::Pages if bytes.starts_with(BYTE_ORDER_MARK) => {
                bytes.slice(BYTE_ORDER_MARK.len()..)
            }
            Self::Pages | Self::Public => bytes,
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
