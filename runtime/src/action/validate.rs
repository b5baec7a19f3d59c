//! Rules that a value fulfils before an action receives it.
//!
//! `#[validate(…)]` on a field of an `#[action]` or a `#[data]` type implements [`Validate`]. Each
//! rule is one function of [`rules`], which returns a sentence for a wrong value. Clients read the
//! sentences, so they never contain the value.

use crate::error::FieldErrors;

/// Checks the rules of a value.
///
/// `#[action]` and `#[data]` implement it from `#[validate(…)]` attributes. Implement it by hand for
/// rules across fields, and use it with `#[validate(nested)]`.
///
/// # Examples
///
/// ```
/// use kipo::{FieldErrors, Validate};
///
/// struct Span { from: u32, to: u32 }
///
/// impl Validate for Span {
///     fn validate(&self, errors: &mut FieldErrors) {
///         if self.to < self.from {
///             errors.add("to", "must not be before `from`");
///         }
///     }
/// }
///
/// let mut errors = FieldErrors::default();
/// Span { from: 2, to: 1 }.validate(&mut errors);
/// assert_eq!(errors.get("to"), ["must not be before `from`"]);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no rules of its own",
    label = "nothing to check",
    note = "put `#[kipo::data]` above the type, or implement `Validate` for it"
)]
pub trait Validate {
    /// Adds a message for each rule that the value breaks.
    fn validate(&self, errors: &mut FieldErrors);
}

impl<T: Validate> Validate for Option<T> {
    fn validate(&self, errors: &mut FieldErrors) {
        if let Some(value) = self {
            value.validate(errors);
        }
    }
}

impl<T: Validate + ?Sized> Validate for Box<T> {
    fn validate(&self, errors: &mut FieldErrors) {
        (**self).validate(errors);
    }
}

impl<T: Validate> Validate for Vec<T> {
    fn validate(&self, errors: &mut FieldErrors) {
        for (index, value) in self.iter().enumerate() {
            errors.at(index, |errors| value.validate(errors));
        }
    }
}

/// The rules that `#[validate(…)]` knows, one function each.
pub mod rules {
    use std::{
        borrow::{Borrow, Cow},
        collections::{BTreeMap, BTreeSet, HashMap, HashSet},
        fmt::Display,
    };

    use crate::action::input::{FileField, is_among, size_in_words, types_in_words};

    /// A value with a length: the characters of a text or the items of a collection.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` has no length",
        label = "neither a text nor a collection"
    )]
    pub trait Length {
        /// The unit in the singular.
        const UNIT: &'static str;

        /// Returns the length, or `None` for an `Option` without a value.
        fn length(&self) -> Option<u64>;
    }

    macro_rules! text {
        ($($ty:ty),*) => {$(
            impl Length for $ty {
                const UNIT: &'static str = "character";

                fn length(&self) -> Option<u64> {
                    Some(self.chars().count() as u64)
                }
            }
        )*};
    }
    text!(str, String, Cow<'_, str>, Box<str>, std::sync::Arc<str>);

    macro_rules! collection {
        ($([$($generic:ident),*] $ty:ty),* $(,)?) => {$(
            impl<$($generic),*> Length for $ty {
                const UNIT: &'static str = "item";

                fn length(&self) -> Option<u64> {
                    Some(self.len() as u64)
                }
            }
        )*};
    }
    collection!([T] Vec<T>, [T] [T], [K, V, S] HashMap<K, V, S>, [K, V] BTreeMap<K, V>,
        [T, S] HashSet<T, S>, [T] BTreeSet<T>);

    impl<T: Length> Length for Option<T> {
        const UNIT: &'static str = T::UNIT;

        fn length(&self) -> Option<u64> {
            self.as_ref().and_then(Length::length)
        }
    }

    impl<T: Length + ?Sized> Length for &T {
        const UNIT: &'static str = T::UNIT;

        fn length(&self) -> Option<u64> {
            (**self).length()
        }
    }

    /// Checks `length(min = …, max = …, equal = …)`: characters of a text or items of a collection.
    pub fn length<T: Length + ?Sized>(
        value: &T,
        min: Option<u64>,
        max: Option<u64>,
    ) -> Option<String> {
        let length = value.length()?;
        let units = |n: u64| if n == 1 { T::UNIT.to_owned() } else { format!("{}s", T::UNIT) };
        let is_valid = min.is_none_or(|min| min <= length) && max.is_none_or(|max| length <= max);
        match (min, max) {
            _ if is_valid => None,
            (Some(min), Some(max)) if min == max => {
                Some(format!("must have exactly {min} {}", units(min)))
            }
            (Some(min), Some(max)) => Some(format!("must have {min} to {max} {}", units(max))),
            (Some(min), None) => Some(format!("must have at least {min} {}", units(min))),
            (None, Some(max)) => Some(format!("must have at most {max} {}", units(max))),
            (None, None) => None,
        }
    }

    /// A number, or an `Option` of one.
    #[diagnostic::on_unimplemented(message = "`{Self}` is not a number", label = "not a number")]
    pub trait Number {
        /// The type of the bounds.
        type Bound: PartialOrd + Display;

        /// Returns the number, or `None` for an `Option` without a value.
        fn number(&self) -> Option<Self::Bound>;
    }

    macro_rules! number {
        ($($ty:ty),*) => {$(
            impl Number for $ty {
                type Bound = $ty;

                fn number(&self) -> Option<$ty> {
                    Some(*self)
                }
            }
        )*};
    }
    number!(i8, i16, i32, i64, i128, isize, u8, u16, u32, u64, u128, usize, f32, f64);

    impl<T: Number> Number for Option<T> {
        type Bound = T::Bound;

        fn number(&self) -> Option<T::Bound> {
            self.as_ref().and_then(Number::number)
        }
    }

    /// Checks `range(min = …, max = …)`: a number within bounds, both included.
    pub fn range<T: Number>(
        value: &T,
        min: Option<T::Bound>,
        max: Option<T::Bound>,
    ) -> Option<String> {
        let number = value.number()?;
        let is_valid = min.as_ref().is_none_or(|min| *min <= number)
            && max.as_ref().is_none_or(|max| number <= *max);
        match (min, max) {
            _ if is_valid => None,
            (Some(min), Some(max)) => Some(format!("must be from {min} to {max}")),
            (Some(min), None) => Some(format!("must be at least {min}")),
            (None, Some(max)) => Some(format!("must be at most {max}")),
            (None, None) => None,
        }
    }

    /// A text, or an `Option` of one.
    #[diagnostic::on_unimplemented(message = "`{Self}` is not a text", label = "not a text")]
    pub trait Text {
        /// Returns the text, or `None` for an `Option` without a value.
        fn text(&self) -> Option<&str>;
    }

    impl Text for str {
        fn text(&self) -> Option<&str> {
            Some(self)
        }
    }

    impl Text for String {
        fn text(&self) -> Option<&str> {
            Some(self)
        }
    }

    impl<T: Text> Text for Option<T> {
        fn text(&self) -> Option<&str> {
            self.as_ref().and_then(Text::text)
        }
    }

    /// The rule [`email`] as a pattern of JSON Schema, from the HTML standard ("valid email address").
    pub const EMAIL: &str = "^[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+(?:\\.[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]+)*@[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*$";

    /// `email`: the syntax that `<input type=email>` accepts (HTML, "valid email address"), as far as
    /// RFC 5321 allows it: before the `@` at most 64 bytes, and no dot at an end or beside another; in
    /// all at most 254 bytes.
    pub fn email<T: Text + ?Sized>(value: &T) -> Option<String> {
        (!is_email(value.text()?)).then(|| "must be an email address".to_owned())
    }

    fn is_email(text: &str) -> bool {
        let Some((local, domain)) = text.split_once('@') else { return false };
        let atom_ok = |atom: &str| {
            let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+/=?^_`{|}~-".contains(&b);
            !atom.is_empty() && atom.bytes().all(allowed)
        };
        let label_ok = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let is_short = local.len() <= 64 && text.len() <= 254;
        is_short && local.split('.').all(atom_ok) && domain.split('.').all(label_ok)
    }

    /// The rule [`url`] as a pattern of JSON Schema, for a text that is a URI.
    pub const URL: &str = "^[Hh][Tt][Tt][Pp][Ss]?://[^/?#]";

    /// `url`: an absolute `http` or `https` URL with a host.
    pub fn url<T: Text + ?Sized>(value: &T) -> Option<String> {
        let text = value.text()?;
        let is_valid = text.parse::<http::Uri>().is_ok_and(|uri| {
            matches!(uri.scheme_str(), Some("http" | "https"))
                && uri.host().is_some_and(|host| !host.is_empty())
        });
        (!is_valid).then(|| "must be an http or https URL".to_owned())
    }

    /// `contains(pattern = "…")`: a text that contains another.
    pub fn contains<T: Text + ?Sized>(value: &T, pattern: &str) -> Option<String> {
        (!value.text()?.contains(pattern)).then(|| format!("must contain {pattern:?}"))
    }

    /// `file(bytes_min = 1, bytes_max = 5 << 20, types("image/*", "application/pdf"))`: a file, or several,
    /// each of this size and of one of these types. A type counts only if the first bytes of the file do
    /// not show another.
    pub fn file<T: FileField + ?Sized>(
        value: &T,
        bytes_min: Option<u64>,
        bytes_max: Option<u64>,
        types: &[&str],
    ) -> Option<String> {
        for file in value.files() {
            if let Some(max) = bytes_max.filter(|max| file.size() > *max) {
                return Some(format!("must be at most {}", size_in_words(max)));
            }
            if let Some(min) = bytes_min.filter(|min| file.size() < *min) {
                return Some(format!("must be at least {}", size_in_words(min)));
            }
            if !types.is_empty() && !is_among(types, file.declared_type(), file.sniffed_type()) {
                return Some(format!("must be {}", types_in_words(types)));
            }
        }
        None
    }

    /// `required`: an `Option` with a value.
    pub fn required<T>(value: &Option<T>) -> Option<String> {
        value.is_none().then(|| "is required".to_owned())
    }

    /// `secret`: refuses no value. It marks the field: its value is sent back by nothing, and a page that
    /// shows a form again leaves its control empty.
    pub const fn secret<T: ?Sized>(_: &T) -> Option<String> {
        None
    }

    /// `custom(function = path)`: a function of the app, `fn(&T) -> Result<(), impl Display>`. A
    /// function for `str` works for a `String`, and one for a slice works for a `Vec`.
    pub fn custom<T: Borrow<U> + ?Sized, U: ?Sized, E: Display>(
        value: &T,
        rule: impl FnOnce(&U) -> Result<(), E>,
    ) -> Option<String> {
        rule(value.borrow()).err().map(|error| error.to_string())
    }
}

impl FieldErrors {
    /// Adds the sentence of a broken rule.
    #[doc(hidden)]
    pub fn check(&mut self, field: &str, broken: Option<String>) {
        if let Some(message) = broken {
            self.add(field, message);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::rules::*;

    #[test]
    fn length_counts_characters_and_items() {
        assert_eq!(length("ééé", Some(1), Some(3)), None);
        assert_eq!(length("", Some(1), Some(3)).unwrap(), "must have 1 to 3 characters");
        assert_eq!(length(&vec![1], Some(2), None).unwrap(), "must have at least 2 items");
        assert_eq!(length("abc", Some(2), Some(2)).unwrap(), "must have exactly 2 characters");
        assert_eq!(length(&None::<String>, Some(2), None), None);
    }

    #[test]
    fn range_includes_its_bounds() {
        assert_eq!(range(&5_u8, Some(5), Some(5)), None);
        assert_eq!(range(&6_u8, Some(1), Some(5)).unwrap(), "must be from 1 to 5");
        assert_eq!(range(&f64::NAN, Some(0.0), None).unwrap(), "must be at least 0");
        assert_eq!(range(&None::<i64>, Some(0), None), None);
    }

    #[track_caller]
    fn check_email(text: &str, is_valid: bool) {
        assert_eq!(email(text).is_none(), is_valid, "{text}");
    }

    #[test]
    fn email_accepts_what_an_email_input_accepts() {
        check_email("ann@example.org", true);
        check_email("a.b+c@localhost", true);
        check_email("ann", false);
        check_email("@example.org", false);
        check_email(".a@example.org", false);
        check_email("a..b@example.org", false);
        check_email(&format!("{}@example.org", "a".repeat(64)), true);
        check_email(&format!("{}@example.org", "a".repeat(65)), false);
        check_email("ann@-x.org", false);
        check_email("ann@x..org", false);
        check_email("a b@example.org", false);
    }

    #[test]
    fn url_is_absolute_and_has_a_web_scheme() {
        assert!(url("https://example.org/a?b").is_none());
        assert!(url("javascript:alert(1)").is_some());
        assert!(url("/a").is_some());
    }
}
