//! What a listener saw, in the order in which it saw it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use serde_json::Value;

use load::Cursor;

/// Everything that one listener was told, over all its connections.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record {
    pub(crate) listener: usize,
    pub(crate) entries: Vec<Entry>,
}

/// One thing that a listener was told. Small: a thousand listeners keep thousands each.
#[derive(Clone, Debug)]
pub(crate) enum Entry {
    /// A connection began.
    Ready(Box<Ready>),
    /// A message, by its number in [`Messages`].
    Message(u32),
    /// The news that messages are missing.
    Gap(Box<Gap>),
    /// What no stream of ours says.
    Wrong(Box<str>),
}

#[derive(Clone, Debug)]
pub(crate) struct Ready {
    /// The place that the listener showed.
    pub(crate) showed: Option<Cursor>,
    pub(crate) resume: Resume,
    /// The place that the listener would show from now on.
    pub(crate) held: Option<Cursor>,
}

/// What became of the place that a listener showed.
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
    /// The place that the listener would show from now on.
    pub(crate) held: Option<Cursor>,
}

/// Why messages are missing: the words that there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reason {
    Trimmed,
    NewGeneration,
    Diverged,
    TooMany,
}

impl Entry {
    /// Reads an event of the chat. `showed` is the place that this connection began with, and
    /// `held` the one that would be shown after this event.
    pub(crate) fn of(
        event: &str,
        data: &str,
        showed: Option<Cursor>,
        held: Option<Cursor>,
        messages: &Messages,
    ) -> Self {
        let entry = match event {
            "chat" => held.map(|cursor| Self::Message(messages.number(cursor, data))),
            "kipo:ready" => {
                resume(data).map(|resume| Self::Ready(Box::new(Ready { showed, resume, held })))
            }
            "kipo:gap" => gap(data, held).map(|gap| Self::Gap(Box::new(gap))),
            _ => None,
        };
        entry.unwrap_or_else(|| Self::Wrong(format!("event {event:?}, data {data:?}").into()))
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

/// One message, as a listener saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) cursor: Cursor,
    /// The event's data, to the byte.
    pub(crate) data: Box<str>,
}

impl Message {
    /// Returns what was said: each Send says something of its own.
    pub(crate) fn token(&self) -> Option<String> {
        let data: Value = serde_json::from_str(&self.data).ok()?;
        Some(data["message"].as_str()?.to_owned())
    }
}

/// All messages that anybody saw, each once. Two texts with one id are two messages here.
#[derive(Debug, Default)]
pub(crate) struct Messages(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    all: Vec<Message>,
    by_cursor: HashMap<Cursor, Vec<u32>>,
}

impl Messages {
    /// Returns the number of a message, which it gets when it is first seen.
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
    fn words_that_are_not_known_are_wrong() {
        let held = "0000000000000001-1-00000001".parse().ok();
        let entry = |event, data| Entry::of(event, data, None, held, &Messages::default());
        assert!(matches!(entry("kipo:ready", r#"{"resume":"fresh"}"#), Entry::Ready(_)));
        assert!(matches!(
            entry("kipo:gap", r#"{"reason":"trimmed","missed":1,"first":2}"#),
            Entry::Gap(_)
        ));
        for (event, data) in [
            ("kipo:ready", r#"{"resume":"maybe"}"#),
            ("kipo:gap", r#"{"reason":"lost","missed":1,"first":2}"#),
            ("kipo:gap", r#"{"reason":"trimmed","missed":-1,"first":2}"#),
            ("error", "{}"),
        ] {
            assert!(matches!(entry(event, data), Entry::Wrong(_)), "{event} {data}");
        }
    }
}
