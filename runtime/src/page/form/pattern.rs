//! The patterns of controls.

/// Outside of a class, a pattern with the flag `v` must not escape these.
const NEVER_ESCAPED: &str = "#&-~";

/// In a class, a pattern with the flag `v` must escape these.
const ALWAYS_ESCAPED: &str = "()[{}/|-";

/// In a class with the flag `v`, two of one of these are an operator.
const OPERATORS: &str = "&!#$%*+,.:;<=>?@^`~";

/// What stands before a character of a class.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    /// The beginning of the class, or a range.
    Start,
    /// A character with which a range may begin.
    Character,
    /// The first half of a range.
    Range,
}

/// Returns the pattern of a schema in the syntax of a control. A schema has the flag `u` and a control the flag
/// `v`, with which a browser ignores a pattern such as `[a-z_-]`.
pub(super) fn of_control(pattern: &str) -> String {
    let mut written = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let mut class = None;
    while let Some(character) = characters.next() {
        let next = characters.peek().copied();
        match (character, class) {
            ('\\', _) => {
                if class.is_some() || next.is_none_or(|next| !NEVER_ESCAPED.contains(next)) {
                    written.push('\\');
                }
                let Some(escaped) = characters.next() else { break };
                written.push(escaped);
                // `\p{L}` and `\u{1F375}` are one character.
                if "pPu".contains(escaped) && characters.peek() == Some(&'{') {
                    written.extend(characters.by_ref().take_while(|character| *character != '}'));
                    written.push('}');
                }
                class = class.map(after);
            }
            ('[', None) => {
                written.push('[');
                written.extend(characters.next_if_eq(&'^'));
                class = Some(Before::Start);
            }
            (_, None) => written.push(character),
            (']', _) => {
                written.push(']');
                class = None;
            }
            ('-', Some(Before::Character)) if next != Some(']') => {
                written.push('-');
                class = Some(Before::Range);
            }
            (_, Some(before)) => {
                let is_operator = OPERATORS.contains(character) && next == Some(character);
                if is_operator || ALWAYS_ESCAPED.contains(character) {
                    written.push('\\');
                }
                written.push(character);
                class = Some(after(before));
            }
        }
    }
    written
}

/// Returns what stands before the next character of a class, after a character.
fn after(before: Before) -> Before {
    if before == Before::Range { Before::Start } else { Before::Character }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_of_a_schema_is_one_of_a_control() {
        for (schema, control) in [
            ("^[A-Za-z0-9_-]+$", r"^[A-Za-z0-9_\-]+$"),
            ("[-a][^-a][a-]", r"[\-a][^\-a][a\-]"),
            ("[a-z-9]", r"[a-z\-9]"),
            ("[()/|{}]", r"[\(\)\/\|\{\}]"),
            ("[a[b]", r"[a\[b]"),
            ("[a&&b.!]", r"[a\&&b.!]"),
            (r"[\]\-\w]-", r"[\]\-\w]-"),
            (r"[\p{L}\u{41}-\u{5A}-]", r"[\p{L}\u{41}-\u{5A}\-]"),
            (r"\#\&\-\~\.", r"#&-~\."),
            ("(a|b){2}/", "(a|b){2}/"),
            ("\\", "\\"),
        ] {
            assert_eq!(of_control(schema), control, "{schema}");
        }
    }
}
