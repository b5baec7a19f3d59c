//! The messages between the supervisor and a process that it started.
//!
//! Each message is one line of JSON on a socket, which the process has as its standard input. The
//! first byte on that socket carries the [sockets to serve on](crate::dev::handoff).

use serde::{Deserialize, Serialize};

use crate::{
    dev::{outcome::LastBuild, report::Report, watch::Changes},
    request::{AllowedHost, PrefixSettings},
};

/// A message from the supervisor to a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Command {
    /// Open the topics and accept connections.
    Serve,
    /// Stop accepting, close the topics, and pass the open connections to the next process.
    HandOff,
    /// Stop accepting, close the topics and all connections, and exit.
    Stop,
    /// Read the pages again: these files changed.
    PagesChanged(Changes),
    /// Show these errors of the next version in the tabs; none of them are left if it is empty.
    ShowErrors(Vec<Report>),
    /// Show this build in the panel.
    Built(LastBuild),
}

/// A message from a process to its supervisor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    /// The app has passed its checks. The process waits for [`Command::Serve`].
    Ready { base: String, prefix: PrefixSettings, allowed_hosts: Vec<AllowedHost> },
    /// The app cannot start because of these errors.
    Failed(Vec<Report>),
    /// The process accepts connections.
    Serving,
    /// The process has read the changed pages. They serve if there are no errors.
    PagesReloaded { changes: String, result: String, ms: u64, errors: Vec<Report> },
    /// The process no longer accepts connections, and its topics are closed.
    Released,
}

/// Returns a message as one line, with its line break.
pub(crate) fn line(message: &impl Serialize) -> Vec<u8> {
    // These messages consist of names, texts and numbers, which JSON can always write.
    let mut line = serde_json::to_vec(message).unwrap_or_default();
    line.push(b'\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        let status = Status::Ready {
            base: "/_kipo\n".to_owned(),
            prefix: PrefixSettings::default(),
            allowed_hosts: Vec::new(),
        };
        let line = line(&status);
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        assert_eq!(serde_json::from_slice::<Status>(&line).unwrap(), status);
    }
}
