//! The rule for the texts that people write: names and messages.

/// The rule of [`readable`] as a pattern, for `openapi.json`.
pub(crate) const READABLE: &str = r"^[^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]*[^\s\x00-\x1f\x7f-\x9f][^\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]*$";

/// Refuses control characters except line breaks, and a text of white space alone.
pub(crate) fn readable(text: &str) -> Result<(), &'static str> {
    let is_refused = |c: char| c.is_control() && !matches!(c, '\n' | '\r');
    if text.contains(is_refused) {
        return Err("must not contain control characters");
    }
    if text.trim().is_empty() { Err("must not be blank") } else { Ok(()) }
}
