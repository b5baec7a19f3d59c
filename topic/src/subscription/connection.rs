//! A connection in memory, for tests.

use std::task::{Context as Task, Poll, Waker};

use crate::{
    Cursor, Delivery, Outlet, Seat,
    sync::{Mutex, lock},
};

/// What a connection has, under its lock.
pub(super) struct State {
    seat: Seat,
    /// The data of the messages that are written, whoever wrote them.
    pub(super) written: Vec<String>,
    /// How many deliveries the topic wrote.
    pub(super) delivered: usize,
    /// How many more deliveries it takes until it is full.
    pub(super) room: usize,
    /// With how many messages it is given back.
    pub(super) until: usize,
    waker: Option<Waker>,
}

pub(super) struct Connection(pub(super) Mutex<State>);

impl Connection {
    /// Returns an empty connection that takes so many deliveries, until it has so many messages.
    pub(super) fn new(room: usize, until: usize) -> Self {
        let (seat, written, delivered) = (Seat::Empty, Vec::new(), 0);
        Self(Mutex::new(State { seat, written, delivered, room, until, waker: None }))
    }
}

impl State {
    /// Writes frames.
    pub(super) fn write(&mut self, frames: &[u8]) {
        let text = std::str::from_utf8(frames).expect("text");
        self.written
            .extend(text.lines().filter_map(|line| Some(line.strip_prefix("data: ")?.into())));
        self.end();
    }

    /// Returns whether it has as many messages as it takes.
    pub(super) fn has_all(&self) -> bool {
        self.written.len() >= self.until
    }

    fn end(&mut self) {
        if self.has_all() {
            self.seat.release();
        }
    }

    fn wake_if_left(&mut self) {
        if self.seat.has_left()
            && let Some(waker) = self.waker.take()
        {
            waker.wake();
        }
    }
}

impl Outlet for Connection {
    fn enter(&self, at: Cursor) -> bool {
        let mut state = lock(&self.0);
        state.room > 0 && !state.has_all() && state.seat.enter(at)
    }

    fn deliver(&self, delivery: &Delivery) {
        let mut state = lock(&self.0);
        if state.seat.is_due(delivery) {
            if state.room == 0 {
                state.seat.release();
            } else {
                state.room -= 1;
                state.delivered += 1;
                state.write(delivery.frames());
                state.seat.advance(delivery);
            }
        }
        state.wake_if_left();
    }

    fn release(&self) {
        let mut state = lock(&self.0);
        state.seat.release();
        state.wake_if_left();
    }

    fn leave(&self) -> Option<Cursor> {
        lock(&self.0).seat.leave()
    }

    fn poll_left(&self, task: &mut Task<'_>) -> Poll<Cursor> {
        let mut state = lock(&self.0);
        state.end();
        state.waker = Some(task.waker().clone());
        state.seat.take_left().map_or(Poll::Pending, Poll::Ready)
    }
}
