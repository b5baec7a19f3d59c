//! One computation for callers that come together.
//!
//! The first caller leads, and the others wait for what it lands. A lead that is dropped without an
//! output, by an error, a panic or a timeout, wakes those who wait, and one of them leads next. A
//! caller that waits and leaves drops only its own wait.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;

use crate::action::cache::{key::Digest, output::Output};

/// The running computations by key. A clone shares them.
#[derive(Clone, Debug, Default)]
pub(super) struct Flights(Arc<Mutex<HashMap<Digest, Flight>>>);

/// The part of a caller in a computation.
#[derive(Debug)]
pub(crate) enum Join {
    /// This caller computes.
    Lead(Lead),
    /// Another caller computes.
    Follow(Flight),
}

/// A computation of another caller.
#[derive(Clone, Debug)]
pub(crate) struct Flight(watch::Receiver<Option<Landed>>);

/// What a computation ended with.
#[derive(Clone, Debug)]
pub(crate) enum Landed {
    /// An output for every caller with this key.
    Output(Arc<Output>),
    /// A response that belongs to the caller who computed it. The others compute at the same time.
    Private,
    /// No output. One of the others computes next.
    Failed,
}

impl Flights {
    /// Joins the computation of a key, or begins one.
    pub(super) fn join(&self, key: Digest) -> Join {
        // A std lock: held for one look-up, never across an `.await`.
        match self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(key) {
            Entry::Occupied(running) => Join::Follow(running.get().clone()),
            Entry::Vacant(free) => {
                let (landed, flight) = watch::channel(None);
                free.insert(Flight(flight));
                Join::Lead(Lead { flights: self.clone(), key, landed })
            }
        }
    }
}

impl Flight {
    /// Waits until the computation has ended.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the computation goes on.
    pub(crate) async fn landed(mut self) -> Landed {
        match self.0.wait_for(Option::is_some).await {
            Ok(landed) => landed.clone().unwrap_or(Landed::Failed),
            // The lead was dropped.
            Err(_) => Landed::Failed,
        }
    }
}

/// The right to compute the output of a key. Dropping it ends the flight without an output.
#[derive(Debug)]
pub(crate) struct Lead {
    flights: Flights,
    key: Digest,
    landed: watch::Sender<Option<Landed>>,
}

impl Lead {
    /// Returns the key.
    pub(super) fn key(&self) -> Digest {
        self.key
    }

    /// Ends the flight.
    pub(super) fn land(self, landed: Landed) {
        // Those who wait hold receivers of their own. Without any, nobody reads the value.
        _ = self.landed.send(Some(landed));
    }
}

impl Drop for Lead {
    fn drop(&mut self) {
        self.flights.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Digest {
        Digest::of_input("", b"")
    }

    fn follow(flights: &Flights) -> Flight {
        match flights.join(key()) {
            Join::Follow(flight) => flight,
            Join::Lead(_) => unreachable!("another caller leads"),
        }
    }

    #[tokio::test]
    async fn a_lead_that_is_dropped_lets_the_next_compute() {
        let flights = Flights::default();
        let Join::Lead(lead) = flights.join(key()) else { unreachable!("the first caller leads") };
        let (waits, leaves) = (follow(&flights), follow(&flights));
        drop(leaves.landed());
        drop(lead);
        assert!(matches!(waits.landed().await, Landed::Failed));
        assert!(matches!(flights.join(key()), Join::Lead(_)));
        assert!(flights.0.lock().unwrap().is_empty(), "nothing is left of an ended flight");
    }

    #[tokio::test]
    async fn those_who_wait_get_what_was_landed_before_the_lead_was_dropped() {
        let flights = Flights::default();
        let Join::Lead(lead) = flights.join(key()) else { unreachable!("the first caller leads") };
        let waits = follow(&flights);
        lead.land(Landed::Private);
        assert!(matches!(waits.landed().await, Landed::Private));
    }
}
