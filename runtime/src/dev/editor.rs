//! Which editor opens a place in a file, as a URL that browsers hand on to it.

use std::env;

/// The environment variable that says it: a URL with `{file}`, `{line}` and `{column}`.
const EDITOR_URL: &str = "KIPO_EDITOR_URL";

/// Returns the URL of a place, with `{file}`, `{line}` and `{column}` where those go.
///
/// Without a word on it, it is that of the editor in whose terminal the app runs, or which is
/// set as the one to use, or of VS Code.
pub(crate) fn url() -> String {
    let get = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
    get(EDITOR_URL).unwrap_or_else(|| {
        let hints = ["TERM_PROGRAM", "TERMINAL_EMULATOR", "VISUAL", "EDITOR"];
        let hint: Vec<String> = hints.iter().filter_map(|name| get(name)).collect();
        of_hints(&hint.join(" ")).to_owned()
    })
}

fn of_hints(hints: &str) -> &'static str {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_editor_is_the_one_at_hand() {
        assert!(of_hints("").starts_with("vscode://file{file}"));
        assert!(of_hints("vscode code --wait").starts_with("vscode:"));
        assert!(of_hints("Zed vim").starts_with("zed:"));
        assert!(of_hints("JetBrains-JediTerm").starts_with("idea:"));
    }
}
