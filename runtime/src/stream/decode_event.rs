//! Events that are read back from the messages of a topic.

use kipo_topic::Event;
use serde::de::DeserializeOwned;

/// An event that can be read from its name and its data: what
/// [`EventStream::follow_with`](crate::EventStream::follow_with) passes to its function.
///
/// `#[derive(Event)]` implements it if each payload implements `Deserialize`, as types with
/// [`#[data]`](macro@crate::data) do.
///
/// # Examples
///
/// ```
/// use kipo::{DecodeEvent, Event};
///
/// #[derive(Debug, PartialEq, Event)]
/// enum RoomEvent {
///     Said { text: String },
///     Count(u32),
///     Closed,
/// }
///
/// let said = RoomEvent::decode("said", r#"{"text":"hi"}"#)?;
/// assert_eq!(said, RoomEvent::Said { text: "hi".to_owned() });
/// assert_eq!(RoomEvent::decode("count", "7")?, RoomEvent::Count(7));
/// assert_eq!(RoomEvent::decode("closed", "null")?, RoomEvent::Closed);
///
/// // Another version of the app has published these.
/// assert!(RoomEvent::decode("count", "\"seven\"").is_err());
/// assert!(RoomEvent::decode("moved", "null").is_err());
/// # Ok::<_, serde_json::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a message",
    label = "not an event that can be read",
    note = "put `#[derive(kipo::Event)]` above the enum"
)]
pub trait DecodeEvent: Event + Sized {
    /// Returns the event of this name with this data, which is JSON.
    ///
    /// # Errors
    ///
    /// When there is no event of this name, or the data does not fit it: a message of a durable
    /// topic may be older than the type.
    fn decode(name: &str, data: &str) -> serde_json::Result<Self>;
}

/// The payload of an event, or a field of it, that can be read from a message.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read from a message",
    label = "an event carries a `{Self}`, which cannot be read from a message",
    note = "put `#[kipo::data]` above each struct or enum that the event carries"
)]
pub trait Decodable: DeserializeOwned {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned> Decodable for T {}
