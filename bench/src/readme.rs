//! The tables in `bench/README.md`, each between two comments that mark its place.

use std::fs;
use std::io;
use std::path::Path;

/// Which of the tables.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part {
    Speed,
    Building,
    Edits,
    Engines,
    Rivals,
    Log,
    Nodes,
}

impl Part {
    fn marks(self) -> (&'static str, &'static str) {
        match self {
            Self::Speed => ("<!-- speed: as printed -->", "<!-- end of speed -->"),
            Self::Building => ("<!-- building: as printed -->", "<!-- end of building -->"),
            Self::Edits => ("<!-- edits: as printed -->", "<!-- end of edits -->"),
            Self::Engines => ("<!-- engines: as printed -->", "<!-- end of engines -->"),
            Self::Rivals => ("<!-- rivals: as printed -->", "<!-- end of rivals -->"),
            Self::Log => ("<!-- log: as printed -->", "<!-- end of log -->"),
            Self::Nodes => ("<!-- nodes: as printed -->", "<!-- end of nodes -->"),
        }
    }
}

/// Replaces one table by `text`.
///
/// # Errors
///
/// Fails where the README cannot be read or written, or has lost its marks.
pub(crate) fn write(part: Part, text: &str) -> io::Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md");
    let readme = fs::read_to_string(&path)?;
    let replaced = replace(&readme, part.marks(), text);
    fs::write(&path, replaced.ok_or_else(|| io::Error::other("bench/README.md has no marks"))?)
}

fn replace(readme: &str, (start, end): (&str, &str), text: &str) -> Option<String> {
    let (before, rest) = readme.split_once(start)?;
    let (_, after) = rest.split_once(end)?;
    Some(format!("{before}{start}\n\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_stands_between_the_marks_changes() {
        let once = replace("a [ old ] b", ("[", "]"), "new\n");
        assert_eq!(once.as_deref(), Some("a [\n\nnew\n\n] b"));
        let twice = once.as_deref().and_then(|readme| replace(readme, ("[", "]"), "new"));
        assert_eq!(twice, once);
        assert_eq!(replace("no marks", ("[", "]"), "new"), None);
    }

    #[test]
    fn the_readme_has_its_marks() {
        let readme = include_str!("../README.md");
        for part in
            [Part::Speed, Part::Building, Part::Engines, Part::Rivals, Part::Log, Part::Nodes]
        {
            assert!(replace(readme, part.marks(), "").is_some(), "{part:?}");
        }
    }
}
