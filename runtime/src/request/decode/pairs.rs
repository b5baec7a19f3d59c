//! The pairs of a form or a query.
//!
//! Nearly every form has each name once, and is decoded as it comes, without a map. Anything else is left to
//! `serde_html_form`, which groups the values of a name, and which finds the fault of an input that is not
//! valid. What is decoded without a map is what it decodes.

use std::{borrow::Cow, fmt};

use memchr::memmem;
use serde::{
    Deserializer,
    de::{
        self, IntoDeserializer, Visitor,
        value::{CowStrDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::{
    action::{Field, Input},
    error::{Error, FieldErrors, Result},
    request::decode::fault::{Decoded, add_path_error},
};

/// The most pairs that are decoded here: each name is compared with those before it.
const PAIRS_MAX: usize = 32;

/// What a browser does to the text of a control, and what is undone.
#[derive(Clone, Copy, Debug)]
pub(super) enum Controls {
    /// A form: an `Option` whose control is empty has no value.
    Sent,
    /// A query: each pair is as it was written.
    None,
}

/// Decodes the pairs of a form or a query.
pub(super) fn decode<A: Input>(bytes: &[u8], controls: Controls) -> Result<A::Body> {
    let bytes = match controls {
        Controls::Sent => with_line_feeds(bytes),
        Controls::None => Cow::Borrowed(bytes),
    };
    if let Some(body) = unrepeated::<A>(&bytes, controls) {
        return Ok(body);
    }
    match controls {
        Controls::Sent => grouped::<A>(&without_empty::<A>(&bytes)),
        Controls::None => grouped::<A>(&bytes),
    }
}

/// Decodes pairs in which no name repeats; `None` if they have to be [`grouped`].
fn unrepeated<A: Input>(bytes: &[u8], controls: Controls) -> Option<A::Body> {
    let pairs = Pairs(split(bytes, controls, A::FIELDS)?);
    A::decode(pairs).ok()
}

/// Decodes pairs whose names may repeat, and finds the fault of those that are not valid.
fn grouped<A: Input>(bytes: &[u8]) -> Result<A::Body> {
    let pairs = || serde_html_form::Deserializer::from_bytes(bytes);
    if let Ok(body) = A::decode(pairs()) {
        return Ok(body);
    }
    // Decoded again to learn where the fault is: that costs each field of a valid form a path.
    let error = match serde_path_to_error::deserialize::<_, Decoded<A>>(pairs()) {
        Ok(Decoded(body)) => return Ok(body),
        Err(error) => error,
    };
    let sent: Vec<(String, String)> = serde_html_form::from_bytes(bytes)
        .map_err(|_| Error::bad_request("the form is not a list of pairs"))?;
    let mut errors = FieldErrors::default();
    for field in A::FIELDS {
        let values = sent.iter().filter(|(name, _)| name == field.name());
        let values: Vec<(&str, &str)> = values.map(|(_, value)| ("v", value.as_str())).collect();
        let values =
            (!values.is_empty()).then(|| serde_html_form::to_string(&values).unwrap_or_default());
        if let Some(fault) = field.fault_in_form(values.as_deref()) {
            errors.within(field.name(), |errors| errors.add(fault.path, fault.message));
        }
    }
    if errors.is_empty() {
        add_path_error(&mut errors, &error);
    }
    Err(Error::from(errors))
}

/// Returns whether a pair of a form is that of an `Option` whose control is empty. A browser sends every
/// control, and an empty one has no value.
fn has_no_value(fields: &[Field], name: &str, value: &str) -> bool {
    value.is_empty() && fields.iter().any(|field| field.name() == name && field.is_option())
}

/// Returns the pairs of a form without those that have no value.
fn without_empty<A: Input>(bytes: &[u8]) -> Cow<'_, [u8]> {
    let has_empty = bytes.ends_with(b"=") || memmem::find(bytes, b"=&").is_some();
    if !has_empty {
        return Cow::Borrowed(bytes);
    }
    let Ok(mut sent) = serde_html_form::from_bytes::<Vec<(String, String)>>(bytes) else {
        return Cow::Borrowed(bytes);
    };
    sent.retain(|(name, value)| !has_no_value(A::FIELDS, name, value));
    let text = serde_html_form::to_string(sent);
    text.map_or(Cow::Borrowed(bytes), |text| Cow::Owned(text.into_bytes()))
}

/// Returns the pairs of a form with the line breaks that were typed: a browser sends each as CR LF, and
/// counts it as one character.
fn with_line_feeds(bytes: &[u8]) -> Cow<'_, [u8]> {
    const SENT: &[u8] = b"%0D%0A";
    if memmem::find(bytes, SENT).is_none() {
        return Cow::Borrowed(bytes);
    }
    let mut text = Vec::with_capacity(bytes.len());
    let mut from = 0;
    for at in memmem::find_iter(bytes, SENT) {
        text.extend_from_slice(&bytes[from..at]);
        text.extend_from_slice(b"%0A");
        from = at + SENT.len();
    }
    text.extend_from_slice(&bytes[from..]);
    Cow::Owned(text)
}

/// A name and a value.
type Pair<'de> = (Text<'de>, Text<'de>);

/// Splits the pairs, unless there are many, or a name repeats or has no `=`.
fn split<'de>(bytes: &'de [u8], controls: Controls, fields: &[Field]) -> Option<Vec<Pair<'de>>> {
    if bytes.split(|b| *b == b'&').any(|pair| !pair.is_empty() && !pair.contains(&b'=')) {
        return None;
    }
    let mut pairs = Vec::<Pair<'_>>::with_capacity(fields.len().min(PAIRS_MAX));
    for (name, value) in form_urlencoded::parse(bytes) {
        if matches!(controls, Controls::Sent) && has_no_value(fields, &name, &value) {
            continue;
        }
        if pairs.len() == PAIRS_MAX || pairs.iter().any(|(before, _)| before.0 == name) {
            return None;
        }
        pairs.push((Text(name), Text(value)));
    }
    Some(pairs)
}

/// Says that another decoder has to read the pairs. Why does not matter: that decoder finds it again.
#[derive(Debug)]
struct Left;

impl fmt::Display for Left {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not decoded")
    }
}

impl std::error::Error for Left {}

impl de::Error for Left {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

struct Pairs<'de>(Vec<Pair<'de>>);

impl<'de> Deserializer<'de> for Pairs<'de> {
    type Error = Left;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Left> {
        visitor.visit_map(MapDeserializer::new(self.0.into_iter()))
    }

    /// `serde_html_form` decodes pairs as a list too, and nothing as a unit.
    fn deserialize_seq<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Left> {
        Err(Left)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Left> {
        Err(Left)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Left> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool u8 u16 u32 u64 i8 i16 i32 i64 f32 f64 char str string option bytes byte_buf unit_struct
        tuple_struct struct identifier tuple enum map ignored_any
    }
}

/// A name or a value, decoded.
struct Text<'de>(Cow<'de, str>);

impl<'de> IntoDeserializer<'de, Left> for Text<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Writes the methods of types that are parsed from their text.
macro_rules! parsed {
    ($($method:ident $visit:ident $type:ty,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Left> {
            visitor.$visit(self.0.parse::<$type>().map_err(|_| Left)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Left;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Left> {
        match self.0 {
            Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
            Cow::Owned(text) => visitor.visit_string(text),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Left> {
        match &*self.0 {
            // Browsers send `on` for a control that is checked.
            "true" | "on" => visitor.visit_bool(true),
            "false" => visitor.visit_bool(false),
            _ => Err(Left),
        }
    }

    parsed! {
        deserialize_u8 visit_u8 u8,
        deserialize_u16 visit_u16 u16,
        deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64,
        deserialize_i8 visit_i8 i8,
        deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32,
        deserialize_i64 visit_i64 i64,
        deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64,
    }

    /// Whether an empty text is `None` depends on the type, which `serde_html_form` knows.
    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Left> {
        if self.0.is_empty() { Err(Left) } else { visitor.visit_some(self) }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Left> {
        CowStrDeserializer::new(self.0).deserialize_enum(name, variants, visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Left> {
        visitor.visit_newtype_struct(self)
    }

    /// A list of one value.
    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Left> {
        visitor.visit_seq(SeqDeserializer::new(std::iter::once(self)))
    }

    /// A field that the input does not have.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Left> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct tuple_struct struct identifier tuple map
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use schemars::{JsonSchema, Schema, SchemaGenerator};
    use serde::Deserialize;

    use super::*;

    /// What a form of a page has.
    #[derive(Debug, Default, Deserialize, JsonSchema, PartialEq)]
    #[serde(default)]
    struct Controlled {
        name: String,
        age: u8,
        note: Option<String>,
        half: Option<f64>,
        on: Option<bool>,
        color: Option<Color>,
        tags: Option<Vec<String>>,
    }

    #[derive(Debug, Deserialize, JsonSchema, PartialEq)]
    enum Color {
        Red,
    }

    impl Input for Controlled {
        type Body = Self;
        type Values = ();

        const FIELDS: &'static [Field] = &[
            Field::new::<String>("name").defaulted(),
            Field::new::<u8>("age").defaulted(),
            Field::new::<Option<String>>("note"),
            Field::new::<Option<f64>>("half"),
            Field::new::<Option<bool>>("on"),
            Field::new::<Option<Color>>("color"),
            Field::new::<Option<Vec<String>>>("tags"),
        ];

        fn decode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            Self::deserialize(deserializer)
        }

        fn assemble(body: Self, (): ()) -> Self {
            body
        }

        fn describe(generator: &mut SchemaGenerator) -> Schema {
            generator.subschema_for::<Self>()
        }
    }

    const PIECES: &[&[u8]] = &[
        b"&note=",
        b"&half=",
        b"&on=",
        b"&color=",
        b"&tags=",
        b"&tags=x",
        b"&other=",
        b"&n%6fte=",
        b"&",
        b"=",
        b"+",
        b"%",
        b"%4",
        b"%41",
        b"%2b",
        b"%0D%0A",
        b"%0d%0a",
        b"%ff",
        b"%C3%A9",
        b"a",
        b"0.5",
        b"on",
        b"Red",
        b"true",
        "\u{e9}".as_bytes(),
        b"\xff",
    ];

    #[test]
    fn a_form_of_a_page_needs_no_map() {
        let form = b"name=a+b%21%0D%0A&age=7&note=&half=0.5&on=on&color=Red&tags=x&other=1&";
        let expected = Controlled {
            name: "a b!\n".to_owned(),
            age: 7,
            note: None,
            half: Some(0.5),
            on: Some(true),
            color: Some(Color::Red),
            tags: Some(vec!["x".to_owned()]),
        };
        assert_eq!(
            unrepeated::<Controlled>(&with_line_feeds(form), Controls::Sent),
            Some(expected)
        );
        let many: String = (0..40).map(|n| format!("n{n}=1&")).collect();
        for left in ["tags=x&tags=y", "other=1&other=2", "name", "age=", "age=256", "on=x", &many] {
            let found = unrepeated::<Controlled>(left.as_bytes(), Controls::None);
            assert_eq!(found, None, "{left}");
        }
    }

    proptest! {
        /// The text of most cases is a valid form, and each piece is one that some rule is about.
        #[test]
        fn pairs_without_a_map_are_what_they_are_with_one(
            pieces in proptest::collection::vec(proptest::sample::select(PIECES), 0..12),
            name in ".{0,3}",
        ) {
            let bytes = [format!("name={name}&age=1").into_bytes(), pieces.concat()].concat();
            let controls = with_line_feeds(&bytes);
            let controls = without_empty::<Controlled>(&controls);
            for (found, expected) in [
                (unrepeated::<Controlled>(&with_line_feeds(&bytes), Controls::Sent), grouped::<Controlled>(&controls)),
                (unrepeated::<Controlled>(&bytes, Controls::None), grouped::<Controlled>(&bytes)),
            ] {
                if let Some(found) = found {
                    prop_assert_eq!(found, expected.unwrap(), "{}", bytes.escape_ascii());
                }
            }
        }
    }
}
