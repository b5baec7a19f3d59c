//! Keys of topics.

use std::borrow::Cow;

/// The key of a topic of a family ([`Topics`](crate::Topics)).
///
/// A key has a text of 1 to 128 bytes, and each text is that of one key. Text, integers and, with
/// the feature `uuid`, `Uuid` are keys. A type of one's own passes on to one of them:
///
/// ```
/// use std::borrow::Cow;
///
/// use kipo_topic::TopicKey;
///
/// #[derive(Debug, PartialEq)]
/// struct BoardId(u64);
///
/// impl TopicKey for BoardId {
///     fn to_key(&self) -> Cow<'_, str> {
///         self.0.to_key()
///     }
///
///     fn from_key(key: &str) -> Option<Self> {
///         u64::from_key(key).map(Self)
///     }
/// }
///
/// assert_eq!(BoardId(7).to_key(), "7");
/// assert_eq!(BoardId::from_key("7"), Some(BoardId(7)));
/// assert_eq!(BoardId::from_key("07"), None);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the key of a topic",
    label = "not a key",
    note = "text, integers and `Uuid` are keys; implement `TopicKey` for a type of your own"
)]
pub trait TopicKey: 'static {
    /// Returns the text of the key.
    fn to_key(&self) -> Cow<'_, str>;

    /// Returns the key with this text; nothing if it is that of no key.
    fn from_key(key: &str) -> Option<Self>
    where
        Self: Sized;
}

impl TopicKey for str {
    fn to_key(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }
}

impl TopicKey for String {
    fn to_key(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }

    fn from_key(key: &str) -> Option<Self> {
        Some(key.to_owned())
    }
}

/// Implements keys by `Display` and `FromStr`.
macro_rules! by_display {
    ($($type:ty),*) => {$(
        impl TopicKey for $type {
            fn to_key(&self) -> Cow<'_, str> {
                Cow::Owned(self.to_string())
            }

            fn from_key(key: &str) -> Option<Self> {
                // Signs and leading zeros would be second texts of one key.
                key.parse().ok().filter(|parsed: &Self| parsed.to_string() == key)
            }
        }
    )*};
}

by_display!(u8, u16, u32, u64, u128, i8, i16, i32, i64, i128);
#[cfg(feature = "uuid")]
by_display!(uuid::Uuid);
