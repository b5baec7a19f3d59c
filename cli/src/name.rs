//! The name of an app, which cargo accepts as the name of a package and of its binary.

/// The longest name that crates.io accepts.
const CHARS_MAX: usize = 64;

/// Keywords of Rust, which cannot be the name of a crate.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Crates that the app uses, or that every program has.
const CRATES: &[&str] =
    &["alloc", "core", "kipo", "password_auth", "proc_macro", "rusqlite", "std", "test", "tokio"];

/// Folders that cargo makes where it also puts the binary.
const FOLDERS: &[&str] = &["build", "deps", "examples", "incremental"];

/// The name of an app: ASCII letters, digits, `-` and `_`, a letter first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name(String);

impl Name {
    /// Parses a name by cargo's rules for packages.
    ///
    /// # Errors
    ///
    /// The rule that the name breaks, as a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(first) = text.chars().next() else {
            return Err("a name has at least one letter".to_owned());
        };
        if !first.is_ascii_alphabetic() {
            return Err(format!("a name starts with a letter from a to z, not with `{first}`"));
        }
        let is_allowed = |c: &char| c.is_ascii_alphanumeric() || ['-', '_'].contains(c);
        if let Some(wrong) = text.chars().find(|c| !is_allowed(c)) {
            return Err(format!(
                "a name has letters from a to z, digits, `-` and `_`, not `{wrong}`"
            ));
        }
        if text.len() > CHARS_MAX {
            return Err(format!("a name has at most {CHARS_MAX} characters"));
        }
        // The name of a crate is the name of its package with `_` for `-`.
        let name = text.replace('-', "_");
        let has = |names: &[&str]| names.contains(&name.as_str());
        if has(KEYWORDS) {
            return Err(format!("`{text}` is a keyword of Rust"));
        }
        if has(CRATES) {
            return Err(format!("`{text}` is a crate that the app uses"));
        }
        if has(FOLDERS) {
            return Err(format!("`{text}` is a folder that cargo makes below `target`"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns the name as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name as a title: `guest-book` is "Guest book".
    pub(crate) fn title(&self) -> String {
        let words: Vec<_> = self.0.split(['-', '_']).filter(|word| !word.is_empty()).collect();
        let mut title = words.join(" ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        title
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_accepts_are_accepted() {
        for name in ["a", "guestbook", "guest-book", "guest_book_2", "App", "x-", &"a".repeat(64)] {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_refused_name_comes_with_the_reason() {
        let cases = [
            ("", "at least one letter"),
            ("9lives", "starts with a letter from a to z, not with `9`"),
            ("-x", "not with `-`"),
            ("_x", "not with `_`"),
            ("über", "not with `ü`"),
            ("guest book", "`-` and `_`, not ` `"),
            ("a.b", "not `.`"),
            (&"a".repeat(65), "at most 64"),
            ("match", "a keyword of Rust"),
            ("proc-macro", "a crate that"),
            ("kipo", "a crate that"),
            ("build", "a folder that cargo makes"),
        ];
        for (name, why) in cases {
            let error = Name::parse(name).unwrap_err();
            assert!(error.contains(why), "{name:?}: {error}");
        }
    }

    #[test]
    fn a_title_is_words() {
        let cases = [("guest-book", "Guest book"), ("a", "A"), ("my__app-", "My app")];
        for (name, title) in cases {
            assert_eq!(Name::parse(name).unwrap().title(), title);
        }
    }
}
