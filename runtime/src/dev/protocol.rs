//! What the supervisor and a serving process say to each other: lines of JSON on a socket that
//! the process finds as its standard input. The first byte carries the sockets to serve on.

use serde::{Deserialize, Serialize};

use crate::dev::{outcome::LastBuild, report::Report, watch::Changes};

/// What a serving process is told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Open the topics, accept connections.
    Serve,
    /// Accept no more; let go of everything, and leave open connections to the next process.
    HandOff,
    /// Accept no more; let go of everything, for good.
    Retire,
    /// Files of pages have changed.
    Changed(Changes),
    /// This is wrong with what shall take its place; nothing any more if it is empty.
    Wrong(Vec<Report>),
    /// What the last build was about, for the panel.
    Built(LastBuild),
}

/// What a serving process tells.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Word {
    /// Everything is checked; it waits to be told to serve.
    Ready {
        base: String,
    },
    /// It cannot start.
    Failed(Vec<Report>),
    Serving,
    /// It has acted on a change, or could not.
    Acted {
        what: String,
        did: String,
        ms: u64,
        wrong: Vec<Report>,
    },
    /// It accepts nothing any more, and its topics are closed.
    Released,
}

/// Returns one message as it travels.
pub(crate) fn line(message: &impl Serialize) -> Vec<u8> {
    // Names and texts always are JSON.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_lines() {
        let word = Word::Ready { base: "/_kipo\n".to_owned() };
        let line = line(&word);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(serde_json::from_slice::<Word>(&line).unwrap(), word);
    }
}
