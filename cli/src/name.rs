//! The name of an app: one that cargo takes for a package and its binary.

/// crates.io takes no longer ones.
const CHARS_MAX: usize = 64;

/// Words of the language, by which no crate can be called.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// Crates that the app itself uses, or that every program has.
const CRATES: &[&str] = &["alloc", "core", "kipo", "proc_macro", "std", "test", "tokio"];

/// Folders of cargo's own, beside which the binary would lie.
const FOLDERS: &[&str] = &["build", "deps", "examples", "incremental"];

/// The name of an app: ASCII letters, digits, `-` and `_`, a letter first.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Name(String);

impl Name {
    /// Reads a name, by cargo's rules for packages.
    ///
    /// # Errors
    ///
    /// What is wrong with it, as a sentence.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let Some(first) = text.chars().next() else {
            return Err("a name has at least one letter".to_owned());
        };
        if !first.is_ascii_alphabetic() {
            return Err(format!("a name starts with a letter from a to z, not with `{first}`"));
        }
        let is_fine = |c: &char| c.is_ascii_alphanumeric() || ['-', '_'].contains(c);
        if let Some(wrong) = text.chars().find(|c| !is_fine(c)) {
            return Err(format!(
                "a name has letters from a to z, digits, `-` and `_`, not `{wrong}`"
            ));
        }
        if text.len() > CHARS_MAX {
            return Err(format!("a name has at most {CHARS_MAX} characters"));
        }
        // A crate has its package's name with `_` for `-`.
        let name = text.replace('-', "_");
        let has = |names: &[&str]| names.contains(&name.as_str());
        if has(KEYWORDS) {
            return Err(format!("`{text}` is a word of Rust itself"));
        }
        if has(CRATES) {
            return Err(format!("`{text}` is a crate that the app uses"));
        }
        if has(FOLDERS) {
            return Err(format!("`{text}` is a folder of cargo's own below `target`"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Returns it as it was given.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns it as the headline of a page: `guest-book` is "Guest book".
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
    fn names_that_cargo_takes_are_taken() {
        for name in ["a", "guestbook", "guest-book", "guest_book_2", "App", "x-", &"a".repeat(64)] {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn a_wrong_name_is_told_why() {
        let cases = [
            ("", "at least one letter"),
            ("9lives", "starts with a letter from a to z, not with `9`"),
            ("-x", "not with `-`"),
            ("_x", "not with `_`"),
            ("über", "not with `ü`"),
            ("guest book", "`-` and `_`, not ` `"),
            ("a.b", "not `.`"),
            (&"a".repeat(65), "at most 64"),
            ("match", "a word of Rust"),
            ("proc-macro", "a crate that"),
            ("kipo", "a crate that"),
            ("build", "a folder of cargo's"),
        ];
        for (name, why) in cases {
            let told = Name::parse(name).unwrap_err();
            assert!(told.contains(why), "{name:?}: {told}");
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
