//! The browser client: a table of embedded files under one content hash.
//!
//! The server sends files without comments, indentation and types: this saves a third of the bytes.
//! Each line keeps its number, so that a debugger shows the lines of the repository.

use std::sync::LazyLock;

use sha2::{Digest, Sha256};

/// The generic half of the generated types; the other half is written from the actions.
pub(crate) const TYPES: &str = include_str!("../../client/types.d.ts");

/// One module of the client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Module {
    pub(crate) name: &'static str,
    pub(crate) text: &'static str,
}

macro_rules! modules {
    ($($name:literal),* $(,)?) => {
        &[$(Module { name: $name, text: include_str!(concat!("../../client/", $name)) }),*]
    };
}

/// The modules that every page loads, the entry first.
pub(crate) const MODULES: &[Module] = modules![
    "main.js",
    "call/action.js",
    "call/call.js",
    "call/loading.js",
    "call/request.js",
    "error.js",
    "platform.js",
    "stream/connection.js",
    "stream/cursor.js",
    "stream/sse.js",
    "stream/stream.js",
];

/// The modules that a page loads when it first needs them.
pub(crate) const LATER: &[Module] = modules![
    "call/batch.js",
    "call/form_data.js",
    "call/query.js",
    "call/upload.js",
    "effect/effects.js",
    "effect/elements.js",
    "effect/toast.js",
    "form/attributes.js",
    "form/errors.js",
    "form/fields.js",
    "form/forms.js",
    "page/document.js",
    "page/history.js",
    "page/match_nodes.js",
    "page/morph.js",
    "page/navigate.js",
    "page/reload_part.js",
    "page/scripts.js",
    "page/selector.js",
    "page/traversal.js",
    "page/user_state.js",
    "stream/share.js",
    "upload/remembered.js",
    "upload/resumable.js",
    "upload/transfer.js",
];

/// The modules that browsers load in development.
#[cfg(all(feature = "dev", debug_assertions))]
pub(crate) const DEV: &[Module] = modules![
    "dev/reload.js",
    "dev/ansi.js",
    "dev/overlay.js",
    "dev/panel.js",
    "dev/panel/activity.js",
    "dev/panel/dom.js",
    "dev/panel/form.js",
    "dev/panel/observe.js",
    "dev/panel/resize.js",
    "dev/panel/runner.js",
    "dev/panel/schema.js",
    "dev/panel/storage.js",
    "dev/panel/style.js",
    "dev/panel/tabs/actions.js",
    "dev/panel/tabs/activity.js",
    "dev/panel/tabs/build.js",
    "dev/panel/tabs/client.js",
    "dev/panel/tabs/forms.js",
    "dev/panel/tabs/pages.js",
    "dev/panel/tabs/topics.js",
    "dev/panel/view.js",
    "dev/saved_state.js",
    "dev/swap_assets.js",
    "dev/update_page.js",
];

/// The modules that browsers load in development; a release contains none.
#[cfg(not(all(feature = "dev", debug_assertions)))]
pub(crate) const DEV: &[Module] = &[];

/// Returns every module that the server serves.
pub(crate) fn modules() -> impl Iterator<Item = &'static Module> {
    MODULES.iter().chain(LATER).chain(DEV)
}

impl Module {
    /// Returns the text that the server sends.
    pub(crate) fn served(&self) -> String {
        let mut served = String::with_capacity(self.text.len());
        for line in self.text.lines() {
            if !is_comment(line) {
                push_code(&mut served, line.trim_start());
            }
            served.push('\n');
        }
        served
    }
}

/// Writes a line of code without the types within it, `/** … */`. No string of the client contains
/// such a comment; the tests of the client load the files in this form.
fn push_code(served: &mut String, mut line: &str) {
    while let Some((code, rest)) = line.split_once("/**") {
        let Some((_, rest)) = rest.split_once("*/") else { break };
        served.push_str(code);
        line = rest.strip_prefix(' ').unwrap_or(rest);
    }
    served.push_str(line);
}

/// Returns whether a line holds only a comment. No line of code begins with a star, not even in a
/// template string; the tests of the client load the files in this form.
fn is_comment(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '\t']);
    line.starts_with("//") || line.starts_with("/*") || line.starts_with('*')
}

/// Returns the hash of all files: 16 hex digits, which change with any file.
///
/// The modules import each other by relative paths, so they share one hash in their paths instead of
/// having one in each name.
pub(crate) fn hash() -> &'static str {
    static HASH: LazyLock<String> = LazyLock::new(|| {
        let mut hash = Sha256::new();
        for module in MODULES.iter().chain(LATER).chain(DEV) {
            hash.update(module.name);
            hash.update([0]);
            hash.update(module.served());
            hash.update([0]);
        }
        hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    });
    &HASH
}

/// Returns whether a text has the form of such a hash.
pub(crate) fn is_hash(text: &str) -> bool {
    text.len() == hash().len() && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_are_removed_and_lines_keep_their_numbers() {
        for module in MODULES {
            let served = module.served();
            assert_eq!(served.lines().count(), module.text.lines().count(), "{}", module.name);
            assert!(served.len() < module.text.len(), "{}", module.name);
        }
        for (text, served) in [
            ("// a\n/** b\n * c */\n  const d = 1; // e\n", "\n\n\nconst d = 1; // e\n"),
            ("  f(/** @type {A} */ (a), /** b */c) / d;\n", "f((a), c) / d;\n"),
            ("let a = 2 /** b", "let a = 2 /** b\n"),
        ] {
            assert_eq!(Module { name: "a.js", text }.served(), served);
        }
    }

    #[test]
    fn every_module_that_another_imports_is_in_the_table() {
        let all = || MODULES.iter().chain(LATER).chain(DEV);
        for module in all() {
            let imports = |line: &&str| {
                [" from \"", "import(\""].iter().any(|word| line.contains(word))
                    && line.contains("\"./") | line.contains("\"../")
                    && !is_comment(line)
            };
            for import in module.text.lines().filter(imports) {
                let name = resolve(module.name, import.split('"').nth(1).unwrap());
                assert!(all().any(|module| module.name == name), "{}: {import}", module.name);
            }
        }
    }

    /// Returns the name of the module that `importer` imports by a relative path.
    fn resolve(importer: &str, path: &str) -> String {
        let mut parts: Vec<_> = importer.split('/').collect();
        parts.pop();
        for part in path.split('/') {
            match part {
                "." => {}
                ".." => drop(parts.pop()),
                part => parts.push(part),
            }
        }
        parts.join("/")
    }
}
