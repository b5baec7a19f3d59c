//! What a listener read, in the order in which it read it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use load::Cursor;

/// Everything that one listener read, over all its connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) listener: usize,
    pub(crate) entries: Vec<Entry>,
}

/// One event that a listener read. Small: a thousand listeners record thousands each.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// A connection began.
    Ready(Box<Ready>),
    /// A message, by its number in [`Messages`].
    Message(u32),
    /// The report that messages are missing.
    Gap(Box<Gap>),
    /// The report that the engine behind the topic cannot be reached, or can be again.
    Engine { is_reachable: bool },
    /// What no stream of ours sends.
    Wrong(Box<str>),
}

#[derive(Clone, Debug)]
pub(crate) struct Ready {
    /// The position that the listener showed.
    pub(crate) showed: Option<Cursor>,
    pub(crate) resume: Resume,
    /// The position that the listener would show from now on.
    pub(crate) held: Option<Cursor>,
}

/// Whether a listener goes on at the position that it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Resume {
    Fresh,
    Resumed,
    Gap,
}

#[derive(Clone, Debug)]
pub(crate) struct Gap {
    pub(crate) reason: Reason,
    pub(crate) missed: Option<u64>,
    pub(crate) first: u64,
    /// The position that the listener would show from now on.
    pub(crate) held: Option<Cursor>,
}

/// Why messages are missing: all words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    Trimmed,
    NewGeneration,
    Diverged,
    TooMany,
}

impl Entry {
    /// Reads an event of a room; nothing if it is of no log: the list of people in the room. `showed` is the position that this connection began with, and
    /// `held` the one that would be shown after this event.
    pub(crate) fn of(
        event: &str,
        data: &str,
        showed: Option<Cursor>,
        held: Option<Cursor>,
        messages: &Messages,
    ) -> Option<Self> {
        let entry = match event {
            "here" => return None,
            "chat" | "opened" => held.map(|cursor| Self::Message(messages.number(cursor, data))),
            "kipo:ready" => {
                resume(data).map(|resume| Self::Ready(Box::new(Ready { showed, resume, held })))
            }
            "kipo:engine" => is_reachable(data).map(|is_reachable| Self::Engine { is_reachable }),
            "kipo:gap" => gap(data, held).map(|gap| Self::Gap(Box::new(gap))),
            _ => None,
        };
        let wrong = || Self::Wrong(format!("event {event:?}, data {data:?}").into());
        Some(entry.unwrap_or_else(wrong))
    }
}

fn resume(data: &str) -> Option<Resume> {
    let data: Value = serde_json::from_str(data).ok()?;
    match data["resume"].as_str()? {
        "fresh" => Some(Resume::Fresh),
        "resumed" => Some(Resume::Resumed),
        "gap" => Some(Resume::Gap),
        _ => None,
    }
}

fn is_reachable(data: &str) -> Option<bool> {
    let data: Value = serde_json::from_str(data).ok()?;
    data["reachable"].as_bool()
}

fn gap(data: &str, held: Option<Cursor>) -> Option<Gap> {
    let data: Value = serde_json::from_str(data).ok()?;
    let reason = match data["reason"].as_str()? {
        "trimmed" => Reason::Trimmed,
        "new_generation" => Reason::NewGeneration,
        "diverged" => Reason::Diverged,
        "too_many" => Reason::TooMany,
        _ => return None,
    };
    let missed = match &data["missed"] {
        Value::Null => None,
        missed => Some(missed.as_u64()?),
    };
    Some(Gap { reason, missed, first: data["first"].as_u64()?, held })
}

/// One message, as a listener read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) cursor: Cursor,
    /// The event's data, to the byte.
    pub(crate) data: Box<str>,
}

impl Message {
    /// Returns the text, which is another one for each Send, or the word for a room's beginning.
    pub(crate) fn token(&self) -> Option<String> {
        let data: Value = serde_json::from_str(&self.data).ok()?;
        if data["opened_at"].is_u64() {
            return Some("opened".to_owned());
        }
        Some(data["message"].as_str()?.to_owned())
    }
}

/// All messages that listeners read, each once. Two texts with one id are two messages here.
#[derive(Debug, Default)]
pub(crate) struct Messages(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    all: Vec<Message>,
    by_cursor: HashMap<Cursor, Vec<u32>>,
}

impl Messages {
    /// Returns the number of a message, which it gets when a listener first reads it.
    pub(crate) fn number(&self, cursor: Cursor, data: &str) -> u32 {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { all, by_cursor } = &mut *known;
        let same_id = by_cursor.entry(cursor).or_default();
        if let Some(number) = same_id.iter().find(|number| &*all[**number as usize].data == data) {
            return *number;
        }
        let number = u32::try_from(all.len()).unwrap_or(u32::MAX);
        all.push(Message { cursor, data: data.into() });
        same_id.push(number);
        number
    }

    /// Returns all messages, by their numbers.
    pub(crate) fn all(&self) -> Vec<Message> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_in_a_room_is_no_entry() {
        let entry = Entry::of("here", r#"{"names":[]}"#, None, None, &Messages::default());
        assert!(entry.is_none());
    }

    #[test]
    fn words_that_are_not_known_are_wrong() {
        let held = "0000000000000001-1-00000001".parse().ok();
        let entry = |event, data| Entry::of(event, data, None, held, &Messages::default()).unwrap();
        assert!(matches!(entry("kipo:ready", r#"{"resume":"fresh"}"#), Entry::Ready(_)));
        assert!(matches!(
            entry("kipo:gap", r#"{"reason":"trimmed","missed":1,"first":2}"#),
            Entry::Gap(_)
        ));
        assert!(matches!(
            entry("kipo:engine", r#"{"reachable":false}"#),
            Entry::Engine { is_reachable: false }
        ));
        for (event, data) in [
            ("kipo:ready", r#"{"resume":"maybe"}"#),
            ("kipo:engine", r#"{"reachable":"no"}"#),
            ("kipo:gap", r#"{"reason":"lost","missed":1,"first":2}"#),
            ("kipo:gap", r#"{"reason":"trimmed","missed":-1,"first":2}"#),
            ("error", "{}"),
        ] {
            assert!(matches!(entry(event, data), Entry::Wrong(_)), "{event} {data}");
        }
    }
}
