//! The pairs of a form or a query in which no name repeats: decoded as they come, without a map.
//!
//! Nearly every form is one. Anything else is left to `serde_html_form`, which groups the values of a
//! name, and which finds the fault of an input that is not valid. What is decoded here is what it decodes.

use std::{borrow::Cow, fmt};

use serde::{
    Deserializer,
    de::{
        self, IntoDeserializer, Visitor,
        value::{CowStrDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};

use crate::action::{Field, Input};

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

/// Returns the input, or `None` if another decoder has to read the pairs.
pub(super) fn decode<A: Input>(bytes: &[u8], controls: Controls) -> Option<A::Body> {
    let pairs = Pairs(split(bytes, controls, A::FIELDS)?);
    A::decode(pairs).ok()
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
        let is_option = |field: &Field| field.name() == name && field.is_option();
        if matches!(controls, Controls::Sent) && value.is_empty() && fields.iter().any(is_option) {
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
