//! The name of a file, without what could harm the one who uses it.

/// As many bytes as file systems allow.
const NAME_BYTES_MAX: usize = 255;

/// The name of a file that has none.
const NAMELESS: &str = "file";

/// Returns the last segment of a name, without control characters and marks that change the direction of
/// text, and not longer than a file system allows.
pub(super) fn clean(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.chars().filter(|char| !is_hidden(*char)).collect();
    let name = name.trim();
    match name {
        "" | "." | ".." => NAMELESS.to_owned(),
        name => shortened(name),
    }
}

/// Returns whether a character is not seen, or changes how the others are seen: `exe.\u{202e}gpj` looks
/// like `exe.jpg`.
fn is_hidden(char: char) -> bool {
    char.is_control()
        || matches!(
            char,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'..='\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
        )
}

/// Cuts the stem, so that a short suffix stays.
fn shortened(name: &str) -> String {
    if name.len() <= NAME_BYTES_MAX {
        return name.to_owned();
    }
    let suffix = name.rfind('.').map(|at| &name[at..]).filter(|suffix| suffix.len() <= 16);
    let suffix = suffix.unwrap_or_default();
    let stem = &name[..name.floor_char_boundary(NAME_BYTES_MAX - suffix.len())];
    format!("{stem}{suffix}")
}

#[cfg(test)]
mod tests {
    use super::clean;

    #[test]
    fn a_name_is_one_segment_that_reads_as_it_is() {
        for (name, expected) in [
            ("photo.jpg", "photo.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ann\\cv.pdf", "cv.pdf"),
            ("/", "file"),
            ("a/..", "file"),
            ("", "file"),
            (" \u{0}\n", "file"),
            ("a\u{0}b\r\n.txt", "ab.txt"),
            ("invoice\u{202e}gpj.exe", "invoicegpj.exe"),
            ("a\"b'c.txt", "a\"b'c.txt"),
            ("Größe 日本.txt", "Größe 日本.txt"),
        ] {
            assert_eq!(clean(name), expected, "{name:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_before_its_suffix() {
        let name = clean(&format!("{}.tar.gz", "é".repeat(10_000)));
        assert!(name.len() <= 255 && name.ends_with("é.gz"), "{name}");
        assert_eq!(clean(&"x".repeat(10_000)).len(), 255);
    }
}
