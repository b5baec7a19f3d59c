//! One field of an input, decoded alone to report what is wrong with it.
//!
//! Decoding an input stops at the first fault. Only then is each field decoded alone, so that the
//! response names every faulty field. The sentences describe the expected value, which is known from
//! code, and never quote the value that the client sent.

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _, IntoDeserializer, Visitor},
};
use serde_json::Value;

use crate::action::{
    codec::Incoming,
    input::uploads::{FileKind, declares_one_of, size_in_words, types_in_words},
};

/// One field of an input.
#[derive(Clone, Copy, Debug)]
pub struct Field {
    name: &'static str,
    optional: bool,
    json: fn(&Value) -> Option<Fault>,
    form: fn(&str) -> Option<Fault>,
    missing: fn() -> bool,
    file: Option<FileSetting>,
}

/// What a field that is a file takes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct FileSetting {
    pub(crate) kind: FileKind,
    /// The size that the rule of the field allows. The rest of a larger file is not stored.
    pub(crate) bytes_max: Option<u64>,
    /// The types that the rule of the field allows; none if it allows all.
    types: &'static [&'static str],
}

/// A fault of a field: its path inside the field, and a sentence.
pub(crate) struct Fault {
    /// Empty for the field itself; `[0].name` or `author.name` for a value inside of it.
    pub(crate) path: String,
    pub(crate) message: String,
}

impl Field {
    /// Returns a field of type `T`.
    #[must_use]
    pub const fn new<T: Incoming>(name: &'static str) -> Self {
        let (json, form, missing) = (json::<T>, form::<T>, missing::<T>);
        Self { name, optional: false, json, form, missing, file: None }
    }

    /// Returns the same field, which is a file if `kind` is one.
    #[must_use]
    pub const fn with_file(mut self, kind: Option<FileKind>, bytes_max: Option<u64>) -> Self {
        if let Some(kind) = kind {
            self.file = Some(FileSetting { kind, bytes_max, types: &[] });
        }
        self
    }

    /// Returns the same field, whose file is of one of these types.
    #[must_use]
    pub const fn with_file_types(mut self, types: &'static [&'static str]) -> Self {
        if let Some(setting) = &mut self.file {
            setting.types = types;
        }
        self
    }

    /// Returns what the field takes, if it is a file.
    pub(crate) const fn file(&self) -> Option<FileSetting> {
        self.file
    }

    /// Returns the same field with a default: clients may leave it out.
    #[must_use]
    pub const fn defaulted(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Returns what is wrong with a file of this size and declared type, if the rule of the field will
    /// refuse it.
    pub(crate) fn fault_of_file(&self, size: u64, content_type: Option<&str>) -> Option<String> {
        let FileSetting { bytes_max, types, .. } = self.file?;
        if let Some(max) = bytes_max.filter(|max| size > *max) {
            return Some(format!("must be at most {}", size_in_words(max)));
        }
        let is_wrong = !types.is_empty() && !declares_one_of(types, content_type);
        is_wrong.then(|| format!("must be {}", types_in_words(types)))
    }

    /// Returns the name of the field in JSON and in forms.
    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Returns whether the field is an `Option`.
    pub(crate) fn is_option(&self) -> bool {
        !(self.missing)()
    }

    /// Returns the fault of the field in JSON; `None` is a missing field.
    pub(crate) fn fault_in_json(&self, value: Option<&Value>) -> Option<Fault> {
        match value {
            Some(value) => (self.json)(value),
            None => self.fault_if_missing(),
        }
    }

    /// Returns the fault of the field in a form; `pairs` are its values, each with the name `v`.
    pub(crate) fn fault_in_form(&self, pairs: Option<&str>) -> Option<Fault> {
        match pairs {
            Some(pairs) => (self.form)(pairs),
            None => self.fault_if_missing(),
        }
    }

    fn fault_if_missing(&self) -> Option<Fault> {
        let fault = || Fault { path: String::new(), message: "is required".to_owned() };
        (!self.optional && (self.missing)()).then(fault)
    }
}

fn json<T: DeserializeOwned>(value: &Value) -> Option<Fault> {
    fault(serde_path_to_error::deserialize::<_, T>(value).err()?)
}

fn form<T: DeserializeOwned>(pairs: &str) -> Option<Fault> {
    #[derive(Deserialize)]
    struct Single<T> {
        #[serde(rename = "v")]
        _v: T,
    }

    let pairs = serde_html_form::Deserializer::from_bytes(pairs.as_bytes());
    let mut fault = fault(serde_path_to_error::deserialize::<_, Single<T>>(pairs).err()?)?;
    fault.path = fault.path.strip_prefix('v').unwrap_or_default().to_owned();
    Some(fault)
}

fn fault<E: std::fmt::Display>(error: serde_path_to_error::Error<E>) -> Option<Fault> {
    let path = error.path().to_string();
    // The path of the value itself is `.`, and an unknown part is `?`.
    let path = if path == "." { String::new() } else { path.replace('?', "") };
    Some(Fault { path, message: sentence(&error.into_inner().to_string()) })
}

/// Returns a sentence for the client from the text of a serde error.
///
/// Such a text contains the value that was sent (`invalid type: string "hunter2", expected i32`).
/// The words after the last `expected` come from code; the rest is dropped, and so is a text of any
/// other form.
pub(crate) fn sentence(error: &str) -> String {
    if let Some(rest) = error.strip_prefix("missing field `")
        && let Some((name, _)) = rest.split_once('`')
    {
        return format!("must have the field {name}");
    }
    if error.starts_with("duplicate field `") {
        return "is given twice".to_owned();
    }
    let known = ["invalid type: ", "invalid value: ", "invalid length ", "unknown variant `"];
    let expected = known
        .iter()
        .any(|known| error.starts_with(known))
        .then(|| error.rsplit_once(", expected "))
        .flatten();
    let Some((_, expected)) = expected else { return "is not valid".to_owned() };
    // serde_json adds the position in the text, which the path makes unnecessary.
    let expected = expected.split_once(" at line ").map_or(expected, |(expected, _)| expected);
    let expected = match expected {
        "a string" | "a borrowed string" => "text",
        "a boolean" => "true or false",
        "unit" | "()" => "null",
        "f32" | "f64" => "a number",
        "a sequence" => "a list",
        "a map" => "an object",
        number => return integer(number),
    };
    format!("must be {expected}")
}

fn integer(expected: &str) -> String {
    let range = match expected {
        "u8" => "from 0 to 255",
        "u16" => "from 0 to 65535",
        "u32" => "from 0 to 4294967295",
        "u64" | "u128" | "usize" => "from 0",
        "i8" => "from -128 to 127",
        "i16" => "from -32768 to 32767",
        "i32" => "from -2147483648 to 2147483647",
        "i64" | "i128" | "isize" => return "must be a whole number".to_owned(),
        "struct" => return "must be an object".to_owned(),
        other if other.starts_with("struct ") => return "must be an object".to_owned(),
        other => return format!("must be {}", other.replace('`', "")),
    };
    format!("must be a whole number {range}")
}

/// Returns whether a field of type `T` is required: whether serde has no value for a missing one.
fn missing<T: DeserializeOwned>() -> bool {
    T::deserialize(Missing).is_err()
}

/// A missing field: only an `Option` has a value for it.
struct Missing;

impl<'de> Deserializer<'de> for Missing {
    type Error = serde::de::value::Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(Self::Error::custom("missing"))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_none()
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl IntoDeserializer<'_> for Missing {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check<T: Incoming>(value: Option<&Value>, expected: Option<(&str, &str)>) {
        let fault = Field::new::<T>("f").fault_in_json(value);
        let fault = fault.map(|fault| (fault.path, fault.message));
        let expected = expected.map(|(path, message)| (path.to_owned(), message.to_owned()));
        assert_eq!(fault, expected);
    }

    #[test]
    fn a_valid_value_has_no_fault() {
        check::<String>(Some(&json!("a")), None);
        check::<Option<String>>(None, None);
        check::<Option<String>>(Some(&json!(null)), None);
    }

    #[test]
    fn a_fault_describes_the_expected_value_and_not_the_one_that_was_sent() {
        check::<i64>(Some(&json!("hunter2, expected peace")), Some(("", "must be a whole number")));
        check::<u8>(Some(&json!(300)), Some(("", "must be a whole number from 0 to 255")));
        check::<String>(Some(&json!(7)), Some(("", "must be text")));
        check::<bool>(Some(&json!("yes")), Some(("", "must be true or false")));
        check::<Vec<u8>>(
            Some(&json!([1, "x"])),
            Some(("[1]", "must be a whole number from 0 to 255")),
        );
        check::<String>(None, Some(("", "is required")));
    }

    #[test]
    fn a_field_with_a_default_is_optional() {
        assert!(Field::new::<String>("f").defaulted().fault_in_json(None).is_none());
    }

    #[test]
    fn a_field_of_a_form_has_the_same_faults() {
        let field = Field::new::<Vec<u8>>("f");
        assert!(field.fault_in_form(Some("v=1&v=2")).is_none());
        assert!(field.fault_in_form(Some("v=1&v=x")).is_some());
        assert!(Field::new::<bool>("f").fault_in_form(Some("v=maybe")).is_some());
    }
}
