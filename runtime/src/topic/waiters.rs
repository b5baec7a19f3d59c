//! Who sleeps until there is something to read.

use std::task::Waker;

/// One place for each listener; a place holds a waker while its listener sleeps.
///
/// A listener that is awake is not in anybody's way: however fast messages come, it is woken
/// once, and reads all of them when it runs.
#[derive(Debug)]
pub(super) struct Waiters {
    places: Vec<Option<Waker>>,
    /// The places that no listener holds.
    free: Vec<usize>,
}

impl Waiters {
    pub(super) const fn new() -> Self {
        Self { places: Vec::new(), free: Vec::new() }
    }

    /// Gives a new listener its place.
    pub(super) fn enter(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.places.push(None);
            self.places.len() - 1
        })
    }

    /// Takes the place back from a listener that leaves.
    pub(super) fn leave(&mut self, place: usize) {
        self.places[place] = None;
        self.free.push(place);
    }

    /// Notes that the listener at `place` sleeps.
    pub(super) fn park(&mut self, place: usize, waker: &Waker) {
        match &mut self.places[place] {
            Some(parked) => parked.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }

    /// Takes the wakers of all who sleep, for waking them once the lock is let go.
    pub(super) fn take(&mut self) -> Vec<Waker> {
        self.places.iter_mut().filter_map(Option::take).collect()
    }

    /// Returns how many listeners there are.
    pub(super) fn len(&self) -> usize {
        self.places.len() - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_used_again_and_its_sleeper_forgotten() {
        let mut waiters = Waiters::new();
        let (a, b) = (waiters.enter(), waiters.enter());
        waiters.park(a, Waker::noop());
        waiters.park(a, Waker::noop());
        waiters.park(b, Waker::noop());
        waiters.leave(a);
        assert_eq!((waiters.len(), waiters.take().len()), (1, 1));
        assert_eq!(waiters.enter(), a);
        assert!(waiters.take().is_empty());
    }
}
