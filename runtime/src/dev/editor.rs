//! The URL by which a browser opens a location of a file in the developer's editor.

use std::env;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_the_editor() {
        assert!(url_of("").starts_with("vscode://file{file}"));
        assert!(url_of("vscode code --wait").starts_with("vscode:"));
        assert!(url_of("Zed vim").starts_with("zed:"));
        assert!(url_of("JetBrains-JediTerm").starts_with("idea:"));
    }
}
