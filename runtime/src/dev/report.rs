//! Something that is wrong, as the overlay in the browser and the terminal show it.

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

/// Where something went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    /// In a template or another file of a page.
    Template,
    /// In what the compiler was given.
    Compile,
    /// When a version of the app started, or when it ended by itself.
    Start,
    /// In the data of a page.
    Data,
    /// In an action.
    Action,
}

/// One thing that is wrong, with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    pub(crate) kind: Kind,
    pub(crate) message: String,
    /// Absolute, or below the folder that the app was started in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) file: Option<String>,
    /// Counted from one, like the column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) column: Option<usize>,
    /// The lines around it, with a mark.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) excerpt: String,
    /// Names that would have been right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) known: Vec<String>,
    /// The compiler's own text, in colour.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) rendered: String,
    /// It keeps nothing from working.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) warning: bool,
    /// The action or the page.
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

    /// Reports a diagnostic of a page, whose file lies below `root`.
    pub(crate) fn of_diagnostic(diagnostic: &Diagnostic, root: Option<&Path>) -> Self {
        Self {
            file: Some(located(&diagnostic.file, root)),
            line: diagnostic.line,
            column: diagnostic.column,
            excerpt: diagnostic.excerpt.clone(),
            known: diagnostic.known.clone(),
            ..Self::new(Kind::Template, &diagnostic.message)
        }
    }

    /// Reports a error that keeps the app from starting.
    pub(crate) fn of_start_diagnostic(start_error: &StartDiagnostic, root: Option<&Path>) -> Self {
        let (file, line, column) = place(&start_error.location);
        let file = located(file, root);
        // A diagnostic of a page has its excerpt indented below its sentence.
        let (message, excerpt) = match start_error.message.split_once("\n    ") {
            Some((message, excerpt)) => (message, excerpt.replace("\n    ", "\n")),
            None => (start_error.message.as_str(), String::new()),
        };
        let (excerpt, known) = with_known(&excerpt);
        Self { file: Some(file), line, column, excerpt, known, ..Self::new(Kind::Start, message) }
    }

    /// Reports a panic at a place in the source.
    pub(crate) fn of_panic(message: &str, file: &str, line: usize, column: usize) -> Self {
        let file = located(file, None);
        let source = std::fs::read_to_string(&file).unwrap_or_default();
        Self {
            file: Some(file),
            line: Some(line),
            column: Some(column),
            excerpt: page::excerpt(&source, line, column),
            ..Self::new(Kind::Action, format!("panicked: {message}"))
        }
    }

    /// Returns it as the terminal shows it, without colours.
    pub(crate) fn plain(&self) -> String {
        plain(&self.to_string())
    }

    /// Returns where it is: `pages/index.html:3:7`, below the folder that this process runs in.
    fn place(&self) -> Option<String> {
        let file = Path::new(self.file.as_deref()?);
        let here = std::env::current_dir().unwrap_or_default();
        let mut place = file.strip_prefix(here).unwrap_or(file).display().to_string();
        for number in self.line.iter().chain(&self.column) {
            let _ = write!(place, ":{number}");
        }
        Some(place)
    }
}

/// For the terminal.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.rendered.is_empty() {
            return f.write_str(self.rendered.trim_end());
        }
        if let Some(place) = self.place() {
            write!(f, "{place}: ")?;
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

/// Returns where a file is, if it is below the app's folder or below that of its sources; as it
/// was named otherwise.
fn located(file: &str, root: Option<&Path>) -> String {
    let roots = root.map(Path::to_owned).into_iter().chain(source_root());
    let path = roots.map(|root| root.join(file)).find(|path| path.exists());
    path.map_or_else(|| file.to_owned(), |path| path.display().to_string())
}

/// Takes `file:line:column` apart, as far as it is that.
fn place(text: &str) -> (&str, Option<usize>, Option<usize>) {
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
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\x1b[") {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, rest)| rest);
    }
    plain + rest
}

/// Splits the names that would have been right off the end of an excerpt.
fn with_known(excerpt: &str) -> (String, Vec<String>) {
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
    fn a_place_is_taken_apart() {
        assert_eq!(place("a/b.rs:3:7"), ("a/b.rs", Some(3), Some(7)));
        assert_eq!(place("a/b.rs:3"), ("a/b.rs", Some(3), None));
        assert_eq!(place("App::base(\"x\")"), ("App::base(\"x\")", None, None));
    }

    #[test]
    fn colours_are_for_terminals() {
        assert_eq!(plain("\x1b[0m\x1b[1;31merror\x1b[0m: no"), "error: no");
        assert_eq!(plain("plain"), "plain");
    }

    #[test]
    fn a_mistake_of_a_page_keeps_its_excerpt() {
        let start_error =
            StartDiagnostic::new("pages/a.html:1:2", "no such thing\n    1 | x\n      | ^");
        let report = Report::of_start_diagnostic(&start_error, None);
        assert_eq!((report.line, report.column), (Some(1), Some(2)));
        assert_eq!(
            (report.message.as_str(), report.excerpt.as_str()),
            ("no such thing", "1 | x\n  | ^")
        );
        assert_eq!(report.to_string(), "pages/a.html:1:2: no such thing\n    1 | x\n      | ^");
        let known = StartDiagnostic::new(
            start_error.location.clone(),
            format!("{}\n    known: a, b", start_error.message),
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
