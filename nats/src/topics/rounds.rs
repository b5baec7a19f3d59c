//! Rounds of comparing heads: what a stream was when the heads of its topics were read. While it is
//! the same, so are they.

use std::{
    collections::HashMap,
    sync::{
        Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use crate::{
    server::{Failure, lock},
    streams::{Info, State, Streams},
};

/// With fewer topics in a stream, their heads are read at once.
const TOPICS_MIN: usize = 3;

/// The round of each stream.
#[derive(Debug, Default)]
pub(super) struct Rounds {
    streams: Mutex<HashMap<String, (Round, Contents)>>,
    last: AtomicU32,
}

/// A round of one stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) number: u32,
    /// The position of the stream's last message.
    pub(super) last_seq: u64,
}

/// What tells whether something was stored in a stream or removed from it.
#[derive(Debug, PartialEq, Eq)]
struct Contents {
    created: String,
    state: State,
}

impl Rounds {
    /// Returns the round of each stream that has so many topics. It is a new one if the stream has
    /// changed.
    pub(super) async fn of(
        &self,
        streams: &Streams,
        topics: HashMap<String, usize>,
    ) -> Result<HashMap<String, Round>, Failure> {
        let mut rounds = HashMap::new();
        for (stream, count) in topics {
            if count >= TOPICS_MIN
                && let Some(Info { created, state, .. }) = streams.info(&stream).await?
            {
                let round = self.round(&stream, Contents { created, state });
                rounds.insert(stream, round);
            }
        }
        Ok(rounds)
    }

    fn round(&self, stream: &str, now: Contents) -> Round {
        let mut streams = lock(&self.streams);
        if let Some((round, contents)) = streams.get(stream)
            && *contents == now
        {
            return *round;
        }
        let number = self.last.fetch_add(1, Ordering::Relaxed) + 1;
        let round = Round { number, last_seq: now.state.last_seq };
        streams.insert(stream.to_owned(), (round, now));
        round
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(last_seq: u64, messages: u64, last_ts: &str) -> Contents {
        let state = State { last_seq, messages, last_ts: last_ts.to_owned(), ..State::default() };
        Contents { created: "2026-11-29T08:00:00Z".to_owned(), state }
    }

    #[test]
    fn a_round_lasts_while_nothing_is_stored_or_removed() {
        let rounds = Rounds::default();
        let first = rounds.round("a", contents(9, 5, "8:00"));
        assert_eq!(first, Round { number: 1, last_seq: 9 });
        assert_eq!(rounds.round("a", contents(9, 5, "8:00")), first);
        assert_eq!(rounds.round("b", contents(9, 5, "8:00")).number, 2);
        // A message was removed; one was stored; an older copy has grown to the same length.
        let changes = [(9, 4, "8:00"), (10, 5, "8:01"), (10, 5, "8:02"), (9, 5, "8:00")];
        for (number, (last_seq, messages, last_ts)) in (3..).zip(changes) {
            let round = rounds.round("a", contents(last_seq, messages, last_ts));
            assert_eq!(round, Round { number, last_seq });
        }
    }
}
