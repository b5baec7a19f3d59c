//! What an action adds to its response, and what it asks of its connection.

use std::sync::{Mutex, OnceLock};

use http::{HeaderName, HeaderValue};
use tokio_util::sync::CancellationToken;

use crate::action::{effects::Effects, positions::TakenPosition};

/// Made by the first use: most requests have none, and a stream would hold it for as long as it runs.
#[derive(Debug)]
pub(super) struct Additions {
    /// A std lock: held for one push, never across an `.await`.
    pub(super) headers: Mutex<Vec<(HeaderName, HeaderValue)>>,
    /// A std lock, for the same reason.
    pub(super) effects: Mutex<Effects>,
    /// A std lock, for the same reason.
    pub(super) position: Mutex<TakenPosition>,
    /// Created on first use: most calls never use it.
    pub(super) cancellation: OnceLock<CancellationToken>,
}

/// What the response to a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Call,
    Page,
    Stream,
}

impl Additions {
    pub(super) fn of(answer: Answer) -> Self {
        let effects = match answer {
            Answer::Call => Effects::default(),
            Answer::Page => Effects::unavailable(
                "a page has no effects; return `Error::redirect` to show another page",
            ),
            Answer::Stream => Effects::unavailable(
                "the head of a stream is written before its action runs; send an event instead",
            ),
        };
        Self {
            headers: Mutex::default(),
            effects: Mutex::new(effects),
            position: Mutex::default(),
            cancellation: OnceLock::new(),
        }
    }
}
