//! A listener that lends its connection to the topic while it has read everything.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use super::{
    deliverer,
    reader::{Batch, Reader},
};
use crate::{
    channel::{Outlet, Part},
    log::cursor::Cursor,
};

/// Reads a batch, and lends the connection while there is none: completes with what the listener has
/// to read by itself, and the position before it. It is no `async` block, as each idle listener holds
/// it.
pub(super) struct Direct<'a> {
    reader: &'a mut Reader,
    outlet: &'a Arc<dyn Outlet>,
    /// Where the connection is while it is lent.
    lent: Option<(Arc<Part>, usize)>,
}

impl<'a> Direct<'a> {
    pub(super) fn new(reader: &'a mut Reader, outlet: &'a Arc<dyn Outlet>) -> Self {
        Self { reader, outlet, lent: None }
    }

    /// Lends the connection, if the topic takes it.
    fn lend(&mut self) -> bool {
        if !self.reader.is_at_head() {
            return false;
        }
        let (channel, slot) = (self.reader.channel(), self.reader.slot());
        let Some(part) = channel.fan_out().map(|fan_out| fan_out.part(slot)) else { return false };
        let Some(lent) = part.enter(self.reader.standing(), self.outlet) else { return false };
        self.lent = Some((Arc::clone(part), lent.index));
        // From now on the deliverer writes what comes, so the listener needs no wake-up.
        channel.unpark(slot);
        if lent.is_first {
            deliverer::spawn(Arc::clone(part), self.reader.deliverer());
        }
        true
    }

    /// Takes the connection back; the listener is at `at`, if it was still lent.
    fn end(&mut self, at: Option<Cursor>) {
        if let Some((part, index)) = self.lent.take() {
            part.leave(index);
        }
        if let Some(at) = at {
            self.reader.go_to(at);
        }
    }
}

impl Future for Direct<'_> {
    type Output = (Cursor, Batch);

    fn poll(mut self: Pin<&mut Self>, task: &mut Task<'_>) -> Poll<(Cursor, Batch)> {
        loop {
            if self.lent.is_some() {
                let Poll::Ready(at) = self.outlet.poll_left(task) else { return Poll::Pending };
                self.end(Some(at));
            }
            let from = self.reader.position();
            if let Poll::Ready(batch) = self.reader.poll_batch(task) {
                return Poll::Ready((from, batch));
            }
            if !self.lend() {
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Direct<'_> {
    fn drop(&mut self) {
        if self.lent.is_some() {
            let at = self.outlet.leave();
            self.end(at);
        }
    }
}
