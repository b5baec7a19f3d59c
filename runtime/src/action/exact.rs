//! Integers that JavaScript does not round.

use std::{borrow::Cow, fmt, marker::PhantomData, ops, str::FromStr};

use kipo_topic::TopicKey;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Unexpected, Visitor},
};

/// An integer that is sent as a decimal string, so that the browser loses no digit of it.
///
/// A JavaScript number is exact only up to 2⁵³. `i64` and `u64` are exact on the server and are
/// `number` in TypeScript. That is right for counts and times, and wrong for ids that use all 64
/// bits. `Exact<i64>` is `` `${bigint}` `` in TypeScript: `BigInt(id)` reads it, and `` `${id}` ``
/// writes it.
///
/// It works for `i64`, `u64`, `i128` and `u128`. It reads a string in the form in which it writes
/// one (no `+`, no spaces, no leading zeros), or a JSON integer in range. Anything else is an
/// error.
///
/// # Examples
///
/// ```
/// use kipo::Exact;
///
/// let id = Exact(9_007_199_254_740_993_i64); // 2⁵³ + 1
/// assert_eq!(serde_json::to_string(&id).unwrap(), r#""9007199254740993""#);
///
/// let read = |json| serde_json::from_str::<Exact<i64>>(json).ok();
/// assert_eq!(read(r#""9007199254740993""#), Some(id));
/// assert_eq!(read("9007199254740993"), Some(id));
///
/// // Not a number, not in range, a leading zero, not an integer.
/// assert_eq!(read(r#""many""#), None);
/// assert_eq!(read(r#""9223372036854775808""#), None);
/// assert_eq!(read(r#""007""#), None);
/// assert_eq!(read("1.5"), None);
///
/// // It dereferences to the number.
/// assert_eq!(*id + 1, 9_007_199_254_740_994);
/// assert!(id > Exact(1));
/// assert_eq!(Exact::from(7_u64).to_string(), "7");
/// assert_eq!("7".parse(), Ok(Exact(7_u64)));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Exact<T>(pub T);

impl<T> ops::Deref for Exact<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> ops::DerefMut for Exact<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T> From<T> for Exact<T> {
    fn from(number: T) -> Self {
        Self(number)
    }
}

impl<T: fmt::Display> fmt::Display for Exact<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: FromStr> FromStr for Exact<T> {
    type Err = T::Err;

    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.parse().map(Self)
    }
}

/// The key of a topic by an integer that the browser sends exactly.
impl<T: TopicKey> TopicKey for Exact<T> {
    fn to_key(&self) -> Cow<'_, str> {
        self.0.to_key()
    }

    fn from_key(key: &str) -> Option<Self> {
        T::from_key(key).map(Self)
    }
}

/// Implements the conversions of one integer type: reading, writing and its schema.
macro_rules! exact {
    ($($integer:ty, $format:literal, $pattern:literal;)*) => {$(
        impl From<Exact<$integer>> for $integer {
            fn from(exact: Exact<$integer>) -> Self {
                exact.0
            }
        }

        impl Serialize for Exact<$integer> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for Exact<$integer> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                deserializer.deserialize_any(Digits::<$integer>(PhantomData)).map(Self)
            }
        }

        impl JsonSchema for Exact<$integer> {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                concat!("Exact_", stringify!($integer)).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format, "pattern": $pattern })
            }
        }
    )*};
}

exact! {
    i64, "int64-string", "^(0|-?[1-9][0-9]{0,18})$";
    u64, "uint64-string", "^(0|[1-9][0-9]{0,19})$";
    i128, "int128-string", "^(0|-?[1-9][0-9]{0,38})$";
    u128, "uint128-string", "^(0|[1-9][0-9]{0,38})$";
}

/// Reads an integer from a JSON integer or from its digits.
struct Digits<T>(PhantomData<T>);

impl<T> Visitor<'_> for Digits<T>
where
    T: FromStr + fmt::Display + TryFrom<i64> + TryFrom<u64> + TryFrom<i128> + TryFrom<u128>,
{
    type Value = T;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an integer, or a string with its digits")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        // Each number has one text, so that it is written as it was read.
        let number = text.parse::<T>().ok().filter(|number| number.to_string() == text);
        number.ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Signed(number), &self))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::invalid_value(Unexpected::Unsigned(number), &self))
    }

    fn visit_i128<E: de::Error>(self, number: i128) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::custom("integer out of range"))
    }

    fn visit_u128<E: de::Error>(self, number: u128) -> Result<T, E> {
        T::try_from(number).map_err(|_| E::custom("integer out of range"))
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;

    use super::*;

    #[track_caller]
    fn check<T>(json: &str, expected: impl Into<Option<T>>)
    where
        T: PartialEq + fmt::Debug,
        Exact<T>: DeserializeOwned,
    {
        let read = serde_json::from_str::<Exact<T>>(json).ok().map(|exact| exact.0);
        assert_eq!(read, expected.into(), "{json}");
    }

    #[test]
    fn the_limits_of_each_range_are_read() {
        check(&format!("\"{}\"", i64::MIN), i64::MIN);
        check(&format!("{}", i64::MIN), i64::MIN);
        check(&format!("\"{}\"", u64::MAX), u64::MAX);
        check(&format!("{}", u64::MAX), u64::MAX);
        check(&format!("\"{}\"", i128::MIN), i128::MIN);
        check(&format!("\"{}\"", u128::MAX), u128::MAX);
        check("-1", -1_i128);
    }

    #[test]
    fn a_number_out_of_range_is_refused() {
        check::<i64>("\"9223372036854775808\"", None);
        check::<i64>("9223372036854775808", None);
        check::<u64>("-1", None);
        check::<u64>("\"-1\"", None);
        check::<u64>("\"18446744073709551616\"", None);
    }

    #[test]
    fn only_the_canonical_text_is_read() {
        for text in
            ["\"\"", "\"+1\"", "\"-0\"", "\"01\"", "\" 1\"", "\"1.0\"", "\"1e3\"", "\"0x1\""]
        {
            check::<i64>(text, None);
        }
        for other in ["1.0", "1e3", "true", "null", "[]", "{}"] {
            check::<i64>(other, None);
        }
    }

    #[test]
    fn keys_of_maps_are_read_and_written() {
        let json = r#"{"-5":"a"}"#;
        let map: std::collections::BTreeMap<Exact<i64>, String> =
            serde_json::from_str(json).unwrap();
        assert_eq!(serde_json::to_string(&map).unwrap(), json);
    }
}
