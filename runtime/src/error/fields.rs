//! The error messages about the fields of an input.

use std::collections::BTreeMap;

/// Error messages about the fields of an input, by JSON path, such as `items[0].name`.
///
/// It never contains a rejected value: a password that is too short must not be sent back.
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
    /// The path of the value that is being checked.
    path: String,
}

impl FieldErrors {
    /// Adds a message about `field` of the value that is being checked. An empty `field` is the
    /// value itself.
    ///
    /// ```
    /// let mut errors = kipo::FieldErrors::default();
    /// errors.add("name", "is too short");
    /// errors.add("name", "must not contain a space");
    /// assert_eq!(errors.get("name"), ["is too short", "must not contain a space"]);
    /// ```
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

    /// Runs `check` with paths that start with `field`.
    ///
    /// ```
    /// let mut errors = kipo::FieldErrors::default();
    /// errors.within("author", |errors| errors.add("name", "is too short"));
    /// assert_eq!(errors.get("author.name"), ["is too short"]);
    /// ```
    pub fn within(&mut self, field: &str, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(field);
        check(self);
        self.path.truncate(length);
    }

    /// Runs `check` with paths that start with `[index]`.
    ///
    /// ```
    /// let mut errors = kipo::FieldErrors::default();
    /// errors.within("tags", |errors| errors.at(2, |errors| errors.add("", "is too long")));
    /// assert_eq!(errors.get("tags[2]"), ["is too long"]);
    /// ```
    pub fn at(&mut self, index: usize, check: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        check(self);
        self.path.truncate(length);
    }

    /// Returns whether there is no message.
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
    ///
    /// ```
    /// let mut errors = kipo::FieldErrors::default();
    /// errors.add("text", "is required");
    /// errors.add("name", "is too short");
    /// let paths: Vec<&str> = errors.iter().map(|(path, _)| path).collect();
    /// assert_eq!(paths, ["name", "text"]);
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[String])> {
        self.messages.iter().map(|(path, messages)| (path.as_str(), messages.as_slice()))
    }
}
