//! What is wrong with a page: a file, a place in it, and a sentence.

use std::fmt::{self, Write as _};

use serde::Serialize;
use tera::ErrorKind;

use crate::{
    error::StartDiagnostic,
    files::Folder,
    page::check::{known_names, sources::Sources},
};

/// Something wrong with a page, at its place, for the one who writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Diagnostic {
    /// `pages/blog/[slug].html`, or a source file.
    pub(crate) file: String,
    /// Counted from one, like the column; nothing where it is about the file as a whole.
    pub(crate) line: Option<usize>,
    pub(crate) column: Option<usize>,
    pub(crate) message: String,
    /// The lines around it, numbered, with a mark below the column; may be empty.
    pub(crate) excerpt: String,
    /// The names that would have been right, if it is about a name.
    pub(crate) known: Vec<String>,
}

/// Lines shown before and after the one that is wrong.
const LINES_AROUND: usize = 2;

impl Diagnostic {
    /// Returns a diagnostic of a file as a whole.
    pub(crate) fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        let (file, message) = (file.into(), message.into());
        let (excerpt, known) = (String::new(), Vec::new());
        Self { file, line: None, column: None, message, excerpt, known }
    }

    /// Returns a diagnostic of one template of a set, at a line and a column counted from one.
    fn at(sources: &Sources, name: &str, line: usize, column: usize, message: &str) -> Self {
        let excerpt = sources.get(name).map(|source| excerpt(source, line, column));
        Self {
            line: Some(line),
            column: Some(column),
            excerpt: excerpt.unwrap_or_default(),
            ..Self::of_file(file(name), sentence(message))
        }
    }

    /// Returns a diagnostic at a byte of a template.
    pub(crate) fn at_byte(sources: &Sources, name: &str, at: usize, message: &str) -> Self {
        let source = sources.get(name).map_or("", String::as_str);
        Self::in_text(file(name), source, at, &sentence(message))
    }

    /// Returns a diagnostic at a byte of a file's text.
    pub(crate) fn in_text(file: String, text: &str, at: usize, message: &str) -> Self {
        let before = text.get(..at).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count() + 1;
        let column = before[line_start..].chars().count() + 1;
        Self {
            line: Some(line),
            column: Some(column),
            excerpt: excerpt(text, line, column),
            ..Self::of_file(file, message)
        }
    }

    /// Returns the diagnostic where a template names `what` first, or of the file if it does not.
    fn where_named(sources: &Sources, name: &str, what: &str, message: &str) -> Self {
        match sources.get(name).and_then(|source| source.find(what)) {
            Some(at) => Self::at_byte(sources, name, at, message),
            None => Self::of_file(file(name), sentence(message)),
        }
    }

    /// Returns the diagnostics that one error of the template engine tells of.
    pub(crate) fn of_error(sources: &Sources, error: &tera::Error) -> Vec<Self> {
        let mut diagnostics = Self::as_told(sources, error);
        for diagnostic in &mut diagnostics {
            (diagnostic.message, diagnostic.known) =
                known_names::names(sources, &diagnostic.message);
        }
        diagnostics
    }

    fn as_told(sources: &Sources, error: &tera::Error) -> Vec<Self> {
        match error.kind() {
            ErrorKind::SyntaxError(report) | ErrorKind::RenderingError(report) => {
                let span = report.span();
                let (line, column) = (span.start_line, span.start_col + 1);
                vec![Self::at(sources, report.filename(), line, column, report.message())]
            }
            ErrorKind::MissingParent { current, parent } => {
                let message = format!("there is no template `{parent}` to extend");
                vec![Self::where_named(sources, current, parent, &message)]
            }
            ErrorKind::CircularExtend { tpl, inheritance_chain: chain }
            | ErrorKind::CircularInclude { tpl, include_chain: chain } => {
                let message = format!("the templates go round in a circle: {}", chain.join(" → "));
                let next = chain.iter().rev().find(|name| *name != tpl).unwrap_or(tpl);
                vec![Self::where_named(sources, tpl, next, &message)]
            }
            kind => of_reports(sources, &kind.to_string()),
        }
    }

    /// Returns the same as a error that keeps the app from starting.
    pub(crate) fn to_start_diagnostic(&self) -> StartDiagnostic {
        let mut message = self.message.clone();
        for line in self.excerpt.lines() {
            let _ = write!(message, "\n    {line}");
        }
        if !self.known.is_empty() {
            let _ = write!(message, "\n    known: {}", self.known.join(", "));
        }
        StartDiagnostic::new(self.place(), message)
    }

    /// Returns where it is: `pages/index.html:3:7`.
    pub(crate) fn place(&self) -> String {
        let mut place = self.file.clone();
        for number in self.line.iter().chain(&self.column) {
            let _ = write!(place, ":{number}");
        }
        place
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place(), self.message)
    }
}

/// Reads the engine's own reports: it joins those about names that are not known into one text.
fn of_reports(sources: &Sources, text: &str) -> Vec<Diagnostic> {
    let report = |report: &str| {
        let (message, rest) = report.split_once("\n")?;
        let place = rest.trim_start().strip_prefix("--> ")?.lines().next()?;
        let mut parts = place.rsplitn(3, ':');
        let column = parts.next()?.parse().ok()?;
        let line = parts.next()?.parse().ok()?;
        Some(Diagnostic::at(sources, parts.next()?, line, column, message))
    };
    let reports =
        text.strip_prefix("error: ").into_iter().flat_map(|text| text.split("\n\nerror: "));
    let diagnostics: Option<Vec<_>> = reports.map(report).collect();
    match diagnostics {
        Some(diagnostics) if !diagnostics.is_empty() => diagnostics,
        _ => vec![Diagnostic::of_file(Folder::Pages.as_str(), sentence(text))],
    }
}

fn file(template: &str) -> String {
    format!("{}/{template}", Folder::Pages)
}

/// Returns a message the way ours are written: lower case at the start, no full stop at the end.
fn sentence(message: &str) -> String {
    let message = message.trim_end_matches('.');
    let mut chars = message.chars();
    chars.next().map_or_else(String::new, |first| first.to_lowercase().chain(chars).collect())
}

pub(crate) fn excerpt(source: &str, line: usize, column: usize) -> String {
    let first = line.saturating_sub(LINES_AROUND).max(1);
    let width = (line + LINES_AROUND).to_string().len();
    let mut text = String::new();
    for (index, content) in source.lines().enumerate().skip(first - 1) {
        let number = index + 1;
        if number > line + LINES_AROUND {
            break;
        }
        let _ = writeln!(text, "{number:>width$} | {content}");
        if number == line {
            let blank = |c| if c == '\t' { '\t' } else { ' ' };
            let before: String = content.chars().take(column - 1).map(blank).collect();
            let _ = writeln!(text, "{:>width$} | {before}^", "");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_marks_the_column() {
        let source = "one\ntwo\n\té {{ x }}\nfour\nfive\nsix";
        assert_eq!(
            excerpt(source, 3, 4),
            "1 | one\n2 | two\n3 | \té {{ x }}\n  | \t  ^\n4 | four\n5 | five\n"
        );
        assert_eq!(excerpt("", 1, 1), "");
        assert_eq!(excerpt("a", 9, 9), "");
    }

    #[test]
    fn a_mistake_names_the_place_and_shows_it() {
        let sources = Sources::from([("a.html".to_owned(), "x\n{{ y }}".to_owned())]);
        let diagnostic = Diagnostic::at_byte(&sources, "a.html", 5, "No such thing.");
        let start_error = diagnostic.to_start_diagnostic();
        assert_eq!(start_error.location, "pages/a.html:2:4");
        assert_eq!(start_error.message, "no such thing\n    1 | x\n    2 | {{ y }}\n      |    ^");
    }
}
