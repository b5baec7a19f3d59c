//! What a listener reads in the place of a message.

use bytes::Bytes;
use kipo_topic::{Event, Message};

use crate::{action::ResponseMax, error::Result, stream::frames};

/// What a function for [`EventStream::follow_with`](crate::EventStream::follow_with) makes of a
/// message: whether the client reads it (`bool`), or the event that the client reads instead, if any
/// (`Option` of an event).
#[diagnostic::on_unimplemented(
    message = "`{Self}` says not what the client reads instead of a message",
    label = "neither a `bool` nor an `Option<{E}>`",
    note = "return whether the client reads the message, or the event that it reads instead"
)]
pub trait Translated<E>: Sealed {
    #[doc(hidden)]
    fn frame(self, message: &Message, id: &str, bytes_max: usize) -> Result<Option<Bytes>>;
}

pub trait Sealed {}

impl Sealed for bool {}

impl<E> Translated<E> for bool {
    fn frame(self, message: &Message, id: &str, _: usize) -> Result<Option<Bytes>> {
        Ok(self.then(|| frames::message(message, id)))
    }
}

impl<E> Sealed for Option<E> {}

impl<E: Event> Translated<E> for Option<E> {
    fn frame(self, _: &Message, id: &str, bytes_max: usize) -> Result<Option<Bytes>> {
        self.map(|event| frames::event(&event, Some(id), ResponseMax(bytes_max))).transpose()
    }
}
