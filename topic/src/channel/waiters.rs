//! The listeners that wait until there is something to read.

use std::task::Waker;

/// One slot for each listener; a slot holds a waker while its listener waits.
///
/// However fast messages come, a listener is woken once, and reads all of them when it runs.
#[expect(
    clippy::box_collection,
    reason = "the box makes a topic without listeners 16 bytes smaller"
)]
#[derive(Debug)]
pub(super) struct Waiters {
    slots: Vec<Option<Waker>>,
    /// The slots that no listener holds; nothing before one has left.
    free: Option<Box<Vec<usize>>>,
    /// How many of them are no listeners, and read for those whose connections are lent.
    pub(super) deliverers: usize,
}

impl Waiters {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: None, deliverers: 0 }
    }

    /// Gives a new listener a slot.
    pub(super) fn enter(&mut self) -> usize {
        self.free.as_mut().and_then(|free| free.pop()).unwrap_or_else(|| {
            if self.slots.is_empty() {
                // Most topics of a large family have one listener, if any.
                self.slots.reserve_exact(1);
            }
            self.slots.push(None);
            self.slots.len() - 1
        })
    }

    /// Frees the slot of a listener that leaves.
    pub(super) fn leave(&mut self, slot: usize) {
        self.slots[slot] = None;
        let free = self.free.get_or_insert_default();
        free.push(slot);
        if free.len() == self.slots.len() {
            // An idle topic retains no buffer.
            (self.slots, self.free) = (Vec::new(), None);
        }
    }

    /// Registers the waker of the listener in `slot`.
    pub(super) fn park(&mut self, slot: usize, waker: &Waker) {
        match &mut self.slots[slot] {
            Some(parked) => parked.clone_from(waker),
            empty => *empty = Some(waker.clone()),
        }
    }

    /// Drops the waker of the listener in `slot`.
    pub(super) fn unpark(&mut self, slot: usize) {
        self.slots[slot] = None;
    }

    /// Takes all wakers, for waking them after the lock is released.
    pub(super) fn take(&mut self) -> Vec<Waker> {
        self.slots.iter_mut().filter_map(Option::take).collect()
    }

    /// Takes the wakers of some slots. A slot may have another listener by now: it is woken for
    /// nothing.
    pub(super) fn take_of(&mut self, slots: &[usize]) -> Vec<Waker> {
        slots.iter().filter_map(|slot| self.slots.get_mut(*slot)?.take()).collect()
    }

    /// Returns how many listeners there are.
    pub(super) fn len(&self) -> usize {
        let free = self.free.as_ref().map_or(0, |free| free.len());
        self.slots.len() - free - self.deliverers
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_free_slot_is_used_again_without_its_old_waker() {
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
