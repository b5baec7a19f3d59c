//! The names that files may have, and names that contain a hash.

use std::path::{Component, Path};

use crate::files::{folder::Folder, hash::Hash};

/// The one hidden folder that is served: clients look there for metadata of a site. (RFC 8615)
const WELL_KNOWN: &str = ".well-known";

/// Returns whether the file at this path below a folder may be served.
pub(super) fn is_path(folder: Folder, path: &str) -> bool {
    let well_known = path.strip_prefix(WELL_KNOWN).and_then(|path| path.strip_prefix('/'));
    let path = well_known.filter(|_| folder == Folder::Public).unwrap_or(path);
    path.split('/').all(is_listed)
}

/// Returns whether a folder's entry may be a file of the app, or a folder with such files. `prefix`
/// is the path of the folder, empty or with `/` at its end.
pub(super) fn is_entry(folder: Folder, prefix: &str, name: &str) -> bool {
    let is_well_known = folder == Folder::Public && prefix.is_empty() && name == WELL_KNOWN;
    is_listed(name) || is_well_known
}

/// Returns whether a file of this name is one of the app's: not hidden, and no leftover of an
/// editor.
fn is_listed(segment: &str) -> bool {
    let leftover = segment.ends_with('~')
        || segment.ends_with(".swp")
        || segment.ends_with(".tmp")
        || segment.contains(".tmp.")
        || segment.contains("___jb_")
        || (segment.starts_with('#') && segment.ends_with('#'));
    is_name(segment) && !leftover
}

/// Returns a path with the hash of its content before the last suffix: `app.css` becomes
/// `app.0123456789abcdef.css`. The folder stays the same, so that relative addresses in a style
/// sheet still work.
pub(super) fn with_hash(path: &str, hash: &Hash) -> String {
    let hash = hash.short();
    let (folder, name) = split(path);
    match name.rsplit_once('.') {
        Some((stem, suffix)) => format!("{folder}{stem}.{hash}.{suffix}"),
        None => format!("{folder}{name}.{hash}"),
    }
}

/// Splits a path that contains a hash into the path without it, and the hash.
pub(super) fn without_hash(path: &str) -> Option<(String, &str)> {
    let is_hash = |text: &str| {
        text.len() == Hash::SHORT && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let (folder, name) = split(path);
    let (rest, last) = name.rsplit_once('.')?;
    if let Some((stem, hash)) = rest.rsplit_once('.').filter(|(_, hash)| is_hash(hash)) {
        return Some((format!("{folder}{stem}.{last}"), hash));
    }
    is_hash(last).then(|| (format!("{folder}{rest}"), last))
}

/// Returns whether a path contains a hash, as the address of a file does.
pub(crate) fn is_hashed(path: &str) -> bool {
    without_hash(path).is_some()
}

/// Splits a path into its folder with the slash at the end, and its last name.
fn split(path: &str) -> (&str, &str) {
    path.split_at(path.rfind('/').map_or(0, |slash| slash + 1))
}

/// Returns whether a segment of a path can be the name of a file that is not hidden.
fn is_name(segment: &str) -> bool {
    let mut components = Path::new(segment).components();
    // One plain name on this system: no separator, no drive, not `.` or `..`.
    let plain = matches!(components.next(), Some(Component::Normal(name)) if name == segment);
    plain
        && components.next().is_none()
        && !segment.starts_with('.')
        && !segment.contains(['/', '\\'])
        && !segment.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_goes_before_the_suffix_and_comes_off_again() {
        let hash = Hash::of(b"x");
        for (path, expected) in [
            ("app.css", "app.HASH.css"),
            ("fonts/a.min.woff2", "fonts/a.min.HASH.woff2"),
            ("v1.2/LICENSE", "v1.2/LICENSE.HASH"),
            (".well-known/a.txt", ".well-known/a.HASH.txt"),
        ] {
            let named = with_hash(path, &hash);
            assert_eq!(named, expected.replace("HASH", hash.short()));
            assert_eq!(without_hash(&named), Some((path.to_owned(), hash.short())));
        }
        for path in ["app.css", "app", "a.0123.css", "a.0123456789ABCDEF.css", "0123456789abcdef"] {
            assert_eq!(without_hash(path), None, "{path}");
        }
    }

    #[test]
    fn one_name_with_a_dot_is_served_and_only_at_the_top_of_public() {
        for (folder, path, expected) in [
            (Folder::Public, ".well-known/security.txt", true),
            (Folder::Public, ".well-known/acme-challenge/x", true),
            (Folder::Public, ".well-known", false),
            (Folder::Public, ".well-known/", false),
            (Folder::Public, ".well-known/.git", false),
            (Folder::Public, ".well-known/../a", false),
            (Folder::Public, ".well-knownx/a", false),
            (Folder::Public, "a/.well-known/b", false),
            (Folder::Public, ".git/config", false),
            (Folder::Pages, ".well-known/a.html", false),
        ] {
            assert_eq!(is_path(folder, path), expected, "{path}");
        }
    }
}
