//! The listeners that wait until there is something to read.

use std::task::Waker;

/// One slot for each listener; a slot holds a waker while its listener waits.
///
/// However fast messages come, a listener is woken once, and reads all of them when it runs.
#[derive(Debug)]
pub(super) struct Waiters {
    slots: Vec<Option<Waker>>,
    /// The slots that no listener holds.
    free: Vec<usize>,
    /// How many of them are no listeners, and read for those whose connections are lent.
    pub(super) deliverers: usize,
}

impl Waiters {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), deliverers: 0 }
    }

    /// Gives a new listener a slot.
    pub(super) fn enter(&mut self) -> usize {
        self.free.pop().unwrap_or_else(|| {
            self.slots.push(None);
            self.slots.len() - 1
        })
    }

    /// Frees the slot of a listener that leaves.
    pub(super) fn leave(&mut self, slot: usize) {
        self.slots[slot] = None;
        self.free.push(slot);
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
        self.slots.len() - self.free.len() - self.deliverers
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
