//! What serde's attributes say about the JSON.

use syn::{Attribute, Meta, Token, punctuated::Punctuated};

use crate::syntax::{attrs, names};

/// What serde's attributes say about the JSON: about the one that is read, where the two differ.
#[derive(Default)]
pub(crate) struct Serde {
    pub rename: Option<String>,
    pub case: Case,
    /// The case of the fields of an enum's variants.
    pub case_fields: Case,
    pub default: bool,
    pub flatten: bool,
    pub skip: bool,
    pub with: bool,
    /// The function that decides whether a field is left out of the JSON that is written.
    pub skip_if: Option<String>,
    pub transparent: bool,
    pub untagged: bool,
    pub tag: Option<String>,
    pub content: Option<String>,
}

impl Serde {
    /// Reads the keys that change the JSON; serde's own derive reports malformed ones.
    pub(crate) fn parse(attrs: &[Attribute]) -> Self {
        let mut serde = Self::default();
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
            for meta in attr.parse_args_with(parser).into_iter().flatten() {
                serde.read(&meta);
            }
        }
        serde
    }

    fn read(&mut self, meta: &Meta) {
        let Some(key) = meta.path().get_ident() else { return };
        match key.to_string().as_str() {
            "rename" => self.rename = for_reading(meta),
            "rename_all" => self.case = Case::of(for_reading(meta).as_deref()),
            "rename_all_fields" => self.case_fields = Case::of(for_reading(meta).as_deref()),
            "default" => self.default = true,
            "flatten" => self.flatten = true,
            "skip" | "skip_deserializing" => self.skip = true,
            "with" | "deserialize_with" => self.with = true,
            "skip_serializing_if" => self.skip_if = for_reading(meta),
            "transparent" => self.transparent = true,
            "untagged" => self.untagged = true,
            "tag" => self.tag = for_reading(meta),
            "content" => self.content = for_reading(meta),
            _ => {}
        }
    }
}

/// Returns the text of `key = "text"`, or of `key(deserialize = "text")`.
fn for_reading(meta: &Meta) -> Option<String> {
    match meta {
        Meta::NameValue(pair) => attrs::text(&pair.value),
        Meta::List(list) => {
            let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
            let metas = list.parse_args_with(parser).ok()?;
            metas.iter().find(|meta| meta.path().is_ident("deserialize")).and_then(for_reading)
        }
        Meta::Path(_) => None,
    }
}

/// A `rename_all` of serde.
#[derive(Clone, Copy, Default)]
pub(crate) enum Case {
    #[default]
    AsWritten,
    Lower,
    Upper,
    Pascal,
    Camel,
    Snake,
    ScreamingSnake,
    Kebab,
    ScreamingKebab,
}

impl Case {
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("lowercase") => Self::Lower,
            Some("UPPERCASE") => Self::Upper,
            Some("PascalCase") => Self::Pascal,
            Some("camelCase") => Self::Camel,
            Some("snake_case") => Self::Snake,
            Some("SCREAMING_SNAKE_CASE") => Self::ScreamingSnake,
            Some("kebab-case") => Self::Kebab,
            Some("SCREAMING-KEBAB-CASE") => Self::ScreamingKebab,
            _ => Self::AsWritten,
        }
    }

    /// Returns the JSON name of a field that is written in snake case.
    pub(crate) fn field(self, name: &str) -> String {
        match self {
            Self::AsWritten | Self::Lower | Self::Snake => name.to_owned(),
            Self::Upper | Self::ScreamingSnake => name.to_ascii_uppercase(),
            Self::Pascal => names::upper_camel(name),
            Self::Camel => names::lower_first(&names::upper_camel(name)),
            Self::Kebab => name.replace('_', "-"),
            Self::ScreamingKebab => name.to_ascii_uppercase().replace('_', "-"),
        }
    }

    /// Returns the JSON name of a variant that is written in upper camel case.
    pub(crate) fn variant(self, name: &str) -> String {
        // serde puts an underscore before each capital, also inside an acronym.
        let snake = || {
            let mut snake = String::new();
            for (index, letter) in name.char_indices() {
                if index > 0 && letter.is_uppercase() {
                    snake.push('_');
                }
                snake.push(letter.to_ascii_lowercase());
            }
            snake
        };
        match self {
            Self::AsWritten | Self::Pascal => name.to_owned(),
            Self::Lower => name.to_ascii_lowercase(),
            Self::Upper => name.to_ascii_uppercase(),
            Self::Camel => names::lower_first(name),
            Self::Snake => snake(),
            Self::ScreamingSnake => snake().to_ascii_uppercase(),
            Self::Kebab => snake().replace('_', "-"),
            Self::ScreamingKebab => snake().to_ascii_uppercase().replace('_', "-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_names_are_those_of_serde() {
        assert_eq!(Case::Camel.field("first_name"), "firstName");
        assert_eq!(Case::Pascal.field("first_name"), "FirstName");
        assert_eq!(Case::ScreamingKebab.field("first_name"), "FIRST-NAME");
        assert_eq!(Case::Snake.variant("HTTPError"), "h_t_t_p_error");
        assert_eq!(Case::Camel.variant("InUse"), "inUse");
    }
}
