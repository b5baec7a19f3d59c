//! What is wrong with which field of an input.

use std::collections::BTreeMap;

/// What is wrong with which field: messages by JSON path, such as `items[0].name`.
///
/// Never holds a rejected value: a password that is too short must not be sent back.
///
/// # Examples
///
/// ```
/// let mut errors = kipo::FieldErrors::default();
/// errors.add("name", "is too short");
/// errors.within("items", |errors| errors.at(0, |errors| errors.add("price", "is missing")));
/// assert_eq!(errors.get("items[0].price"), ["is missing"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldErrors {
    messages: BTreeMap<String, Vec<String>>,
    /// The path of the value that is being looked at.
    path: String,
}

impl FieldErrors {
    /// Adds a message about `field` of the value that is being looked at.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        let field = field.into();
        let path = match (self.path.as_str(), field.as_str()) {
            ("", _) => field,
            (path, "") => path.to_owned(),
            (path, field) if field.starts_with('[') => format!("{path}{field}"),
            (path, field) => format!("{path}.{field}"),
        };
        self.messages.entry(path).or_default().push(message.into());
    }

    /// Runs `look` with paths that start with `field`.
    pub fn within(&mut self, field: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(field);
        look(self);
        self.path.truncate(length);
    }

    /// Runs `look` with paths that start with `[index]`.
    pub fn at(&mut self, index: usize, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        look(self);
        self.path.truncate(length);
    }

    /// Returns whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// Returns the messages about one path.
    #[must_use]
    pub fn get(&self, path: &str) -> &[String] {
        self.messages.get(path).map_or(&[], Vec::as_slice)
    }

    /// Returns each path with its messages, sorted by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.messages.iter().map(|(path, messages)| (path.as_str(), messages.as_slice()))
    }
}
