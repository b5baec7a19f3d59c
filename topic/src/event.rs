//! What topics and streams carry: named events with typed data.

use schemars::{Schema, SchemaGenerator};

/// An event of a stream: a name and its data.
///
/// In an app of the crate `kipo`, `#[derive(Event)]` on an enum implements it: each variant is an
/// event, named in snake case, and its payload is the data.
///
/// # Examples
///
/// ```
/// use kipo_topic::Event;
///
/// enum Room {
///     Said(String),
///     Closed,
/// }
///
/// impl Event for Room {
///     fn name(&self) -> &'static str {
///         match self {
///             Self::Said(_) => "said",
///             Self::Closed => "closed",
///         }
///     }
///
///     fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
///         match self {
///             Self::Said(text) => serde_json::to_writer(out, text),
///             Self::Closed => serde_json::to_writer(out, &()),
///         }
///     }
/// }
///
/// let (event, mut data) = (Room::Said("hi".into()), Vec::new());
/// event.write_data(&mut data).unwrap();
/// assert_eq!((event.name(), data.as_slice()), ("said", br#""hi""#.as_slice()));
/// assert_eq!(Room::Closed.name(), "closed");
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an event of a stream",
    label = "not an event",
    note = "put `#[derive(kipo::Event)]` above the enum"
)]
pub trait Event: Send + 'static {
    /// Returns the name: without a line break, and none of those in [`frame`](crate::frame).
    fn name(&self) -> &'static str;

    /// Writes the data as one line of JSON.
    ///
    /// # Errors
    ///
    /// When the payload has no form in JSON, such as a map whose keys are lists.
    fn write_data(&self, out: &mut Vec<u8>) -> serde_json::Result<()>;

    /// Returns each event with its documentation and the schema of its data, for generated types.
    ///
    /// The default returns none: enough for events that no browser reads.
    fn describe(generator: &mut SchemaGenerator) -> Vec<EventType> {
        let _ = generator;
        Vec::new()
    }
}

/// The description of one event of a stream: what [`Event::describe`] returns.
///
/// # Examples
///
/// ```
/// use kipo_topic::EventType;
/// use schemars::SchemaGenerator;
///
/// let data = SchemaGenerator::default().subschema_for::<u32>();
/// let event = EventType { name: "count", doc: "How many.", data };
/// assert_eq!(event.data.get("type").unwrap(), "integer");
/// ```
#[derive(Clone, Debug)]
pub struct EventType {
    /// The name on the wire.
    pub name: &'static str,
    /// The doc comment, or empty.
    pub doc: &'static str,
    /// The data's schema.
    pub data: Schema,
}
