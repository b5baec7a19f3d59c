//! What streams and topics carry: named events with typed data.

use schemars::{Schema, SchemaGenerator};

/// An event of a stream: a name and its data.
///
/// `#[derive(Event)]` on an enum: each variant is an event, named in snake case, and its payload
/// is the data.
///
/// # Examples
///
/// ```
/// use kipo::Event;
///
/// #[derive(Event)]
/// enum Room {
///     Said { text: String },
///     Closed,
/// }
///
/// let event = Room::Said { text: "hi".into() };
/// let mut data = Vec::new();
/// event.write_data(&mut data).unwrap();
/// assert_eq!((event.name(), data.as_slice()), ("said", br#"{"text":"hi"}"#.as_slice()));
/// assert_eq!(Room::Closed.name(), "closed");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event of a stream",
    label = "not an event",
    note = "put `#[derive(kipo::Event)]` above the enum"
)]
pub trait Event: Send + 'static {
    /// Returns the name: never reserved, never with a line break.
    fn name(&self) -> &'static str;

    /// Writes the data as one line of JSON.
    ///
    /// # Errors
    ///
    /// When the payload has no form in JSON, such as a map whose keys are lists.
    fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;

    /// Returns each event with its documentation and the schema of its data.
    fn describe(generator: &mut SchemaGenerator) -> Vec<EventType>;
}

/// One event of a stream, as its type is described.
#[derive(Clone, Debug)]
pub struct EventType {
    /// The name on the wire.
    pub name: &'static str,
    /// The doc comment, or empty.
    pub doc: &'static str,
    /// The data's schema.
    pub data: Schema,
}
