//! An error or a warning, as the overlay in the browser and the terminal show it.

use std::{
    fmt::{self, Write as _},
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{
    dev::environment::source_root,
    error::StartDiagnostic,
    page::{self, Diagnostic},
};

/// What an error is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// A template or another file of a page.
    Template,
    /// The sources: cargo or the compiler reports it.
    Compile,
    /// A version of the app that does not start, or that exits by itself.
    Start,
    /// The data of a page.
    Data,
    /// An action.
    Action,
}

/// One error or warning, with its location.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    /// Absolute, or relative to the folder that the app was started in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Counted from one, like the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// The lines around the location, with a mark below the column.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) excerpt: String,
    /// The known names, if the error is about an unknown one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) known: Vec<String>,
    /// The compiler's own text, with its colours.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) rendered: String,
    /// Whether the app works in spite of it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) warning: bool,
    /// The name of the action or of the page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) request_id: Option<String>,
}

impl Report {
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            file: None,
            line: None,
            column: None,
            excerpt: String::new(),
            known: Vec::new(),
            rendered: String::new(),
            warning: false,
            name: None,
            request_id: None,
        }
    }

    /// Returns the report of a page's diagnostic; its file is relative to `root`.
    pub(crate) fn of_diagnostic(diagnostic: &Diagnostic, root: Option<&Path>) -> Self {
        Self {
            file: Some(resolve(&diagnostic.file, root)),
            line: diagnostic.line,
            column: diagnostic.column,
            excerpt: diagnostic.excerpt.clone(),
            known: diagnostic.known.clone(),
            ..Self::new(Kind::Template, &diagnostic.message)
        }
    }

    /// Returns the report of an error that prevents the start of the app.
    pub(crate) fn of_start_diagnostic(diagnostic: &StartDiagnostic, root: Option<&Path>) -> Self {
        let (file, line, column) = split_location(&diagnostic.location);
        let file = resolve(file, root);
        // A diagnostic of a page has its excerpt below its sentence, indented.
        let (message, excerpt) = match diagnostic.message.split_once("\n    ") {
            Some((message, excerpt)) => (message, excerpt.replace("\n    ", "\n")),
            None => (diagnostic.message.as_str(), String::new()),
        };
        let (excerpt, known) = split_known(&excerpt);
        Self { file: Some(file), line, column, excerpt, known, ..Self::new(Kind::Start, message) }
    }

    /// Returns the report of a panic, with an excerpt of the source.
    pub(crate) fn of_panic(message: &str, file: &str, line: usize, column: usize) -> Self {
        let file = resolve(file, None);
        let source = std::fs::read_to_string(&file).unwrap_or_default();
        Self {
            file: Some(file),
            line: Some(line),
            column: Some(column),
            excerpt: page::excerpt(&source, line, column),
            ..Self::new(Kind::Action, format!("panicked: {message}"))
        }
    }

    /// Returns the text for a terminal, without colours.
    pub(crate) fn plain(&self) -> String {
        without_colours(&self.to_string())
    }

    /// Returns the location, relative to the current folder: `pages/index.html:3:7`.
    fn location(&self) -> Option<String> {
        let file = Path::new(self.file.as_deref()?);
        let here = std::env::current_dir().unwrap_or_default();
        let mut location = file.strip_prefix(here).unwrap_or(file).display().to_string();
        for number in self.line.iter().chain(&self.column) {
            let _ = write!(location, ":{number}");
        }
        Some(location)
    }
}

/// The text for a terminal.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rendered.is_empty() {
            return f.write_str(self.rendered.trim_end());
        }
        if let Some(location) = self.location() {
            write!(f, "{location}: ")?;
        }
        f.write_str(&self.message)?;
        for line in self.excerpt.lines() {
            write!(f, "\n    {line}")?;
        }
        if !self.known.is_empty() {
            write!(f, "\n    known: {}", self.known.join(", "))?;
        }
        Ok(())
    }
}

/// Returns the path of a file that exists below the app's folder or below the folder of the
/// sources; any other path as it is.
fn resolve(file: &str, root: Option<&Path>) -> String {
    let roots = root.map(Path::to_owned).into_iter().chain(source_root());
    let path = roots.map(|root| root.join(file)).find(|path| path.exists());
    path.map_or_else(|| file.to_owned(), |path| path.display().to_string())
}

/// Splits `file:line:column`; the line and the column may be absent.
fn split_location(text: &str) -> (&str, Option<usize>, Option<usize>) {
    let number = |text: &str| text.parse::<usize>().ok();
    let Some((rest, last)) = text.rsplit_once(':').and_then(|(rest, n)| Some((rest, number(n)?)))
    else {
        return (text, None, None);
    };
    match rest.rsplit_once(':').and_then(|(file, n)| Some((file, number(n)?))) {
        Some((file, line)) => (file, Some(line), Some(last)),
        None => (rest, Some(last), None),
    }
}

/// Returns a text without its colours.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

/// Splits the list of known names off the end of an excerpt.
fn split_known(excerpt: &str) -> (String, Vec<String>) {
    let at_start = |(before, _): &(&str, &str)| before.is_empty() || before.ends_with('\n');
    match excerpt.rsplit_once("known: ").filter(at_start) {
        Some((before, names)) => {
            (before.trim_end().to_owned(), names.split(", ").map(str::to_owned).collect())
        }
        None => (excerpt.to_owned(), Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_has_a_file_a_line_and_a_column() {
        assert_eq!(split_location("a/b.rs:3:7"), ("a/b.rs", Some(3), Some(7)));
        assert_eq!(split_location("a/b.rs:3"), ("a/b.rs", Some(3), None));
        assert_eq!(split_location("App::base(\"x\")"), ("App::base(\"x\")", None, None));
    }

    #[test]
    fn colours_are_removed() {
        assert_eq!(without_colours("\x1b[0m\x1b[1;31merror\x1b[0m: no"), "error: no");
        assert_eq!(without_colours("plain"), "plain");
    }

    #[test]
    fn a_start_diagnostic_of_a_page_has_its_excerpt() {
        let diagnostic =
            StartDiagnostic::new("pages/a.html:1:2", "no such thing\n    1 | x\n      | ^");
        let report = Report::of_start_diagnostic(&diagnostic, None);
        assert_eq!((report.line, report.column), (Some(1), Some(2)));
        assert_eq!(
            (report.message.as_str(), report.excerpt.as_str()),
            ("no such thing", "1 | x\n  | ^")
        );
        assert_eq!(report.to_string(), "pages/a.html:1:2: no such thing\n    1 | x\n      | ^");
        let known = StartDiagnostic::new(
            diagnostic.location.clone(),
            format!("{}\n    known: a, b", diagnostic.message),
        );
        let known = Report::of_start_diagnostic(&known, None);
        assert_eq!(
            (known.excerpt.as_str(), known.known.as_slice()),
            ("1 | x\n  | ^", ["a".to_owned(), "b".to_owned()].as_slice())
        );
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["kind"], "start");
        assert!(json.get("known").is_none() && json.get("warning").is_none());
        assert_eq!(serde_json::from_value::<Report>(json).unwrap(), report);
    }
}
