//! The name of a room: which names are accepted, and the address of a room.

use std::fmt::Write as _;

/// The most characters of a name.
pub(crate) const CHARACTERS_MAX: usize = 40;

/// The most bytes of a name, because it is the key of a topic. Only names with many emoji, or with
/// letters of rare scripts, reach it before [`CHARACTERS_MAX`].
const BYTES_MAX: usize = 128;

/// The rule of [`nameable`] as a pattern, for `openapi.json`; without the bytes.
pub(crate) const NAMEABLE: &str = r"^(?!\s*\.{1,2}\s*$)[^\x00-\x1f\x7f-\x9f\u2028\u2029/\\]*[^\s\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff/\\][^\x00-\x1f\x7f-\x9f\u2028\u2029/\\]*$";

/// Refuses a name that is no single line of visible text, or that an address cannot hold.
pub(crate) fn nameable(name: &str) -> Result<(), &'static str> {
    if name.contains(|c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')) {
        return Err("must not contain control characters");
    }
    if name.contains(['/', '\\']) {
        return Err("must not contain slashes");
    }
    // In an address these two mean "this folder" and "the folder above".
    if matches!(name.trim(), "." | "..") {
        return Err("must not be one or two dots");
    }
    if !name.contains(is_visible) {
        return Err("must not be blank");
    }
    if name.len() > BYTES_MAX { Err("must have at most 128 bytes") } else { Ok(()) }
}

/// Returns whether a room can have exactly this name, which has no white space around it.
pub(crate) fn is_name(name: &str) -> bool {
    let is_short = (1..=CHARACTERS_MAX).contains(&name.chars().count());
    is_short && name == name.trim() && nameable(name).is_ok()
}

/// Returns the path of a room's page.
pub(crate) fn address(name: &str) -> String {
    format!("/rooms/{}", encode(name))
}

/// Percent-encodes a text for a segment of a path or a value of a query (RFC 3986, section 2.3).
pub(crate) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Returns whether a character is seen: it is neither white space nor one of the characters that
/// only change how others are shown.
pub(crate) fn is_visible(c: char) -> bool {
    let is_format = matches!(
        c,
        '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !is_format && !c.is_whitespace() && !c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_line_of_visible_text() {
        for name in ["a\0", "a\tb", "a\nb", "a\u{7f}", "a\u{85}", "a\u{2028}b"] {
            assert_eq!(nameable(name), Err("must not contain control characters"), "{name:?}");
        }
        for name in ["", " ", "\u{a0}", "\u{200b}", "\u{202e}\u{feff}"] {
            assert_eq!(nameable(name), Err("must not be blank"), "{name:?}");
        }
        for name in ["a", "Tee & Kekse", "שלום", "🦀", "\u{202e}abc", "a?b#c", "...", ".a", "%2F"]
        {
            assert_eq!(nameable(name), Ok(()), "{name:?}");
            assert!(is_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_name_fits_into_one_segment_of_an_address() {
        for name in ["a/b", "/", "a\\b", "../a"] {
            assert_eq!(nameable(name), Err("must not contain slashes"), "{name:?}");
        }
        for name in [".", "..", " .. "] {
            assert_eq!(nameable(name), Err("must not be one or two dots"), "{name:?}");
        }
        assert_eq!(address("a b?ü%2F"), "/rooms/a%20b%3F%C3%BC%252F");
    }

    #[test]
    fn a_name_has_at_most_40_characters_and_128_bytes() {
        assert!(is_name(&"é".repeat(40)) && is_name(&"語".repeat(40)) && is_name(&"🦀".repeat(32)));
        assert!(!is_name(&"a".repeat(41)));
        assert_eq!(nameable(&"🦀".repeat(33)), Err("must have at most 128 bytes"));
    }

    #[test]
    fn a_name_has_no_white_space_around_it() {
        assert!(is_name("a b") && !is_name(" a") && !is_name("a\u{2003}"));
    }
}
