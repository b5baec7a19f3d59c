//! The name of each definition. The [parent module](super) describes the rules.

use std::collections::BTreeSet;

/// Who uses a definition, and how.
#[derive(Debug, Default)]
pub(super) struct Use {
    /// The name that schemars gives the type.
    pub(super) name: String,
    /// Never empty.
    pub(super) actions: BTreeSet<usize>,
    pub(super) is_read: bool,
    pub(super) is_written: bool,
    /// The action whose own input it is.
    pub(super) input_of: Option<usize>,
}

impl Use {
    /// Returns whether both are read, or both are written.
    fn shares_a_side_with(&self, other: &Self) -> bool {
        self.is_read && other.is_read || self.is_written && other.is_written
    }
}

/// The name of an action as identifiers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActionName {
    pub(super) namespace: Vec<String>,
    pub(super) name: String,
}

impl ActionName {
    /// Splits `admin.users.Purge`.
    pub(super) fn of(action: &str) -> Self {
        let mut namespace: Vec<String> = action.split('.').map(identifier).collect();
        let last = namespace.pop().unwrap_or_default();
        Self { namespace, name: if is_one_of(TYPES, &last) { last + "_" } else { last } }
    }
}

/// Returns the namespace and name of each definition.
pub(super) fn assign(uses: &[Use], actions: &[ActionName]) -> Vec<(Vec<String>, String)> {
    let mut naming = Naming { scopes: uses.iter().map(|used| Scope::of(used, actions)).collect() };
    let order = |index: &usize| {
        let used = &uses[*index];
        (!used.is_written, used.input_of.is_none(), &used.name, &used.actions, *index)
    };
    let mut indexes: Vec<usize> = (0..uses.len()).collect();
    indexes.sort_by(|a, b| order(a).cmp(&order(b)));
    for index in indexes {
        let candidates = naming.candidates(index, uses, actions);
        naming.take_first_free(index, candidates);
    }
    naming.scopes.into_iter().map(|scope| (scope.home, scope.name)).collect()
}

/// Returns the key of a definition: its full name in ASCII, as OpenAPI wants it.
pub(super) fn key(namespace: &[String], name: &str) -> String {
    let mut key = String::new();
    for segment in namespace.iter().map(String::as_str).chain([name]) {
        if !key.is_empty() {
            key.push('.');
        }
        for c in segment.chars() {
            if c.is_ascii() && c != '$' {
                key.push(c);
            } else {
                key.push_str(&format!("u{:x}", u32::from(c)));
            }
        }
    }
    key
}

/// The namespace of a definition, and the namespaces that refer to it.
#[derive(Debug)]
struct Scope {
    /// The namespace it is in.
    home: Vec<String>,
    /// The namespaces of the actions that use it.
    seen_from: BTreeSet<Vec<String>>,
    /// Empty until it has one.
    name: String,
}

impl Scope {
    fn of(used: &Use, actions: &[ActionName]) -> Self {
        let seen_from: BTreeSet<Vec<String>> =
            used.actions.iter().map(|action| actions[*action].namespace.clone()).collect();
        let mut home: Vec<String> = seen_from.first().cloned().unwrap_or_default();
        for namespace in &seen_from {
            let common = home.iter().zip(namespace).take_while(|(a, b)| a == b).count();
            home.truncate(common);
        }
        Self { home, seen_from, name: String::new() }
    }

    /// Returns whether two definitions cannot share one name: they are in one namespace, or one of
    /// them hides the other from an action that uses it.
    fn meets(&self, other: &Self) -> bool {
        let hides = |inner: &Self, outer: &Self| {
            inner.home.starts_with(&outer.home)
                && outer.seen_from.iter().any(|namespace| namespace.starts_with(&inner.home))
        };
        self.home == other.home || hides(self, other) || hides(other, self)
    }
}

struct Naming {
    scopes: Vec<Scope>,
}

impl Naming {
    /// Returns the names that a definition may have, the best first.
    fn candidates(&self, index: usize, uses: &[Use], actions: &[ActionName]) -> Vec<String> {
        let used = &uses[index];
        let base = type_name(&used.name);
        if let Some(action) = used.input_of {
            let name = &actions[action].name;
            return vec![name.clone(), format!("{name}Input")];
        }
        let side = match (used.is_read, used.is_written) {
            (true, false) => format!("{base}Input"),
            _ => format!("{base}Output"),
        };
        let is_contested = uses.iter().enumerate().any(|(other, rival)| {
            other != index
                && rival.input_of.is_none()
                && rival.name == used.name
                && rival.shares_a_side_with(used)
                && self.scopes[index].meets(&self.scopes[other])
        });
        let only_action = used.actions.first().filter(|_| used.actions.len() == 1);
        let with_action = only_action.map(|action| &actions[*action].name);
        let mut candidates = Vec::new();
        if !is_contested {
            candidates.extend([base.clone(), side.clone()]);
        }
        if let Some(action) = with_action {
            candidates.extend([format!("{action}{base}"), format!("{action}{side}")]);
        }
        candidates.push(base);
        candidates
    }

    /// Gives a definition the first free name, or the last name with a number.
    fn take_first_free(&mut self, index: usize, candidates: Vec<String>) {
        let last = candidates.last().cloned().unwrap_or_default();
        let numbered = (2..).map(|number: u32| format!("{last}{number}"));
        let free = candidates.into_iter().chain(numbered).find(|name| self.is_free(index, name));
        self.scopes[index].name = free.unwrap_or(last);
    }

    fn is_free(&self, index: usize, name: &str) -> bool {
        let scope = &self.scopes[index];
        let is_taken = scope.home.is_empty() && is_in_head(name)
            || self.scopes.iter().any(|other| other.name == name && other.meets(scope));
        !is_taken
    }
}

/// Turns the name of a Rust type, which `rename` may have changed, into the name of a TypeScript
/// type.
fn type_name(name: &str) -> String {
    let name = identifier(name);
    if is_one_of(TYPES, &name) { name + "_" } else { name }
}

/// Turns any text into an identifier: other characters become `_`.
fn identifier(text: &str) -> String {
    let mut name: String =
        text.chars().map(|c| if continues_identifier(c) { c } else { '_' }).collect();
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '$')) {
        name.insert(0, '_');
    }
    if is_one_of(WORDS, &name) {
        name.push('_');
    }
    name
}

/// Returns whether a character may be inside an identifier: ASCII and letters of any script, a part
/// of what TypeScript allows.
fn continues_identifier(c: char) -> bool {
    // Circled letters are alphabetic in Unicode and symbols in JavaScript.
    let is_symbol = matches!(c, '\u{24b6}'..='\u{24e9}' | '\u{1f130}'..='\u{1f189}');
    c.is_ascii_alphanumeric()
        || matches!(c, '_' | '$')
        || !c.is_ascii() && c.is_alphabetic() && !is_symbol
}

/// Returns whether the outermost scope of `client.d.ts` already has that name.
fn is_in_head(name: &str) -> bool {
    GLOBALS.contains(&name) || declared(HEAD).any(|declared| declared == name)
}

/// Returns the names that the head exports.
fn declared(head: &str) -> impl Iterator<Item = &str> {
    head.lines().filter_map(|line| {
        let mut words = line.strip_prefix("export ")?.split(|c: char| !continues_identifier(c));
        words.find(|word| !KINDS.contains(word))
    })
}

/// The head of `client.d.ts`, for the names in it.
const HEAD: &str = include_str!("../../client/types.d.ts");

/// The words between `export` and a name.
const KINDS: [&str; 6] = ["declare", "class", "interface", "type", "const", "function"];

/// Names that `client.d.ts` declares below the head, and the globals that it uses.
const GLOBALS: [&str; 21] = [
    "AbortSignal",
    "Actions",
    "AsyncGenerator",
    "Blob",
    "CustomEvent",
    "DocumentEventMap",
    "Element",
    "ElementOf",
    "Error",
    "FormDataEntryValue",
    "HTMLElement",
    "HTMLElementEventMap",
    "HTMLElementTagNameMap",
    "PartName",
    "Partial",
    "Promise",
    "Record",
    "Refs",
    "ReturnType",
    "SVGElementTagNameMap",
    "globalThis",
];

/// Words that name neither a type nor a namespace.
const WORDS: &str = "\
    arguments await break case catch class const continue debugger default delete do else \
    enum eval export extends false finally for function global if implements import in infer \
    instanceof interface keyof let new null package private protected public readonly return \
    static super switch this throw true try typeof undefined unique var void while with \
    yield";

/// Words with another meaning where a type is expected.
const TYPES: &str = "\
    abstract any asserts bigint boolean intrinsic is never number object string symbol type \
    unknown";

fn is_one_of(words: &str, name: &str) -> bool {
    words.split(' ').any(|word| word == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type of the app with the name of a global would replace the global in the head.
    #[test]
    fn every_global_in_the_head_is_known() {
        let parameters = [
            "Action", "Events", "Field", "Fields", "Index", "Name", "Output", "Own", "Part",
            "Parts",
        ];
        let code = HEAD.lines().filter(|line| !line.trim_start().starts_with(['/', '*']));
        for line in code {
            let line = line.split("//").next().unwrap();
            let outside_of_strings = line.split('"').step_by(2);
            for word in outside_of_strings.flat_map(|text| text.split(|c| !continues_identifier(c)))
            {
                let is_type = word.starts_with(|c: char| c.is_ascii_uppercase());
                let is_known = is_in_head(word) || parameters.contains(&word);
                assert!(!is_type || is_known, "GLOBALS lacks {word}");
            }
        }
    }

    #[test]
    fn any_text_becomes_an_identifier() {
        for (text, expected) in [
            ("Message", "Message"),
            ("Page<User>", "Page_User_"),
            ("2nd", "_2nd"),
            ("", "_"),
            ("delete", "delete_"),
            ("string", "string_"),
            ("Größe", "Größe"),
            ("Ⓐ", "_"),
        ] {
            assert_eq!(type_name(text), expected, "{text}");
        }
    }

    #[test]
    fn a_key_is_ascii() {
        assert_eq!(key(&["chat".to_owned()], "Send"), "chat.Send");
        assert_eq!(key(&[], "Größe"), "Gruf6udfe");
    }
}
