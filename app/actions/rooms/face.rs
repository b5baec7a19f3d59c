//! The mark of a name, which stands beside it: a character and a hue.

use super::name::is_visible;

/// How many hues there are. `feed.js` gives a name the same one.
const HUES: u32 = 8;

/// Returns the first visible character of a name.
pub(crate) fn initial(name: &str) -> String {
    name.chars().find(|c| is_visible(*c)).unwrap_or('?').to_string()
}

/// Returns one of a few hues. A name has the same hue everywhere.
pub(crate) fn hue(name: &str) -> u32 {
    name.chars().fold(0, |sum, c| (sum * 31 + c as u32) % 9973) % HUES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_initial_is_the_first_visible_character() {
        for (name, expected) in [("\u{202e}Eve", "E"), ("🦀", "🦀"), ("\u{200b}", "?"), ("", "?")]
        {
            assert_eq!(initial(name), expected, "{name:?}");
        }
    }
}
