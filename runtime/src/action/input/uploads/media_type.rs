//! What a file is: by its first bytes, and compared with what its sender says.
//!
//! The table has the types whose first bytes tell them apart. Other types, such as text, are what the
//! sender says that they are.

use crate::header;

/// As many bytes as [`sniff`] reads at most.
pub(super) const SNIFFED_BYTES: usize = 512;

/// First bytes, where they begin, and the type.
const SIGNATURES: &[(usize, &[u8], &str)] = &[
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"\0\0\x01\0", "image/x-icon"),
    (0, b"II*\0", "image/tiff"),
    (0, b"MM\0*", "image/tiff"),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (0, b"%PDF-", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\0", "application/x-xz"),
    (0, b"\x28\xb5\x2f\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"MThd", "audio/midi"),
    (0, b"OggS", "application/ogg"),
    (0, b"\x1aE\xdf\xa3", "video/webm"),
    (0, b"\0\0\x01\xba", "video/mpeg"),
    (0, b"\0\0\x01\xb3", "video/mpeg"),
    (0, b"wOFF", "font/woff"),
    (0, b"wOF2", "font/woff2"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"MZ", "application/vnd.microsoft.portable-executable"),
    (0, b"\0asm", "application/wasm"),
    (0, b"SQLite format 3\0", "application/vnd.sqlite3"),
];

/// Texts that begin a document which a browser would run. Compared without case, after white space.
const MARKUP: &[(&str, &str)] = &[
    ("<!doctype html", "text/html"),
    ("<html", "text/html"),
    ("<head", "text/html"),
    ("<body", "text/html"),
    ("<script", "text/html"),
    ("<iframe", "text/html"),
    ("<svg", "image/svg+xml"),
];

/// Returns the type that the first bytes of a file show.
pub(super) fn sniff(bytes: &[u8]) -> Option<&'static str> {
    let has = |at: usize, magic: &[u8]| bytes.get(at..).is_some_and(|b| b.starts_with(magic));
    if has(0, b"RIFF") {
        return match bytes.get(8..12)? {
            b"WEBP" => Some("image/webp"),
            b"WAVE" => Some("audio/wav"),
            b"AVI " => Some("video/x-msvideo"),
            _ => None,
        };
    }
    if has(4, b"ftyp") {
        return Some(match bytes.get(8..12)? {
            b"avif" | b"avis" => "image/avif",
            b"heic" | b"heix" | b"hevc" | b"mif1" | b"msf1" => "image/heic",
            b"M4A " | b"M4B " => "audio/mp4",
            b"qt  " => "video/quicktime",
            _ => "video/mp4",
        });
    }
    // A frame of MPEG audio without tags: eleven bits, then a layer that exists.
    if let [0xff, second, ..] = bytes
        && second & 0xe0 == 0xe0
        && second & 0x06 != 0
    {
        return Some("audio/mpeg");
    }
    let known = SIGNATURES.iter().find(|(at, magic, _)| has(*at, magic));
    known.map(|(_, _, name)| *name).or_else(|| markup(bytes))
}

fn markup(bytes: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let found = MARKUP.iter().find(|(start, _)| text.starts_with(start));
    // A declaration or a comment may come before the element of an image.
    let image = || (text.starts_with("<?xml") || text.starts_with("<!--")) && text.contains("<svg");
    found.map(|(_, name)| *name).or_else(|| image().then_some("image/svg+xml"))
}

/// Returns `type/subtype` of a `Content-Type`, in lower case, or `None` if it is none.
pub(super) fn essence(content_type: &str) -> Option<String> {
    let essence = header::essence(content_type);
    let token = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&b))
    };
    let (kind, subtype) = essence.split_once('/')?;
    (token(kind) && token(subtype)).then_some(essence)
}

/// Returns whether a file is of one of these types, such as `image/*` and `application/pdf`: by what its
/// sender says and by its first bytes.
pub(crate) fn is_among(types: &[&str], declared: Option<&str>, sniffed: Option<&str>) -> bool {
    let is_allowed = |name: &str| types.iter().any(|pattern| matches(pattern, name));
    let Some(declared) = declared.filter(|name| is_allowed(name)) else { return false };
    match sniffed {
        Some(sniffed) => is_allowed(sniffed) || is_form_of(declared, sniffed),
        // Its first bytes would show it.
        None => !is_recognizable(declared),
    }
}

/// Returns whether a sender declares one of these types. What the first bytes show is not known yet.
pub(crate) fn declares_one_of(types: &[&str], content_type: Option<&str>) -> bool {
    let declared = content_type.and_then(essence);
    declared.is_some_and(|name| types.iter().any(|pattern| matches(pattern, &name)))
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some("" | "*/") => true,
        Some(kind) => name.starts_with(kind),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// Returns whether files of the declared type begin like those of the other: office documents are ZIP
/// archives, and sound and films share containers.
fn is_form_of(declared: &str, sniffed: &str) -> bool {
    let (kind, subtype) = declared.split_once('/').unwrap_or((declared, ""));
    match sniffed {
        "application/zip" => {
            subtype.starts_with("vnd.openxmlformats-")
                || subtype.starts_with("vnd.oasis.opendocument.")
                || subtype.ends_with("+zip")
                || ["x-zip-compressed", "java-archive", "vnd.android.package-archive"]
                    .contains(&subtype)
        }
        "application/ogg" => ["audio/ogg", "video/ogg", "audio/opus"].contains(&declared),
        "video/webm" => ["audio/webm", "video/x-matroska"].contains(&declared),
        "video/mp4" | "audio/mp4" => {
            matches!(kind, "audio" | "video")
                && ["mp4", "x-m4a", "3gpp", "x-m4v"].contains(&subtype)
        }
        "image/x-icon" => declared == "image/vnd.microsoft.icon",
        "image/heic" => declared == "image/heif",
        "audio/wav" => ["audio/x-wav", "audio/wave", "audio/vnd.wave"].contains(&declared),
        "audio/mpeg" => declared == "audio/mp3",
        "application/gzip" => declared == "application/x-gzip",
        _ => false,
    }
}

/// Returns whether the table has the declared type, or one that cannot be told without it.
fn is_recognizable(declared: &str) -> bool {
    ["image/", "audio/", "video/"].iter().any(|kind| declared.starts_with(kind))
        || SIGNATURES.iter().any(|(_, _, name)| *name == declared || is_form_of(declared, name))
}

/// Writes types for people: `an image or a PDF`.
pub(crate) fn types_in_words(types: &[&str]) -> String {
    let words = types.iter().map(|name| match *name {
        "image/*" => "an image".to_owned(),
        "image/png" => "a PNG image".to_owned(),
        "image/jpeg" => "a JPEG image".to_owned(),
        "audio/*" => "audio".to_owned(),
        "video/*" => "a video".to_owned(),
        "text/*" => "a text".to_owned(),
        "text/plain" => "a plain text".to_owned(),
        "text/csv" => "a CSV file".to_owned(),
        "application/pdf" => "a PDF".to_owned(),
        "application/zip" => "a ZIP archive".to_owned(),
        name => format!("a file of the type {name}"),
    });
    words.collect::<Vec<_>>().join(" or ")
}

/// Writes a size for people: `5 MB`, `1.5 KB`, `3 bytes`.
pub(crate) fn size_in_words(bytes: u64) -> String {
    let units = [(1_u64 << 30, "GB"), (1 << 20, "MB"), (1 << 10, "KB")];
    match units.iter().find(|(unit, _)| bytes >= *unit) {
        Some((unit, name)) => {
            let tenths = (u128::from(bytes) * 10).div_ceil(u128::from(*unit));
            match tenths % 10 {
                0 => format!("{} {name}", tenths / 10),
                tenth => format!("{}.{tenth} {name}", tenths / 10),
            }
        }
        None if bytes == 1 => "1 byte".to_owned(),
        None => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_show_the_type() {
        for (bytes, expected) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some("image/png")),
            (b"\xff\xd8\xff\xe0", Some("image/jpeg")),
            (b"\xff\xfb\x90", Some("audio/mpeg")),
            (b"RIFF\0\0\0\0WEBPVP8 ", Some("image/webp")),
            (b"\0\0\0\x20ftypavif", Some("image/avif")),
            (b"\0\0\0\x20ftypisom", Some("video/mp4")),
            (b"%PDF-1.7", Some("application/pdf")),
            (b"PK\x03\x04", Some("application/zip")),
            (b"MZ\x90", Some("application/vnd.microsoft.portable-executable")),
            (b" \n<!DOCTYPE html>", Some("text/html")),
            (b"<?xml version=\"1.0\"?><svg/>", Some("image/svg+xml")),
            (b"plain text", None),
            (b"RIFF", None),
            (b"", None),
        ] {
            assert_eq!(sniff(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn a_type_that_lies_is_none_of_the_allowed_ones() {
        let allowed = ["image/*", "application/pdf", "text/csv"];
        for (declared, sniffed, expected) in [
            ("image/png", Some("image/png"), true),
            // Both are images: the name may have the wrong suffix.
            ("image/png", Some("image/jpeg"), true),
            ("image/png", Some("text/html"), false),
            ("image/png", Some("application/vnd.microsoft.portable-executable"), false),
            ("image/png", None, false),
            ("image/x-unknown", None, false),
            ("application/pdf", None, false),
            ("text/csv", None, true),
            ("text/csv", Some("text/html"), false),
            ("text/html", Some("image/png"), false),
        ] {
            assert_eq!(is_among(&allowed, Some(declared), sniffed), expected, "{declared}");
        }
        assert!(!is_among(&allowed, None, Some("image/png")));
        let document = "application/vnd.openxmlformats-officedocument.wordprocessingml.document";
        assert!(is_among(&[document], Some(document), Some("application/zip")));
        assert!(!is_among(&[document], Some(document), None));
        assert!(is_among(&["*/*"], Some("a/b"), None));
    }

    #[test]
    fn a_declared_type_has_no_parameters() {
        assert_eq!(essence("Text/Plain; charset=utf-8").as_deref(), Some("text/plain"));
        for wrong in ["", "text", "text/", "a b/c", "text/ht\"ml"] {
            assert_eq!(essence(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn types_read_as_people_say_them() {
        assert_eq!(types_in_words(&["image/*", "application/pdf"]), "an image or a PDF");
        assert_eq!(types_in_words(&["model/stl"]), "a file of the type model/stl");
    }

    #[test]
    fn a_size_reads_as_people_write_it() {
        let sizes = [0, 1, 1023, 1024, 1536, 5 << 20, (5 << 20) + 1, 3 << 30];
        let words = sizes.map(size_in_words);
        assert_eq!(
            words,
            ["0 bytes", "1 byte", "1023 bytes", "1 KB", "1.5 KB", "5 MB", "5.1 MB", "3 GB"]
        );
    }
}
