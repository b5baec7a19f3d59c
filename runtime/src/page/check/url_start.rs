//! Whether a value may still begin an address, read from left to right.

use crate::page::check::expression::Expression;

/// What a script's address begins with.
const SCRIPT: &str = "javascript:";

/// How an attribute's value may have begun so far.
#[derive(Debug)]
pub(crate) struct Start {
    /// Whether there may be nothing yet, or no more than a script's address begins with.
    open: bool,
    /// For each `if` and `for` around, from without.
    branches: Vec<Branch>,
}

#[derive(Debug)]
struct Branch {
    /// Whether it was open before the first branch.
    before: bool,
    /// Whether it is open after any of the branches so far.
    after: bool,
    /// Whether one of the branches is always taken.
    is_complete: bool,
}

impl Default for Start {
    fn default() -> Self {
        Self { open: true, branches: Vec::new() }
    }
}

impl Start {
    /// Goes on over text, and returns the scheme that it begins with, in lower case.
    pub(crate) fn text(&mut self, text: &str) -> Option<String> {
        let text = text.trim_start_matches(|c: char| c <= ' ').to_ascii_lowercase();
        if !self.open {
            return None;
        }
        // With the colon it is one, and that is told already.
        self.open = SCRIPT.starts_with(text.as_str()) && text != SCRIPT;
        scheme(&text).map(str::to_owned)
    }

    /// Goes on over an expression, and returns whether that may have begun the address.
    pub(crate) fn expression(&mut self) -> bool {
        std::mem::replace(&mut self.open, false)
    }

    /// Goes on over a statement.
    pub(crate) fn statement(&mut self, statement: &Expression<'_>) {
        match statement.keyword() {
            Some("if" | "for") => {
                self.branches.push(Branch { before: self.open, after: false, is_complete: false });
            }
            Some(keyword @ ("elif" | "else")) => {
                if let Some(branch) = self.branches.last_mut() {
                    branch.after |= self.open;
                    branch.is_complete |= keyword == "else";
                    self.open = branch.before;
                }
            }
            Some("endif" | "endfor") => {
                if let Some(branch) = self.branches.pop() {
                    self.open |= branch.after || (branch.before && !branch.is_complete);
                }
            }
            _ => {}
        }
    }
}

/// Returns what stands before the colon, if that is a scheme.
pub(crate) fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let right = scheme.starts_with(|c: char| c.is_ascii_alphabetic()) && scheme.chars().all(word);
    right.then_some(scheme)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::check::scan::{Piece, pieces};

    /// Returns whether each of the expressions may begin the address.
    fn begins(value: &str) -> Vec<bool> {
        let mut start = Start::default();
        let mut begins = Vec::new();
        for (at, piece) in pieces(value, 0) {
            match piece {
                Piece::Text(text) => _ = start.text(text),
                Piece::Expression(_) => begins.push(start.expression()),
                Piece::Statement(written) => start.statement(&Expression::of(written, at)),
                Piece::Comment(_) => {}
            }
        }
        begins
    }

    #[test]
    fn every_way_through_is_looked_at() {
        for (value, expected) in [
            ("{{ a }}{{ b }}", [true, false].as_slice()),
            (" {{ a }}", &[true]),
            ("/{{ a }}", &[false]),
            ("jAva{{ a }}", &[true]),
            ("javas{% if x %}/{% endif %}{{ a }}", &[true]),
            (
                "{% if x %}{{ a }}{% elif y %}{{ b }}{% else %}{{ c }}{% endif %}{{ d }}",
                &[true, true, true, false],
            ),
            ("{% if x %}{{ a }}{% elif y %}/{% endif %}{{ b }}", &[true, true]),
            ("{% for x in y %}{{ x }}{% endfor %}{{ a }}", &[true, true]),
            ("{% if x %}{% if y %}/{% else %}?{% endif %}{% else %}#{% endif %}{{ a }}", &[false]),
            ("{% else %}{% endif %}{{ a }}", &[true]),
        ] {
            assert_eq!(begins(value), expected, "{value}");
        }
    }
}
