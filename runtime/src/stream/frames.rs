//! The frames of a stream that follows topics, and those of events that an action sends.

use bytes::Bytes;
use kipo_topic::{Event, Gap, Message, engine::Link, frame};

use crate::{action::ResponseMax, error::Result};

/// Returns the frame of an event, unless its data is larger than `max`.
pub(super) fn event<E: Event>(event: &E, id: Option<&str>, max: ResponseMax) -> Result<Bytes> {
    let mut data = Vec::new();
    event.write_data(&mut data)?;
    max.check(data.len())?;
    Ok(match id {
        None => frame::event(event.name(), &data, None),
        Some(id) => frame::event(event.name(), &data, Some(format_args!("{id}"))),
    })
}

/// Returns the frame of a message, with another id than its own.
pub(super) fn message(message: &Message, id: &str) -> Bytes {
    frame::event(message.event(), message.data().as_bytes(), Some(format_args!("{id}")))
}

/// Returns the frame that reports a gap; with the topic's name if the stream follows several.
pub(super) fn gap(gap: Gap, topic: Option<&str>, id: &str) -> Bytes {
    let missed = gap.missed.map_or_else(|| "null".to_owned(), |missed| missed.to_string());
    let (reason, first) = (gap.reason.as_str(), gap.first);
    let topic = topic.map(serde_json::Value::from);
    let topic = topic.map_or_else(String::new, |topic| format!(r#","topic":{topic}"#));
    let data = format!(r#"{{"reason":"{reason}","missed":{missed},"first":{first}{topic}}}"#);
    frame::event(frame::GAP, data.as_bytes(), Some(format_args!("{id}")))
}

/// Returns the frame that reports whether the engine can be reached.
pub(super) fn engine(link: Link) -> Bytes {
    let data: &[u8] = match link {
        Link::Up => br#"{"reachable":true}"#,
        Link::Down => br#"{"reachable":false}"#,
    };
    frame::event(frame::ENGINE, data, None)
}
