//! One message on its way into a log, and in it.

use bytes::{Bytes, BytesMut};

use crate::{
    frame::{self, Parts},
    log::{
        cursor::{CURSOR_LEN_MAX, Cursor, text_len},
        fingerprint::{self, Fingerprint},
    },
};

/// A message without a number: the result of all work that needs no lock.
#[derive(Debug)]
pub(crate) struct Draft {
    begun: BytesMut,
    parts: Parts,
    digest: u64,
}

impl Draft {
    /// Returns a draft with room for the position of any message.
    ///
    /// # Panics
    ///
    /// Panics as [`frame::begin`] does.
    pub(crate) fn new(event: &str, data: &[u8]) -> Self {
        Self::begun(frame::begin(event, data, CURSOR_LEN_MAX), event, data)
    }

    /// Returns a draft for the message with this number: its frame takes no more memory than it
    /// needs. One that gets another number is as good, but may have to grow.
    ///
    /// # Panics
    ///
    /// Panics as [`frame::begin`] does.
    pub(crate) fn of_seq(event: &str, data: &[u8], seq: u64) -> Self {
        Self::begun(frame::begin(event, data, text_len(seq)), event, data)
    }

    /// Returns a draft as [`of_seq`](Self::of_seq) does, unless there is a line break in the name or the
    /// data.
    pub(crate) fn read(event: &str, data: &[u8], seq: u64) -> Option<Self> {
        let begun = frame::begin_if_sound(event, data, text_len(seq))?;
        Some(Self::begun(begun, event, data))
    }

    fn begun(begun: BytesMut, event: &str, data: &[u8]) -> Self {
        Self { begun, parts: Parts::of(event, data), digest: fingerprint::digest(event, data) }
    }

    /// Returns about how many bytes the message has.
    pub(crate) fn len(&self) -> usize {
        self.begun.len()
    }

    /// Returns the name of the event.
    pub(crate) fn event(&self) -> &[u8] {
        self.parts.event_of(&self.begun)
    }

    /// Returns the event's data, as JSON.
    pub(crate) fn data(&self) -> &[u8] {
        self.parts.data_of(&self.begun)
    }
}

/// One message, in its finished wire form.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    /// The whole frame, id included: the same bytes for every listener.
    pub(super) frame: Bytes,
    parts: Parts,
    pub(super) fingerprint: Fingerprint,
    /// When it was published, in milliseconds since 1970 (UTC).
    pub(super) stamp_ms: u64,
}

impl Record {
    /// Returns the name of the event.
    pub(crate) fn event(&self) -> Bytes {
        self.parts.event(&self.frame)
    }

    /// Returns the event's data, as JSON.
    pub(crate) fn data(&self) -> Bytes {
        self.parts.data(&self.frame)
    }

    /// Returns the name of the event.
    pub(crate) fn event_bytes(&self) -> &[u8] {
        self.parts.event_of(&self.frame)
    }

    /// Returns the event's data, as JSON.
    pub(crate) fn data_bytes(&self) -> &[u8] {
        self.parts.data_of(&self.frame)
    }

    /// Returns the name of the event.
    pub(crate) fn event_str(&self) -> &str {
        std::str::from_utf8(self.event_bytes()).unwrap_or_default()
    }

    /// Returns the event's data, as JSON.
    pub(crate) fn data_str(&self) -> &str {
        std::str::from_utf8(self.data_bytes()).unwrap_or_default()
    }

    pub(crate) fn stamp_ms(&self) -> u64 {
        self.stamp_ms
    }
}

/// The position after the newest message: all that the next message needs of those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The position.
    pub cursor: Cursor,
    /// When the newest message was published, in milliseconds since 1970 (UTC); times never run
    /// backwards within a log.
    pub stamp_ms: u64,
}

impl Head {
    /// Returns the head of a log of this generation without messages.
    #[must_use]
    pub fn of_generation(generation: u64) -> Self {
        let fingerprint = Fingerprint::SEED.0;
        Self { cursor: Cursor { generation, seq: 0, fingerprint }, stamp_ms: 0 }
    }

    /// Numbers a draft, and moves to the position after it.
    pub(crate) fn number(&mut self, draft: Draft, now_ms: u64) -> Record {
        let Draft { begun, parts, digest } = draft;
        let stamp_ms = now_ms.max(self.stamp_ms);
        let fingerprint = Fingerprint(self.cursor.fingerprint).chain(stamp_ms, digest);
        let Cursor { generation, seq, .. } = self.cursor;
        let cursor = Cursor { generation, seq: seq + 1, fingerprint: fingerprint.0 };
        *self = Self { cursor, stamp_ms };
        let frame = frame::finish_with(begun, cursor.text(&mut [0; CURSOR_LEN_MAX]));
        Record { frame, parts, fingerprint, stamp_ms }
    }
}
