//! A piece of a path → the type that a page asks for.

use std::fmt;

use serde::{
    de::{self, DeserializeOwned, Deserializer, Visitor, value::StrDeserializer},
    forward_to_deserialize_any,
};

/// Returns the value that `text` stands for, if it is one of `T`.
///
/// Text, numbers, booleans, enums of plain names, newtypes of these, and lists of them, whose
/// parts are split at slashes.
pub(crate) fn parse<T: DeserializeOwned>(text: &str) -> Option<T> {
    T::deserialize(Param(text)).ok()
}

#[derive(Clone, Copy)]
struct Param<'a>(&'a str);

/// It does not fit; nobody is told why, since the page is just not there.
#[derive(Debug)]
struct Misfit;

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the parameter does not fit")
    }
}

impl std::error::Error for Misfit {}

impl de::Error for Misfit {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Numbers are read as `FromStr` reads them, but for a plus sign: `/blog/7` has one address.
macro_rules! parsed {
    ($($deserialize:ident => $visit:ident)*) => {$(
        fn $deserialize<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
            if self.0.starts_with('+') {
                return Err(Misfit);
            }
            visitor.$visit(self.0.parse().map_err(|_| Misfit)?)
        }
    )*};
}

impl<'de> Deserializer<'de> for Param<'_> {
    type Error = Misfit;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_str(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Misfit> {
        visitor.visit_enum(StrDeserializer::new(self.0))
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Misfit> {
        visitor.visit_seq(Parts(self.0.split('/')))
    }

    parsed! {
        deserialize_bool => visit_bool
        deserialize_i8 => visit_i8
        deserialize_i16 => visit_i16
        deserialize_i32 => visit_i32
        deserialize_i64 => visit_i64
        deserialize_i128 => visit_i128
        deserialize_u8 => visit_u8
        deserialize_u16 => visit_u16
        deserialize_u32 => visit_u32
        deserialize_u64 => visit_u64
        deserialize_u128 => visit_u128
        deserialize_f32 => visit_f32
        deserialize_f64 => visit_f64
        deserialize_char => visit_char
    }

    forward_to_deserialize_any! {
        str string bytes byte_buf unit unit_struct tuple tuple_struct map struct identifier
        ignored_any
    }
}

struct Parts<'a>(std::str::Split<'a, char>);

impl<'de> de::SeqAccess<'de> for Parts<'_> {
    type Error = Misfit;

    fn next_element_seed<T: de::DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Misfit> {
        self.0.next().map(|part| seed.deserialize(Param(part))).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Sort {
        New,
        MostRead,
    }

    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Id(u32);

    #[test]
    fn a_parameter_is_what_the_page_asks_for() {
        assert_eq!(parse::<String>("12"), Some("12".to_owned()));
        assert_eq!(parse::<i64>("-9223372036854775808"), Some(i64::MIN));
        assert_eq!(parse::<Id>("7"), Some(Id(7)));
        assert_eq!(parse::<bool>("true"), Some(true));
        assert_eq!(parse::<char>("é"), Some('é'));
        assert_eq!(parse::<Option<u8>>("1"), Some(Some(1)));
        assert_eq!(parse::<Sort>("most_read"), Some(Sort::MostRead));
        assert_eq!(parse::<Vec<String>>("a/b"), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(parse::<Vec<u8>>("1/2"), Some(vec![1, 2]));
    }

    #[test]
    fn what_does_not_fit_is_nothing() {
        assert_eq!(parse::<u8>("256"), None);
        assert_eq!(parse::<u8>("+1"), None);
        assert_eq!(parse::<u8>(" 1"), None);
        assert_eq!(parse::<u8>(""), None);
        assert_eq!(parse::<u8>("-1"), None);
        assert_eq!(parse::<bool>("yes"), None);
        assert_eq!(parse::<Sort>("old"), None);
        assert_eq!(parse::<Option<u8>>("x"), None);
        assert_eq!(parse::<()>(""), None);
        assert_eq!(parse::<Vec<u8>>("1/x"), None);
    }
}
