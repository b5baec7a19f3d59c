//! The listeners that wait until there is something to read.

use std::task::Waker;

/// One slot for each listener; a slot holds a waker while its listener waits.
///
/// However fast messages come, a listener is woken once, and reads all of them when it runs.
#[derive(Debug)]
pub(super) struct Waiters {
    slots: Vec<Option<Waker>>,
    /// Nothing while each slot is that of a listener.
    others: Option<Box<Others>>,
}

#[derive(Debug, Default)]
struct Others {
    /// The slots that nobody holds.
    free: Vec<usize>,
    /// How many slots are those of deliverers, which read for those whose connections are lent.
    deliverers: usize,
}

impl Waiters {
    pub(super) const fn new() -> Self {
        Self { slots: Vec::new(), others: None }
    }

    /// Gives a new listener a slot.
    pub(super) fn enter(&mut self) -> usize {
        self.others.as_mut().and_then(|others| others.free.pop()).unwrap_or_else(|| {
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
        let others = self.others.get_or_insert_default();
        others.free.push(slot);
        if others.free.len() == self.slots.len() {
            // An idle topic retains no buffer.
            *self = Self::new();
        }
    }

    /// Gives a deliverer a slot.
    pub(super) fn enter_deliverer(&mut self) -> usize {
        self.others.get_or_insert_default().deliverers += 1;
        self.enter()
    }

    /// Counts a deliverer as a listener, which leaves.
    pub(super) fn leave_deliverer(&mut self) {
        if let Some(others) = &mut self.others {
            others.deliverers -= 1;
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
        let others = self.others.as_ref();
        self.slots.len() - others.map_or(0, |others| others.free.len() + others.deliverers)
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

    #[test]
    fn a_deliverer_is_no_listener_and_the_last_one_leaves_no_buffer() {
        let mut waiters = Waiters::new();
        let (listener, deliverer) = (waiters.enter(), waiters.enter_deliverer());
        assert_eq!(waiters.len(), 1);
        waiters.leave(listener);
        assert_eq!(waiters.len(), 0);
        waiters.leave_deliverer();
        waiters.leave(deliverer);
        assert_eq!((waiters.len(), waiters.slots.capacity()), (0, 0));
        assert_eq!(waiters.enter(), 0);
    }
}
