//! Locations in source files, and the URL by which a browser opens one in the developer's editor.

use std::{
    env,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

/// The environment variable that sets the URL, with `{file}`, `{line}` and `{column}` in it.
const EDITOR_URL: &str = "KIPO_EDITOR_URL";

/// Returns the URL of a location, with `{file}`, `{line}` and `{column}` as placeholders.
///
/// Unless the environment sets it, the URL is that of the editor in whose terminal the app runs, or
/// that `VISUAL` or `EDITOR` names, or else of VS Code.
pub(crate) fn url() -> String {
    let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    get(EDITOR_URL).unwrap_or_else(|| {
        let hints = ["TERM_PROGRAM", "TERMINAL_EMULATOR", "VISUAL", "EDITOR"];
        let hint: Vec<String> = hints.iter().filter_map(|name| get(name)).collect();
        url_of(&hint.join(" ")).to_owned()
    })
}

fn url_of(hints: &str) -> &'static str {
    const URLS: [(&str, &str); 7] = [
        ("zed", "zed://file{file}:{line}:{column}"),
        ("cursor", "cursor://file{file}:{line}:{column}"),
        ("windsurf", "windsurf://file{file}:{line}:{column}"),
        ("jetbrains", "idea://open?file={file}&line={line}&column={column}"),
        ("rustrover", "idea://open?file={file}&line={line}&column={column}"),
        ("subl", "subl://open?url=file://{file}&line={line}&column={column}"),
        ("emacs", "org-protocol://open-source?url=file://{file}&line={line}&column={column}"),
    ];
    let hints = hints.to_ascii_lowercase();
    let known = URLS.iter().find(|(name, _)| hints.contains(name));
    known.map_or("vscode://file{file}:{line}:{column}", |(_, url)| url)
}

/// Describes a location: `file` is the path to show, relative to `root` if it lies below, and
/// `opens` the absolute path for an editor, if it is known.
pub(super) fn location(root: Option<&Path>, file: &str, line: u32) -> Value {
    let whole = root.map_or_else(|| PathBuf::from(file), |root| root.join(file));
    let shown = root.and_then(|root| whole.strip_prefix(root).ok()).unwrap_or(&whole);
    let opens = whole.is_absolute().then_some(&whole);
    json!({ "file": shown, "line": line, "opens": opens })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_shown_relative_and_opened_absolute() {
        let root = Some(Path::new("/app"));
        for (root, file, shown, opens) in [
            (root, "src/a.rs", "src/a.rs", Some("/app/src/a.rs")),
            (root, "/app/src/a.rs", "src/a.rs", Some("/app/src/a.rs")),
            (root, "/other/a.rs", "/other/a.rs", Some("/other/a.rs")),
            (None, "src/a.rs", "src/a.rs", None),
        ] {
            let expected = json!({ "file": shown, "line": 7, "opens": opens });
            assert_eq!(location(root, file, 7), expected, "{file}");
        }
    }

    #[test]
    fn the_environment_names_the_editor() {
        assert!(url_of("").starts_with("vscode://file{file}"));
        assert!(url_of("vscode code --wait").starts_with("vscode:"));
        assert!(url_of("Zed vim").starts_with("zed:"));
        assert!(url_of("JetBrains-JediTerm").starts_with("idea:"));
    }
}
